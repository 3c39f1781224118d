import keras
import keras_fft
import numpy as np
from kerex.layers import FNO1D

x = np.random.rand(16, 32, 3).astype("float32")
real, imaginary = keras_fft.ifft(keras_fft.fft(keras.ops.convert_to_tensor(x)))
np.testing.assert_allclose(real, x, atol=1e-5)
model = keras.Sequential([keras.Input((32, 3)), FNO1D(filters=8, modes=8), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, np.random.rand(16, 32, 1), epochs=2, verbose=0)
