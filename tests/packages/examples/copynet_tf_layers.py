import numpy as np
import tensorflow as tf
from copynet_tf.layers import FixedDense, FixedEmbedding

table = np.sin(np.arange(36) * 0.7).reshape(9, 4).astype("float32")
embedding = FixedEmbedding(table, 5, mask_zero=True)  # its weight is an array
np.testing.assert_allclose(embedding(np.array([[1, 2, 0], [4, 5, 8]])), table[[[1, 2, 0], [4, 5, 8]]])
assert not embedding.trainable_weights
kernel, bias = table[:4, :3], table[8, :3]
x = table[4:7]
dense = FixedDense(3, (kernel, bias), activation="tanh")
np.testing.assert_allclose(dense(tf.constant(x)), np.tanh(x @ kernel + bias), rtol=1e-5)
