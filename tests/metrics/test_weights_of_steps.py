"""Weights of samples and of time steps in metrics of outputs with one unit per step."""

from __future__ import annotations

import numpy as np
import pytest

from gazelle import metrics

N, STEPS = 4, 3
Y = (np.arange(N * STEPS) % 3 == 0).astype("float32").reshape(N, STEPS, 1)
P = (np.arange(N * STEPS) * 7 % 12 / 12).astype("float32").reshape(N, STEPS, 1)
OF_STEPS = (np.arange(N * STEPS) * 5 % 4).astype("float32").reshape(N, STEPS)
OF_SAMPLES = OF_STEPS[:, 0]
METRICS = {
    "precision": metrics.Precision,
    "recall of several thresholds": lambda: metrics.Recall(thresholds=[0.2, 0.7]),
    "precision of a class": lambda: metrics.Precision(class_id=0),
    "precision of the first": lambda: metrics.Precision(top_k=1),
    "positives": metrics.TruePositives,
    "auc": metrics.AUC,
    "auc of some thresholds": lambda: metrics.AUC(thresholds=[0.2, 0.7]),
    "sensitivity": lambda: metrics.SensitivityAtSpecificity(0.5),
    "iou": lambda: metrics.BinaryIoU(dtype="float32"),
    "accuracy": metrics.BinaryAccuracy,
    "error": metrics.MeanSquaredError,
    "root": metrics.RootMeanSquaredError,
}


def result(name: str, weights: np.ndarray) -> np.ndarray:
    metric = METRICS[name]()
    metric.update_state(Y, P, sample_weight=weights)
    return np.asarray(metric.result())


@pytest.mark.parametrize("name", METRICS)
def test_weights_of_steps_and_of_samples_are_those_of_each_value(name):
    np.testing.assert_allclose(result(name, OF_STEPS), result(name, OF_STEPS[..., None]), rtol=1e-6)
    repeated = np.repeat(OF_SAMPLES[:, None], STEPS, axis=1)[..., None]
    np.testing.assert_allclose(result(name, OF_SAMPLES), result(name, repeated), rtol=1e-6)
