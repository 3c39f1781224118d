"""Metrics against Keras 3.15: results after uneven batches with weights and masks; configs and signatures."""

import inspect
import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import oracle
import pytest
from deviations import same
from keras.src import backend
from keras.src.metrics import ALL_OBJECTS_DICT

from gazelle import losses, metrics
from gazelle.core.masks import set_mask
from gazelle.core.registry import find

BATCHES = (5, 5, 3)  # the last one is shorter, as in an epoch


def numbers(rng, *shape):
    return rng.normal(size=shape), rng.normal(size=shape)


def positive(rng, *shape):
    return rng.uniform(0, 4, shape), rng.uniform(0.01, 4, shape)


def whole(rng, *shape):
    return rng.integers(0, 3, shape), rng.integers(0, 3, shape)


def binary(rng, *shape):
    return rng.integers(0, 2, shape), rng.uniform(0, 1, shape)


def at_thresholds(rng, *shape):
    return rng.integers(0, 2, shape), rng.choice([0.0, 0.25, 0.5, 0.75, 1.0], shape)


def signs(rng, *shape):
    return rng.integers(0, 2, shape) * 2 - 1, rng.normal(size=shape)


def decisions(rng, *shape):
    return rng.integers(0, 2, shape), rng.normal(size=shape)


def onehot(rng, *shape):
    return np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])], rng.uniform(0.05, 1, shape)


def classes(rng, *shape):
    return rng.integers(0, shape[-1], shape[:-1]), rng.uniform(0.05, 1, shape)


def classes_column(rng, *shape):
    return rng.integers(0, shape[-1], (*shape[:-1], 1)), rng.uniform(0.05, 1, shape)


def ranked(rng, *shape):
    return rng.integers(0, shape[-1], shape[:-1]), rng.permuted(np.broadcast_to(np.arange(shape[-1]), shape), axis=-1)


