"""Callbacks: the same decisions as Keras 3.15 for the same logs, and errors for mistakes."""

import itertools
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import gazelle
from gazelle.core.errors import ArgumentError, StateError
from gazelle.core.variable import Variable
from gazelle.metrics.name_aliases import Logs
from gazelle.training.callbacks import (
    Callback,
    CallbackList,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    Progress,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from gazelle.training.callbacks.callback_list import listens_to_batches


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


STOPPING = [
    {"patience": p, "min_delta": d, "baseline": b, "mode": m, "start_from_epoch": s, "restore_best_weights": r}
    for p, d, b, m, s, r in itertools.product(
        (0, 1, 3), (0, 0.1), (None, 0.8), ("min", "max", "auto"), (0, 2), (False, True)
    )
]


@pytest.mark.parametrize("arguments", STOPPING, ids=lambda a: "-".join(map(str, a.values())))
def test_early_stopping_decides_as_keras(arguments):
    for seed in range(4):
        values = curves(seed) if arguments["mode"] != "max" else [-v for v in curves(seed)]
        ours, theirs = EarlyStopping(**arguments), keras.callbacks.EarlyStopping(**arguments)
        models = Model(), Model()
        lasts = [run(c, [{"val_loss": v} for v in values], m) for c, m in zip((ours, theirs), models, strict=True)]
        assert lasts[0] == lasts[1]
        assert models[0].weights == models[1].weights
        for name in ("best", "best_epoch", "stopped_epoch", "wait"):
            assert getattr(ours, name) == getattr(theirs, name), name


def test_early_stopping_compares_in_float32():
    values = [{"loss": v} for v in (0.8, 0.7)]  # 0.7 + 0.1 is below 0.8 in float64, and equal to it in float32
    ours, theirs = EarlyStopping("loss", min_delta=0.1), keras.callbacks.EarlyStopping("loss", min_delta=0.1)
    assert run(ours, values) == run(theirs, values) == 1
    assert ours.best == theirs.best == 0.8


def test_early_stopping_restores_the_best_weights_though_the_run_ended_by_itself():
    model = Model()
    callback = EarlyStopping("loss", patience=10, restore_best_weights=True)
    assert run(callback, [{"loss": v} for v in (3.0, 1.0, 2.0)], model) == 2
    assert model.weights == 1
    assert callback.stopped_epoch == 0


def test_early_stopping_is_not_stuck_on_nan():
    callback = EarlyStopping("loss", patience=2)
    run(callback, [{"loss": v} for v in (float("nan"), 2.0, float("nan"), 1.0)])
    assert callback.best == 1.0


def test_early_stopping_lets_the_first_epoch_pass():
    assert run(EarlyStopping("loss", patience=0), [{"loss": v} for v in (float("nan"), 1.0, 2.0)]) == 2


def test_early_stopping_speaks(capsys):
    run(EarlyStopping("loss", restore_best_weights=True, verbose=1), [{"loss": 1.0}, {"loss": 2.0}])
    said = capsys.readouterr().out
    assert said == "Epoch 2: early stopping\nRestoring the weights of the best epoch: 1.\n"


@pytest.mark.parametrize(("monitor", "key"), [("acc", "accuracy"), ("val_acc", "val_accuracy"), ("accuracy", "acc")])
def test_any_spelling_is_monitored(monitor, key):
    callback = EarlyStopping(monitor)
    assert run(callback, [{key: 0.5}, {key: 0.4}, {key: 0.3}]) == 1
    assert callback.best == 0.5


@pytest.mark.parametrize(
    "make", [EarlyStopping, ReduceLROnPlateau, lambda **k: ModelCheckpoint("x", save_best_only=True, **k)]
)
def test_a_missing_monitor_is_an_error_that_lists_the_names(make):
    model = Model(Variable(0.1))
    with pytest.raises(
        ArgumentError, match=r"monitors 'val_auc', which is not in the logs: expected one of loss, val_loss"
    ):
        run(make(monitor="val_auc"), [{"loss": 1.0, "val_loss": 1.0}], model)
    with pytest.raises(ArgumentError, match=r"Pass validation data to fit, or monitor the training: monitor='loss'"):
        run(make(), [{"loss": 1.0}], model)


def test_epochs_without_validation_are_passed_over():
    logs = [{"loss": 1.0}, {"loss": 1.0, "val_loss": 1.0}, {"loss": 1.0}, {"loss": 1.0, "val_loss": 2.0}]
    callback = EarlyStopping()
    assert run(callback, logs, params={"validation_freq": 2}) == 3
    assert callback.best == 1.0


@pytest.mark.parametrize(
    ("monitor", "up"),
    [
        ("val_loss", False),
        ("head_loss", False),
        ("val_accuracy", True),
        ("head_acc", True),
        ("auc", True),
        ("val_mae", False),
        ("mean_squared_error", False),
        ("f1_score", True),
        ("binary_crossentropy", False),
        ("cosine_similarity", True),
        ("val_top_k_categorical_accuracy", True),
        ("root_mean_squared_error", False),
    ],
)
def test_auto_finds_the_direction_by_name(monitor, up):
    callback = EarlyStopping(monitor, patience=1)
    run(callback, [{monitor: 0.5}, {monitor: 0.6}])
    assert callback.best == (0.6 if up else 0.5)


def test_auto_asks_the_metric_first():
    metric = SimpleNamespace(name="error_of_mine", _direction="up")
    callback = EarlyStopping("val_error_of_mine", patience=1)
    run(callback, [{"val_error_of_mine": 0.5}, {"val_error_of_mine": 0.6}], Model(metrics=[metric]))
    assert callback.best == 0.6


def test_auto_does_not_guess():
    with pytest.raises(
        ArgumentError, match=r"whether a high or a low 'beauty' is better.\nPass mode='max' or mode='min'"
    ):
        run(EarlyStopping("beauty"), [{"beauty": 1.0}, {"beauty": 2.0}])
    with pytest.raises(ArgumentError, match=r"Unknown mode of EarlyStopping 'mx'.\nDid you mean 'max'"):
        EarlyStopping(mode="mx")


PLATEAU = [
    {"patience": p, "factor": f, "min_delta": d, "cooldown": c, "min_lr": m}
    for p, f, d, c, m in itertools.product((0, 1, 2), (0.5, 0.1), (0.0, 0.1), (0, 1, 3), (0.0, 0.02))
]


@pytest.mark.parametrize("arguments", PLATEAU, ids=lambda a: "-".join(map(str, a.values())))
@pytest.mark.parametrize("mode", ["min", "max"])
def test_reduce_on_plateau_gives_the_rates_of_keras(arguments, mode):
    for seed in range(3):
        values = [v if mode == "min" else -v for v in curves(seed)]
        rate, optimizer = Variable(0.1), KerasOptimizer(0.1)
        models = Model(rate), SimpleNamespace(optimizer=optimizer, stop_training=False)
        callbacks = ReduceLROnPlateau(mode=mode, **arguments), keras.callbacks.ReduceLROnPlateau(mode=mode, **arguments)
        logs = [[{"val_loss": v} for v in values] for _ in callbacks]
        for callback, model, given in zip(callbacks, models, logs, strict=True):
            run(callback, given, model)
        ours, theirs = ([entry["learning_rate"] for entry in given] for given in logs)
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
        np.testing.assert_allclose(float(rate), optimizer.learning_rate, rtol=1e-6)
        assert len(set(ours)) > 1  # something was reduced at all


def test_reduce_on_plateau_speaks_and_refuses(capsys):
    run(ReduceLROnPlateau("loss", factor=0.5, patience=1, verbose=1), [{"loss": 1.0}] * 2, Model(Variable(0.5)))
    assert capsys.readouterr().out == "Epoch 2: ReduceLROnPlateau reducing learning rate to 0.25.\n"
    with pytest.raises(ArgumentError, match=r"factor: expected a number below 1, got 1.5"):
        ReduceLROnPlateau(factor=1.5)
    with pytest.raises(
        ArgumentError, match=r"Unknown argument of ReduceLROnPlateau 'pateince'.\nDid you mean 'patience'"
    ):
        ReduceLROnPlateau(pateince=3)
    schedule = SimpleNamespace()
    with pytest.raises(ArgumentError, match=r"cannot set the learning rate: expected an optimizer with a constant"):
        run(ReduceLROnPlateau("loss"), [{"loss": 1.0}], Model(schedule))
    with pytest.raises(StateError, match=r"Call model.compile first"):
        run(ReduceLROnPlateau("loss"), [{"loss": 1.0}], SimpleNamespace(optimizer=None))


def fixed(epoch):
    return 0.1 / (epoch + 1)


def following(epoch, rate):
    return rate * 0.5 if epoch else rate


def with_option(epoch, rate, scale=0.9):
    return np.float32(rate * scale)


@pytest.mark.parametrize("schedule", [fixed, following, with_option])
def test_scheduler_gives_the_rates_of_keras(schedule):
    ours, theirs = [{"loss": 1.0} for _ in range(5)], [{"loss": 1.0} for _ in range(5)]
    run(LearningRateScheduler(schedule), ours, Model(Variable(0.1)))
    run(
        keras.callbacks.LearningRateScheduler(schedule),
        theirs,
        SimpleNamespace(optimizer=KerasOptimizer(0.1), stop_training=False),
    )
    np.testing.assert_allclose([e["learning_rate"] for e in ours], [e["learning_rate"] for e in theirs], rtol=1e-6)


def test_scheduler_passes_on_a_type_error_of_the_schedule():
    def wrong(epoch, rate):
        return rate + "1"

    with pytest.raises(TypeError, match=r"unsupported operand"):
        run(LearningRateScheduler(wrong), [{}], Model(Variable(0.1)))


@pytest.mark.parametrize("given", [None, "0.1", True, [0.1, 0.2]])
def test_scheduler_wants_a_number(given):
    with pytest.raises(ArgumentError, match=r"expected a number as result, got"):
        run(LearningRateScheduler(lambda epoch: given), [{}], Model(Variable(0.1)))


def test_scheduler_wants_a_function():
    with pytest.raises(ArgumentError, match=r"LearningRateScheduler: expected a function, got 0.1"):
        LearningRateScheduler(0.1)


CHECKPOINTS = [
    {
        "save_freq": "epoch",
        "save_best_only": best,
        "save_weights_only": only,
        "mode": mode,
        "initial_value_threshold": start,
    }
    for best, only, mode, start in itertools.product((False, True), (False, True), ("min", "max", "auto"), (None, 0.9))
] + [{"save_freq": freq, "save_weights_only": only} for freq, only in itertools.product((1, 3, 5, 7), (False, True))]


@pytest.mark.parametrize("arguments", CHECKPOINTS, ids=lambda a: "-".join(map(str, a.values())))
def test_checkpoint_writes_the_files_of_keras(arguments, tmp_path):
    end = ".weights.h5" if arguments["save_weights_only"] else ".keras"
    batch = "" if arguments["save_freq"] == "epoch" else "-{batch}"
    path = tmp_path / ("new/{epoch:02d}" + batch + "-{val_loss:.2f}" + end)
    for seed in range(3):
        logs = [{"loss": 1.0, "val_loss": v} for v in curves(seed)]
        models = Model(), Model()
        for cls, model in zip((ModelCheckpoint, keras.callbacks.ModelCheckpoint), models, strict=True):
            run(cls(path, **arguments), logs, model, batches=5)
        assert models[0].saved == models[1].saved != []
    assert (tmp_path / "new").is_dir()


def test_checkpoint_fields_accept_any_spelling(tmp_path):
    model = Model()
    run(
        ModelCheckpoint(f"{tmp_path}/{{epoch}}-{{val_acc:.1f}}-{{lr}}.anything"),
        [{"val_accuracy": 0.5, "learning_rate": 0.1}],
        model,
    )
    assert model.saved == [("model", f"{tmp_path}/1-0.5-0.1.anything")]


def test_checkpoint_says_which_names_a_path_may_hold(tmp_path):
    with pytest.raises(
        ArgumentError, match=r"Unknown field in ModelCheckpoint's filepath 'val_los'.\nDid you mean 'loss'"
    ):
        run(ModelCheckpoint(tmp_path / "{val_los}.keras"), [{"loss": 1.0}])
    with pytest.raises(ArgumentError, match=r"has a bad field"):
        run(ModelCheckpoint(tmp_path / "{loss:q}.keras"), [{"loss": 1.0}])
    with pytest.raises(ArgumentError, match=r"filepath: expected a file, got the folder"):
        run(ModelCheckpoint(tmp_path), [{"loss": 1.0}])
    (tmp_path / "file").touch()
    with pytest.raises(
        NotADirectoryError, match=r"ModelCheckpoint cannot write into .*file/folder' \(Not a directory\)"
    ):
        ModelCheckpoint(tmp_path / "file" / "folder" / "m.keras").on_train_begin()
    with pytest.raises(ArgumentError, match=r"save_freq: expected 'epoch' or a number > 0, got 'batch'"):
        ModelCheckpoint("x", save_freq="batch")
    with pytest.raises(ArgumentError, match=r"saves every 5 batches, where 'val_loss' is not available"):
        ModelCheckpoint("x", save_freq=5, save_best_only=True)


def test_checkpoint_never_calls_nan_the_best(tmp_path):
    model = Model()
    values = [{"loss": v} for v in (float("nan"), 2.0, float("nan"), 1.0)]
    with pytest.warns(UserWarning, match=r"does not save after epoch [13], with loss nan; the previous file is kept"):
        run(ModelCheckpoint(f"{tmp_path}/{{epoch}}", "loss", save_best_only=True), values, model)
    assert [path[-1] for _, path in model.saved] == ["2", "4"]


def test_checkpoint_keeps_only_the_newest(tmp_path):
    model = Model()
    model.save = lambda path: open(path, "w").close()
    run(ModelCheckpoint(tmp_path / "{epoch}.keras", keep=2), [{"loss": 1.0}] * 4, model)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["3.keras", "4.keras"]


def test_checkpoint_speaks(tmp_path, capsys):
    run(
        ModelCheckpoint("m.keras", "loss", verbose=1, save_best_only=True),
        [{"loss": 1.0}, {"loss": 2.0}, {"loss": 0.5}],
    )
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 1: loss improved from None to 1.00000, saving model to m.keras",
        "Epoch 2: loss did not improve from 1.00000",
        "Epoch 3: loss improved from 1.00000 to 0.50000, saving model to m.keras",
    ]


