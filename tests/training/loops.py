"""Helpers for the tests of the loop: a small classifier, its data and its training."""

import numpy as np

import gazelle
from gazelle import Input, Sequential, layers, optimizers

RNG = np.random.default_rng(3)
X = RNG.normal(size=(70, 4)).astype("float32")
Y = (X.sum(1) > 0).astype("float32")[:, None]


def mlp(rate=0.1, seed=1, dropout=0.0, compiled=True, **arguments):
    """A small classifier; equal seeds give equal weights and runs."""
    gazelle.utils.set_random_seed(seed)
    model = Sequential([Input((4,)), layers.Dense(5, activation="tanh")])
    if dropout:
        model.add(layers.Dropout(dropout))
    model.add(layers.Dense(1, activation="sigmoid"))
    if compiled:
        model.compile(optimizers.SGD(rate), "binary_crossentropy", **{"metrics": ["accuracy"], **arguments})
    return model


def fit(model, *args, **kwargs):
    if model._trainer is None:  # the seed of a run is drawn at the first fit
        gazelle.utils.set_random_seed(8)
    return model.fit(*(args or (X, Y)), **{"verbose": 0, "keep": False, "batch_size": 16, **kwargs})


def same(a, b):
    return all(np.array_equal(p, q) for p, q in zip(a.get_weights(), b.get_weights(), strict=True))


def count_calls(monkeypatch, trainer, name):
    """Replace one program of the trainer by itself with a tally of (start, stop)."""
    program, calls = getattr(trainer.programs, name), []

    def counted(*args):
        calls.append((int(args[-2]), int(args[-1])))
        return program(*args)

    monkeypatch.setattr(trainer.programs, name, counted)
    return calls


def binary_crossentropy(y, p):
    p = np.clip(p.astype("float64"), 1e-7, 1 - 1e-7)
    return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())
