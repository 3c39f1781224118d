import os
import tempfile

import keras
import keras_hub
import numpy as np

inputs = keras.Input((10,), dtype="int32")
x = keras_hub.layers.TokenAndPositionEmbedding(20, 10, 8, mask_zero=True)(inputs)
x = keras_hub.layers.TransformerEncoder(16, 2)(x)
x = keras_hub.layers.TransformerDecoder(16, 2)(x)
x = x + keras_hub.layers.SinePositionEncoding()(x)
outputs = keras_hub.layers.ReversibleEmbedding(20, 8)(keras.ops.cast(inputs, "int32"))
model = keras.Model(inputs, keras.layers.Dense(20)(x + outputs))
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), weighted_metrics=["accuracy"])
tokens = np.random.randint(1, 20, (16, 10))
model.fit(tokens, tokens, epochs=1, verbose=0)
path = os.path.join(tempfile.mkdtemp(), "model.keras")
model.save(path)
again = keras.saving.load_model(path)
np.testing.assert_allclose(again.predict(tokens, verbose=0), model.predict(tokens, verbose=0), rtol=1e-5)


def next_token(prompt, cache, index):
    return model(prompt)[:, index - 1], keras.ops.ones((2, 8)), cache


print(keras_hub.samplers.GreedySampler()(next=next_token, prompt=keras.ops.ones((2, 10), "int32"), index=5))
print(keras_hub.metrics.Perplexity(from_logits=True)(tokens, model(tokens)))
