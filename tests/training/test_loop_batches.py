"""Batches of every size, validation and the names of metrics in `fit`, `evaluate` and `predict`."""

import numpy as np
import pytest
from loops import RNG, X, Y, binary_crossentropy, fit, mlp, same

from gazelle import Input, ops
from gazelle.callbacks import LambdaCallback
from gazelle.layers import Lambda
from gazelle.models import Sequential, settings

# The short last batch -------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    "function", [ops.transpose, ops.sum, lambda x: ops.reshape(x, (-1, 2)), lambda x: ops.sum(x, axis=0)]
)
def test_predict_keeps_every_row_of_outputs_that_have_more_rows_than_there_are_samples(function):
    x = np.arange(12.0, dtype="float32").reshape(3, 4)
    model = Sequential([Input((4,)), Lambda(function)])
    np.testing.assert_array_equal(model.predict(x, verbose=0), function(x))
    parts = [np.asarray(function(part)) for part in (x[:2], x[2:])]
    if parts[0].shape[1:] == parts[1].shape[1:]:
        expected = np.concatenate(parts) if parts[0].ndim else np.stack(parts)
        np.testing.assert_array_equal(model.predict(x, batch_size=2, verbose=0), expected)


# Validation -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["default", "argument", "environment", "setting"])
def test_validation_split_takes_the_first_or_the_last_samples(how, monkeypatch):
    monkeypatch.setattr(settings, "_side", None)
    kwargs = {}
    if how == "argument":
        kwargs = {"validation_from": "end"}
    elif how == "environment":
        monkeypatch.setenv("GAZELLE_VALIDATION_FROM", "end")
    elif how == "setting":
        settings.set_validation_from("end")
    held, rest = (slice(0, 14), slice(14, 70)) if how == "default" else (slice(56, 70), slice(0, 56))
    model, by_hand = mlp(), mlp()
    run = fit(model, validation_split=0.2, **kwargs).history
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


# Names ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compiled", ["acc", "accuracy"])
def test_acc_and_accuracy_are_one_key(compiled):
    heard = []
    run = fit(
        mlp(metrics=[compiled]),
        validation_data=(X, Y),
        callbacks=[LambdaCallback(on_epoch_end=lambda e, logs: heard.append((logs["acc"], logs["val_accuracy"])))],
    ).history
    assert run["acc"] == run["accuracy"]
    assert run["val_acc"] == run["val_accuracy"]
    assert heard == [(run["acc"][0], run["val_acc"][0])]
    assert len(run) == 4
