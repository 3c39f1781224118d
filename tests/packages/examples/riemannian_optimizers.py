import numpy as np
import tensorflow as tf
from tensorflow_riemopt import layers, manifolds, optimizers
from tensorflow_riemopt.variable import assign_to_manifold

sphere = manifolds.Sphere()
matrix = tf.constant(np.diag([3.0, 2.0, 1.0]).astype("float32"))
point = tf.Variable(sphere.projx(tf.constant([1.0, 0.5, 0.25])))
assign_to_manifold(point, sphere)
optimizer = optimizers.RiemannianSGD(0.1)
for _ in range(100):
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(point * tf.linalg.matvec(matrix, point))
    optimizer.apply_gradients([(tape.gradient(value, point), point)])
np.testing.assert_allclose(float(value), 1.0, atol=1e-3)  # the smallest eigenvalue
np.testing.assert_allclose(np.linalg.norm(point.numpy()), 1.0, atol=1e-5)

embedding = layers.ManifoldEmbedding(10, 4, manifold=sphere)
model = tf.keras.Sequential([tf.keras.Input((1,)), embedding, tf.keras.layers.Flatten(), tf.keras.layers.Dense(1)])
model.compile(optimizers.RiemannianAdam(0.01), "mse")
model.fit(np.arange(10)[:, None], np.arange(10.0), epochs=3, verbose=0)
np.testing.assert_allclose(np.linalg.norm(embedding.get_weights()[0], axis=1), 1.0, atol=1e-5)
