import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot

x, y = np.random.rand(64, 8), np.random.rand(64, 2)
model = tf.keras.Sequential([tf.keras.layers.Dense(16, activation="relu", input_shape=(8,)), tf.keras.layers.Dense(2)])
schedule = tfmot.sparsity.keras.PolynomialDecay(0.0, 0.5, begin_step=0, end_step=8, frequency=1)
pruned = tfmot.sparsity.keras.prune_low_magnitude(model, pruning_schedule=schedule)
pruned.compile("adam", "mse")
pruned.fit(x, y, epochs=5, verbose=0, callbacks=[tfmot.sparsity.keras.UpdatePruningStep()])
stripped = tfmot.sparsity.keras.strip_pruning(pruned)
assert [(layer.kernel.numpy() == 0).mean() for layer in stripped.layers] == [0.5, 0.5]
np.testing.assert_allclose(stripped.predict(x), pruned.predict(x), atol=1e-6)

start = tfmot.clustering.keras.CentroidInitialization.LINEAR
clustered = tfmot.clustering.keras.cluster_weights(model, number_of_clusters=3, cluster_centroids_init=start)
clustered.compile("adam", "mse")
clustered.fit(x, y, verbose=0)
kernel = tfmot.clustering.keras.strip_clustering(clustered).get_weights()[0]
assert len(np.unique(kernel)) == 3
