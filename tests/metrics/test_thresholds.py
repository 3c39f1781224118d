"""The attribute `thresholds` of metrics, as in Keras."""

import keras
import pytest

from gazelle import metrics


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Precision", {}),
        ("Precision", {"thresholds": 0.3}),
        ("Recall", {"top_k": 2}),
        ("Recall", {"thresholds": [0.1, 0.2]}),
        ("TruePositives", {}),
        ("SensitivityAtSpecificity", {"specificity": 0.5, "num_thresholds": 5}),
        ("PrecisionAtRecall", {"recall": 0.5, "num_thresholds": 1}),
    ],
)
def test_thresholds_are_those_that_count(name, arguments):
    ours, theirs = getattr(metrics, name)(**arguments), getattr(keras.metrics, name)(**arguments)
    assert ours.thresholds == theirs.thresholds
    assert ours.get_config().get("thresholds") == theirs.get_config().get("thresholds")
    assert type(ours).from_config(ours.get_config()).thresholds == theirs.thresholds
