import keras
import numpy as np
from keras_self_attention import ScaledDotProductAttention, SeqSelfAttention, SeqWeightedAttention

inputs = keras.layers.Input((None,))
x = keras.layers.Embedding(20, 8, mask_zero=True)(inputs)
x = keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True))(x)
x = SeqSelfAttention(
    attention_activation="sigmoid",
    attention_width=3,
    kernel_regularizer=keras.regularizers.l2(1e-4),
    attention_regularizer_weight=1e-4,
)(x)
x = ScaledDotProductAttention()(x)
model = keras.models.Model(inputs, keras.layers.Dense(2, activation="softmax")(SeqWeightedAttention()(x)))
model.compile("adam", "sparse_categorical_crossentropy")
tokens = np.random.randint(0, 20, (16, 6))
model.fit(tokens, np.arange(16) % 2, verbose=0)
model.save("attention.h5")
again = keras.models.load_model(
    "attention.h5",
    custom_objects={
        **SeqSelfAttention.get_custom_objects(),
        "SeqWeightedAttention": SeqWeightedAttention,
        **ScaledDotProductAttention.get_custom_objects(),
    }
    if hasattr(ScaledDotProductAttention, "get_custom_objects")
    else {
        "SeqSelfAttention": SeqSelfAttention,
        "SeqWeightedAttention": SeqWeightedAttention,
        "ScaledDotProductAttention": ScaledDotProductAttention,
    },
)
np.testing.assert_allclose(again.predict(tokens), model.predict(tokens), rtol=1e-4)