#: Means of a function: every kind of weight and mask.
MEANS = [
    ("Accuracy", {}, whole),
    ("BinaryAccuracy", {}, binary),
    ("BinaryAccuracy", {"threshold": 0.3}, binary),
    ("BinaryAccuracy", {}, at_thresholds),
    ("CategoricalAccuracy", {}, onehot),
    ("SparseCategoricalAccuracy", {}, classes),
    ("SparseCategoricalAccuracy", {}, classes_column),
    ("TopKCategoricalAccuracy", {"k": 2}, onehot),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, classes),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, classes),
    ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, ranked),
    ("MeanSquaredError", {}, numbers),
    ("MeanAbsoluteError", {}, numbers),
    ("MeanAbsolutePercentageError", {}, positive),
    ("MeanSquaredLogarithmicError", {}, positive),
    ("LogCoshError", {}, numbers),
    ("CosineSimilarity", {}, numbers),
    ("PearsonCorrelation", {}, numbers),
    ("ConcordanceCorrelation", {}, numbers),
    ("BinaryCrossentropy", {}, binary),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, decisions),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, onehot),
    ("SparseCategoricalCrossentropy", {}, classes),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, classes_column),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, classes),
    ("KLDivergence", {}, binary),
    ("Poisson", {}, positive),
    ("Hinge", {}, signs),
    ("Hinge", {}, decisions),
    ("SquaredHinge", {}, signs),
    ("CategoricalHinge", {}, onehot),
]
#: Metrics of counts on (batch, k): Keras knows no masks here.
COUNTS = [
    *(
        (name, kwargs, data)
        for name in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives")
        for kwargs, data in (({}, binary), ({"thresholds": [0.2, 0.6]}, binary), ({"thresholds": 0.5}, at_thresholds))
    ),
    *(
        (name, kwargs, data)
        for name in ("Precision", "Recall")
        for kwargs, data in (
            ({}, binary),
            ({"thresholds": [0.0, 0.3, 0.9]}, binary),
            ({"top_k": 2}, binary),
            ({"class_id": 1}, binary),
            ({"top_k": 2, "class_id": 1}, onehot),
            ({"thresholds": [0.0, 0.5, 1.0]}, at_thresholds),
            ({"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, at_thresholds),
        )
    ),
    *(
        ("AUC", {"curve": curve, "summation_method": method, "num_thresholds": count}, data)
        for curve in ("ROC", "PR", "PRGAIN")
        for method in ("interpolation", "minoring", "majoring")
        for count, data in ((200, binary), (5, at_thresholds))
    ),
    ("AUC", {"thresholds": [0.1, 0.35, 0.8]}, binary),
    ("AUC", {"thresholds": [0.5]}, at_thresholds),
    ("AUC", {"from_logits": True, "num_thresholds": 50}, decisions),
    ("AUC", {"label_weights": [0.1, 0.5, 0.2, 0.9], "num_thresholds": 20}, binary),
    ("AUC", {"multi_label": True, "num_thresholds": 20}, binary),
    ("AUC", {"multi_label": True, "num_labels": 4, "curve": "PR", "num_thresholds": 20}, binary),
    ("AUC", {"multi_label": True, "label_weights": [0.1, 0.5, 0.2, 0.9], "num_thresholds": 20}, binary),
    *(
        ("SensitivityAtSpecificity", {"specificity": v, "num_thresholds": n}, binary)
        for v, n in ((0.5, 200), (0.9, 1), (0, 7))
    ),
    ("SensitivityAtSpecificity", {"specificity": 0.5, "num_thresholds": 5}, at_thresholds),
    ("SpecificityAtSensitivity", {"sensitivity": 0.6}, binary),
    ("PrecisionAtRecall", {"recall": 0.4}, binary),
    ("RecallAtPrecision", {"precision": 0.4}, binary),
    ("RecallAtPrecision", {"precision": 0.4, "class_id": 2}, binary),
    *(
        ("F1Score", {"average": a, "threshold": t}, binary)
        for a in (None, "micro", "macro", "weighted")
        for t in (None, 0.4)
    ),
    ("FBetaScore", {"average": "macro", "beta": 2.0, "threshold": 0.5}, binary),
    ("FBetaScore", {"average": "weighted", "beta": 0.5}, onehot),
    *(
        ("R2Score", {"class_aggregation": a, "num_regressors": p}, numbers)
        for a in (None, "uniform_average", "variance_weighted_average")
        for p in (0, 2)
    ),
    ("RootMeanSquaredError", {}, numbers),
]


def label(value):
    if isinstance(value, dict):
        return ",".join(f"{k}={v}" for k, v in value.items()) or "plain"
    if isinstance(value, (tuple, list)):
        return "x".join(map(str, value)) or "scalar"
    return getattr(value, "__name__", None) or str(value)


def close(ours, theirs, tolerance=5e-6):
    assert np.isfinite(theirs).all(), "the case says nothing"
    same(ours, theirs, tolerance)


def both(ours, theirs, data, shape, weights=None, mask=None):
    """Results after each of three batches, and again after a reset."""

    def run(metric, attach):
        rng, results = np.random.default_rng(7), []
        for _ in range(2):
            for batch in BATCHES:
                y_true, y_pred = data(rng, batch, *shape)
                inner = (batch, *shape[:-1])
                sizes = {"each": inner, "sample": (batch, *(1 for _ in shape[:-1])), "one": (batch,)}
                given = None if weights is None else rng.uniform(0, 2, sizes[weights]).astype("float32")
                keep = None if mask is None else jnp.asarray(rng.integers(0, 2, inner).astype(bool))
                y_pred = jnp.asarray(y_pred.astype("float32"))
                if keep is not None:
                    attach(y_pred, keep)
                metric.update_state(y_true, y_pred, sample_weight=given)
                results.append(metric.result())
            metric.reset_state()
        return results

    with jax.numpy_rank_promotion("raise"):
        values = run(ours, set_mask)
    wanted = oracle.expected(lambda: run(theirs, backend.set_keras_mask), shape, weights, mask)
    for value, other in zip(values, wanted, strict=True):
        close(value, other)


@pytest.mark.parametrize(("weights", "mask"), [(None, None), ("each", None), ("one", "mask")], ids=label)
@pytest.mark.parametrize(("name", "kwargs", "data"), MEANS, ids=label)
def test_mean_of_a_function(name, kwargs, data, weights, mask):
    both(
        getattr(metrics, name)(**kwargs),
        getattr(keras.metrics, name)(**kwargs),
        data,
        (4,),
        "each" if weights == "one" and name in ("Accuracy", "BinaryAccuracy") else weights,
        mask,
    )


@pytest.mark.parametrize(
    ("weights", "mask"), [(None, None), ("each", "mask"), ("one", None), ("sample", "mask"), (None, "mask")], ids=label
)
@pytest.mark.parametrize(
    ("name", "kwargs", "data"),
    [
        ("MeanSquaredError", {}, numbers),
        ("CategoricalAccuracy", {}, onehot),
        ("SparseCategoricalAccuracy", {}, classes),
        ("SparseTopKCategoricalAccuracy", {"k": 2}, classes),
        ("SparseCategoricalCrossentropy", {"ignore_class": 1}, classes),
        ("BinaryAccuracy", {}, binary),
    ],
    ids=label,
)
def test_mean_over_sequences(name, kwargs, data, weights, mask):
    if "ignore_class" in kwargs and weights == "one":
        weights = "sample"  # Keras multiplies (batch,) with (batch, steps) and fails
    both(getattr(metrics, name)(**kwargs), getattr(keras.metrics, name)(**kwargs), data, (3, 4), weights, mask)


@pytest.mark.parametrize("weights", [None, "one"])
@pytest.mark.parametrize(("name", "kwargs", "data"), COUNTS, ids=label)
def test_counts(name, kwargs, data, weights):
    if name == "AUC" and kwargs.get("multi_label") and weights:
        weights = "sample"
    both(getattr(metrics, name)(**kwargs), getattr(keras.metrics, name)(**kwargs), data, (4,), weights)


@pytest.mark.parametrize("weights", [None, "one"])
@pytest.mark.parametrize(
    "name", ["Precision", "Recall", "AUC", "TruePositives", "RootMeanSquaredError", "BinaryAccuracy"]
)
@pytest.mark.parametrize("shape", [(), (1,)], ids=label)
def test_one_column(name, shape, weights):
    both(getattr(metrics, name)(), getattr(keras.metrics, name)(), binary, shape, weights)


def columns(rng, *shape):
    y_true, y_pred = classes(rng, *shape)
    return y_true, np.argmax(y_pred, axis=-1)


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64")  # Keras asks for it
@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize(
    ("name", "kwargs", "data"),
    [
        ("IoU", {"num_classes": 4, "target_class_ids": [0, 2]}, columns),
        ("IoU", {"num_classes": 4, "target_class_ids": [1], "ignore_class": 0, "dtype": "float32"}, columns),
        ("IoU", {"num_classes": 4, "target_class_ids": [1, 3], "sparse_y_pred": False}, classes),
        ("MeanIoU", {"num_classes": 4}, columns),
        ("MeanIoU", {"num_classes": 9, "ignore_class": 2}, columns),
        ("OneHotIoU", {"num_classes": 4, "target_class_ids": [0, 3]}, onehot),
        ("OneHotMeanIoU", {"num_classes": 4}, onehot),
        ("BinaryIoU", {}, binary),
        ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.3}, at_thresholds),
    ],
    ids=label,
)
def test_iou(name, kwargs, data, weights):
    rng = np.random.default_rng(11)
    ours, theirs = getattr(metrics, name)(**kwargs), getattr(keras.metrics, name)(**kwargs)
    for batch in BATCHES:
        y_true, y_pred = data(rng, batch, 3, 4)
        given = (
            rng.integers(0, 3, np.argmax(y_true, -1).shape if "OneHot" in name else y_true.shape) if weights else None
        )
        with jax.numpy_rank_promotion("raise"):
            ours.update_state(y_true, y_pred, sample_weight=given)
            value = ours.result()
        theirs.update_state(y_true, y_pred, sample_weight=given)
        close(value, theirs.result())


