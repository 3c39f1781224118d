"""Maximum and minimum: the gradient is split among equal values and is never 0 / 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gazelle import layers, losses, ops

pytestmark = pytest.mark.optimized


@pytest.mark.parametrize("name", ["max", "min", "amax", "amin", "nanmax", "nanmin"])
def test_equals_share_the_slope(name):
    x = jnp.asarray([[1.0, 3.0, 3.0], [2.0, 2.0, 5.0]]) * (-1 if "min" in name else 1)
    gradient = jax.grad(lambda x: jnp.sum(getattr(ops, name)(x, axis=1)))(x)
    assert gradient.tolist() == [[0.0, 0.5, 0.5], [0.0, 0.0, 1.0]]


@pytest.mark.parametrize(
    "function",
    [
        ops.max,
        ops.ptp,
        layers.GlobalMaxPooling1D(),
        layers.MaxPooling1D(3),
        layers.AdaptiveMaxPooling1D(2),
        lambda x: losses.categorical_hinge(x, x),
    ],
)
def test_an_array_is_computed_once_for_its_largest_value_and_the_comparison_with_it(function):
    # Computed twice, it may be rounded in two ways; then no place equals the largest, and the slope is 0 / 0 or lost.
    x = jnp.ones((2, 6, 3))
    assert "optimization_barrier" in str(jax.make_jaxpr(jax.grad(lambda x: jnp.sum(function(jnp.exp(x)))))(x))


def test_values_alone_wait_for_nothing():
    assert "optimization_barrier" not in str(jax.make_jaxpr(ops.max)(jnp.ones(3)))


@pytest.mark.parametrize(
    "length", [lambda x: ops.norm(x, axis=1), lambda x: ops.sqrt(ops.sum(x * x, axis=1))], ids=["norm", "sqrt"]
)
def test_lengths_of_0_have_a_gradient(length):
    x = jnp.asarray([[0.0, 0.0], [1.0, 2.0]])  # the numbers are those of TensorFlow 2.15.1
    np.testing.assert_allclose(jax.grad(lambda x: ops.sum(length(x) ** 2))(x), [[0, 0], [2, 4]], rtol=1e-6)
    hessian = jax.hessian(lambda x: ops.sum(length(x) ** 2))(x)
    np.testing.assert_allclose(hessian[1, :, 1], 2 * np.eye(2), atol=1e-5)
    assert np.isfinite(jax.grad(lambda x: ops.sum(length(x)))(x)).all()


def test_norms_are_those_of_numpy():
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    for axis in (None, 1, (0, 2)):
        wanted = np.sqrt((x**2).sum(axis, keepdims=True))
        np.testing.assert_allclose(ops.norm(x, axis=axis, keepdims=True), wanted, rtol=1e-6)
    np.testing.assert_allclose(ops.norm(np.asarray([3, 4])), 5)
    np.testing.assert_allclose(ops.norm(np.asarray([3j, 4])), 5)