LOGGED = [
    [
        {"loss": 0.5, "accuracy": 0.25, "val_loss": 1.5, "val_accuracy": 0.1},
        {"loss": 0.4, "accuracy": 0.5, "val_loss": 1, "val_accuracy": 1},
    ],
    [{"loss": 0.5}, {"loss": 0.25, "val_loss": 1.0}],
    [{"loss": 1e-9, "b": np.float32(0.1), "a": np.array(2.0), "many": np.array([1, 2])}],
]


@pytest.mark.parametrize("logs", LOGGED, ids=["validated", "late", "arrays"])
@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("append", [False, True])
def test_csv_is_written_as_by_keras(logs, separator, append, tmp_path):
    for cls, name in ((CSVLogger, "ours"), (keras.callbacks.CSVLogger, "theirs")):
        for _ in range(2):  # a second run appends, or starts again
            run(cls(tmp_path / name, separator=separator, append=append), logs)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_csv_does_not_mix_columns(tmp_path):
    run(CSVLogger(tmp_path / "log"), [{"loss": 1.0}])
    with pytest.raises(
        ArgumentError, match=r"cannot append .*expected columns \['epoch', 'loss', 'val_loss'\], got columns"
    ):
        run(CSVLogger(tmp_path / "log", append=True), [{"loss": 1.0, "acc": 0.5}])


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), np.float32("nan")])
def test_terminate_on_nan(loss, capsys):
    model = Model()
    assert run(TerminateOnNaN(), [{"loss": 1.0}, {"loss": loss}, {"loss": 1.0}], model, batches=2) == 1
    assert capsys.readouterr().out.startswith("Batch 0: Invalid loss, terminating training")
    with pytest.raises(StateError, match=r"Try a smaller learning rate"):
        run(TerminateOnNaN(raise_error=True), [{"loss": loss}], batches=1)


