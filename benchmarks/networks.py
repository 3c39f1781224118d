"""The networks that are measured: each builder gets the module, `gazelle` or `keras`, and returns a compiled model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

USERS, ITEMS = 50_000, 20_000


def mlp(keras: Any) -> Any:
    """The article's first network."""
    model = keras.Sequential()
    model.add(keras.Input((100,)))
    model.add(keras.layers.Dense(64))
    model.add(keras.layers.Activation("relu"))
    model.add(keras.layers.Dropout(0.5))
    model.add(keras.layers.Dense(1))
    model.add(keras.layers.Activation("sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer="rmsprop", metrics=["accuracy"])
    return model


def cnn(keras: Any) -> Any:
    """The article's second network."""
    inputs = x = keras.Input((28, 28, 1))
    for filters in (32, 64):
        x = keras.layers.Conv2D(filters, (3, 3), padding="same")(x)
        x = keras.layers.Activation("relu")(x)
        x = keras.layers.MaxPooling2D((2, 2))(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(128)(x)
    x = keras.layers.Activation("relu")(x)
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def recurrent(kind: str) -> Callable[[Any], Any]:
    """A classifier of sequences: 80 steps of 32 numbers, 64 units."""

    def model(keras: Any) -> Any:
        net = keras.Sequential(
            [keras.Input((80, 32)), getattr(keras.layers, kind)(64), keras.layers.Dense(10, activation="softmax")]
        )
        net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return net

    return model


def transformer(keras: Any) -> Any:
    """Two blocks of width 64 over 64 words."""

    class Positions(keras.layers.Layer):
        def build(self, shape: Any) -> None:
            self.table = self.add_weight(name="table", shape=shape[1:], initializer="uniform")

        def call(self, x: Any) -> Any:
            return x + self.table

    inputs = keras.Input((64,), dtype="int32")
    x = Positions()(keras.layers.Embedding(5_000, 64)(inputs))
    for _ in range(2):
        seen = keras.layers.MultiHeadAttention(4, 16)(x, x)
        x = keras.layers.LayerNormalization()(keras.layers.Add()([x, seen]))
        thought = keras.layers.Dense(64)(keras.layers.Dense(128, activation="relu")(x))
        x = keras.layers.LayerNormalization()(keras.layers.Add()([x, thought]))
    x = keras.layers.GlobalAveragePooling1D()(x)
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


CODES = (512, 256, 128, 64, 32, 64, 128, 256, 512)


def autoencoder(keras: Any) -> Any:
    """An autoencoder with 784 inputs and a code of 32 numbers."""
    hidden = [keras.layers.Dense(units, activation="relu") for units in CODES]
    model = keras.Sequential([keras.Input((784,)), *hidden, keras.layers.Dense(784, activation="sigmoid")])
    model.compile("adam", "mse")
    return model


def residual(keras: Any) -> Any:
    """Seven convolutions with BatchNormalization on 32 x 32 x 3, in three blocks with shortcuts."""

    def conv(x: Any, filters: int, size: int, strides: int = 1) -> Any:
        x = keras.layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(x)
        return keras.layers.BatchNormalization()(x)

    inputs = keras.Input((32, 32, 3))
    x = keras.layers.ReLU()(conv(inputs, 16, 3))
    for filters, strides in ((16, 1), (32, 2), (64, 2)):
        short = x if strides == 1 else conv(x, filters, 1, strides)
        x = conv(keras.layers.ReLU()(conv(x, filters, 3, strides)), filters, 3)
        x = keras.layers.ReLU()(keras.layers.Add()([x, short]))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def recommender(keras: Any) -> Any:
    """Two large embeddings of width 32, and a small network on their outputs."""
    pairs = keras.Input((2,), dtype="int32")
    user = keras.layers.Embedding(USERS, 32)(pairs[:, 0])
    item = keras.layers.Embedding(ITEMS, 32)(pairs[:, 1])
    x = keras.layers.Dense(64, activation="relu")(keras.layers.Concatenate()([user, item]))
    model = keras.Model(pairs, keras.layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def wide(keras: Any) -> Any:
    """Two layers of 2048 units: nearly all of the time is spent in matrix products."""
    hidden = [keras.layers.Dense(2048, activation="relu") for _ in range(2)]
    model = keras.Sequential([keras.Input((512,)), *hidden, keras.layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def convlstm(keras: Any) -> Any:
    """Two ConvLSTM2D of 16 filters on ten frames of 20 x 20."""
    model = keras.Sequential(
        [
            keras.Input((10, 20, 20, 1)),
            keras.layers.ConvLSTM2D(16, 3, padding="same", return_sequences=True),
            keras.layers.ConvLSTM2D(16, 3, padding="same"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def text_cnn(keras: Any) -> Any:
    """Convolutions of three sizes over 200 words."""
    inputs = keras.Input((200,), dtype="int32")
    x = keras.layers.Embedding(5_000, 64)(inputs)
    pooled = [
        keras.layers.GlobalMaxPooling1D()(keras.layers.Conv1D(64, size, activation="relu")(x)) for size in (3, 4, 5)
    ]
    x = keras.layers.Dropout(0.5)(keras.layers.Concatenate()(pooled))
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def tagger(keras: Any) -> Any:
    """A masked bidirectional LSTM that labels each of 60 words."""
    model = keras.Sequential(
        [
            keras.Input((60,), dtype="int32"),
            keras.layers.Embedding(5_000, 64, mask_zero=True),
            keras.layers.Bidirectional(keras.layers.LSTM(64, return_sequences=True)),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def unet(keras: Any) -> Any:
    """A U-Net of 16 to 64 filters on 64 x 64 x 3, with transposed convolutions."""

    def block(x: Any, filters: int) -> Any:
        for _ in range(2):
            x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return x

    inputs = x = keras.Input((64, 64, 3))
    skips = []
    for filters in (16, 32):
        x = block(x, filters)
        skips.append(x)
        x = keras.layers.MaxPooling2D()(x)
    x = block(x, 64)
    for filters, skip in zip((32, 16), reversed(skips), strict=True):
        x = keras.layers.Conv2DTranspose(filters, 2, strides=2)(x)
        x = block(keras.layers.Concatenate()([x, skip]), filters)
    model = keras.Model(inputs, keras.layers.Conv2D(1, 1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy")
    return model


def depthwise(keras: Any) -> Any:
    """Depthwise-separable blocks with BatchNormalization on 64 x 64 x 3."""
    inputs = keras.Input((64, 64, 3))
    x = keras.layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(inputs)
    for filters, strides in ((32, 1), (64, 2), (64, 1), (128, 2)):
        x = keras.layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
        x = keras.layers.Conv2D(filters, 1, use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def conv3d(keras: Any) -> Any:
    """Two 3-D convolutions on clips of 8 x 24 x 24 x 3."""
    model = keras.Sequential(
        [
            keras.Input((8, 24, 24, 3)),
            keras.layers.Conv3D(16, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling3D(2),
            keras.layers.Conv3D(32, 3, padding="same", activation="relu"),
            keras.layers.GlobalAveragePooling3D(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def characters(keras: Any) -> Any:
    """A character model: GRU(256) over 100 steps."""
    model = keras.Sequential(
        [
            keras.Input((100,), dtype="int32"),
            keras.layers.Embedding(80, 32),
            keras.layers.GRU(256, return_sequences=True),
            keras.layers.Dense(80),
        ]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def normalized(keras: Any) -> Any:
    """Four Dense(128), each with BatchNormalization."""
    model = keras.Sequential([keras.Input((100,))])
    for _ in range(4):
        model.add(keras.layers.Dense(128, use_bias=False))
        model.add(keras.layers.BatchNormalization())
        model.add(keras.layers.ReLU())
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def gpt(keras: Any) -> Any:
    """Six blocks of causal attention, width 128, over 64 tokens."""
    inputs = keras.Input((64,), dtype="int32")
    x = keras.layers.Embedding(512, 128)(inputs)
    for _ in range(6):
        y = keras.layers.LayerNormalization()(x)
        x = keras.layers.Add()([x, keras.layers.MultiHeadAttention(4, 32)(y, y, use_causal_mask=True)])
        y = keras.layers.Dense(512, activation="gelu")(keras.layers.LayerNormalization()(x))
        x = keras.layers.Add()([x, keras.layers.Dense(128)(y)])
    model = keras.Model(inputs, keras.layers.Dense(512)(keras.layers.LayerNormalization()(x)))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model
