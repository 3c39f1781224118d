"""fit(resume=True): a training that was stopped at any step ends bit-identical to an uninterrupted one."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import gazelle
from gazelle import Input, Sequential, layers, optimizers
from gazelle.callbacks import (
    BackupAndRestore,
    Callback,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ReduceLROnPlateau,
)
from gazelle.core.errors import ArgumentError, StateError
from gazelle.models import resuming
from gazelle.saving.autosave import Autosave
from gazelle.saving.state_file import read_state

pytestmark = pytest.mark.optimized

RNG = np.random.default_rng(3)
X = RNG.normal(size=(40, 4)).astype("float32")
Y = (X.sum(1) > 0).astype("float32")[:, None]


OFFER = Autosave.offer


class StopHere(Exception):  # noqa: N818
    """Stands for whatever ends a training."""


def network(optimizer):
    gazelle.utils.set_random_seed(1)
    model = Sequential(
        [
            Input((4,)),
            layers.Dense(5),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.Dropout(0.3),
            layers.GaussianNoise(0.1),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="resumed",
    )
    model.compile(optimizer(), "binary_crossentropy", metrics=["accuracy", "auc"])
    return model


class Steady(Callback):
    """A callback of a user's that remembers something."""

    def __init__(self):
        self.seen = []

    def state(self):
        return {"seen": self.seen, "last": np.asarray(self.seen)}

    def restore(self, state):
        self.seen = list(state["seen"])
        assert np.array_equal(state["last"], self.seen)

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(logs["loss"])


class Indexed:
    """Batches by number, in an order that each epoch shuffles by itself."""

    def __init__(self):
        self.random, self.order = np.random.default_rng(5), np.arange(40)

    def __len__(self):
        return 5

    def __getitem__(self, index):
        rows = self.order[index * 8 : index * 8 + 8]
        return X[rows], Y[rows]

    def on_epoch_end(self):
        self.random.shuffle(self.order)


class Remembering:
    """An endless source that tells where it stands, and cannot be repeated from its beginning."""

    def __init__(self, start=0):
        self.at = start

    def __iter__(self):
        return self

    def __next__(self):
        rows = np.arange(self.at, self.at + 8) % 40
        self.at += 3
        return X[rows], Y[rows]

    def state(self):
        return {"at": self.at}

    def restore(self, state):
        self.at = state["at"]


class Positioned:
    """A dataset whose iterators tell where they stand, as those of grain do."""

    def __iter__(self):
        iterator = Remembering()
        iterator.get_state, iterator.set_state = iterator.state, iterator.restore
        return iterator


def endless():
    random = np.random.default_rng(6)
    while True:
        rows = random.integers(0, 40, 8)
        yield X[rows], Y[rows]


ADAM = lambda: optimizers.Adam(0.01)  # noqa: E731
CASES = {
    "shuffle, dropout, noise": {},
    "no shuffle": {"shuffle": False},
    "momentum and averages": {"optimizer": lambda: optimizers.SGD(0.1, momentum=0.9, use_ema=True)},
    "schedule": {"optimizer": lambda: optimizers.Adam(optimizers.schedules.ExponentialDecay(0.1, 3, 0.5))},
    "accumulated gradients": {"optimizer": lambda: optimizers.Adam(0.01, gradient_accumulation_steps=2)},
    "validation": {"validation_split": 0.25},
    "class weights": {"class_weight": {0: 1.0, 1: 3.0}},
    "short epochs": {"steps_per_epoch": 3},
    "plateau": {"callbacks": lambda: [ReduceLROnPlateau("loss", patience=1, factor=0.5, min_delta=0.5)]},
    "early stopping": {
        "callbacks": lambda: [EarlyStopping("loss", patience=1, min_delta=0.5, restore_best_weights=True)]
    },
    "rate by epoch": {"callbacks": lambda: [LearningRateScheduler(lambda epoch, rate: rate * 0.7)]},
    "a callback of the user's": {"callbacks": lambda: [Steady()]},
    "generator": {"x": endless, "steps_per_epoch": 5},
    "batches by number": {"x": Indexed, "steps_per_epoch": None},
    "a source with a state": {"x": Remembering, "steps_per_epoch": 5},
    "buckets": {"x": lambda: gazelle.utils.bucket_by_length(list(X), Y, batch_size=8), "steps_per_epoch": 5},
    "iterators with a state": {"x": Positioned, "steps_per_epoch": 5},
}


@pytest.fixture
def kept_at_every_step(monkeypatch):
    """States are written after every call of the program, and at no end of `fit`: as a kill would leave them."""

    def finish(self, snapshot):
        self.close()

    offer = Autosave.offer

    def often(self, snapshot):
        self.request_write()
        started = offer(self, snapshot)
        self._thread.join()
        return started

    monkeypatch.setattr(Autosave, "offer", often)
    monkeypatch.setattr(Autosave, "finish", finish)
    monkeypatch.setattr("gazelle.training.steps_per_call._TICK", 0.0)  # one step at a time


