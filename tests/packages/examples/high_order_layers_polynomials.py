import numpy as np
import tensorflow as tf
from high_order_layers import PolynomialLayers

x = np.random.RandomState(0).rand(64, 4, 2) * 2 - 1
y = (x.sum((1, 2)) > 0).astype(int)
layers = [tf.keras.layers.Flatten(input_shape=(4, 2))]
for basis in (PolynomialLayers.b3, PolynomialLayers.b2C):
    layers += [PolynomialLayers.Polynomial(5, basis=basis, shift=0.0), tf.keras.layers.LayerNormalization()]
model = tf.keras.Sequential([*layers, tf.keras.layers.Dense(2, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
losses = model.fit(x, y, epochs=10, batch_size=8, verbose=0).history["loss"]
print(losses)
assert losses[-1] < losses[0]
weight = np.ones((1, 3), "float32")
first = PolynomialLayers.Polynomial(1, basis=PolynomialLayers.b1)
first.build((None, 3))
first.w.assign([[[0.0, 2.0]] * 3])  # the values at -1 and 1
np.testing.assert_allclose(first(weight * 0.5), [[4.5]], rtol=1e-6)
