"""The custom derivative of softmax equals JAX's in forward and reverse mode, as does the second derivative."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gazelle import ops

pytestmark = pytest.mark.optimized

X = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4, 5)), jnp.float32)


@pytest.mark.parametrize("axis", [-1, [0, 1], None])
def test_derivatives(axis):
    own = tuple(axis) if isinstance(axis, list) else axis

    def score(softmax, axis):
        return lambda x: jnp.sum(jnp.sin(5 * softmax(x, axis)))

    @functools.partial(jax.jit, static_argnums=0)
    def gradients(f, x):
        def square(x):
            return jnp.sum(jax.grad(f)(x) ** 2)

        return jax.grad(f)(x), jax.jvp(f, (x,), (x,))[1], jax.grad(square)(x), jax.jvp(jax.grad(f), (x,), (x,))[1]

    for mine, theirs in zip(
        gradients(score(ops.softmax, axis), X), gradients(score(jax.nn.softmax, own), X), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_whole_numbers_become_floats():
    assert ops.softmax(jnp.array([1, 1])).tolist() == [0.5, 0.5]
