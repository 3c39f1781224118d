"""How often the host waits for the device: once for each call of a program, which runs many steps."""

import jax
import numpy as np
import pytest

import gazelle
from gazelle import layers

STEPS = 400
x = np.random.default_rng(0).normal(size=(STEPS * 4, 8)).astype("float32")


class Result:
    """An array that notes that the host reads it."""

    def __init__(self, array, read):
        self._array, self._read = array, read

    def __getattr__(self, name):
        return getattr(self._array, name)

    def __array__(self, dtype=None, copy=None):
        self._read()
        return np.array(self._array, dtype)

    def block_until_ready(self):
        self._read()
        return self


class Calls:
    """Replaces a program; `events` are its calls, as numbers, and the first read of the results of each of them."""

    def __init__(self, program, carries):
        self.program, self.carries, self.events, self.count = program, carries, [], 0

    def __call__(self, *args):
        number, self.count = self.count, self.count + 1
        self.events.append(("call", number))

        def read():
            if ("wait", number) not in self.events:
                self.events.append(("wait", number))

        results = self.program(*args)  # those that the next call takes stay as they are
        carried, others = (results[:1], results[1:]) if self.carries else ((), results)
        return (*carried, *jax.tree.map(lambda array: Result(array, read), others))

    @property
    def waits(self):
        return [number for kind, number in self.events if kind == "wait"]


@pytest.fixture
def model():
    net = gazelle.Sequential([gazelle.Input((8,)), layers.Dense(4)])
    net.compile("sgd", "mse")
    net.fit(x[:8], x[:8, :4], batch_size=4, verbose=0, keep=False)
    net.evaluate(x[:8], x[:8, :4], batch_size=4, verbose=0)
    net.predict(x[:8], batch_size=4, verbose=0)
    return net


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_the_host_waits_once_for_each_call_of_a_program(model, method, monkeypatch):
    name = {"fit": "train", "evaluate": "test", "predict": "predict"}[method]
    programs = model._trainer._predict_programs if method == "predict" else model._trainer.programs
    calls = Calls(getattr(programs, name), carries=method != "predict")
    monkeypatch.setattr(programs, name, calls)
    given = (x,) if method == "predict" else (x, x[:, :4])
    options = {"epochs": 2, "keep": False} if method == "fit" else {}
    getattr(model, method)(*given, batch_size=4, verbose=0, **options)
    assert calls.waits == list(range(calls.count))
    assert 1 < calls.count <= STEPS * options.get("epochs", 1) / 4  # the first calls run few steps
    if method == "predict":  # the next call starts before the host waits
        assert all(calls.events.index(("call", n + 1)) < calls.events.index(("wait", n)) for n in calls.waits[:-1])


def test_a_callback_on_batches_makes_the_host_wait_for_each_step(model, monkeypatch):
    class Last(gazelle.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.loss = logs["loss"]

    calls = Calls(model._trainer.programs.train, carries=True)
    monkeypatch.setattr(model._trainer.programs, "train", calls)
    model.fit(x[:40], x[:40, :4], batch_size=4, verbose=0, keep=False, callbacks=[Last()])
    assert calls.count == len(calls.waits) == 10