@pytest.mark.parametrize("name", ["Mean", "Sum"])
@pytest.mark.parametrize(
    ("values", "weights"),
    [
        ((), None),
        ((4,), None),
        ((4,), (4,)),
        ((4, 3), (4,)),
        ((4, 3), (4, 3)),
        ((4, 3), (4, 1)),
        ((4, 3, 2), (4, 3)),
        ((4, 3, 2), None),
        ((4, 1), (4,)),
        ((4,), (4, 1)),
    ],
    ids=label,
)
def test_reductions(name, values, weights):
    rng = np.random.default_rng(12)
    ours, theirs = getattr(metrics, name)(), getattr(keras.metrics, name)()
    for _ in BATCHES:
        v = rng.normal(size=values).astype("float32")
        w = None if weights is None else rng.uniform(0, 2, weights).astype("float32")
        with jax.numpy_rank_promotion("raise"):
            ours.update_state(v, w)
        theirs.update_state(v, w)
        close(ours.result(), theirs.result())


def squares(y_true, y_pred, factor=1.0):
    return factor * jnp.mean((y_true - y_pred) ** 2, axis=-1)


@pytest.mark.parametrize("weights", [None, "each"])
@pytest.mark.parametrize("kwargs", [{}, {"factor": 3.0}], ids=label)
def test_function_of_the_user(kwargs, weights):
    both(
        metrics.MeanMetricWrapper(squares, name="squares", **kwargs),
        keras.metrics.MeanMetricWrapper(squares, name="squares", **kwargs),
        numbers,
        (4,),
        weights,
    )


