"""EarlyStopping and the values that callbacks monitor: the same decisions as Keras 3.15 for the same logs."""

import itertools
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from callback_runs import Model, curves, run, small

import gazelle
from gazelle.core.errors import ArgumentError
from gazelle.core.variable import Variable
from gazelle.training.callbacks import (
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
)

STOPPING = [
    {"patience": p, "min_delta": d, "baseline": b, "mode": m, "start_from_epoch": s, "restore_best_weights": r}
    for p, d, b, m, s, r in itertools.product(
        (0, 1, 2.5), (0, 0.1), (None, 0.8), ("min", "max", "auto"), (0, 1.5), (False, True)
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


def test_real_training_stops_and_gives_the_best_weights_back():
    model, x, y = small()
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


@pytest.mark.parametrize(
    ("monitor", "mode", "name"), [("loss", "auto", "less"), ("acc", "auto", "greater"), ("loss", "max", "greater")]
)
def test_the_comparison_is_an_op(monitor, mode, name):
    assert gazelle.callbacks.EarlyStopping(monitor, mode=mode).monitor_op is getattr(gazelle.ops, name)
