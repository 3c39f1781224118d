import numpy as np
import tensorflow as tf
from k3_addons import layers as addons
from k3_addons import losses
from maximal.layers import GPTLayer, PositionalEmbedding, TransformerLayer
from settransformer import InducedSetAttentionBlock, PoolingByMultiHeadAttention, SetAttentionBlock

words = np.random.randint(0, 30, (16, 12))
inputs = tf.keras.Input((12,), dtype="int32")
states = GPTLayer(16, 2, 32)(TransformerLayer(16, 2, 32)(PositionalEmbedding(12, 30, 16)(inputs)))
model = tf.keras.Model(inputs, tf.keras.layers.Dense(30, activation="softmax")(states))
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(words, words, verbose=0)
model.save("model.keras")
again = tf.keras.models.load_model("model.keras")
np.testing.assert_allclose(again.predict(words, verbose=0), model.predict(words, verbose=0), atol=1e-5)

members = tf.keras.Input((None, 8))
states = SetAttentionBlock(embed_dim=8, num_heads=2, ff_dim=16)(members)
states = InducedSetAttentionBlock(embed_dim=8, num_heads=2, num_induce=3)(states)
pooled = PoolingByMultiHeadAttention(num_seeds=1, embed_dim=8, num_heads=2, is_final_block=True)(states)
model = tf.keras.Model(members, tf.keras.layers.Reshape((8,))(pooled))
x = np.random.rand(4, 6, 8)
np.testing.assert_allclose(model.predict(x, verbose=0), model.predict(x[:, ::-1], verbose=0), atol=1e-4)

x = np.random.rand(2, 16, 16, 8).astype("float32")
blocks = [
    addons.CBAM(8),
    addons.ECAAttention(),
    addons.SimAM(),
    addons.InstanceNormalization(),
]
for block in blocks:
    assert block(x).shape == x.shape
assert addons.AdaptiveAveragePool2D((4, 4))(x).shape == (2, 4, 4, 8)
assert float(losses.PinballLoss(tau=0.1)(np.array([0.0, 1.0]), np.array([0.5, 1.0]))) >= 0
