"""Losses against Keras 3.15: values and gradients over arguments, reductions, weights and masks."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import oracle
import pytest
from deviations import same
from keras.src import backend
from keras.src.losses import ALL_OBJECTS_DICT

from gazelle import losses
from gazelle.core.masks import set_mask
from gazelle.core.registry import find

TOLERANCE = 2e-6


def numbers(rng, *shape):
    return rng.normal(size=shape), rng.normal(size=shape)


def positive(rng, *shape):
    return rng.uniform(0, 4, shape), rng.uniform(0.01, 4, shape)


def binary(rng, *shape):
    return rng.integers(0, 2, shape), rng.uniform(0, 1, shape)


def soft(rng, *shape):
    return rng.uniform(0, 1, shape), rng.uniform(0, 1, shape)


def signs(rng, *shape):
    return rng.integers(0, 2, shape) * 2 - 1, rng.normal(size=shape)


def decisions(rng, *shape):
    return rng.integers(0, 2, shape), rng.normal(size=shape)


def onehot(rng, *shape):
    return np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])], rng.uniform(0.05, 1, shape)


def onehot_logits(rng, *shape):
    return np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])], 3 * rng.normal(size=shape)


def classes(rng, *shape):
    return rng.integers(0, shape[-1], shape[:-1]), rng.uniform(0.05, 1, shape)


def classes_column(rng, *shape):
    return rng.integers(0, shape[-1], (*shape[:-1], 1)), rng.uniform(0.05, 1, shape)


def class_logits(rng, *shape):
    return rng.integers(0, shape[-1], shape[:-1]), 3 * rng.normal(size=shape)


CASES = [
    ("MeanSquaredError", {}, numbers),
    ("MeanAbsoluteError", {}, numbers),
    ("MeanAbsolutePercentageError", {}, positive),
    ("MeanSquaredLogarithmicError", {}, positive),
    ("MeanSquaredLogarithmicError", {}, numbers),
    ("CosineSimilarity", {}, numbers),
    ("Huber", {}, numbers),
    ("Huber", {"delta": 0.3}, numbers),
    ("LogCosh", {}, numbers),
    ("Poisson", {}, positive),
    ("KLDivergence", {}, soft),
    ("KLDivergence", {}, binary),
    ("Hinge", {}, signs),
    ("Hinge", {}, decisions),
    ("Hinge", {}, numbers),
    ("SquaredHinge", {}, signs),
    ("SquaredHinge", {}, decisions),
    ("CategoricalHinge", {}, onehot_logits),
    ("BinaryCrossentropy", {}, binary),
    ("BinaryCrossentropy", {}, soft),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, binary),
    ("BinaryCrossentropy", {"from_logits": True}, decisions),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, decisions),
    ("BinaryFocalCrossentropy", {}, binary),
    ("BinaryFocalCrossentropy", {"gamma": 3.0, "label_smoothing": 0.1}, binary),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.7}, binary),
    ("BinaryFocalCrossentropy", {"from_logits": True, "apply_class_balancing": True}, decisions),
    ("CategoricalCrossentropy", {}, onehot),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, onehot),
    ("CategoricalCrossentropy", {"from_logits": True}, onehot_logits),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.3}, onehot_logits),
    ("CategoricalFocalCrossentropy", {}, onehot),
    ("CategoricalFocalCrossentropy", {"alpha": 0.4, "gamma": 1.0, "label_smoothing": 0.1}, onehot),
    ("CategoricalFocalCrossentropy", {"from_logits": True}, onehot_logits),
    ("SparseCategoricalCrossentropy", {}, classes),
    ("SparseCategoricalCrossentropy", {}, classes_column),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, class_logits),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, classes),
    ("SparseCategoricalCrossentropy", {"ignore_class": 0, "from_logits": True}, class_logits),
    ("CategoricalGeneralizedCrossEntropy", {}, classes),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.8}, classes),
    ("Dice", {"axis": -1}, soft),
    ("Tversky", {"axis": -1, "alpha": 0.2, "beta": 0.7}, soft),
]
SETTINGS = [  # reduction, weights, mask
    ("sum_over_batch_size", None, None),
    ("mean", "each", None),
    ("sum", "each", "mask"),
    ("mean_with_sample_weight", "each", None),
    ("mean_with_sample_weight", "sample", "mask"),
    ("none", "sample", "mask"),
    (None, None, None),
    ("sum_over_batch_size", "sample", None),
    ("sum_over_batch_size", None, "mask"),
    ("mean", "each", "mask"),
]


def label(value):
    if isinstance(value, dict):
        return ",".join(f"{k}={v}" for k, v in value.items()) or "plain"
    if isinstance(value, (tuple, list)):
        return "x".join(map(str, value)) or "scalar"
    return getattr(value, "__name__", None) or str(value)


def close(ours, theirs, tolerance=TOLERANCE, kind="values"):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.dtype == theirs.dtype
    same(ours, theirs, tolerance, kind)


def both(ours, theirs, y_true, y_pred, weights=None, mask=None):
    """Value and gradient of the two losses must agree."""

    def run(loss, attach):
        def total(p):
            if mask is not None:
                attach(p, mask)
            value = loss(y_true, p, sample_weight=weights)
            return jnp.sum(value), value

        (_, value), gradient = jax.value_and_grad(total, has_aux=True)(jnp.asarray(y_pred, "float32"))
        return value, gradient

    with jax.numpy_rank_promotion("raise"):
        value, gradient = run(ours, set_mask)
    inputs = (y_true, y_pred, weights, mask)
    wanted, wanted_gradient = oracle.expected(lambda: run(theirs, backend.set_keras_mask), *inputs)
    close(value, wanted)
    close(gradient, wanted_gradient, kind="gradients")


@pytest.mark.parametrize("shape", [(6, 4), (3, 5, 4)], ids=label)
@pytest.mark.parametrize(("name", "kwargs", "data"), CASES, ids=label)
def test_loss(name, kwargs, data, shape):
    rng = np.random.default_rng(1)
    y_true, y_pred = data(rng, *shape)
    ours, theirs = getattr(losses, name), getattr(keras.losses, name)
    both(ours(**kwargs), theirs(**kwargs), y_true, y_pred)


@pytest.mark.parametrize("shape", [(6, 4), (3, 5, 4)], ids=label)
@pytest.mark.parametrize(("reduction", "weights", "mask"), SETTINGS, ids=label)
@pytest.mark.parametrize(
    ("name", "kwargs", "data"),
    [
        ("MeanSquaredError", {}, numbers),
        ("BinaryCrossentropy", {}, binary),
        ("CategoricalCrossentropy", {}, onehot),
        ("SparseCategoricalCrossentropy", {}, classes),
        ("SparseCategoricalCrossentropy", {"ignore_class": 1}, classes),
    ],
    ids=label,
)
def test_reduction_weights_and_mask(name, kwargs, data, reduction, weights, mask, shape):
    rng = np.random.default_rng(2)
    y_true, y_pred = data(rng, *shape)
    inner = shape[:-1]
    sizes = {None: None, "each": inner, "sample": (shape[0],) + (1,) * (len(inner) - 1)}
    given = None if weights is None else rng.uniform(0, 2, sizes[weights]).astype("float32")
    keep = None if mask is None else jnp.asarray(rng.integers(0, 2, inner).astype(bool))
    ours = getattr(losses, name)(reduction=reduction, **kwargs)
    theirs = getattr(keras.losses, name)(reduction=reduction, **kwargs)
    both(ours, theirs, y_true, y_pred, given, keep)


@pytest.mark.parametrize(
    ("true", "pred"),
    [((6,), (6,)), ((6,), (6, 1)), ((6, 1), (6,)), ((6, 1), (6, 1)), ((3, 5, 1), (3, 5)), ((3, 5), (3, 5, 1))],
    ids=label,
)
@pytest.mark.parametrize("name", ["MeanSquaredError", "BinaryCrossentropy", "Hinge", "Poisson", "Huber"])
def test_last_axis_of_one(name, true, pred):
    rng = np.random.default_rng(3)
    y_true, y_pred = rng.integers(0, 2, true), rng.uniform(0.1, 0.9, pred)
    both(getattr(losses, name)(), getattr(keras.losses, name)(), y_true, y_pred)


@pytest.mark.parametrize("mask", [[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1]], ids=label)
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
def test_masks_that_leave_none_one_or_all(mask, reduction):
    y_true, y_pred = numbers(np.random.default_rng(4), 4, 3)
    ours, theirs = losses.MeanSquaredError(reduction=reduction), keras.losses.MeanSquaredError(reduction=reduction)
    both(ours, theirs, y_true, y_pred, None, jnp.asarray(mask, bool))


@pytest.mark.parametrize("value", [0.0, 1.0, 1e-9, 1 - 1e-9])
@pytest.mark.parametrize("name", ["BinaryCrossentropy", "BinaryFocalCrossentropy", "KLDivergence", "Poisson"])
def test_certain_predictions(name, value):
    y_true, y_pred = np.array([[0.0, 1.0]]), np.full((1, 2), value)
    both(getattr(losses, name)(), getattr(keras.losses, name)(), y_true, y_pred)


@pytest.mark.parametrize("logit", [-200.0, -20.0, 20.0, 200.0])
@pytest.mark.parametrize(
    ("name", "y_true"),
    [
        ("BinaryCrossentropy", [[0.0, 1.0]]),
        ("CategoricalCrossentropy", [[0.0, 1.0]]),
        ("SparseCategoricalCrossentropy", [1]),
    ],
)
def test_large_logits(name, y_true, logit):
    y_pred = np.array([[logit, 0.0]])
    both(
        getattr(losses, name)(from_logits=True), getattr(keras.losses, name)(from_logits=True), np.array(y_true), y_pred
    )


@pytest.mark.parametrize("axis", [1, 2, -2, (1, 2), None], ids=str)
@pytest.mark.parametrize("name", ["Dice", "Tversky"])
def test_overlap_axis(name, axis):
    y_true, y_pred = soft(np.random.default_rng(5), 2, 3, 4)
    both(getattr(losses, name)(axis=axis), getattr(keras.losses, name)(axis=axis), y_true, y_pred)


@pytest.mark.parametrize("axis", [1, -2, 0])
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("BinaryCrossentropy", binary),
        ("CosineSimilarity", numbers),
        ("BinaryFocalCrossentropy", binary),
        ("CategoricalCrossentropy", onehot),
        ("CategoricalFocalCrossentropy", onehot),
    ],
    ids=label,
)
def test_axis(name, data, axis):
    y_true, y_pred = data(np.random.default_rng(6), 2, 3, 4)
    both(getattr(losses, name)(axis=axis), getattr(keras.losses, name)(axis=axis), y_true, y_pred)


@pytest.mark.parametrize("kwargs", [{}, {"gamma": 10.0, "margin": 0.2}, {"remove_diagonal": False}], ids=label)
@pytest.mark.parametrize("column", [False, True])
def test_circle(kwargs, column):
    rng = np.random.default_rng(7)
    y_pred = rng.normal(size=(8, 4))
    y_pred /= np.linalg.norm(y_pred, axis=1, keepdims=True)
    y_true = rng.integers(0, 3, (8, 1) if column else (8,))
    both(losses.Circle(**kwargs), keras.losses.Circle(**kwargs), y_true, y_pred)


@pytest.mark.parametrize("alpha", [0.25, [0.1, 0.2, 0.3, 0.4]], ids=str)
def test_focal_alpha_for_each_class(alpha):
    y_true, y_pred = onehot(np.random.default_rng(8), 6, 4)
    ours = losses.CategoricalFocalCrossentropy(alpha=alpha)
    both(ours, keras.losses.CategoricalFocalCrossentropy(alpha=alpha), y_true, y_pred)


@pytest.mark.parametrize(
    "rows", [[[1, 2, 3, 0], [1, 1, 2, 0]], [[2, 2, 2, 2], [3, 0, 0, 0]], [[0, 0, 0, 0], [1, 2, 1, 2]]], ids=str
)
@pytest.mark.parametrize("steps", [7, 9])
def test_ctc(rows, steps):
    y_pred = np.random.default_rng(14).normal(size=(2, steps, 5))
    both(losses.CTC(reduction="none"), keras.losses.CTC(reduction="none"), np.array(rows), y_pred)


FUNCTIONS = [
    ("mean_squared_error", numbers),
    ("mean_absolute_error", numbers),
    ("mean_absolute_percentage_error", positive),
    ("mean_squared_logarithmic_error", positive),
    ("cosine_similarity", numbers),
    ("huber", numbers),
    ("log_cosh", numbers),
    ("poisson", positive),
    ("kl_divergence", soft),
    ("hinge", signs),
    ("squared_hinge", signs),
    ("categorical_hinge", onehot_logits),
    ("binary_crossentropy", binary),
    ("categorical_crossentropy", onehot),
    ("sparse_categorical_crossentropy", classes),
    ("binary_focal_crossentropy", binary),
    ("categorical_focal_crossentropy", onehot),
    ("dice", soft),
    ("tversky", soft),
]


@pytest.mark.parametrize(("name", "data"), FUNCTIONS, ids=label)
def test_function_under_jit(name, data):
    y_true, y_pred = data(np.random.default_rng(9), 3, 2, 4)
    with jax.numpy_rank_promotion("raise"):
        ours = jax.jit(getattr(losses, name))(y_true, y_pred.astype("float32"))
    close(ours, getattr(keras.losses, name)(y_true, y_pred.astype("float32")))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("name", ["MeanSquaredError", "CategoricalCrossentropy"])
def test_dtype_of_the_computation(name, dtype):
    y_true, y_pred = onehot(np.random.default_rng(10), 6, 4)
    ours = getattr(losses, name)(dtype=dtype)(y_true, y_pred)
    theirs = getattr(keras.losses, name)(dtype=dtype)(y_true, y_pred)
    assert ours.dtype == theirs.dtype
    close(ours, theirs, {"float32": 2e-6, "float16": 2e-3, "bfloat16": 2e-2}[dtype])


@pytest.mark.parametrize("name", sorted(ALL_OBJECTS_DICT))
def test_names_of_keras(name):
    assert find(name, "losses").__name__ == ALL_OBJECTS_DICT[name].__name__


@pytest.mark.parametrize("name", sorted(n for n in dir(keras.losses) if n[0].isupper() and n != "Loss"))
def test_signature_and_config(name):
    import inspect

    ours, theirs = getattr(losses, name), getattr(keras.losses, name)
    wanted = [(p.name, p.default) for p in inspect.signature(theirs.__init__).parameters.values()]
    assert [(p.name, p.default) for p in inspect.signature(ours.__init__).parameters.values()] == wanted
    config = ours().get_config()
    assert theirs().get_config().items() <= config.items()
    again = losses.get(losses.serialize(ours()))
    assert type(again) is ours
    assert again.get_config() == config
    assert type(losses.get({"class_name": name, "config": theirs().get_config()})) is ours
