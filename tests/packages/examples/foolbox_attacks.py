import foolbox
import numpy as np
import tensorflow as tf

model = tf.keras.Sequential([tf.keras.layers.Flatten(input_shape=(6, 6, 1)), tf.keras.layers.Dense(3)])
wrapped = foolbox.TensorFlowModel(model, bounds=(0, 1))
x = tf.constant(np.random.rand(4, 6, 6, 1).astype("float32"))
y = tf.constant(np.array([0, 1, 2, 0]))
_, clipped, success = foolbox.attacks.LinfPGD(steps=4)(wrapped, x, y, epsilons=[0.05, 0.3])
assert success.shape == (2, 4)
assert np.abs(clipped[1].numpy() - x.numpy()).max() < 0.301
