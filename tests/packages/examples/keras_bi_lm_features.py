import keras
import numpy as np
from keras_bi_lm import BiLM

sentences = [["All", "work", "and", "no", "play"], ["makes", "Jack", "a", "dull", "boy", "."]]
words = sorted({word.lower() for sentence in sentences for word in sentence})
tokens = {"": 0, "<UNK>": 1, "<EOS>": 2, **{word: i + 3 for i, word in enumerate(words)}}
inputs, outputs = BiLM.get_batch(sentences, tokens, ignore_case=True, unk_index=1, eos_index=2)
model = BiLM(token_num=len(tokens), embedding_dim=10, rnn_units=10)
model.fit(np.repeat(inputs, 32, 0), [np.repeat(one, 32, 0) for one in outputs], epochs=2)
model.save_model("model.h5")
loaded = BiLM(model_path="model.h5")
for a, b in zip(model.predict(inputs), loaded.predict(inputs), strict=True):
    np.testing.assert_allclose(a, b, atol=1e-6)
features = keras.models.Model(*loaded.get_feature_layers())
print(features.predict(inputs).shape)
gated = BiLM(token_num=15, embedding_dim=8, rnn_layer_num=3, rnn_units=[4, 4, 4], rnn_keep_num=2, rnn_type="gru")
gated.fit(inputs, outputs, epochs=1)
assert gated.predict(inputs)[0].shape[:2] == inputs.shape
