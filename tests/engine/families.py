"""One model of each family: name -> function that creates (model, x, y)."""

import numpy as np

import gazelle as keras
from gazelle import layers

_rng = np.random.default_rng(0)
_ids = _rng.integers(0, 12, (40, 6))
_images = _rng.normal(size=(40, 8, 8, 1))
_rows = _rng.normal(size=(40, 6))
_flags = _rng.integers(0, 2, 40)
_kinds = _rng.integers(0, 3, 40)


def mlp():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(16), layers.Activation("relu"), layers.Dropout(0.5)])
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    return model, _rows, _flags


def cnn():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, _images, _kinds


def lstm():
    model = keras.Sequential([keras.Input((6,)), layers.Embedding(12, 4, mask_zero=True), layers.LSTM(5)])
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model, _ids, _flags


def transformer():
    x = keras.Input((6,))
    embedded = layers.Embedding(12, 8)(x)
    attended = layers.MultiHeadAttention(2, 4, dropout=0.1)(embedded, embedded)
    normal = layers.LayerNormalization()(layers.Add()([embedded, attended]))
    normal = layers.LayerNormalization()(layers.Add()([normal, layers.Dense(8, activation="gelu")(normal)]))
    y = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling1D()(normal))
    model = keras.Model(x, y)
    model.compile("adamw", "sparse_categorical_crossentropy")
    return model, _ids, _kinds


def autoencoder():
    how = {"strides": 2, "padding": "same", "activation": "relu"}
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(4, 3, **how), layers.Conv2DTranspose(4, 3, **how)])
    model.add(layers.Conv2D(1, 3, padding="same"))
    model.compile("adam", "mse")
    return model, _images, _images


def two_outputs():
    a, b = keras.Input((6,)), keras.Input((4,))
    both = layers.Concatenate()([layers.Dense(8, activation="tanh")(a), b])
    outputs = [layers.Dense(3, activation="softmax", name="kind")(both), layers.Dense(1, name="size")(both)]
    model = keras.Model([a, b], outputs)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), ["categorical_crossentropy", "mse"], loss_weights=[1, 0.5])
    return model, [_rows, _rows[:, :4]], [np.eye(3)[_kinds], _rows[:, :1]]


FAMILIES = {f.__name__: f for f in (mlp, cnn, lstm, transformer, autoencoder, two_outputs)}
