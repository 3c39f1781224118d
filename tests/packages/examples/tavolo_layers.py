import numpy as np
import tavolo as tvl
import tensorflow as tf

rng = np.random.RandomState(0)
x = rng.randint(1, 20, (64, 10))
y = (x[:, 0] > 10).astype("float32")
model = tf.keras.Sequential(
    [
        tf.keras.layers.Embedding(20, 8, input_length=10),
        tvl.embeddings.PositionalEncoding(),
        tvl.seq2vec.YangAttention(n_units=6),
        tf.keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
dynamics = tvl.learning.DataMapCallback(tf.data.Dataset.from_tensor_slices((x, y)).batch(16))
rates = tvl.learning.CyclicLearningRateCallback(base_lr=0.01, max_lr=0.1, scale_scheme="triangular", step_size=4)
model.fit(x, y, epochs=4, batch_size=16, verbose=0, callbacks=[rates, dynamics])
assert dynamics.confidence.shape == dynamics.variability.shape == (64,)
model.save("model.h5")
custom = {"PositionalEncoding": tvl.embeddings.PositionalEncoding, "YangAttention": tvl.seq2vec.YangAttention}
loaded = tf.keras.models.load_model("model.h5", custom_objects=custom)
np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6)
tables = [rng.rand(20, size).astype("float32") for size in (4, 6)]
tokens = tf.keras.Input((10,), dtype="int32")
for layer in (
    tvl.embeddings.DynamicMetaEmbedding(embedding_matrices=tables, output_dim=8),
    tvl.embeddings.ContextualDynamicMetaEmbedding(embedding_matrices=tables, output_dim=8, n_lstm_units=2),
):
    joined = tf.keras.layers.GlobalAveragePooling1D()(layer(tokens))
    several = tf.keras.Model(tokens, tf.keras.layers.Dense(1)(joined))
    several.compile("adam", "mse")
    print(layer.name, several.fit(x, y, verbose=0).history["loss"])
