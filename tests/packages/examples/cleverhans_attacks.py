import numpy as np
import tensorflow as tf
from cleverhans.tf2.attacks.carlini_wagner_l2 import carlini_wagner_l2
from cleverhans.tf2.attacks.fast_gradient_method import fast_gradient_method
from cleverhans.tf2.attacks.projected_gradient_descent import projected_gradient_descent

model = tf.keras.Sequential([tf.keras.layers.Flatten(input_shape=(4, 4, 1)), tf.keras.layers.Dense(3)])
x = np.random.rand(5, 4, 4, 1).astype("float32")
assert np.abs(fast_gradient_method(model, x, 0.1, np.inf) - x).max() < 0.11
assert projected_gradient_descent(model, x, 0.1, 0.01, 5, np.inf).shape == x.shape
assert carlini_wagner_l2(model, x, max_iterations=5, binary_search_steps=2).shape == x.shape
