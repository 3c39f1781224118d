"""Losses with `from_logits=True`: metrics are for logits too, and a second sigmoid or softmax is reported."""

import functools
import warnings

import numpy as np
import pytest

import gazelle
from gazelle import layers, losses, metrics

X = np.array([[-2.0], [-0.4], [0.3], [0.4], [2.0], [3.0]], np.float32)  # logits: the model returns them
Y = np.array([0, 1, 1, 0, 1, 0], np.float32)[:, None]
LOGITS = losses.BinaryCrossentropy(from_logits=True)


def _evaluate(metric, loss=LOGITS, y=Y):
    model = gazelle.Sequential([gazelle.Input((1,)), layers.Identity()])
    model.compile("sgd", loss, metrics=[metric])
    return model.evaluate(X, y, verbose=0, return_dict=True)


@pytest.mark.parametrize("loss", [LOGITS, functools.partial(losses.binary_crossentropy, from_logits=True)])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", 0.5),
        ("binary_accuracy", 0.5),
        (metrics.BinaryAccuracy, 0.5),
        ("Precision", 0.5),
        ("Recall", 2 / 3),
        ("AUC", metrics.AUC()(Y, 1 / (1 + np.exp(-X)))),
        ("binary_crossentropy", losses.binary_crossentropy(Y, X, from_logits=True).mean()),
        ("crossentropy", losses.binary_crossentropy(Y, X, from_logits=True).mean()),
        ("mse", np.mean((X - Y) ** 2)),
    ],
)
def test_metrics_by_name_are_for_logits(name, expected, loss):
    logs = _evaluate(name, loss)
    assert logs[list(logs)[1]] == pytest.approx(float(expected), abs=1e-6)
    if isinstance(name, str):
        assert list(logs)[1] == name


@pytest.mark.parametrize(
    ("metric", "fix"),
    [
        (metrics.BinaryAccuracy(), r"BinaryAccuracy\(threshold=0.0\)"),
        (metrics.Precision(), r"Precision\(thresholds=0.0\)"),
        (metrics.AUC(), r"AUC\(from_logits=True\)"),
        (metrics.BinaryCrossentropy(), r"BinaryCrossentropy\(from_logits=True\)"),
    ],
)
def test_metrics_of_the_user_for_probabilities_are_reported(metric, fix):
    with pytest.warns(UserWarning, match=f"from_logits=True.*\n.*{fix}"):
        _evaluate(metric)


@pytest.mark.parametrize(
    "metric", [metrics.BinaryAccuracy(threshold=0.0), metrics.AUC(from_logits=True), metrics.Precision(thresholds=0.0)]
)
def test_metrics_of_the_user_for_logits_are_not(metric):
    _evaluate(metric)


def test_class_numbers():
    model = gazelle.Sequential([gazelle.Input((1,)), layers.Dense(3)])
    model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy", "crossentropy"])
    logs = model.evaluate(X, np.array([0, 1, 2, 0, 1, 2]), verbose=0, return_dict=True)
    assert logs["crossentropy"] == pytest.approx(logs["loss"])


@pytest.mark.parametrize(
    "last", [[layers.Dense(1, activation="sigmoid")], [layers.Dense(1), layers.Activation("sigmoid")]]
)
def test_a_second_sigmoid_is_reported(last):
    model = gazelle.Sequential([gazelle.Input((1,)), *last])
    model.compile("sgd", LOGITS)
    with pytest.warns(
        UserWarning, match=f"Output '{last[-1].name}' ends in sigmoid, but its loss has from_logits=True"
    ):
        model.evaluate(X, Y, verbose=0)


def test_a_second_softmax_is_reported():
    model = gazelle.Sequential([gazelle.Input((1,)), layers.Dense(3), layers.Softmax()])
    model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.warns(UserWarning, match="ends in softmax"):
        model.evaluate(X, np.zeros(6, int), verbose=0)


def test_a_metric_with_the_name_of_the_loss_gets_another():
    with pytest.warns(UserWarning, match="A metric named 'loss'.*\n.*'loss_1' in the logs"):
        logs = _evaluate(metrics.MeanSquaredError(name="loss"))
    assert logs["loss"] == pytest.approx(float(losses.binary_crossentropy(Y, X, from_logits=True).mean()), rel=1e-5)
    assert logs["loss_1"] == pytest.approx(float(np.mean((X - Y) ** 2)), rel=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(_evaluate(metrics.MeanSquaredError(name="my_loss"))) == ["loss", "my_loss"]
