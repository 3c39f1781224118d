import kerasncp
import numpy as np
import tensorflow as tf
from kerasncp.tf import LTCCell

cell = LTCCell(kerasncp.wirings.FullyConnected(6, 1))
inputs = tf.keras.layers.InputLayer(input_shape=(None, 2))
model = tf.keras.Sequential([inputs, tf.keras.layers.RNN(cell, return_sequences=True)])
model.compile("adam", "mse")
model.fit(np.random.rand(8, 5, 2), np.random.rand(8, 5, 1), verbose=0)
