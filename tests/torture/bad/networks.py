"""The small networks and data that are used wrongly."""

import numpy as np

import gazelle
from gazelle import layers

R = np.random.default_rng(0)
X = R.normal(size=(12, 4)).astype("float32")
Y = np.arange(12) % 3
ONE = (X[:, :1] > 0).astype("float32")
IMAGES = R.normal(size=(4, 8, 8, 3)).astype("float32")


def dense(units=3, activation="softmax", loss="sparse_categorical_crossentropy", shape=(4,), optimizer="sgd", **more):
    model = gazelle.Sequential([layers.Input(shape), layers.Dense(units, activation=activation, name="scores")])
    model.compile(optimizer, loss, **more)
    return model


def line(**more):
    return dense(1, None, "mse", **more)


def two():
    """Two inputs and two outputs, by name."""
    a, b = layers.Input((4,), name="left"), layers.Input((2,), name="right")
    joined = layers.Concatenate()([a, b])
    model = gazelle.Model(
        [a, b], {"first": layers.Dense(1, name="first")(joined), "second": layers.Dense(2, name="second")(joined)}
    )
    model.compile("sgd", {"first": "mse", "second": "mse"})
    return model


def words(**more):
    """Ids -> a number."""
    model = gazelle.Sequential(
        [layers.Input((3,), dtype="int32"), layers.Embedding(5, 2, name="words"), layers.Flatten(), layers.Dense(1)]
    )
    model.compile("sgd", "mse", **more)
    return model


def fit(model, x=X, y=Y, **more):
    return model.fit(x, y, **{"verbose": 0, "keep": False, **more})


def stream(model, x, **more):
    return model.fit(x, **{"verbose": 0, "keep": False, **more})
