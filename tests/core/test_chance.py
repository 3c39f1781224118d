"""The cheap bits of dropout are as even and as independent as those of `jax.random` are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gazelle.core.chance import bernoulli

N = 1 << 16
KEYS = [jax.random.fold_in(jax.random.key(7), i) for i in range(24)]


def draws(share, shape=(N,)):
    return np.stack([np.asarray(bernoulli(key, share, shape)).ravel() for key in KEYS]).astype(float)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9])
def test_the_share_is_right(share):
    x = draws(share)
    spread = (share * (1 - share) / N) ** 0.5
    assert np.abs(x.mean(1) - share).max() < 4 * spread
    assert abs(x.mean() - share) < 4 * spread / len(KEYS) ** 0.5
    counts = x.reshape(len(KEYS), -1, 256).sum(2)  # neither too even nor too uneven
    assert abs(counts.var() / (256 * share * (1 - share)) - 1) < 4 * (2 / counts.size) ** 0.5 + 0.02


def test_keys_and_neighbours_are_independent():
    x = draws(0.5) - 0.5
    bound = 4.5 / N**0.5
    assert np.abs(4 * x @ x.T / N - np.eye(len(KEYS))).max() < bound
    for apart in (1, 2, 3, 8, 64, 256, 4096):
        assert abs(4 * (x[0, :-apart] * x[0, apart:]).mean()) < bound
    for key in ((0, 0), (0, 1), (1, 0), (2, 0)):  # the plainest keys too
        plain = np.asarray(bernoulli(jax.random.wrap_key_data(jnp.asarray(key, jnp.uint32)), 0.5, (N,))) - 0.5
        assert np.abs(4 * x @ plain / N).max() < bound
        assert abs(4 * (plain[1:] * plain[:-1]).mean()) < bound


def test_all_or_nothing_and_the_same_for_the_same_key():
    assert not np.asarray(bernoulli(KEYS[0], 0.0, (4, 5))).any()
    assert np.asarray(bernoulli(KEYS[0], 1.0, (4, 5))).all()
    eager, compiled = bernoulli(KEYS[0], 0.5, (8, 9)), jax.jit(lambda k: bernoulli(k, 0.5, (8, 9)))(KEYS[0])
    np.testing.assert_array_equal(eager, compiled)
    assert bernoulli(KEYS[0], 0.5, ()).shape == ()
