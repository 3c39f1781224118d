"""Activations against Keras: values and gradients."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from deviations import same

from gazelle import activations
from gazelle.core.errors import ArgumentError
from gazelle.core.serialization import serialize
from gazelle.layers.input import Input

X = np.concatenate([np.linspace(-9, 9, 46), [-90.0, 90.0]]).astype("float32").reshape(6, 8)
CASES = [
    *[
        (name, {})
        for name in (
            "celu",
            "elu",
            "exponential",
            "gelu",
            "glu",
            "hard_shrink",
            "hard_sigmoid",
            "hard_silu",
            "hard_tanh",
            "leaky_relu",
            "linear",
            "log_sigmoid",
            "log_softmax",
            "mish",
            "relu",
            "relu6",
            "selu",
            "sigmoid",
            "silu",
            "soft_shrink",
            "softmax",
            "softplus",
            "softsign",
            "sparse_plus",
            "sparse_sigmoid",
            "squareplus",
            "tanh",
            "tanh_shrink",
        )
    ],
    ("celu", {"alpha": 0.5}),
    ("elu", {"alpha": 2.0}),
    ("gelu", {"approximate": True}),
    ("glu", {"axis": 0}),
    ("hard_shrink", {"threshold": 1.0}),
    ("leaky_relu", {"negative_slope": 0.01}),
    ("log_softmax", {"axis": 0}),
    ("relu", {"negative_slope": 0.3}),
    ("relu", {"max_value": 6.0}),
    ("relu", {"max_value": 3.3}),
    ("relu", {"threshold": 1.1}),
    ("relu", {"negative_slope": 0.2, "max_value": 5.0, "threshold": 0.7}),
    ("relu", {"negative_slope": 0.2, "threshold": -0.7}),
    ("soft_shrink", {"threshold": 1.0}),
    ("softmax", {"axis": 0}),
    ("softmax", {"axis": (0, 1)}),
    ("sparsemax", {"axis": 0}),
    ("squareplus", {"b": 1.0}),
    ("threshold", {"threshold": 0.5, "default_value": -3.0}),
]


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)
def test_value_and_gradient(name, arguments):
    def ours(x):
        return getattr(activations, name)(x, **arguments)

    def theirs(x):
        return getattr(keras.activations, name)(x, **arguments)

    x = jnp.asarray(np.clip(X, -20, 20) if name == "exponential" else X)
    y, expected = ours(x), theirs(x)
    w = jnp.asarray(np.random.default_rng(0).standard_normal(y.shape), jnp.float32)
    grad = jax.grad(lambda x: jnp.sum(w * ours(x)))(x)
    expected_grad = jax.grad(lambda x: jnp.sum(w * theirs(x)))(x)
    assert y.dtype == expected.dtype
    same(y, expected)
    same(grad, expected_grad, kind="gradients")


@pytest.mark.parametrize("axis", [0, 1])
def test_sparsemax_is_the_projection_onto_the_simplex(axis):
    """Not Keras 3.15's numbers: there the threshold sums partial sums, and the output does not sum to 1."""
    x = np.random.default_rng(0).standard_normal((5, 5)).astype("float32")
    y = np.asarray(activations.sparsemax(x, axis))
    np.testing.assert_allclose(y.sum(axis), 1, rtol=1e-5)
    tau = np.where(y > 0, x - y, -np.inf).max(axis, keepdims=True)  # one threshold for all that stay
    np.testing.assert_allclose(y, np.maximum(x - tau, 0), atol=1e-6)
    assert (y == 0).any()
    assert ((y > 0).sum(axis) > 1).any()


NAMES = [name for name in dir(keras.activations) if name not in ("deserialize", "get", "serialize") and name[0] != "_"]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_keras_is_found_and_is_its_own_config(name):
    function = activations.get(name)
    assert function is getattr(activations, name)
    assert activations.get(serialize(function)) is function
    assert serialize(function) == keras.activations.serialize(getattr(keras.activations, name))


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"threshold"}))
def test_gradients_are_finite_far_out_and_symbolic_tensors_are_taken(name):
    function = activations.get(name)
    x = jnp.asarray([-1e4, -88.0, -1.0, 0.0, 1.0, 88.0, 80.0, -1e-30])
    x = jnp.minimum(x, 80.0) if name == "exponential" else x
    assert np.isfinite(jax.grad(lambda x: jnp.sum(function(x)))(x)).all()
    assert function(Input((8,))).shape == ((None, 4) if name == "glu" else (None, 8))


def test_get_takes_none_functions_configs_and_keras_1_objects():
    def own(x):
        return x

    config = {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"}
    assert activations.get(None) is activations.linear
    assert activations.get(own) is own
    assert activations.get(config) is activations.relu
    with pytest.raises(ArgumentError, match=r"Unknown activation 'rleu'.\nDid you mean 'relu'"):
        activations.get("rleu")
    with pytest.raises(ArgumentError, match="3 is not a valid activation: expected a name, a config or a callable"):
        activations.get(3)
