import numpy as np
import tensorflow as tf
from TFDWT.DWT1DFB import DWT1D, IDWT1D
from TFDWT.DWT2DFB import DWT2D, IDWT2D
from vector_quantize_tf import ResidualVQ

x = np.random.rand(2, 16, 3).astype("float32")
np.testing.assert_allclose(IDWT1D(wave="haar")(DWT1D(wave="haar")(x)), x, atol=1e-4)

images = np.random.rand(4, 16, 16, 1).astype("float32")
inputs = tf.keras.Input((16, 16, 1))
states = tf.keras.layers.Conv2D(4, 3, padding="same")(DWT2D(wave="db2")(inputs))
model = tf.keras.Model(inputs, IDWT2D(wave="db2")(states))
model.compile("adam", "mse")
model.fit(images, images, verbose=0)
assert model.output_shape == (None, 16, 16, 1)

quantizer = ResidualVQ(
    input_dim=8,
    codebook_size=16,
    embedding_dim=4,
    num_quantizers=2,
    ema_decay=0.9,
    threshold_ema_dead_code=2.0,
    commitment_loss_weight=1.0,
)
quantized, *rest = quantizer(tf.random.normal((2, 10, 8)), training=True)
assert quantized.shape == (2, 10, 8)
