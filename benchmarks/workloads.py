"""What is measured: one text for each network, run with `import gazelle as keras` and with `import keras`.

Nothing of a framework is imported here: a builder gets the module as its argument.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Arrays = tuple[Any, Any]


@dataclass(frozen=True)
class Workload:
    """A network, its data and the size of an epoch.

    Attributes:
        title: its name in tables.
        batch, steps: samples in a batch, batches in an epoch.
        data: (random, samples) -> (x, y).
        model: keras -> a compiled model.
        stream: whether `fit` gets a Python generator of batches instead of arrays.
        goal: how many times faster than the best backend of Keras a step should be.
    """

    title: str
    batch: int
    steps: int
    data: Callable[[np.random.Generator, int], Arrays]
    model: Callable[[Any], Any]
    stream: bool = False
    goal: float = 1.0


# Data


def points(features: int, dtype: Any = np.float32) -> Callable[..., Arrays]:
    """Points on two sides of a plane."""

    def data(random: np.random.Generator, samples: int) -> Arrays:
        x = random.standard_normal((samples, features), dtype=np.float32).astype(dtype)
        return x, (x[:, 0] > 0).astype(np.float32)[:, None]

    return data


def classes(*shape: int, kinds: int = 10) -> Callable[..., Arrays]:
    """Noise of a shape with labels as numbers."""

    def data(random: np.random.Generator, samples: int) -> Arrays:
        return random.random((samples, *shape), dtype=np.float32), random.integers(0, kinds, (samples, 1), np.int32)

    return data


def one_hot(*shape: int) -> Callable[..., Arrays]:
    """Noise of a shape with labels as one-hot rows."""

    def data(random: np.random.Generator, samples: int) -> Arrays:
        x, y = classes(*shape)(random, samples)
        return x, np.eye(10, dtype=np.float32)[y[:, 0]]

    return data


def copies(features: int) -> Callable[..., Arrays]:
    """Noise that is its own label."""

    def data(random: np.random.Generator, samples: int) -> Arrays:
        x = random.random((samples, features), dtype=np.float32)
        return x, x

    return data


def tokens(length: int, known: int) -> Callable[..., Arrays]:
    """Sequences of token indices in ten classes."""

    def data(random: np.random.Generator, samples: int) -> Arrays:
        return random.integers(0, known, (samples, length), np.int32), random.integers(0, 10, (samples, 1), np.int32)

    return data


USERS, ITEMS = 50_000, 20_000


def ratings(random: np.random.Generator, samples: int) -> Arrays:
    """Who (column 0) likes what (column 1)."""
    pairs = np.stack([random.integers(0, USERS, samples), random.integers(0, ITEMS, samples)], 1).astype(np.int32)
    return pairs, (pairs.sum(1, keepdims=True) % 2).astype(np.float32)


# Networks


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
    """784 numbers through a waist of 32 and back."""
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
    """Two large tables of 32 numbers a row, and a small network on what was looked up."""
    pairs = keras.Input((2,), dtype="int32")
    user = keras.layers.Embedding(USERS, 32)(pairs[:, 0])
    item = keras.layers.Embedding(ITEMS, 32)(pairs[:, 1])
    x = keras.layers.Dense(64, activation="relu")(keras.layers.Concatenate()([user, item]))
    model = keras.Model(pairs, keras.layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def wide(keras: Any) -> Any:
    """Two layers of 2048: nearly all time goes into matrix products."""
    hidden = [keras.layers.Dense(2048, activation="relu") for _ in range(2)]
    model = keras.Sequential([keras.Input((512,)), *hidden, keras.layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


WORKLOADS = {
    "mlp": Workload("article's MLP", 32, 500, points(100), mlp, goal=5),
    "cnn": Workload("article's CNN", 128, 8, one_hot(28, 28, 1), cnn, goal=1.3),
    "lstm": Workload("LSTM", 32, 30, classes(80, 32), recurrent("LSTM"), goal=2),
    "gru": Workload("GRU", 32, 30, classes(80, 32), recurrent("GRU"), goal=2),
    "transformer": Workload("transformer", 32, 30, tokens(64, 5_000), transformer, goal=1.5),
    "autoencoder": Workload("deep autoencoder", 128, 60, copies(784), autoencoder),
    "residual": Workload("residual CNN", 64, 8, classes(32, 32, 3), residual),
    "recommender": Workload("recommender", 256, 40, ratings, recommender),
    "wide": Workload("wide MLP", 128, 10, classes(512), wide),
    "generator": Workload("MLP from a generator", 32, 500, points(100), mlp, stream=True),
}


# Growth: one size of the MLP at a time goes up by steps


@dataclass(frozen=True)
class Axis:
    """A size that grows, and the network and data at that size.

    Attributes:
        title: what grows.
        sizes: its values.
        batch, steps, data, model: as in `Workload`, of one size.
        whole: whether the time of an epoch is looked at, not that of a step.
    """

    title: str
    sizes: tuple[int, ...]
    batch: Callable[[int], int]
    steps: Callable[[int], int]
    data: Callable[..., Arrays]
    model: Callable[[Any, int], Any]
    whole: bool = False

    def at(self, size: int) -> Workload:
        """The workload of one size."""
        return Workload(
            f"{self.title} {size}", self.batch(size), self.steps(size), self.data, lambda keras: self.model(keras, size)
        )


def dense(keras: Any, width: int = 64, depth: int = 1) -> Any:
    """An MLP of any width and depth."""
    hidden = [keras.layers.Dense(width, activation="relu") for _ in range(depth)]
    model = keras.Sequential([*hidden, keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


GROWTH = {
    "batch": Axis(
        "batch", (1, 4, 16, 64, 256, 1024, 4096), lambda n: n, lambda n: 100, points(100), lambda keras, n: dense(keras)
    ),
    "width": Axis(
        "width",
        (16, 64, 256, 1024, 4096),
        lambda n: 32,
        lambda n: 200 if n <= 256 else 20,
        points(100),
        lambda keras, n: dense(keras, width=n, depth=2),
    ),
    "depth": Axis(
        "depth", (1, 4, 16, 64), lambda n: 32, lambda n: 100, points(64), lambda keras, n: dense(keras, depth=n)
    ),
    "samples": Axis(
        "samples",
        (1_000, 10_000, 100_000, 1_000_000, 10_000_000),
        lambda n: 1_000,
        lambda n: n // 1_000,
        points(20),
        lambda keras, n: dense(keras),
        whole=True,
    ),
}