def run(case, stop_at=None, resume=True, epochs=3):
    """Train once; with `stop_at` until so many steps are made."""
    resuming.checkpoints.reset()  # as a new process
    kwargs = {"verbose": 0, "epochs": epochs, "batch_size": 8, "resume": resume, "keep": bool(resume), **case}
    model = network(kwargs.pop("optimizer", ADAM))
    callbacks = kwargs.pop("callbacks", list)()
    if stop_at is not None:

        def stop(batch, logs):
            if model.optimizer._iterations.numpy() >= stop_at:  # the public count is of updates
                raise StopHere

        callbacks = [*callbacks, LambdaCallback(on_train_batch_begin=stop)]
    x, data = kwargs.pop("x", None), (X, Y)
    if x is not None:
        data = (x(),)
    try:
        history = model.fit(*data, callbacks=callbacks, **kwargs).history
    except StopHere:
        return None
    listened = next((c.seen for c in callbacks if isinstance(c, Steady)), None)
    return dict(history), model.get_weights(), [v.numpy() for v in model.optimizer.variables], listened


def same(a, b):
    return np.asarray(a, object).shape == np.asarray(b, object).shape and all(
        np.array_equal(p, q, equal_nan=True) for p, q in zip(a, b, strict=True)
    )


@pytest.mark.usefixtures("kept_at_every_step")
@pytest.mark.filterwarnings("ignore:The data ran out")  # 5 batches in epochs of 3 and 2
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_stop_can_be_undone(case, monkeypatch, tmp_path):
    monkeypatch.setenv("GAZELLE_HOME", str(tmp_path / "whole"))
    whole = run(case)
    for stop_at in range(15) if os.environ.get("GAZELLE_TORTURE") else (1, 5, 11):
        monkeypatch.setenv("GAZELLE_HOME", str(tmp_path / str(stop_at)))
        if run(case, stop_at) is None:
            history, weights, slots, listened = run(case)
            assert history == whole[0], stop_at
            assert same(weights, whole[1]), stop_at
            assert same(slots, whole[2]), stop_at
            assert listened == whole[3]


@pytest.mark.usefixtures("kept_at_every_step")
def test_stops_may_follow_each_other():
    whole = run({}, resume=False)
    for stop_at in (2, 3, 7, 11, 14):
        assert run({}, stop_at) is None
    history, weights, *_ = run({})
    assert history == whole[0]
    assert same(weights, whole[1])


def test_a_complete_training_is_returned_at_once():
    first = run({})
    second = run({})
    assert first[0] == second[0]
    assert same(first[1], second[1])
    longer, whole = run({}, epochs=5), run({}, epochs=5, resume=False)
    assert longer[0] == whole[0]
    assert same(longer[1], whole[1])


def test_several_trainings_of_a_program_go_on_each_by_itself():
    def program():
        resuming.checkpoints.reset()
        model = network(ADAM)
        runs = [model.fit(X, Y, epochs=epochs, verbose=0, resume=True) for epochs in (2, 3)]
        return [dict(r.history) for r in runs], model.get_weights()

    first, second = program(), program()
    assert first[0] == second[0]
    assert [len(h["loss"]) for h in first[0]] == [2, 3]
    assert same(first[1], second[1])


def test_another_model_is_refused_by_its_first_difference():
    run({})
    resuming.checkpoints.reset()
    model = Sequential([Input((4,)), layers.Dense(6), layers.Dense(1)], name="resumed")
    model.compile("adam", "mse")
    with pytest.raises(StateError, match=r"(?s)another training.*model\.dense\.units: 5 then, 6 now"):
        model.fit(X, Y, epochs=3, batch_size=8, verbose=0, resume=True)
    resuming.checkpoints.reset()
    with pytest.raises(StateError, match=r"(?s)another model.*params/dense/bias of shape \(6,\).*\(5,\)"):
        model.fit(X, Y, epochs=3, batch_size=8, verbose=0, resume="force")


@pytest.mark.usefixtures("kept_at_every_step")
def test_within_an_epoch_other_data_are_told():
    assert run({}, stop_at=7) is None
    with pytest.warns(UserWarning, match=r"after step 2 of an epoch.*another batch_size: expected 5 steps.*, got 3"):
        history, *_ = run({"batch_size": 16}, resume="force")
    assert len(history["loss"]) == 3


def test_resume_needs_a_kept_state():
    with pytest.raises(ArgumentError, match=r"(?s)resume=True, keep=False.*Leave keep out"):
        network(ADAM).fit(X, Y, verbose=0, resume=True, keep=False)


class Stumbling(Callback):
    """Is stopped in one event of the second epoch, the first time it is told of it."""

    def __init__(self, event, how):
        def stop(epoch, logs=None):
            if epoch == 1 and how:
                how.pop()()

        setattr(self, event, stop)


