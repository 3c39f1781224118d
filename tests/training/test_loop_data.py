"""Types of data for `fit`: arrays, data frames, dicts, generators and datasets."""

import re
import threading
import time

import numpy as np
import pytest
from loops import X, Y, fit, mlp, same

import gazelle
from gazelle import Input, Model, layers
from gazelle.core.errors import ArgumentError, DataError
from gazelle.data import ArraySource
from gazelle.saving.state_file import read_state


def _batches(n=5):
    return [(X[i * 16 :][:16], Y[i * 16 :][:16]) for i in range(n)]


class Indexed:
    def __len__(self):
        return 5

    def __getitem__(self, index):
        return _batches()[index]


class Iterable:
    def __iter__(self):
        return iter(_batches())


def _endless():
    while True:
        yield from _batches()


@pytest.mark.parametrize("kind", ["generator", "indexed", "iterable", "list", "jax"])
def test_kinds_of_data_train_alike(kind):
    import jax.numpy as jnp

    plain, other = mlp(), mlp()
    fit(plain, shuffle=False, epochs=2)
    if kind in ("list", "jax"):
        data = (X.tolist(), Y.tolist()) if kind == "list" else (jnp.asarray(X), jnp.asarray(Y))
        fit(other, *data, shuffle=False, epochs=2)
    else:
        x = {"generator": _endless, "indexed": Indexed, "iterable": Iterable}[kind]()
        steps = {"steps_per_epoch": 5} if kind == "generator" else {}
        run = other.fit(x, shuffle=False, epochs=2, verbose=0, keep=False, **steps)
        assert len(run.epoch) == 2
    for ours, theirs in zip(plain.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_the_order_of_indexed_batches_is_a_function_of_seed_and_epoch():
    class Told(Indexed):
        def __init__(self):
            self.seen = []

        def __getitem__(self, index):
            self.seen.append(index)
            return super().__getitem__(index)

        def on_epoch_end(self):
            self.seen.append("end")

    def run(*fits):
        gazelle.utils.set_random_seed(8)
        data, model = Told(), mlp()
        for first, last in fits:
            begin = len(data.seen) + 1  # one is looked at before the run
            fit(model, data, None, batch_size=None, initial_epoch=first, epochs=last)
            yield from data.seen[begin:]

    once, twice = list(run((0, 2))), list(run((0, 1), (1, 2)))
    assert once == twice
    assert once[5] == once[11] == "end"
    assert sorted(once[:5]) == sorted(once[6:11]) == [0, 1, 2, 3, 4]
    assert once[:5] != once[6:11]


@pytest.mark.parametrize(
    ("x", "steps", "said", "epochs"),
    [
        (
            lambda: iter(_batches()),
            3,
            "in epoch 2; training stops: expected 3 batches an epoch, got 2.\nA generator",
            [0, 1],
        ),
        (lambda: iter(_batches()), None, "in epoch 2; training stops: expected some batches an epoch, got 0", [0]),
        (lambda: Once(), None, "in epoch 2; training stops: expected 5 batches an epoch, got 0", [0]),
    ],
)
def test_data_that_ends_early(x, steps, said, epochs):
    with pytest.warns(UserWarning, match="ended early") as told:
        history = mlp().fit(x(), epochs=4, steps_per_epoch=steps, verbose=0, keep=False)
    assert said in str(told[0].message)
    assert history.epoch == epochs


def test_no_data():
    with pytest.raises(DataError, match="expected at least one batch, got none"):
        mlp().fit(iter([]), verbose=0, keep=False)


class Once:
    """Claims a length, and can be gone through once."""

    def __init__(self):
        self.rows = iter(_batches())

    def __len__(self):
        return 5

    def __iter__(self):
        return self.rows


def test_no_validation_split():
    history = mlp().fit(X, Y, validation_split=None, verbose=0).history
    assert "loss" in history
    assert "val_loss" not in history


def test_validation_split_of_a_generator():
    with pytest.raises(ArgumentError, match="validation_split: expected arrays, got a generator"):
        mlp().fit(_endless(), validation_split=0.2, steps_per_epoch=2, verbose=0)


def test_a_data_frame():
    pandas = pytest.importorskip("pandas")
    frame, plain = mlp(), mlp()
    fit(frame, pandas.DataFrame(X, columns=list("abcd")), pandas.Series(Y[:, 0], name="label"))
    fit(plain)
    for ours, theirs in zip(frame.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_dicts_by_name():
    def model():
        gazelle.utils.set_random_seed(2)
        a, b = Input((4,), name="a"), Input((2,), name="b")
        h = layers.Concatenate()([a, b])
        net = Model([a, b], [layers.Dense(1, name="p")(h), layers.Dense(2, name="q")(h)])
        net.compile("sgd", {"p": "mse", "q": "mae"}, metrics={"q": ["mse"]})
        return net

    x2, y2 = X[:, :2] * 2, X[:, 1:3]
    by_name, by_place = model(), model()
    run = fit(by_name, {"b": x2, "a": X}, {"q": y2, "p": Y}).history
    fit(by_place, [X, x2], [Y, y2])
    assert same(by_name, by_place)
    assert sorted(run) == ["loss", "p_loss", "q_loss", "q_mse"]
    assert run["loss"][0] == pytest.approx(run["p_loss"][0] + run["q_loss"][0], rel=1e-5)


def test_steps_per_epoch_goes_on_where_it_stopped():
    short, whole = mlp(), mlp()
    with pytest.warns(
        UserWarning, match="ran out .*: expected 2 batches of 14 samples, got 1 from the 70 samples of x"
    ):
        run = fit(short, batch_size=14, steps_per_epoch=2, epochs=6, shuffle=False)
    fit(whole, batch_size=14, epochs=2, shuffle=False)
    assert len(run.epoch) == 6
    assert short.optimizer.iterations.numpy() == 10  # 2, 2 and 1 steps, as in Keras: the pass ends there
    for ours, theirs in zip(short.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("kind", ["arrays", "indexed", "iterable"])
def test_too_many_steps_end_with_the_pass(kind):
    x, y = {"arrays": (X, Y), "indexed": (Indexed(), None), "iterable": (Iterable(), None)}[kind]
    model = mlp()
    with pytest.warns(
        UserWarning, match="ran out .*: expected 9 batches.*, got 5.*\nLower the number of steps"
    ) as told:
        fit(model, x, y, steps_per_epoch=9, epochs=3, batch_size=16 if y is not None else None)
    assert len(told) == 1
    assert model.optimizer.iterations.numpy() == 15
    with pytest.warns(UserWarning, match="ran out"):
        scores = model.evaluate(x, y, batch_size=16 if y is not None else None, steps=9, verbose=0)
    np.testing.assert_allclose(scores, model.evaluate(X, Y, batch_size=16, verbose=0), rtol=1e-5)
    with pytest.warns(UserWarning, match="ran out"):
        assert len(model.predict(x, batch_size=16 if y is not None else None, steps=9, verbose=0)) == 70


def test_steps_without_a_batch_size_cover_the_samples():
    model = mlp()
    fit(model, batch_size=None, steps_per_epoch=3)  # 24 samples each, as in Keras
    assert model.optimizer.iterations.numpy() == 3
    assert len(model.predict(X, steps=2, verbose=0)) == 70


def test_each_validation_reads_the_same_batches():
    class Counted(Indexed):
        def __init__(self):
            self.read = []

        def __getitem__(self, index):
            self.read.append(index)
            return super().__getitem__(index)

    data = Counted()
    fit(mlp(), X, Y, validation_data=data, validation_steps=2, epochs=3)
    assert data.read == [0] + [0, 1] * 3  # one is looked at before the run


def test_initial_epoch_at_the_end_does_nothing():
    model, fresh = mlp(), mlp()
    assert fit(model, epochs=3, initial_epoch=3).epoch == []
    assert same(model, fresh)
    fit(model, epochs=2)
    fit(model, epochs=2, initial_epoch=2, keep=True)
    assert read_state(gazelle.latest())[1]["epoch"] == 2


def test_fit_says_that_the_source_is_what_limits(capsys):
    def slow():
        for batch in _batches():
            time.sleep(0.05)
            yield batch

    model = mlp()
    fit(model, Iterable(), batch_size=None)  # compiles
    fit(model, slow(), batch_size=None, verbose=2)
    assert re.search(r"The device waited for data \d+% of this epoch", capsys.readouterr().out)


def test_another_thread_gathers_the_next_chunk(monkeypatch):
    threads, original = [], ArraySource._chunks

    def chunks(self, rows, steps):
        threads.append(threading.current_thread() is threading.main_thread())
        if len(threads) == failing:
            raise OSError("the disk is gone")
        yield from original(self, rows, steps)

    monkeypatch.setattr(ArraySource, "_chunks", chunks)
    monkeypatch.setattr("gazelle.data.batching.MAX_CHUNK", 5 * X[:16].nbytes)  # four steps
    failing, model = None, mlp()
    fit(model, batch_size=16)
    count = len(threads)
    assert count > 1
    assert threads == [True] + [False] * (count - 1)
    threads.clear()
    failing = 2
    with pytest.raises(OSError, match="the disk is gone"):
        fit(model, batch_size=16)


def test_the_first_epoch_of_a_training_begins_with_the_first_batch():
    x = np.arange(1.0, 8.0)[:, None]
    model = gazelle.Sequential([Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(gazelle.optimizers.SGD(0.0), "mae")
    options = {"batch_size": 2, "steps_per_epoch": 1, "shuffle": False, "verbose": 0, "keep": False}
    history = model.fit(x, 0 * x, initial_epoch=2, epochs=4, **options).history
    assert history["loss"] == pytest.approx([1.5, 3.5])
