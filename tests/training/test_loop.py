"""The promises of the loop: what `fit`, `evaluate` and `predict` do with batches, events, seeds and signals."""

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import gazelle
from gazelle import Input, Model, Sequential, layers, optimizers
from gazelle.callbacks import Callback, LambdaCallback
from gazelle.core.errors import ArgumentError, DataError
from gazelle.models import settings
from gazelle.saving.state_file import read_state

RNG = np.random.default_rng(3)
X = RNG.normal(size=(70, 4)).astype("float32")
Y = (X.sum(1) > 0).astype("float32")[:, None]


def mlp(rate=0.1, seed=1, dropout=0.0, compiled=True, **words):
    """A small classifier; equal seeds give equal weights and runs."""
    gazelle.utils.set_random_seed(seed)
    model = Sequential([Input((4,)), layers.Dense(5, activation="tanh")])
    if dropout:
        model.add(layers.Dropout(dropout))
    model.add(layers.Dense(1, activation="sigmoid"))
    if compiled:
        model.compile(optimizers.SGD(rate), "binary_crossentropy", **{"metrics": ["accuracy"], **words})
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


# The short last batch ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 16, 32, 69, 70, 200])
def test_every_sample_counts_once_in_loss_and_metrics(batch_size):
    model = mlp(rate=0.0)
    p = model.predict(X, batch_size=batch_size, verbose=0)
    expected = binary_crossentropy(Y, p), float(((p > 0.5) == Y).mean())
    run = fit(model, batch_size=batch_size).history
    assert (run["loss"][0], run["accuracy"][0]) == pytest.approx(expected, abs=2e-6)
    assert model.evaluate(X, Y, batch_size=batch_size, verbose=0) == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("count", [1, 7, 31, 33, 64])
def test_predict_on_odd_sizes_equals_the_direct_call(count):
    model = mlp()
    np.testing.assert_allclose(model.predict(X[:count], verbose=0), np.asarray(model(X[:count])), atol=1e-6)
    np.testing.assert_allclose(model.predict_on_batch(X[:count]), np.asarray(model(X[:count])), atol=1e-6)


# Validation ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["default", "argument", "environment", "setting"])
def test_validation_split_takes_the_first_or_the_last_samples(how, monkeypatch):
    monkeypatch.setattr(settings, "_side", None)
    words = {}
    if how == "argument":
        words = {"validation_from": "end"}
    elif how == "environment":
        monkeypatch.setenv("GAZELLE_VALIDATION_FROM", "end")
    elif how == "setting":
        settings.set_validation_from("end")
    held, rest = (slice(0, 14), slice(14, 70)) if how == "default" else (slice(56, 70), slice(0, 56))
    model, by_hand = mlp(), mlp()
    run = fit(model, validation_split=0.2, **words).history
    other = fit(by_hand, X[rest], Y[rest], validation_data=(X[held], Y[held])).history
    assert same(model, by_hand)
    assert run == other
    assert run["val_loss"][0] == pytest.approx(model.evaluate(X[held], Y[held], verbose=0)[0], abs=1e-6)


def test_the_argument_wins_over_setting_and_environment(monkeypatch):
    monkeypatch.setattr(settings, "_side", "end")
    monkeypatch.setenv("GAZELLE_VALIDATION_FROM", "end")
    model, by_hand = mlp(), mlp()
    fit(model, validation_split=0.2, validation_from="start")
    fit(by_hand, X[14:], Y[14:])
    assert same(model, by_hand)


@pytest.mark.parametrize(("freq", "epochs"), [(1, 3), (2, 4), ([1, 4], 4)])
def test_validation_freq(freq, epochs):
    run = fit(mlp(), epochs=epochs, validation_data=(X, Y), validation_freq=freq)
    due = [e for e in range(1, epochs + 1) if (e in freq if isinstance(freq, list) else e % freq == 0)]
    assert len(run.history["val_loss"]) == len(due)
    assert len(run.history["loss"]) == epochs