def _press():
    os.kill(os.getpid(), signal.SIGINT)


def _fail():
    raise StopHere


@pytest.mark.parametrize("how", [_press, _fail])
@pytest.mark.parametrize("event", ["on_epoch_begin", "on_epoch_end"])
def test_an_event_that_was_cut_short_is_told_again(event, how):
    """Rates, patience and weights that callbacks changed before it count once."""
    ways = []

    def told():
        return [
            LearningRateScheduler(lambda epoch, rate: rate * 0.7),
            ReduceLROnPlateau("loss", patience=1, factor=0.5, min_delta=0.5),
            EarlyStopping("loss", patience=2, min_delta=0.5, restore_best_weights=True),
            Stumbling(event, ways),
        ]

    case = {"callbacks": told, "validation_split": 0.25}
    whole = run(case, resume=False)
    ways.append(how)
    with contextlib.suppress(KeyboardInterrupt):
        assert run(case) is None
    history, weights, slots, _ = run(case)
    assert history == whole[0]
    assert same(weights, whole[1])
    assert same(slots, whole[2])


PROGRAM = """
    import sys, numpy as np, gazelle, time
    from gazelle import layers
    gazelle.utils.set_random_seed(1)
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    model = gazelle.Sequential([layers.Dense(3, input_dim=4), layers.Dropout(0.5), layers.Dense(1)], name="killed")
    model.compile("adam", "mse")
    slow = gazelle.callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: time.sleep(0.01))
    from gazelle.saving.autosave import Autosave
    offer = Autosave.offer
    Autosave.offer = lambda self, *a: (self.request_write(), offer(self, *a))[1]
    print("begun", flush=True)
    model.fit(x, x[:, :1], epochs=30, batch_size=8, verbose=0, resume=True, callbacks=[slow])
    np.save(sys.argv[1], np.concatenate([w.ravel() for w in model.get_weights()]))
"""


def test_kill_9_costs_nothing(tmp_path, monkeypatch):
    program, out = tmp_path / "program.py", tmp_path / "weights.npy"
    program.write_text(textwrap.dedent(PROGRAM))

    def start(home):
        command = [sys.executable, program, out]
        env = {**os.environ, "GAZELLE_HOME": str(home)}
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)

    whole = start(tmp_path / "a")
    assert whole.wait(600) == 0
    expected = np.load(out)
    out.unlink()
    kills = 0
    for delay in (1.0, 1.3, 1.6, 0.7, 600):
        process = start(tmp_path / "b")
        process.stdout.readline()
        try:
            process.wait(delay)
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    assert kills
    np.testing.assert_array_equal(np.load(out), expected)


def test_backup_and_restore(tmp_path):
    folder = tmp_path / "backup"
    case = {"callbacks": lambda: [BackupAndRestore(folder)], "keep": None}
    whole = run({}, resume=False)
    assert run(case, stop_at=7, resume=False) is None
    assert os.listdir(folder)
    history, weights, *_ = run(case, resume=False)
    assert history == whole[0]
    assert same(weights, whole[1])
    assert not os.path.exists(folder)  # the training came to its end


@pytest.mark.usefixtures("kept_at_every_step")
@pytest.mark.parametrize(("freq", "steps"), [("epoch", 5), (2, 6)])
def test_a_kill_goes_back_to_the_last_backup(freq, steps, tmp_path, monkeypatch):
    """Without the fixture's own times: only what `save_freq` asks for is written."""

    def offer(self, snapshot):
        started = OFFER(self, snapshot)
        if started:
            self._thread.join()
        return started

    monkeypatch.setattr(Autosave, "offer", offer)
    case = {"callbacks": lambda: [BackupAndRestore(tmp_path / "backup", save_freq=freq)], "keep": None}
    assert run(case, stop_at=7, resume=False) is None
    kept = [name for name in os.listdir(tmp_path / "backup") if name.endswith(".state")]
    _, settings = read_state(max((tmp_path / "backup" / name for name in kept), key=os.path.getmtime))
    assert settings["epoch"] * 5 + settings["batch"] == steps
    whole, (history, weights, *_) = run({}, resume=False), run(case, resume=False)
    assert history == whole[0]
    assert same(weights, whole[1])


@pytest.mark.parametrize("other", [False, True])
def test_the_folder_of_a_completed_training_is_removed_if_it_is_empty(tmp_path, other):
    folder = tmp_path / "backup"
    if other:
        folder.mkdir()
        (folder / "notes.txt").write_text("kept")
    model = gazelle.Sequential([gazelle.Input((3,)), gazelle.layers.Dense(1)])
    model.compile("sgd", "mse")
    callback = gazelle.callbacks.BackupAndRestore(folder)
    model.fit(np.ones((8, 3), "float32"), np.ones((8, 1), "float32"), verbose=0, callbacks=[callback])
    assert (os.listdir(folder) if folder.exists() else None) == (["notes.txt"] if other else None)
