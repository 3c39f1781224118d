import keras
import keras_nlp
import numpy as np

model = keras.Sequential(
    [
        keras.Input((8,), dtype="int32"),
        keras_nlp.layers.TokenAndPositionEmbedding(30, 8, 8),
        keras_nlp.layers.TransformerEncoder(16, 2),
        keras.layers.GlobalAveragePooling1D(),
        keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(np.random.randint(0, 30, (16, 8)), np.arange(16) % 2, verbose=0)