def test_validation_weights_count_and_class_weight_does_not():
    model = mlp(rate=0.0)
    w = RNG.uniform(0.1, 2, 70).astype("float32")
    run = fit(model, class_weight={0: 5.0, 1: 9.0}, validation_data=(X, Y, w), validation_batch_size=70).history
    assert run["val_loss"][0] == pytest.approx(
        model.evaluate(X, Y, sample_weight=w, batch_size=70, verbose=0)[0], abs=1e-6
    )


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compiled", ["acc", "accuracy"])
def test_acc_and_accuracy_are_one_key(compiled):
    heard = []
    run = fit(
        mlp(metrics=[compiled]), validation_data=(X, Y),
        callbacks=[LambdaCallback(on_epoch_end=lambda e, logs: heard.append((logs["acc"], logs["val_accuracy"])))],
    ).history  # fmt: skip
    assert run["acc"] == run["accuracy"]
    assert run["val_acc"] == run["val_accuracy"]
    assert heard == [(run["acc"][0], run["val_acc"][0])]
    assert len(run) == 4


# Events --------------------------------------------------------------------------------------------------------------


def test_epoch_listeners_cost_no_call_per_batch(monkeypatch):
    model = mlp()
    fit(model, batch_size=1)  # compiled now
    calls = count_calls(monkeypatch, model._trainer, "train")
    monkeypatch.setattr("gazelle.training.pace._TICK", 10.0)  # however busy the machine is
    fit(model, batch_size=1, callbacks=[LambdaCallback(on_epoch_end=lambda epoch, logs: None)])
    assert sum(stop - start for start, stop in calls) == 70
    assert len(calls) <= 4  # 1 + 8 + 61


def test_batch_listeners_get_every_batch():
    heard = []

    class Listen(Callback):
        def on_train_batch_begin(self, batch, logs=None):
            heard.append(("begin", batch))

        def on_train_batch_end(self, batch, logs=None):
            heard.append(("end", batch, sorted(logs)))

        def on_test_batch_end(self, batch, logs=None):
            heard.append(("test", batch))

    fit(mlp(), callbacks=Listen(), validation_data=(X[:20], Y[:20]))
    assert heard == [
        *(event for b in range(5) for event in (("begin", b), ("end", b, ["accuracy", "loss"]))),
        ("test", 0), ("test", 1),
    ]  # fmt: skip


def test_the_order_of_events():
    heard = []
    names = ("train_begin", "epoch_begin", "test_begin", "test_end", "epoch_end", "train_end")

    class Listen(Callback):
        pass

    for name in names:
        setattr(Listen, f"on_{name}", lambda self, *args, name=name, **_: heard.append(name))
    fit(mlp(), epochs=2, callbacks=[Listen()], validation_data=(X, Y))
    assert heard == ["train_begin", *["epoch_begin", "test_begin", "test_end", "epoch_end"] * 2, "train_end"]


@pytest.mark.parametrize("event", ["on_train_batch_end", "on_epoch_end"])
def test_stop_training(event):
    batches = []

    class Stop(Callback):
        def on_train_batch_end(self, batch, logs=None):
            batches.append(batch)
            if event == "on_train_batch_end" and batch == 1:
                self.model.stop_training = True

        def on_epoch_end(self, epoch, logs=None):
            if event == "on_epoch_end" and epoch == 1:
                self.model.stop_training = True

    model = mlp()
    run = fit(model, epochs=5, callbacks=[Stop()])
    assert batches == ([0, 1] if event == "on_train_batch_end" else [0, 1, 2, 3, 4] * 2)
    assert len(run.epoch) == (1 if event == "on_train_batch_end" else 2)
    assert model.optimizer.iterations.numpy() == len(batches)
    assert len(fit(model, epochs=2).epoch) == 2  # a new fit starts unstopped


