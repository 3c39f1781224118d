import kanx
import numpy as np
import tensorflow as tf
from tfkan.layers import Conv2DKAN, DenseKAN

x = np.linspace(-1, 1, 100, dtype="float32")[:, None]
y = np.sin(np.pi * x)
model = tf.keras.Sequential([tf.keras.layers.Input((1,)), DenseKAN(units=16, grid_size=8), DenseKAN(units=1)])
model.compile("adam", "mse")
losses = model.fit(x, y, epochs=20, verbose=0).history["loss"]
assert losses[-1] < losses[0]

images = tf.keras.Sequential(
    [
        tf.keras.layers.Input((8, 8, 3)),
        Conv2DKAN(filters=4, kernel_size=3),
        tf.keras.layers.Flatten(),
        DenseKAN(units=2),
    ]
)
images.compile("adam", "mse")
images.fit(np.random.rand(8, 8, 8, 3), np.random.rand(8, 2), verbose=0)

network = kanx.KAN([1, 8, 1])
network.build((None, 1))
kanx.fit_grid_to_data(network, x)
network.fit(x, y, epochs=2, verbose=0)
network.update_grid_from_samples(x)
network.prune(relative=0.01)
assert np.isfinite(network.predict(x)).all()
