"""Threads: while a model trains, other threads see the state of complete steps only."""

import itertools
import os
import threading
import time

import numpy as np
import pytest

import gazelle
from gazelle import Input, Sequential, layers, optimizers
from gazelle.callbacks import LambdaCallback
from gazelle.core.errors import StateError
from gazelle.core.variable import Variable

X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")


class Constant(layers.Layer):
    """Two weights that every step moves alike: a reader sees whether it got them from one step."""

    def build(self, input_shape):
        self.a, self.b = (self.add_weight(shape=(1,), initializer="zeros", name=name) for name in "ab")

    def call(self, x):
        return x[:, :1] * 0 + self.a + self.b


def model():
    made = Sequential([Input((4,)), Constant()])
    made.compile(optimizers.SGD(0.01), "mse")
    return made


def together(count, work):
    """Run `work(number)` in threads; what they raise is raised here."""
    failures = []

    def run(number):
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(1800)
    assert not any(thread.is_alive() for thread in threads)
    if failures:
        raise failures[0]


def during_fit(trained, work, count=4, rounds=25):
    """Let threads work while the model trains, and train for as long as they work."""
    done, begun = threading.Event(), threading.Event()

    def stop(epoch, logs):
        begun.set()
        trained.stop_training = done.is_set()

    def side(number):
        if number == 0:
            trained.fit(
                X,
                X[:, :1],
                epochs=10**6,
                verbose=0,
                keep=False,
                batch_size=8,
                callbacks=[LambdaCallback(on_epoch_end=stop)],
            )
            return
        try:
            assert begun.wait(120)
            for _ in range(rounds):
                work()
        finally:
            finished.append(number)
            if len(finished) == count:
                done.set()

    finished = []
    together(count + 1, side)


def test_weights_read_during_fit_are_of_one_step():
    trained = model()
    seen = []

    def read():
        a, b = trained.get_weights()
        seen.append(float(a[0]))
        time.sleep(0.002)  # a few steps
        assert a == b

    during_fit(trained, read)
    assert len(set(seen)) > 3  # it did train meanwhile


@pytest.mark.parametrize("what", ["predict", "evaluate", "save", "save_weights", "predict_on_batch"])
def test_others_use_the_model_while_it_trains(what, tmp_path):
    trained = model()

    def work():
        if what == "predict":
            out = trained.predict(X, verbose=0)
            assert np.ptp(out) == 0
            assert np.isfinite(out).all()
        elif what == "predict_on_batch":
            assert np.ptp(trained.predict_on_batch(X)) == 0
        elif what == "evaluate":
            assert np.isfinite(trained.evaluate(X, X[:, :1], verbose=0))
        else:
            path = tmp_path / f"{threading.get_ident()}.{'keras' if what == 'save' else 'weights.h5'}"
            getattr(trained, what)(path)
            again = gazelle.models.load_model(path, {"Constant": Constant}) if what == "save" else model()
            if what == "save_weights":
                again.load_weights(path)
            a, b = again.get_weights()
            assert a == b

    during_fit(trained, work, rounds=4 if what.startswith("save") else 25)


def test_assigning_during_fit_loses_no_step():
    trained = model()
    trained.trainable_variables[0].assign([0.5])

    def work():
        a, b = trained.get_weights()
        trained.set_weights([a, b])

    during_fit(trained, work)
    a, b = trained.get_weights()
    assert a == pytest.approx(b + 0.5, abs=1e-3)


def test_many_predictions_beside_each_other_are_equal():
    made = Sequential([Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(2)])
    expected = made.predict(X, verbose=0)

    def work(number):
        for _ in range(50):
            np.testing.assert_array_equal(made.predict(X, verbose=0), expected)

    together(8, work)


def test_train_on_batch_beside_predict():
    trained = model()
    trained.train_on_batch(X, X[:, :1])

    def work(number):
        for _ in range(30):
            if number == 0:
                trained.train_on_batch(X, X[:, :1])
            else:
                assert np.ptp(trained.predict(X, verbose=0)) == 0

    together(4, work)


def test_one_thread_at_a_time_trains_a_model():
    trained, y = model(), np.ones((64, 1), "float32")
    refused = []

    def another_thread(epoch, logs):
        def work(number):
            with pytest.raises(StateError, match=r"fit of '.*' began while another thread trains this model"):
                trained.fit(X, y, verbose=0, keep=False)
            refused.append(number)

        together(2, work)
        trained.fit(X, y, verbose=0, keep=False)  # this thread may

    trained.fit(X, y, verbose=0, keep=False, callbacks=[LambdaCallback(on_epoch_end=another_thread)])
    assert sorted(refused) == [0, 1]
    together(1, lambda number: trained.fit(X, y, verbose=0, keep=False))


def test_a_variable_without_a_lease_needs_no_lock():
    v = Variable([1.0])
    v.assign_add([1.0])
    assert v.numpy() == 2


@pytest.mark.parametrize("calls", [10_000 if os.environ.get("GAZELLE_TORTURE") else 240])
def test_thousands_of_calls_from_eight_threads(calls, tmp_path):
    """While it trains, every reader gets one whole step; afterwards all get the same bits."""
    trained, turns, made = model(), itertools.count(), []

    def work():
        what = next(turns) % 8
        if what == 0:
            path = tmp_path / f"{threading.get_ident()}.weights.h5"
            trained.save_weights(path)
            again = model()
            again.load_weights(path)
            a, b = again.get_weights()
            assert a == b
        elif what < 3:
            a, b = trained.get_weights()
            assert a == b
        elif what == 3:
            assert np.isfinite(trained.evaluate(X, X[:, :1], verbose=0))
        else:
            assert np.ptp(trained.predict(X, verbose=0)) == 0
        made.append(what)

    during_fit(trained, work, count=8, rounds=calls // 8)
    assert len(made) == calls
    expected = trained.predict(X, verbose=0).tobytes()

    def same(number):
        for _ in range(calls // 8):
            assert trained.predict(X, verbose=0).tobytes() == expected

    together(8, same)
    print(f"{calls} calls during fit and {calls} after it, of 8 threads")
