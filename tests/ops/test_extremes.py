"""Maximum and minimum: the gradient is split among equal values and is never 0 / 0."""

import jax
import jax.numpy as jnp
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
