"""Regularizers and constraints against Keras: values and gradients, names and configs."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from deviations import same

from gazelle import constraints, regularizers
from gazelle.core.errors import ArgumentError, ShapeError
from gazelle.core.serialization import serialize

W = jnp.asarray(np.random.default_rng(0).standard_normal((4, 3)), jnp.float32)
W4 = jnp.asarray(np.random.default_rng(1).standard_normal((2, 3, 4, 5)), jnp.float32)
PENALTIES = [
    ("L1", {}),
    ("L1", {"l1": 0.3}),
    ("L2", {}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {}),
    ("L1L2", {"l1": 0.1}),
    ("L1L2", {"l1": 0.1, "l2": 0.2}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
]
PROJECTIONS = [
    ("MaxNorm", {}, W),
    ("MaxNorm", {"max_value": 0.5, "axis": 1}, W),
    ("MaxNorm", {"axis": [0, 1, 2]}, W4),
    ("NonNeg", {}, W),
    ("UnitNorm", {}, W),
    ("UnitNorm", {"axis": [0, 1, 2]}, W4),
    ("MinMaxNorm", {}, W),
    ("MinMaxNorm", {"min_value": 1.5, "max_value": 1.9, "rate": 0.3, "axis": 1}, W),
    ("UnitNorm", {}, W * 0),
]


@pytest.mark.parametrize(("name", "arguments"), PENALTIES, ids=str)
def test_penalty_and_gradient(name, arguments):
    ours, theirs = getattr(regularizers, name)(**arguments), getattr(keras.regularizers, name)(**arguments)
    value, grad = jax.value_and_grad(ours)(W)
    expected, expected_grad = jax.value_and_grad(theirs)(W)
    same(value, expected, least=1e-3)
    same(grad, expected_grad, kind="gradients", least=1e-2)
    config, expected_config = serialize(ours), keras.regularizers.serialize(theirs)
    expected_numbers = expected_config.pop("config")  # Keras has rounded some of them to float32
    assert config.pop("config") == {
        k: v if isinstance(v, str) else pytest.approx(v) for k, v in expected_numbers.items()
    }
    assert config == expected_config
    assert regularizers.get(serialize(ours)).get_config() == ours.get_config()


@pytest.mark.parametrize(("name", "arguments", "w"), PROJECTIONS, ids=str)
def test_projection(name, arguments, w):
    ours = getattr(constraints, name)(**arguments)
    theirs = getattr(keras.constraints, name)(**arguments)
    same(ours(w), theirs(w), least=1e-2)
    assert serialize(ours) == keras.constraints.serialize(theirs)
    assert constraints.get(serialize(ours)).get_config() == ours.get_config()


@pytest.mark.parametrize("name", ["l1", "L1", "l2", "L2", "L1L2", "orthogonal_regularizer"])
def test_names_of_regularizers(name):
    ours, theirs = regularizers.get(name), keras.regularizers.get(name)
    assert type(ours).__name__ == type(theirs).__name__
    assert ours.get_config() == pytest.approx(theirs.get_config())


@pytest.mark.parametrize("name", ["max_norm", "MaxNorm", "min_max_norm", "non_neg", "NonNeg", "unit_norm", "UnitNorm"])
def test_names_of_constraints(name):
    assert constraints.get(name).get_config() == keras.constraints.get(name).get_config()


def test_l1_l2_by_name_is_that_of_keras_2():
    """Keras 3 refuses the name; both penalties at 0 would be silently none."""
    assert regularizers.get("l1_l2").get_config() == {"l1": 0.01, "l2": 0.01}
    assert regularizers.l1_l2(l2=0.1).get_config() == {"l1": 0.0, "l2": 0.1}


def test_functions_are_their_own_identifiers():
    assert regularizers.get(jnp.sum) is jnp.sum
    assert constraints.get(jnp.abs) is jnp.abs
    assert regularizers.get(None) is None
    assert constraints.get(None) is None
    assert regularizers.l2(0.5).l2 == 0.5


def test_errors():
    with pytest.raises(ArgumentError, match="The factor l2: expected a number of 0 or more, got -1"):
        regularizers.L2(-1)
    with pytest.raises(ArgumentError, match="The factor l1: expected a number of 0 or more, got nan"):
        regularizers.L1(float("nan"))
    with pytest.raises(ArgumentError, match="OrthogonalRegularizer's mode: expected 'rows' or 'columns', got 'row'"):
        regularizers.OrthogonalRegularizer(mode="row")
    with pytest.raises(ShapeError, match=r"OrthogonalRegularizer: expected a matrix, got shape \(3,\)"):
        regularizers.OrthogonalRegularizer()(jnp.ones(3))
    with pytest.raises(ArgumentError, match=r"Unknown constraint 'nonnegative'.\nDid you mean"):
        constraints.get("nonnegative")