def test_a_loss_as_metric_counts_samples_not_batches():
    metric = metrics.MeanMetricWrapper(losses.MeanSquaredError())
    metric.update_state(np.zeros((3, 1)), np.ones((3, 1)))
    metric.update_state(np.zeros((1, 1)), 3 * np.ones((1, 1)))
    assert float(metric.result()) == 3.0  # (1 + 1 + 1 + 9) / 4


REQUIRED = {
    "MeanMetricWrapper": (squares,),
    "IoU": (4, [1]),
    "MeanIoU": (4,),
    "OneHotIoU": (4, [1]),
    "OneHotMeanIoU": (4,),
    "SensitivityAtSpecificity": (0.5,),
    "SpecificityAtSensitivity": (0.5,),
    "PrecisionAtRecall": (0.5,),
    "RecallAtPrecision": (0.5,),
}
CLASSES = sorted(n for n in dir(keras.metrics) if n[0].isupper() and n != "Metric")


@pytest.mark.parametrize("name", CLASSES)
def test_signature_config_and_direction(name):
    ours, theirs = getattr(metrics, name), getattr(keras.metrics, name)
    wanted = [(p.name, p.default) for p in inspect.signature(theirs.__init__).parameters.values()]
    assert [(p.name, p.default) for p in inspect.signature(ours.__init__).parameters.values()] == wanted
    one, other = ours(*REQUIRED.get(name, ()), name="m"), theirs(*REQUIRED.get(name, ()), name="m")
    config = one.get_config()
    if name != "MeanMetricWrapper":
        told = json.loads(json.dumps(other.get_config()))
        assert {key: json.loads(json.dumps(config))[key] for key in told} == told
        again = metrics.get(metrics.serialize(one))
        assert type(again) is ours
        assert json.dumps(again.get_config()) == json.dumps(config)
        assert type(metrics.get({"class_name": name, "config": other.get_config()})) is ours
    theirs_way = getattr(other, "_direction", None)
    assert theirs_way is None or one._direction == theirs_way


@pytest.mark.parametrize("name", sorted(ALL_OBJECTS_DICT))
def test_names_of_keras(name):
    assert find(name, "metrics").__name__ == ALL_OBJECTS_DICT[name].__name__


@pytest.mark.parametrize(
    "name", ["MeanSquaredError", "Precision", "AUC", "F1Score", "R2Score", "SparseCategoricalAccuracy"]
)
def test_stateless_and_compiled(name):
    """The same numbers come from pure functions under jit; the metric itself stays as it was."""
    ours, theirs = getattr(metrics, name)(), getattr(keras.metrics, name)()
    data = classes if name == "SparseCategoricalAccuracy" else onehot
    ours._build((None, 4), (None, 4))
    state = ours.stateless_reset_state()
    update = jax.jit(ours.stateless_update_state)
    rng = np.random.default_rng(13)
    for batch in (4, 4):
        y_true, y_pred = data(rng, batch, 4)
        state = update(state, y_true, y_pred.astype("float32"))
        theirs.update_state(y_true, y_pred.astype("float32"))
    close(jax.jit(ours.stateless_result)(state), theirs.result())
    assert all(not np.any(v.numpy()) for v in ours.variables)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sums_of_half_precision_go_on_counting(dtype):
    metric = metrics.BinaryAccuracy(dtype=dtype)
    for _ in range(8):
        metric.update_state(np.ones((1000, 1)), np.ones((1000, 1)))
    assert float(metric.count) == 8000
    assert float(metric.result()) == 1.0
