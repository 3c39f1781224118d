"""The list of callbacks: which events each one gets, and the logs in them."""

import keras
import pytest
from callback_runs import Model, X, Y, fit, made, small

from gazelle import callbacks
from gazelle.core.errors import ArgumentError
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
        LearningRateScheduler(lambda epoch: 0.1),
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


def test_real_training_tells_batches_to_those_who_listen():
    model, x, y = small()
    listener = Batches()
    model.fit(x, y, epochs=2, batch_size=4, callbacks=[listener], validation_data=(x, y), verbose=0)
    heard = [event[:2] for event in listener.seen]
    epoch = [("train", 0), ("train", 1), ("train", 2), ("test", 0), ("test", 1), ("test", 2)]
    assert heard == [*epoch, ("epoch", 0), *epoch, ("epoch", 1)]
    assert set(listener.seen[6][2]) == {"loss", "mae", "val_loss", "val_mae"}


@pytest.mark.parametrize("size", [2, 5])
def test_batch_events_are_reported_for_groups_of_steps(size):
    seen = []

    class Record(callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            seen.append(("train", batch))

        def on_train_batch_end(self, batch, logs=None):
            seen.append((batch, round(float(logs["loss"]), 5)))

        def on_test_batch_end(self, batch, logs=None):
            seen.append(("test", batch))

        def on_predict_batch_end(self, batch, logs=None):
            seen.append(("predict", batch, len(logs["outputs"])))

    model = made()
    losses = [log["loss"] for log in _batch_logs(model)]
    model = made()
    model.compile("sgd", "mse", steps_per_execution=size)
    model.optimizer.learning_rate = 0.1
    model.fit(X, Y, batch_size=8, shuffle=False, verbose=0, callbacks=[Record()])
    ends = {2: [1, 3], 5: [4]}[size]
    last = [losses[min(end, 2)] for end in ends]
    expected = [e for end, loss in zip(ends, last) for e in (("train", end + 1 - size), (end, round(loss, 5)))]
    assert seen == expected
    seen.clear()
    model.evaluate(X, Y, batch_size=8, verbose=0, callbacks=[Record()])
    model.predict(X, batch_size=8, verbose=0, callbacks=[Record()])
    counts = {2: [16, 8], 5: [24]}[size]
    assert seen == [*(("test", end) for end in ends), *(("predict", *pair) for pair in zip(ends, counts))]


def _batch_logs(model):
    logs = []
    each = callbacks.LambdaCallback(on_train_batch_end=lambda batch, found: logs.append(dict(found)))
    model.fit(X, Y, batch_size=8, shuffle=False, verbose=0, callbacks=[each])
    return logs


def test_a_metric_may_return_a_number():
    def constant(y_true, y_pred):
        return 3.0

    model = made()
    model.compile("sgd", "mse", metrics=[constant])
    assert model.evaluate(X, Y, verbose=0, return_dict=True)["constant"] == 3


def test_progbar_logger_shows_what_verbose_says():
    logger = callbacks.ProgbarLogger()
    fit(made(), [logger])
    assert logger.verbose == 0
