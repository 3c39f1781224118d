"""ReduceLROnPlateau and LearningRateScheduler: the same rates as Keras 3.15."""

import itertools
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from callback_runs import KerasOptimizer, Model, curves, fit, made, run

import gazelle
from gazelle import callbacks
from gazelle.core.errors import ArgumentError, StateError
from gazelle.core.variable import Variable
from gazelle.optimizers import SGD
from gazelle.optimizers.schedules import ExponentialDecay
from gazelle.training.callbacks import (
    LearningRateScheduler,
    ReduceLROnPlateau,
)

PLATEAU = [
    {"patience": p, "factor": f, "min_delta": d, "cooldown": c, "min_lr": m}
    for p, f, d, c, m in itertools.product((0, 1, 1.5), (0.5, 0.1), (0.0, 0.1), (0, 1, 2.5), (0.0, 0.02))
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


def test_reduce_on_plateau_names_the_schedule_before_the_first_epoch():
    callback = ReduceLROnPlateau("loss")
    callback.set_model(SimpleNamespace(optimizer=SGD(ExponentialDecay(0.1, 2, 0.5))))
    with pytest.raises(ArgumentError, match=r"got one with the schedule ExponentialDecay.\nUse either the schedule"):
        callback.on_train_begin()


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


def test_rates_of_several_optimizers_are_changed_together():
    o = gazelle.optimizers
    model = made(o.MultiOptimizer(o.OptimizerMap(o.SGD(0.1), {".*b/.*": o.Adam(0.01)})))
    halve = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    reduce = callbacks.ReduceLROnPlateau("loss", factor=0.1, patience=1, min_delta=100.0, min_lr=0.004)
    history = fit(model, [halve, reduce]).history
    assert history["learning_rate_sgd"] == pytest.approx([0.05, 0.025])
    assert history["learning_rate_adam"] == pytest.approx([0.005, 0.0025])
    assert [float(each.learning_rate) for each in model.optimizer.optimizers] == pytest.approx([0.0025, 0.004])