# The list and its events ---------------------------------------------------------------------------------------------


class Recorder(Callback):
    def __init__(self):
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(("epoch", epoch, dict(logs)))


class Batches(Recorder):
    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(("train", batch))

    def on_test_batch_begin(self, batch, logs=None):
        self.seen.append(("test", batch))


class OldBatches(Callback):
    def __init__(self):
        self.seen = []

    def on_batch_end(self, batch, logs=None):
        self.seen.append(batch)


def test_who_listens_to_batches():
    def heard(callback):
        return [kind for kind in ("train", "test", "predict") if listens_to_batches(callback, kind)]

    assert heard(Batches()) == ["train", "test"]
    assert heard(OldBatches()) == heard(TerminateOnNaN()) == ["train"]
    assert heard(LambdaCallback(on_predict_batch_end=print)) == ["predict"]
    assert heard(ModelCheckpoint("x", save_freq=3)) == ["train"]
    for silent in (
        Callback(),
        Recorder(),
        History(),
        Progress(),
        EarlyStopping(),
        ReduceLROnPlateau(),
        CSVLogger("x"),
        ModelCheckpoint("x"),
        LearningRateScheduler(fixed),
        LambdaCallback(on_epoch_end=print),
    ):
        assert heard(silent) == [], silent
    assert heard(CallbackList([Recorder(), OldBatches()])) == ["train"]
    assert CallbackList([Recorder(), Batches()]).listens("test")
    assert not CallbackList([Recorder()]).listens("train")


