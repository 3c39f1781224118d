"""The random bits of dropout are as uniform and independent as those of `jax.random`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gazelle
from gazelle.core.prng import bernoulli, normal, random_bits

N = 1 << 16
KEYS = [jax.random.fold_in(jax.random.key(7), i) for i in range(24)]


def draws(fraction, shape=(N,)):
    return np.stack([np.asarray(bernoulli(key, fraction, shape)).ravel() for key in KEYS]).astype(float)


@pytest.mark.parametrize("fraction", [0.01, 0.5, 0.9])
def test_the_share_is_right(fraction):
    x = draws(fraction)
    spread = (fraction * (1 - fraction) / N) ** 0.5
    assert np.abs(x.mean(1) - fraction).max() < 4 * spread
    assert abs(x.mean() - fraction) < 4 * spread / len(KEYS) ** 0.5
    counts = x.reshape(len(KEYS), -1, 256).sum(2)  # neither too even nor too uneven
    assert abs(counts.var() / (256 * fraction * (1 - fraction)) - 1) < 4 * (2 / counts.size) ** 0.5 + 0.02


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


def chi_square(counts):
    """The distance from equal counts, in standard deviations of its own distribution."""
    counts = np.asarray(counts, float).ravel()
    expected, free = counts.mean(), counts.size - 1
    return (((counts - expected) ** 2 / expected).sum() - free) / (2 * free) ** 0.5


def test_every_byte_and_pairs_of_neighbours_are_even():
    x = np.concatenate([np.asarray(random_bits(key, (N,))) for key in KEYS])
    for shift in (0, 8, 16, 24):
        assert abs(chi_square(np.bincount((x >> shift) & 255, minlength=256))) < 5
    high = x >> 28
    for apart in (1, 2, 64):  # along one key, and (at N) from key to key
        assert abs(chi_square(np.bincount(high[:-apart] * 16 + high[apart:], minlength=256))) < 5
    assert abs(chi_square(np.bincount(high[:-N] * 16 + high[N:], minlength=256))) < 5
    for bit in range(32):
        assert abs(((x >> bit) & 1).mean() - 0.5) < 4.5 * 0.5 / x.size**0.5


def test_the_normal_numbers_are_normal():
    x = np.stack([np.asarray(normal(key, (N,))) for key in KEYS]).astype(float)
    assert np.isfinite(x).all()
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((x**power).mean() - moment) < 4.5 * (variance / x.size) ** 0.5
    assert np.abs(x @ x.T / N - np.diag((x * x).mean(1))).max() < 5 / N**0.5
    below = [(x < edge).mean() for edge in (-2, -1, 0, 1, 2)]
    np.testing.assert_allclose(below, [0.02275, 0.15866, 0.5, 0.84134, 0.97725], atol=0.002)
    assert normal(KEYS[0], (3,), "bfloat16").dtype == "bfloat16"


@pytest.mark.parametrize("draw", [gazelle.random.uniform, gazelle.random.normal])
def test_set_random_seed_restarts_draws_without_a_seed(draw):
    runs = []
    for _ in range(2):
        gazelle.utils.set_random_seed(42)
        runs.append([draw((3,)).tolist(), draw((3,)).tolist()])
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[0][1]
