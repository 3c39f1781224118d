"""Models and runs for the tests of callbacks."""

from types import SimpleNamespace

import numpy as np

import gazelle
from gazelle.metrics.name_aliases import Logs


class Model:
    """What callbacks touch of a model. Its one weight is the number of the last epoch."""

    def __init__(self, learning_rate=None, metrics=()):
        self.stop_training, self.weights, self.saved, self.metrics = False, 0, [], metrics
        self.optimizer = SimpleNamespace(learning_rate=learning_rate)

    def get_weights(self):
        return [np.array(self.weights)]

    def set_weights(self, weights):
        self.weights = int(weights[0])

    def save(self, path, overwrite=True):
        self.saved.append(("model", str(path)))

    def save_weights(self, path, overwrite=True):
        self.saved.append(("weights", str(path)))


class KerasOptimizer:
    """A learning rate in float32, as Keras keeps it."""

    def __init__(self, rate):
        self.learning_rate = rate

    def __setattr__(self, name, value):
        object.__setattr__(self, name, np.float32(value))


def run(callback, logs, model=None, params=None, batches=0):
    """Epochs with the given logs until someone stops them; the number of the last one."""
    model = model or Model()
    callback.set_model(model)
    callback.set_params(params or {"epochs": len(logs), "steps": batches, "verbose": 0})
    callback.on_train_begin({})
    epoch = -1
    for epoch, given in enumerate(logs):
        callback.on_epoch_begin(epoch, {})
        for batch in range(batches):
            callback.on_train_batch_begin(batch, {})
            callback.on_train_batch_end(batch, Logs(given))
        model.weights = epoch
        callback.on_epoch_end(epoch, given)
        if model.stop_training:
            break
    callback.on_train_end({})
    return epoch


def curves(seed, count=14):
    """A noisy sinking row, rounded so that equal values and differences of exactly min_delta occur."""
    rng = np.random.default_rng(seed)
    return [round(float(v), 1) for v in 1.5 * np.exp(-np.arange(count) / 4) + 0.4 * rng.random(count)]


X, Y = np.random.default_rng(0).normal(size=(2, 24, 3)).astype("float32")


def made(optimizer=None, seed=0):
    gazelle.utils.set_random_seed(seed)
    gazelle.utils.clear_session()
    parts = [gazelle.Input((3,)), gazelle.layers.Dense(4, "relu", name="a"), gazelle.layers.Dense(3, name="b")]
    model = gazelle.Sequential(parts, name="small")
    model.compile(optimizer or gazelle.optimizers.SGD(0.1), "mse", metrics=["mae"])
    return model


def fit(model, calls, epochs=2, **kwargs):
    return model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=calls, **kwargs)


def small():
    from gazelle import layers
    from gazelle.models import Sequential

    model = Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
    return model, x, x.sum(1, keepdims=True)
