"""Batch normalization is accurate for values far from 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gazelle.ops.normalization_forms import batch_normalized

pytestmark = pytest.mark.optimized

_GRADS = jax.jit(
    jax.grad(lambda x, gamma, ct: (batch_normalized(x, gamma, jnp.zeros(3), 3, 1e-3)[0] * ct).sum(), (0, 1))
)
_FORWARD = jax.jit(lambda x, gamma: batch_normalized(x, gamma, gamma, 3, 1e-3))


@pytest.mark.parametrize("center", [0.0, 3.0, 300.0])
def test_moments_and_gradients_are_those_of_double_precision(center):
    random = np.random.default_rng(0)
    x, ct = random.normal(center, 1, (16, 6, 6, 3)).astype(np.float32), random.normal(size=(16, 6, 6, 3))
    x[..., 2] = center  # a channel that says nothing has variance 0, and no slope
    gamma, exact = np.float32([0.5, 1.0, 2.0]), x.astype(np.float64)
    y, mean, variance = _FORWARD(x, gamma)
    by_x, by_gamma = _GRADS(x, gamma, jnp.float32(ct))

    over = (0, 1, 2)
    d = 1 / np.sqrt(exact.var(over) + 1e-3)
    h = (exact - exact.mean(over)) * d
    loss = 2e-6 * max(center, 1)  # digits that x itself has lost
    np.testing.assert_allclose(mean, exact.mean(over), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(variance, exact.var(over), rtol=2e-6, atol=1e-6 * (1 + center) ** 2 * 2**-20)
    np.testing.assert_allclose(y, h * gamma + gamma, atol=10 * loss)
    np.testing.assert_allclose(by_gamma, (h * ct).sum(over), atol=100 * loss)
    wanted = gamma * d * (ct - ct.mean(over) - h * (h * ct).mean(over))
    np.testing.assert_allclose(by_x, wanted, atol=50 * loss)
