import keras
import numpy as np
import tensorflow as tf
from einops import einsum, pack, rearrange, reduce, unpack
from einops.layers.keras import EinMix, Rearrange, Reduce

x = np.random.default_rng(0).normal(size=(8, 12, 12, 3)).astype("float32")
tensor, patches = tf.constant(x), "b (h p1) (w p2) c -> b (h w) (p1 p2 c)"
np.testing.assert_allclose(rearrange(tensor, patches, p1=4, p2=4), rearrange(x, patches, p1=4, p2=4))
np.testing.assert_allclose(reduce(tensor, "b h w c -> b c", "mean"), x.mean((1, 2)), atol=1e-6)
products = einsum(tensor, tensor, "b h w c, b h w d -> b c d")
np.testing.assert_allclose(products, np.einsum("bhwc,bhwd->bcd", x, x), rtol=1e-3, atol=1e-4)
packed, shapes = pack([tensor, tensor[:, 0]], "b * c")
assert [part.shape for part in unpack(packed, shapes, "b * c")] == [(8, 12, 12, 3), (8, 12, 3)]
assert tf.function(lambda z: rearrange(z, "b h w c -> b (h w) c"))(tensor).shape == (8, 144, 3)

layers = [
    keras.Input((12, 12, 3)),
    Rearrange(patches, p1=4, p2=4),
    EinMix("b t c -> b t d", weight_shape="c d", bias_shape="d", c=48, d=16),
    Reduce("b t c -> b c", "max"),
    keras.layers.Dense(2, activation="softmax"),
]
model = keras.Sequential(layers)
model.compile("adam", "sparse_categorical_crossentropy")
assert len(model.fit(x, np.arange(8) % 2, epochs=2, verbose=0).history["loss"]) == 2
assert model.count_params() == 48 * 16 + 16 + 16 * 2 + 2
