import numpy as np
from attention import Attention
from tensorflow.keras import Input
from tensorflow.keras.layers import LSTM, Dense
from tensorflow.keras.models import Model, load_model

x = np.random.rand(16, 10, 1)
for score in ("luong", "bahdanau"):
    inputs = Input((10, 1))
    model = Model(inputs, Dense(1)(Attention(units=8, score=score)(LSTM(8, return_sequences=True)(inputs))))
    model.compile("adam", "mae")
    model.fit(x, x[:, 0], verbose=0)
    model.save("attention.keras")
    loaded = load_model("attention.keras", custom_objects={"Attention": Attention})
    np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5)
