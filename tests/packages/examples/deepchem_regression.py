import deepchem as dc
import numpy as np
import tensorflow as tf

tf.random.set_seed(0)
x = np.random.default_rng(0).random((64, 10))
y = x.sum(axis=1, keepdims=True)
dataset = dc.data.NumpyDataset(x, y)
network = tf.keras.Sequential([tf.keras.layers.Dense(8, activation="relu"), tf.keras.layers.Dense(1)])
model = dc.models.KerasModel(network, dc.models.losses.L2Loss(), learning_rate=0.01)
before = model.evaluate(dataset, [dc.metrics.Metric(dc.metrics.mean_squared_error)])
model.fit(dataset, nb_epoch=20)
after = model.evaluate(dataset, [dc.metrics.Metric(dc.metrics.mean_squared_error)])
assert after["mean_squared_error"] < before["mean_squared_error"] / 2
assert model.predict(dataset).shape == (64, 1)