def test_list_passes_events_on():
    first, second, old = Recorder(), Batches(), OldBatches()
    model, calls = Model(), CallbackList([first, [second, (old,)]], params={"epochs": 2}, verbose=1)
    calls.set_model(model)
    assert first.model is old.model is model
    assert second.params == {"epochs": 2, "verbose": 1}
    calls.on_train_batch_end(3, {})
    calls.on_test_batch_begin(4, {})
    logs = Logs(loss=1.0)
    calls.on_epoch_end(0, logs)
    assert old.seen == [3]
    assert second.seen == [("train", 3), ("test", 4), ("epoch", 0, {"loss": 1.0})]
    assert first.seen == [("epoch", 0, {"loss": 1.0})]
    assert calls.last_logs == logs


def test_the_end_of_training_gets_the_logs_without_what_callbacks_added():
    seen = []
    add = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(mine=1.0))
    calls = CallbackList([add, LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(dict(logs)))])
    calls.on_epoch_end(0, Logs(loss=1.0))
    assert seen == [{"loss": 1.0, "mine": 1.0}]
    assert calls.last_logs == {"loss": 1.0}


def test_callbacks_share_one_dict_of_logs():
    def add(epoch, logs):
        logs["mine"] = 1

    history = History()
    calls = CallbackList([LambdaCallback(on_epoch_end=add), history], Model())
    calls.on_epoch_end(0, {"loss": 0.5})
    assert history.history == {"loss": [0.5], "mine": [1]}


