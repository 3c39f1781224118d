"""Targets of wrong shapes are errors with a fix and are never broadcast; labels out of range are reported by row."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gazelle import losses, metrics
from gazelle.core.errors import ArgumentError, DataError, ShapeError
from gazelle.core.masks import set_mask
from gazelle.core.symbolic import KerasTensor
from gazelle.losses.base import as_loss
from gazelle.losses.label_values import check_labels
from gazelle.losses.target_shapes import TARGETS, check_shapes, family

SAME = [
    "mse",
    "mae",
    "mape",
    "msle",
    "huber",
    "log_cosh",
    "cosine_similarity",
    "poisson",
    "kl_divergence",
    "hinge",
    "squared_hinge",
    "categorical_hinge",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "dice",
    "tversky",
]
CLASSES = "For class indices use loss='sparse_categorical_crossentropy', or to_categorical(y, 3)."
ONE_UNIT = "Dense(1, activation='sigmoid') with loss='binary_crossentropy'"
WRONG = [  # loss, y, y_pred, what the message must say
    ("mse", (4,), (4, 3), CLASSES),
    ("mse", (4, 1), (4, 3), CLASSES),
    ("mse", (3,), (3, 3), CLASSES),
    ("mse", (1, 5), (1, 1), "y has 5 values per sample, the last layer gives 1: end the model in Dense(5)."),
    ("mse", (4, 2), (4, 3), "y has 2 values per sample, the last layer gives 3: end the model in Dense(2)."),
    ("mse", (5, 2), (4, 2), "y needs one row for each row of x."),
    ("mse", (1, 2), (4, 2), "y needs one row for each row of x."),
    ("mse", (4, 1), (4, 7, 1), "return_sequences=False"),
    ("mse", (4,), (4, 7, 1), "return_sequences=False"),
    ("mse", (4, 1), (4, 7, 3), "return_sequences=False"),
    ("mse", (4, 7, 2), (4, 2), "Reshape y"),
    ("binary_crossentropy", (4,), (4, 3), CLASSES),
    ("binary_crossentropy", (4, 2), (4, 1), "end the model in Dense(2)"),
    ("categorical_crossentropy", (4,), (4, 3), CLASSES),
    ("categorical_crossentropy", (4, 1), (4, 3), CLASSES),
    ("categorical_crossentropy", (4, 4), (4, 3), "end the model in Dense(4)"),
    ("categorical_crossentropy", (4, 1), (4, 1), ONE_UNIT),
    ("sparse_categorical_crossentropy", (4,), (4, 1), ONE_UNIT),
    ("sparse_categorical_crossentropy", (4, 1), (4, 1), ONE_UNIT),
    ("sparse_categorical_crossentropy", (4, 3), (4, 3), "loss='categorical_crossentropy', or np.argmax(y, axis=-1)"),
    ("sparse_categorical_crossentropy", (4, 2), (4, 3), "np.argmax(y, axis=-1) and Dense(2)"),
    ("sparse_categorical_crossentropy", (5,), (4, 3), "one row for each row of x"),
    ("sparse_categorical_crossentropy", (4,), (4, 7, 3), "return_sequences=False"),
    ("crossentropy", (4, 2), (4, 3), "end the model in Dense(2)"),
    ("circle", (4, 2), (4, 3), "expected y of shape (4,)"),
]


@pytest.mark.parametrize(("name", "true", "pred", "hint"), WRONG, ids=str)
def test_a_misfit_is_told_with_loss_shapes_and_mend(name, true, pred, hint):
    loss = as_loss(name)
    with pytest.raises(ShapeError) as caught:
        loss(np.zeros(true), np.zeros(pred))
    text = str(caught.value)
    assert text.startswith(f"Loss '{name}'")
    assert f"y of shape {true}" in text
    assert f"y_pred of shape {pred}" in text
    assert hint in text


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize(("true", "pred"), [((4,), (4, 3)), ((4, 1), (4, 3)), ((1, 3), (4, 3)), ((4, 2), (4, 3))])
def test_no_function_broadcasts(name, true, pred):
    with pytest.raises(ShapeError, match=re.escape(f"Loss '{losses.get(name).__name__}'")):
        losses.get(name)(np.ones(true), np.ones(pred))


@pytest.mark.parametrize("name", ["mse", "categorical_crossentropy", "sparse_categorical_crossentropy"])
def test_tracers_and_symbolic_tensors_are_checked_too(name):
    loss = as_loss(name)
    with pytest.raises(ShapeError, match=name):
        jax.eval_shape(loss, jnp.zeros((4, 2)), jnp.zeros((4, 3)))
    with pytest.raises(ShapeError, match=re.escape("(None, 3)")):
        check_shapes(loss, KerasTensor((None, 2)), KerasTensor((None, 3)))


def test_unknown_sizes_fit_every_size():
    check_shapes(losses.get("mse"), KerasTensor((None, 3)), KerasTensor((8, 3)))
    check_shapes(losses.get("mse"), KerasTensor((None,)), KerasTensor((None, 1)))
    check_shapes(losses.get("sparse_categorical_crossentropy"), KerasTensor((8,)), KerasTensor((None, 3)))


def test_the_class_axis_may_be_another():
    y, p = np.zeros((2, 5, 5), int), np.full((2, 3, 5, 5), 1 / 3)
    loss = losses.SparseCategoricalCrossentropy(axis=1)
    assert float(loss(y, p)) == pytest.approx(np.log(3))
    assert float(loss(y[:, None], p)) == pytest.approx(np.log(3))
    with pytest.raises(ShapeError, match=re.escape("expected y of shape (2, 5, 5)")):
        loss(np.zeros((2, 3, 5), int), p)


def test_a_number_may_stand_for_all_targets():
    assert float(losses.get("mse")(0.0, np.ones((2, 3)))[0]) == 1.0


def test_a_function_of_the_user_is_not_checked():
    loss = as_loss(lambda y, p: jnp.mean(jnp.square(p - y[:, :1]), axis=-1))
    assert float(loss(np.zeros((2, 5)), np.ones((2, 3)))) == 1.0


@pytest.mark.parametrize(
    "metric",
    [
        metrics.BinaryAccuracy(),
        metrics.MeanSquaredError(),
        metrics.Accuracy(),
        metrics.RootMeanSquaredError(),
        metrics.Precision(name="precision"),
        metrics.AUC(name="auc"),
        metrics.F1Score(),
        metrics.R2Score(),
        metrics.CategoricalAccuracy(),
        metrics.TopKCategoricalAccuracy(),
        metrics.CosineSimilarity(),
    ],
    ids=lambda m: m.name,
)
@pytest.mark.parametrize(("true", "pred"), [((4,), (4, 3)), ((4, 1), (4, 3)), ((4, 2), (4, 3)), ((3, 3), (4, 3))])
def test_no_metric_broadcasts(metric, true, pred):
    with pytest.raises(ShapeError, match=f"Metric '{metric.name}' cannot compare"):
        metric.update_state(np.ones(true), np.ones(pred))


@pytest.mark.parametrize("true", [(4, 3), (4, 2), (5,)])
def test_sparse_accuracy_needs_class_numbers(true):
    with pytest.raises(ShapeError, match="Metric 'sparse_categorical_accuracy'"):
        metrics.SparseCategoricalAccuracy().update_state(np.zeros(true), np.ones((4, 3)))


@pytest.mark.parametrize("weights", [(3,), (4, 2), (4, 3, 1)], ids=str)
def test_weights_do_not_broadcast(weights):
    with pytest.raises(ShapeError, match="sample_weight of 'mse'"):
        as_loss("mse")(np.zeros((4, 5, 2)), np.zeros((4, 5, 2)), np.ones(weights))


@pytest.mark.parametrize("keepdims", [True, False])
def test_every_weight_multiplies_the_one_value_of_a_batch(keepdims):
    """Critics of GANs average over the samples and have weights of 1: mean(y_true * y_pred, axis=0) is (1,)."""

    def wasserstein(y_true, y_pred):
        return jnp.mean(y_true * y_pred, axis=0 if keepdims else None)

    y, p, weights = np.ones((4, 1)), np.arange(4.0)[:, None], np.array([1.0, 2.0, 0.0, 3.0])
    assert float(as_loss(wasserstein)(y, p, weights)) == pytest.approx(1.5 * 1.5)


def test_a_weight_for_each_sample_holds_for_all_steps():
    """Keras fails here, or multiplies along the wrong axis where steps and samples are equally many."""
    y, p = np.zeros((3, 3, 2)), np.arange(18.0).reshape(3, 3, 2)
    wanted = np.mean(np.mean(p**2, axis=-1) * np.array([[1.0], [2.0], [0.0]]))
    assert float(losses.MeanSquaredError()(y, p, np.array([1.0, 2.0, 0.0]))) == pytest.approx(wanted)


def test_a_mask_for_each_step_of_one_unit():
    """y (n, t), y_pred (n, t, 1), mask (n, t): Keras averages over the steps before the mask can leave some out."""
    p = jnp.array([[[1.0], [5.0]], [[2.0], [3.0]]])
    mask = jnp.array([[True, False], [True, True]])
    set_mask(p, mask)
    assert float(losses.MeanSquaredError()(np.zeros((2, 2)), p)) == pytest.approx((1 + 4 + 9) / 3)
    assert float(metrics.MeanSquaredError()(np.zeros((2, 2)), p)) == pytest.approx(
        ((1 / 2) + (4 + 9) / 2) / (1 / 2 + 1)
    )


def test_labels_of_bytes_do_not_wrap():
    y = np.array([[1], [0]], "uint8")
    assert float(as_loss(lambda y, p: jnp.mean(y - p, axis=-1))(y, np.full((2, 1), 2.0))) == -1.5


def test_many_classes_in_half_precision():
    """A class number is not rounded: 4097 is not a bfloat16."""
    p = np.full((1, 5000), 1e-6, "float32")
    p[0, 4097] = 1.0
    assert float(losses.SparseCategoricalCrossentropy(dtype="bfloat16")(np.array([4097]), p)) < 0.1


@pytest.mark.parametrize(
    ("true", "pred", "kind"),
    [
        ((4,), (4, 1), "binary"),
        ((4, 1), (4, 1), "binary"),
        ((4,), (4, 3), "sparse"),
        ((4, 1), (4, 3), "sparse"),
        ((4, 3), (4, 3), "categorical"),
        ((4, 7), (4, 7, 3), "sparse"),
        ((4, 7, 1), (4, 7, 3), "sparse"),
    ],
)
def test_family_and_the_loss_it_chooses(true, pred, kind):
    assert family(true, pred) == kind
    name = {"binary": "binary", "sparse": "sparse_categorical", "categorical": "categorical"}[kind] + "_crossentropy"
    y, p = np.zeros(true, int), np.full(pred, 0.25)
    assert float(as_loss("crossentropy")(y, p)) == pytest.approx(float(as_loss(name)(y, p)))


SPARSE, BINARY, ONEHOT = "sparse_categorical_crossentropy", "binary_crossentropy", "categorical_crossentropy"
LABELS = [  # loss, y, units, what the message must say
    (SPARSE, [0, 1, 2, 3], 3, "integers from 0 to 2 (the last layer has 3 units), got 3 in row 3."),
    (SPARSE, [0, 1, 2, 3], 3, "End the model in Dense(4)"),
    (SPARSE, [1, 2, 3, 2], 3, "These labels count from 1: use y - 1."),
    (SPARSE, [0, 2, -1, 5], 3, "got -1 in row 2."),
    (SPARSE, [0, 2, -2], 3, "np.unique(y, return_inverse=True)[1]"),
    (SPARSE, [1, -1, 1], 2, "For labels -1 and 1 use (y + 1) // 2."),
    (SPARSE, [0.0, 0.5], 3, "got 0.5 in row 1."),
    (SPARSE, [0.0, 0.5], 3, "loss='mse'"),
    (SPARSE, [0.0, np.nan], 3, "got nan in row 1."),
    (SPARSE, [[0], [7]], 3, "got 7 in row 1."),
    (SPARSE, [[0, 1], [2, 9]], 3, "got 9 in row 1, position (1,)."),
    ("ce", [0, 1, 2, 3], 3, "got 3 in row 3."),
    (BINARY, [0, 1, 2], 1, "expected values from 0 to 1, got 2 in row 2."),
    (BINARY, [0, 1, 2], 1, "For 3 classes use Dense(3, activation='softmax') and loss='sparse_categorical_"),
    (BINARY, [1, 2, 2], 1, "These labels count from 1: use y - 1."),
    (BINARY, [1, -1, 1], 1, "For labels -1 and 1 use (y + 1) / 2, or loss='hinge'."),
    (BINARY, [0.5, 3.7], 1, "loss='mse'"),
    (BINARY, [0.5, np.nan], 1, "got nan in row 1."),
    (BINARY, [[0, 1], [4, 0]], 2, "got 4 in row 1, position (0,)."),
    (BINARY, np.full((2, 4, 4, 1), 255), 1, "For pixels use y / 255."),
    ("ce", [0, 1, 2], 1, "got 2 in row 2."),
    (ONEHOT, [[1, 0, 0], [-1, 1, 1]], 3, "got -1 in row 1, position (0,)."),
]
UNUSUAL = [  # what programs do on purpose: random rows, labels with noise
    (ONEHOT, [[1, 0, 0], [0, 0, 0]], 3, "got a sum of 0 in row 1."),
    (ONEHOT, [[1, 0, 0], [0, 0, 0]], 3, "get_dummies(drop_first=True)"),
    (ONEHOT, [[1, 0, 0], [1, 1, 0]], 3, "got a sum of 2 in row 1."),
    (ONEHOT, [[1, 0, 0], [1, 1, 0]], 3, "activation='sigmoid' and loss='binary_crossentropy'"),
    (ONEHOT, [[[1, 0], [1, 1]]], 2, "got a sum of 2 in row 0, position (1,)."),
    (BINARY, [0.04, 1.05], 1, "expected values from 0 to 1, got 1.05 in row 1.\nIt is used unchanged."),
    (BINARY, [[1.0], [-0.2]], 1, "got -0.2 in row 1"),
]


@pytest.mark.parametrize(("name", "y", "units", "says"), LABELS, ids=str)
def test_a_bad_label_is_told_with_row_value_range_and_mend(name, y, units, says):
    with pytest.raises(DataError) as caught:
        check_labels(as_loss(name), np.asarray(y), units)
    assert str(caught.value).startswith(f"Labels for '{name}'")
    assert says in str(caught.value)


@pytest.mark.parametrize(("name", "y", "units", "says"), UNUSUAL, ids=str)
def test_an_unusual_label_is_a_warning(name, y, units, says):
    with pytest.warns(UserWarning, match=re.escape(says)):
        check_labels(as_loss(name), np.asarray(y), units)


GOOD = [
    (SPARSE, [0, 2, 1], 3),
    (SPARSE, [0.0, 2.0], 3),
    (SPARSE, [[0], [2]], 3),
    ("ce", [0, 2], 3),
    (BINARY, [0, 1], 1),
    (BINARY, [0.3, 1.0000001], 1),
    (BINARY, [True, False], 1),
    (ONEHOT, [[1, 0], [0.3, 0.7]], 2),
    (ONEHOT, [[[1, 0], [0, 0]]], 2),
    ("mse", [-5, 99], 1),
    ("hinge", [-1, 1], 1),
    (SPARSE, np.zeros((0,)), 3),
    ("kl_divergence", [[0.2, 0.2]], 2),
]


@pytest.mark.parametrize(("name", "y", "units"), GOOD, ids=str)
def test_good_labels_pass(name, y, units):
    check_labels(as_loss(name), np.asarray(y), units)
    check_labels(losses.get(name), np.asarray(y), units)


def test_an_ignored_class_may_be_out_of_range():
    loss = losses.SparseCategoricalCrossentropy(ignore_class=255)
    check_labels(loss, np.array([0, 255, 1]), 2)
    with pytest.raises(DataError, match="got 254 in row 1"):
        check_labels(loss, np.array([0, 254, 1]), 2)


def test_names_that_are_not_known():
    with pytest.raises(ArgumentError, match=r"Unknown loss 'mean_sqared_error'\.\nDid you mean 'mean_squared_error'"):
        losses.get("mean_sqared_error")
    with pytest.raises(ArgumentError, match="Unknown reduction 'avg'"):
        losses.MeanSquaredError(reduction="avg")
    with pytest.raises(ArgumentError, match="0 < q < 1, got 2"):
        losses.CategoricalGeneralizedCrossEntropy(q=2)
    with pytest.raises(NotImplementedError, match="has no call method"):
        losses.Loss()(np.zeros(2), np.zeros(2))


def test_get_takes_all_forms():
    one = losses.Huber(delta=0.5)
    assert losses.get(one) is one
    assert losses.get(None) is None
    assert losses.get(losses.mean_squared_error) is losses.mean_squared_error
    assert type(losses.get(losses.Huber)) is losses.Huber
    assert losses.get({"class_name": "Huber", "config": {"delta": 0.5}}).delta == 0.5
    assert as_loss("mse").name == "mse"
    assert as_loss(one) is one


def test_a_wrapped_function_goes_through_its_config():
    one = losses.LossFunctionWrapper(losses.huber, name="mine", delta=0.2)
    again = losses.deserialize(losses.serialize(one))
    y, p = np.zeros((3, 1)), np.ones((3, 1))
    assert again.name == "mine"
    assert float(again(y, p)) == float(one(y, p)) != float(losses.Huber()(y, p))


def test_a_loss_of_the_user_takes_trees():
    class Sum(losses.Loss):
        def call(self, y_true, y_pred):
            return jnp.mean(y_true["a"] - y_pred[0] + y_pred[1], axis=-1)

    value = Sum()({"a": np.ones((2, 1), int)}, [np.ones((2, 1)), np.full((2, 1), 3)])
    assert float(value) == 3.0
    assert Sum().name == "sum"
    assert float(losses.MeanSquaredError()([[0.0, 1.0]], [[1.0, 1.0]])) == 0.5


def test_every_function_says_what_its_targets_are():
    from gazelle.core.registry import REGISTRY

    functions = [f for f in REGISTRY["losses"].values() if not isinstance(f, type)]
    assert functions
    assert all(f in TARGETS for f in functions)
