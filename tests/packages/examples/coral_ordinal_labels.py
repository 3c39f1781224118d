import coral_ordinal as coral
import numpy as np
import tensorflow as tf

model = tf.keras.Sequential()
model.add(tf.keras.layers.Dense(32, activation="relu", input_dim=6))
model.add(coral.CoralOrdinal(num_classes=5))
loss = coral.OrdinalCrossEntropy(num_classes=5)
model.compile(tf.keras.optimizers.Adam(0.02), loss, metrics=[coral.MeanAbsoluteErrorLabels()])
x = np.random.rand(256, 6).astype("float32")
y = (x.mean(1) * 5).astype(int)
history = model.fit(x, y, epochs=10, verbose=0).history
assert history["loss"][-1] < history["loss"][0]
probabilities = coral.ordinal_softmax(model.predict(x[:4])).numpy()
np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
