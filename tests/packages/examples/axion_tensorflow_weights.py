import sys
import types

import numpy as np
import tensorflow as tf

converter = types.ModuleType("axion_tensorflow.converter")  # needs TensorFlow 2.2
converter.Converter = None
sys.modules["axion_tensorflow.converter"] = converter
from axion_tensorflow import layers  # noqa: E402

inputs = tf.keras.Input((3, 8, 8))
x = layers.Conv2D(4, 3, data_format="channels_first", kernel_bits=4, name="c")(inputs)
x = layers.GlobalAvgPool2D()(layers.Activation(multiplier=0.5, activation_bits=4)(x))
model = tf.keras.Model(inputs, layers.Dense(3)(x))
data = np.sin(np.arange(6 * 3 * 8 * 8) * 0.7).reshape(6, 3, 8, 8).astype("float32")
loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(tf.keras.optimizers.SGD(0.05), loss)
before = model.get_layer("c").get_weights()[0]
model.fit(data, np.array([0, 1, 2, 0, 1, 2]), epochs=2, verbose=0)
assert not np.allclose(before, model.get_layer("c").get_weights()[0])  # gradients pass the rounding