def test_callbacks_see_the_weights_of_the_step_and_what_they_assign_counts():
    """The same by hand, with train_on_batch."""
    seen = []

    class Meddle(Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(self.model.get_weights())
            if batch == 1:
                kernel = self.model.layers[0].kernel
                kernel.assign(kernel * 0.5)
            if batch == 2:
                self.model.optimizer.learning_rate = 0.7

    model, by_hand = mlp(), mlp()
    fit(model, shuffle=False, callbacks=[Meddle()])
    for batch in range(5):
        by_hand.train_on_batch(X[batch * 16 :][:16], Y[batch * 16 :][:16])
        for ours, theirs in zip(seen[batch], by_hand.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)
        if batch == 1:
            first, *others = by_hand.get_weights()
            by_hand.set_weights([first * 0.5, *others])
        if batch == 2:
            by_hand.optimizer.learning_rate = 0.7
    assert float(model.optimizer.learning_rate) == pytest.approx(0.7)


def test_predict_and_evaluate_in_a_callback_use_the_weights_of_the_step():
    pairs = []

    class Look(Callback):
        def on_train_batch_end(self, batch, logs=None):
            predicted = self.model.predict(X[:3], verbose=0)
            pairs.append((predicted, np.asarray(self.model(X[:3])), self.model.evaluate(X, Y, verbose=0)[0]))

    model, alone = mlp(), mlp()
    fit(model, callbacks=[Look()], epochs=2)
    fit(alone, epochs=2)
    assert same(model, alone)  # looking changes nothing
    assert len({loss for _, _, loss in pairs}) == 10
    for predicted, called, _ in pairs:
        np.testing.assert_allclose(predicted, called, atol=1e-6)


def test_an_array_read_in_a_callback_outlives_the_next_steps():
    kept = []

    class Keep(Callback):
        def on_train_batch_end(self, batch, logs=None):
            value = self.model.layers[0].kernel.value
            kept.append((value, np.array(value)))

    fit(mlp(), callbacks=[Keep()])
    for value, copy in kept:
        np.testing.assert_array_equal(value, copy)


# Order and chance ----------------------------------------------------------------------------------------------------


def test_equal_seeds_give_equal_runs_bit_by_bit():
    a, b, c = (mlp(seed=seed, dropout=0.4) for seed in (1, 1, 2))
    first, second, third = (fit(m, epochs=2, validation_split=0.2) for m in (a, b, c))
    assert same(a, b)
    assert first.history == second.history
    assert first.history != third.history


def test_two_fits_of_one_epoch_equal_one_of_two():
    once, twice = mlp(dropout=0.4), mlp(dropout=0.4)
    one = fit(once, epochs=2)
    first, second = fit(twice, epochs=1), fit(twice, epochs=2, initial_epoch=1)
    assert same(once, twice)
    assert one.history["loss"] == first.history["loss"] + second.history["loss"]
    assert second.epoch == [1]


def test_listeners_do_not_change_the_run():
    alone, heard = mlp(dropout=0.4), mlp(dropout=0.4)
    fit(alone, epochs=2)
    fit(heard, epochs=2, callbacks=[LambdaCallback(on_train_batch_end=lambda batch, logs: None)])
    for ours, theirs in zip(alone.get_weights(), heard.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_the_order_differs_between_epochs_and_shuffle_false_keeps_it():
    class Order(layers.Layer):
        """Penalizes nothing; the loss of a batch of one is the sample itself."""

        def call(self, x):
            return x

    def orders(shuffle):
        heard = [[], []]
        gazelle.utils.set_random_seed(5)
        model = Sequential([Input((1,)), Order()])
        model.compile("sgd", lambda y, p: p[:, 0])
        x = np.arange(12, dtype="float32")[:, None]

        class Hear(Callback):
            def on_epoch_begin(self, epoch, logs=None):
                self.epoch, self.before = epoch, 0.0

            def on_train_batch_end(self, batch, logs=None):
                total = logs["loss"] * (batch + 1)  # the log is a running mean
                heard[self.epoch].append(round(total - self.before))
                self.before = total

        fit(model, x, x, batch_size=1, epochs=2, shuffle=shuffle, callbacks=[Hear()])
        return heard

    first, second = orders(True)
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second
    assert orders(True) == [first, second]
    assert orders(False) == [list(range(12))] * 2


# Several models ------------------------------------------------------------------------------------------------------


def test_a_discriminator_inside_a_combined_model_stays_in_step():
    gazelle.utils.set_random_seed(0)
    z = Input((3,))
    generator = Model(z, layers.Dense(4, name="made")(z))
    discriminator = mlp(rate=0.2, metrics=None)
    discriminator.trainable = False
    combined = Model(z, discriminator(generator(z)))
    combined.compile(optimizers.SGD(0.2), "binary_crossentropy")
    noise = RNG.normal(size=(16, 3)).astype("float32")
    for _ in range(3):
        before = discriminator.get_weights(), generator.get_weights()
        discriminator.train_on_batch(X[:16], Y[:16])
        trained = discriminator.get_weights()
        assert not np.array_equal(before[0][0], trained[0])  # compiled while it was trainable
        combined.train_on_batch(noise, np.ones((16, 1)))
        for ours, theirs in zip(discriminator.get_weights(), trained, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert not np.array_equal(before[1][0], generator.get_weights()[0])
        by_parts = discriminator.predict(generator.predict(noise, verbose=0), verbose=0)
        np.testing.assert_allclose(combined.predict(noise, verbose=0), by_parts, atol=1e-6)
        np.testing.assert_allclose(np.asarray(combined(noise)), by_parts, atol=1e-6)


def test_trainable_counts_at_compile():
    model = mlp()
    model.layers[0].trainable = False
    before = model.get_weights()
    with pytest.warns(UserWarning, match="`trainable` of 'dense/kernel' was changed after compile"):
        fit(model)
    assert not np.array_equal(before[0], model.get_weights()[0])  # as compiled
    model.compile("sgd", "binary_crossentropy")
    before = model.get_weights()
    fit(model)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])
    assert not np.array_equal(before[2], model.get_weights()[2])


def test_a_frozen_layer_added_after_compile_stays_frozen():
    model = mlp()
    model.add(layers.Dense(1, activation="sigmoid", trainable=False))
    before = model.get_weights()
    fit(model)
    np.testing.assert_array_equal(before[4], model.get_weights()[4])
    assert not np.array_equal(before[2], model.get_weights()[2])


# Weights of samples --------------------------------------------------------------------------------------------------


def test_class_weight_is_a_sample_weight():
    a, b = mlp(weighted_metrics=["accuracy"]), mlp(weighted_metrics=["accuracy"])
    first = fit(a, class_weight={0: 0.5, 1: 3.0}).history
    second = fit(b, sample_weight=np.where(Y[:, 0] > 0, 3.0, 0.5)).history
    assert same(a, b)
    assert first == second
    assert not same(a, mlp())


# What x may be -------------------------------------------------------------------------------------------------------


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
    run = fit(short, batch_size=14, steps_per_epoch=2, epochs=5, shuffle=False)
    fit(whole, batch_size=14, epochs=2, shuffle=False)
    assert len(run.epoch) == 5
    assert short.optimizer.iterations.numpy() == 10
    for ours, theirs in zip(short.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_initial_epoch_at_the_end_does_nothing():
    model, fresh = mlp(), mlp()
    assert fit(model, epochs=3, initial_epoch=3).epoch == []
    assert same(model, fresh)
    fit(model, epochs=2)
    fit(model, epochs=2, initial_epoch=2, keep=True)
    assert read_state(gazelle.latest())[1]["epoch"] == 2


# The kept state ------------------------------------------------------------------------------------------------------


def test_the_latest_state_is_kept_and_restored():
    model = mlp()
    fit(model, keep=True)
    assert os.path.exists(gazelle.latest())
    other = mlp(seed=9)
    assert not same(model, other)
    other.load_weights("latest")
    assert same(model, other)
    other = mlp(seed=9)
    other.load_weights(gazelle.latest())
    assert same(model, other)


def test_keep_false_writes_nothing(monkeypatch):
    fit(mlp(), keep=False)
    monkeypatch.setenv("GAZELLE_KEEP", "0")
    fit(mlp(), keep=None)
    assert not any(files for _, _, files in os.walk(os.environ["GAZELLE_HOME"]))


# Signals -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "number", "steps", "place"),
    [
        ("on_train_batch_begin", 2, 3, (0, 3)), ("on_train_batch_end", 2, 3, (0, 3)),
        ("on_epoch_end", 0, 5, (0, 5)), ("on_epoch_begin", 1, 5, (1, 0)),
    ],
)  # fmt: skip
def test_ctrl_c_leaves_a_usable_model(event, number, steps, place):
    def press(index, logs):
        if index == number:
            os.kill(os.getpid(), signal.SIGINT)

    model = mlp()
    with pytest.raises(KeyboardInterrupt):
        fit(model, epochs=3, keep=True, callbacks=[LambdaCallback(**{event: press})])
    assert model.optimizer.iterations.numpy() == steps
    _, meta = read_state(gazelle.latest())
    assert (meta["epoch"], meta["batch"]) == place
    other = mlp(seed=9)
    other.load_weights("latest")
    assert same(model, other)
    assert np.isfinite(fit(model).history["loss"][0])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("presses", [1, 2, 3])
def test_ctrl_c_during_a_step_waits_for_its_result(presses, monkeypatch):
    """The signals come inside the compiled program's call, before its result is taken up."""
    model = mlp()
    fit(model)
    programs, calls = model._trainer.programs, []
    program = programs.train

    def pressed(*args):
        out = program(*args)
        calls.append(int(args[-1] - args[-2]))
        if len(calls) == 2:
            for _ in range(presses):
                os.kill(os.getpid(), signal.SIGINT)
        return out

    monkeypatch.setattr(programs, "train", pressed)
    before = int(model.optimizer.iterations.numpy())
    with pytest.raises(KeyboardInterrupt):
        fit(model, keep=True)
    assert model.optimizer.iterations.numpy() == before + sum(calls)
    assert np.isfinite(model.predict(X, verbose=0)).all()
    _, meta = read_state(gazelle.latest())
    assert (meta["epoch"], meta["batch"]) == (0, sum(calls))


def test_a_second_ctrl_c_ends_a_step_that_has_not_begun_to_compute(monkeypatch):
    model = mlp()
    fit(model)

    def tracing(*args):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("the second was not heard")

    monkeypatch.setattr(model._trainer.programs, "train", tracing)
    before = int(model.optimizer.iterations.numpy())
    with pytest.raises(KeyboardInterrupt):
        fit(model, keep=True)
    assert model.optimizer.iterations.numpy() == before
    assert np.isfinite(model.predict(X, verbose=0)).all()


def test_a_signal_that_somebody_makes_another_error_of_is_that_signal(monkeypatch):
    """As JAX's caches do with what is raised inside of them."""
    model = mlp()

    def swallowed(epoch, logs):
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            raise ValueError("Cache keys should be comparable") from None

    with pytest.raises(KeyboardInterrupt):
        fit(model, callbacks=[LambdaCallback(on_epoch_end=swallowed)])


def test_sigterm_keeps_the_state_and_ends_with_143(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""
        import os, signal, sys
        import numpy as np, gazelle
        from gazelle import Sequential, layers
        model = Sequential([layers.Dense(1, input_dim=2)])
        model.compile("sgd", "mse")
        def end(epoch, logs):
            if epoch == 2:
                np.save(sys.argv[1], model.layers[0].kernel.numpy())
                os.kill(os.getpid(), signal.SIGTERM)
        x = np.ones((8, 2), "float32")
        model.fit(x, x[:, :1], epochs=9, verbose=0, callbacks=[gazelle.callbacks.LambdaCallback(on_epoch_end=end)])
        print("went on")
        """)
    )
    done = subprocess.run(
        [sys.executable, program, tmp_path / "kernel.npy"], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (143, ""), done.stderr
    model = Sequential([layers.Dense(1, input_dim=2)])
    model.load_weights(gazelle.latest())  # the newest of any program
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), np.load(tmp_path / "kernel.npy"))
