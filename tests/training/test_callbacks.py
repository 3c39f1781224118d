"""Callbacks that stop at NaN or call functions, and the decisions of all after a resumed training."""

import numpy as np
import pytest
from callback_runs import Model, run

import gazelle
from gazelle.core.errors import ArgumentError, StateError
from gazelle.core.variable import Variable
from gazelle.training.callbacks import (
    CallbackList,
    EarlyStopping,
    LambdaCallback,
    ReduceLROnPlateau,
    TerminateOnNaN,
)


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), np.float32("nan")])
def test_terminate_on_nan(loss, capsys):
    model = Model()
    assert run(TerminateOnNaN(), [{"loss": 1.0}, {"loss": loss}, {"loss": 1.0}], model, batches=2) == 1
    assert capsys.readouterr().out.startswith("Batch 0: Invalid loss, terminating training")
    with pytest.raises(StateError, match=r"Try a smaller learning rate"):
        run(TerminateOnNaN(raise_error=True), [{"loss": loss}], batches=1)


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