def test_list_can_add_history_and_progress():
    names = [type(c).__name__ for c in CallbackList([Recorder()], add_history=True, add_progbar=True).callbacks]
    assert names == ["Recorder", "History", "Progress"]
    assert len(CallbackList(History(), add_history=True).callbacks) == 1


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ([EarlyStopping], r"got the class EarlyStopping.\nWrite EarlyStopping\(...\)"),
        ([print], r"expected objects of a Callback class, got .*\nWrap a function: LambdaCallback"),
        ([3], r"got 3 of builtins.int\.\nSubclass gazelle.callbacks.Callback"),
        (keras.callbacks.History(), "of keras.src.callbacks.history.History"),
    ],
    ids=["class", "function", "number", "stranger"],
)
def test_list_refuses_what_is_no_callback(given, text):
    with pytest.raises(ArgumentError, match=text):
        CallbackList(given)


def test_subclass_need_not_call_super():
    assert Recorder().params is None
    assert Recorder().model is None


def test_lambda_callback():
    seen = []
    callback = LambdaCallback(
        on_train_begin=lambda logs: seen.append("begin"), on_test_batch_end=lambda b, logs: seen.append(b)
    )
    calls = CallbackList([callback])
    calls.on_train_begin()
    calls.on_test_batch_end(2)
    calls.on_epoch_end(0)
    assert seen == ["begin", 2]
    with pytest.raises(
        ArgumentError, match=r"Unknown event of LambdaCallback 'on_epoch_ends'.\nDid you mean 'on_epoch_end'"
    ):
        LambdaCallback(on_epoch_ends=print)
    with pytest.raises(ArgumentError, match=r"on_epoch_end: expected a function, got 3"):
        LambdaCallback(on_epoch_end=3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: EarlyStopping("loss", patience=2, restore_best_weights=True),
        lambda: ReduceLROnPlateau("loss", patience=2, factor=0.5, cooldown=1),
    ],
    ids=["stopping", "plateau"],
)
@pytest.mark.parametrize("cut", [1, 3, 5])
def test_a_resumed_callback_decides_as_an_unbroken_one(make, cut):
    logs = [{"loss": v} for v in (1.0, 0.8, 0.9, 0.7, 0.75, 0.9, 0.9, 0.9, 0.9)]
    whole, model = make(), Model(Variable(0.1))
    last = run(whole, [dict(entry) for entry in logs], model)
    first, broken = make(), Model(Variable(0.1))
    first.set_model(broken)
    first.on_train_begin({})
    for epoch in range(cut):
        broken.weights = epoch
        first.on_epoch_end(epoch, dict(logs[epoch]))
    second = make()
    second.set_model(broken)
    second.on_train_begin({})
    second.restore(first.state())
    for epoch in range(cut, len(logs)):
        broken.weights = epoch
        second.on_epoch_end(epoch, dict(logs[epoch]))
        if broken.stop_training:
            break
    second.on_train_end({})
    assert (epoch, broken.weights, second.best) == (last, model.weights, whole.best)
    assert float(broken.optimizer.learning_rate) == float(model.optimizer.learning_rate)


