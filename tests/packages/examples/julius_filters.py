import julius
import numpy as np
import tensorflow as tf

times = np.arange(4000) / 1000
low, high = np.sin(2 * np.pi * 10 * times), np.sin(2 * np.pi * 300 * times)
signal = tf.constant((low + high)[None], "float32")
filtered = julius.lowpass_filter(signal, 0.1)
np.testing.assert_allclose(filtered[0, 500:-500], low[500:-500], atol=0.02)
print(julius.resample_frac(signal, 100, 70).shape)
bands = julius.split_bands(signal, n_bands=10, sample_rate=1000)
np.testing.assert_allclose(tf.reduce_sum(bands, 0), signal, atol=1e-4)
convolution = julius.FFTConv1d(4, 10, 512)
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(convolution(tf.random.normal((6, 4, 1024))) ** 2)
print([gradient.shape for gradient in tape.gradient(loss, convolution.trainable_variables)])
