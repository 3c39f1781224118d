"""The workloads: networks, their data, and the size of an epoch.

This module imports no framework: a builder gets the module, `gazelle` or `keras`, as its argument.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import networks
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
        figures: those that are measured; none means all.
    goal: how many times faster than the best backend of Keras a step should be.
    """

    title: str
    batch: int
    steps: int
    data: Callable[[np.random.Generator, int], Arrays]
    model: Callable[[Any], Any]
    stream: bool = False
    goal: float = 1.0
    figures: tuple[str, ...] = ()


# Data


def points(features: int, dtype: Any = np.float32) -> Callable[..., Arrays]:
    """Points with the side of a plane as label."""

    def data(random: np.random.Generator, samples: int) -> Arrays:
        x = random.standard_normal((samples, features), dtype=np.float32).astype(dtype)
        return x, (x[:, 0] > 0).astype(np.float32)[:, None]

    return data


def classes(*shape: int, kinds: int = 10) -> Callable[..., Arrays]:
    """Noise of a shape with class indices as labels."""

    def data(random: np.random.Generator, samples: int) -> Arrays:
        return random.random((samples, *shape), dtype=np.float32), random.integers(0, kinds, (samples, 1), np.int32)

    return data


def one_hot(*shape: int) -> Callable[..., Arrays]:
    """Noise of a shape with one-hot labels."""

    def data(random: np.random.Generator, samples: int) -> Arrays:
        x, y = classes(*shape)(random, samples)
        return x, np.eye(10, dtype=np.float32)[y[:, 0]]

    return data


def copies(features: int) -> Callable[..., Arrays]:
    """Noise that is both input and target."""

    def data(random: np.random.Generator, samples: int) -> Arrays:
        x = random.random((samples, features), dtype=np.float32)
        return x, x

    return data


def sequences(length: int, known: int, kinds: int = 10) -> Callable[..., Arrays]:
    """Sequences of token indices, padded with 0 at the end, with a label for each token."""

    def data(random: np.random.Generator, samples: int) -> Arrays:
        x = random.integers(1, known, (samples, length), np.int32)
        x *= np.arange(length) < random.integers(length // 2, length + 1, (samples, 1))
        return x, random.integers(0, kinds, (samples, length), np.int32)

    return data


def masks(*shape: int) -> Callable[..., Arrays]:
    """Noise of a shape with a mask of the same size."""

    def data(random: np.random.Generator, samples: int) -> Arrays:
        x = random.random((samples, *shape), dtype=np.float32)
        return x, (x[..., :1] > 0.5).astype(np.float32)

    return data


def tokens(length: int, known: int) -> Callable[..., Arrays]:
    """Sequences of token indices in ten classes."""

    def data(random: np.random.Generator, samples: int) -> Arrays:
        return random.integers(0, known, (samples, length), np.int32), random.integers(0, 10, (samples, 1), np.int32)

    return data


def ratings(random: np.random.Generator, samples: int) -> Arrays:
    """Pairs of user (column 0) and item (column 1), with whether the user likes the item."""
    pairs = np.stack(
        [random.integers(0, networks.USERS, samples), random.integers(0, networks.ITEMS, samples)], 1
    ).astype(np.int32)
    return pairs, (pairs.sum(1, keepdims=True) % 2).astype(np.float32)


STEP = ("step", "cold")

WORKLOADS = {
    "mlp": Workload("article's MLP", 32, 500, points(100), networks.mlp, goal=5),
    "cnn": Workload("article's CNN", 128, 8, one_hot(28, 28, 1), networks.cnn, goal=1.3),
    "lstm": Workload("LSTM", 32, 30, classes(80, 32), networks.recurrent("LSTM"), goal=2),
    "gru": Workload("GRU", 32, 30, classes(80, 32), networks.recurrent("GRU"), goal=2),
    "transformer": Workload("transformer", 32, 30, tokens(64, 5_000), networks.transformer, goal=1.5),
    "autoencoder": Workload("deep autoencoder", 128, 60, copies(784), networks.autoencoder),
    "residual": Workload("residual CNN", 64, 8, classes(32, 32, 3), networks.residual),
    "recommender": Workload("recommender", 256, 40, ratings, networks.recommender),
    "wide": Workload("wide MLP", 128, 10, classes(512), networks.wide),
    "convlstm": Workload("ConvLSTM", 8, 4, classes(10, 20, 20, 1), networks.convlstm, figures=STEP),
    "text": Workload("text CNN", 32, 30, tokens(200, 5_000), networks.text_cnn, figures=STEP),
    "tagger": Workload("masked bidirectional tagger", 32, 20, sequences(60, 5_000), networks.tagger, figures=STEP),
    "unet": Workload("U-Net", 16, 4, masks(64, 64, 3), networks.unet, figures=STEP),
    "depthwise": Workload("depthwise-separable blocks", 32, 6, classes(64, 64, 3), networks.depthwise, figures=STEP),
    "conv3d": Workload("3-D convolutions", 16, 8, classes(8, 24, 24, 3), networks.conv3d, figures=STEP),
    "characters": Workload("character model (GRU)", 32, 6, sequences(100, 80, 80), networks.characters, figures=STEP),
    "normalized": Workload("MLP with BatchNormalization", 64, 200, points(100), networks.normalized, figures=STEP),
    "gpt": Workload("six GPT blocks", 16, 4, sequences(64, 512, 512), networks.gpt, figures=STEP),
    "generator": Workload("MLP from a generator", 32, 500, points(100), networks.mlp, stream=True),
}


# Growth: one size of the MLP grows, the others are fixed


@dataclass(frozen=True)
class Axis:
    """A size that grows, and the network and data at that size.

    Attributes:
        title: what grows.
        sizes: its values.
        batch, steps, data, model: as in `Workload`, as functions of the size.
        whole: whether the time of an epoch is measured, not that of a step.
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