# With the real loop --------------------------------------------------------------------------------------------------


@pytest.fixture
def small():
    from gazelle import layers
    from gazelle.models import Sequential

    model = Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
    return model, x, x.sum(1, keepdims=True)


def test_real_training_stops_and_gives_the_best_weights_back(small):
    model, x, y = small
    kept = []
    keep = LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append((logs["loss"], model.get_weights())))
    worse = LearningRateScheduler(lambda epoch: 0.1 if epoch < 2 else 1.5)  # from the third epoch on it diverges
    stop = EarlyStopping("loss", patience=2, restore_best_weights=True)
    history = model.fit(x, y, epochs=20, batch_size=4, callbacks=[worse, keep, stop], verbose=0)
    losses = [loss for loss, _ in kept]
    assert history.history["loss"] == losses
    assert len(losses) == int(np.argmin(losses)) + 3 < 20
    best = kept[int(np.argmin(losses))][1]
    for ours, wanted in zip(model.get_weights(), best, strict=True):
        np.testing.assert_array_equal(ours, wanted)


def test_real_training_tells_batches_to_those_who_listen(small):
    model, x, y = small
    listener = Batches()
    model.fit(x, y, epochs=2, batch_size=4, callbacks=[listener], validation_data=(x, y), verbose=0)
    heard = [event[:2] for event in listener.seen]
    epoch = [("train", 0), ("train", 1), ("train", 2), ("test", 0), ("test", 1), ("test", 2)]
    assert heard == [*epoch, ("epoch", 0), *epoch, ("epoch", 1)]
    assert set(listener.seen[6][2]) == {"loss", "mae", "val_loss", "val_mae"}


@pytest.mark.parametrize("target", [np.inf, 1e30])
def test_terminate_on_nan_decides_about_a_loss_that_is_not_finite(target, recwarn):
    model = gazelle.Sequential([gazelle.Input((1,)), gazelle.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 1)), np.full((4, 1), target)
    history = model.fit(x, y, epochs=3, batch_size=1, verbose=0, callbacks=[TerminateOnNaN()])
    assert history.history["loss"] == [np.inf]
    assert str(recwarn.pop(RuntimeWarning).message).startswith("The loss")
    with pytest.raises(StateError, match="The loss is inf at batch 0"):
        model.fit(x, y, batch_size=1, verbose=0, callbacks=[TerminateOnNaN(raise_error=True)])


@pytest.mark.parametrize(
    ("monitor", "mode", "name"), [("loss", "auto", "less"), ("acc", "auto", "greater"), ("loss", "max", "greater")]
)
def test_the_comparison_is_an_op(monitor, mode, name):
    assert gazelle.callbacks.EarlyStopping(monitor, mode=mode).monitor_op is getattr(gazelle.ops, name)
