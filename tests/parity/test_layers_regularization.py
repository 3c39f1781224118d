"""Noise and regularization against Keras 3.15: values of deterministic parts, statistics of random ones."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from gazelle import layers
from gazelle.core import tracing

QUIET = [
    ("GaussianNoise", {"stddev": 0.3}, (2, 3)),
    ("GaussianNoise", {"stddev": 0.3, "seed": 1}, (2, 3)),
    ("GaussianDropout", {"rate": 0.3, "seed": 1}, (2, 3)),
    ("AlphaDropout", {"rate": 0.3}, (2, 3)),
    ("AlphaDropout", {"rate": 0.3, "noise_shape": (2, 1), "seed": 1}, (2, 3)),
    ("SpatialDropout1D", {"rate": 0.3, "seed": 1}, (2, 3, 4)),
    ("SpatialDropout2D", {"rate": 0.3, "data_format": "channels_first"}, (2, 3, 4, 5)),
    ("SpatialDropout3D", {"rate": 0.3}, (2, 3, 4, 5, 2)),
    ("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, (2, 3)),
]


@pytest.mark.parametrize(("name", "kwargs", "shape"), QUIET)
def test_out_of_training(same_layer, name, kwargs, shape):
    same_layer(name, kwargs, shape, apart=apart(name))


def apart(name):
    """Keras writes the dtype of these layers as a word, that of all others as a policy."""
    return ("dtype",) if name.startswith("Spatial") else ()


@pytest.mark.parametrize("name", ["GaussianNoise", "GaussianDropout", "AlphaDropout", "Dropout", "SpatialDropout1D"])
def test_a_rate_of_zero_changes_nothing(same_layer, name):
    same_layer(
        name, {"stddev" if name == "GaussianNoise" else "rate": 0.0}, (2, 3, 4), training=True, apart=apart(name)
    )


@pytest.mark.parametrize("name", ["Dropout", "SpatialDropout1D"])
def test_a_rate_of_one_leaves_nothing(same_layer, name):
    same_layer(name, {"rate": 1.0}, (2, 3, 4), training=True, apart=apart(name))


LOUD = [
    ("Dropout", {"rate": 0.2}),
    ("Dropout", {"rate": 0.7}),
    ("Dropout", {"rate": 0.3, "noise_shape": (None, None, 1)}),
    ("GaussianNoise", {"stddev": 0.5}),
    ("GaussianDropout", {"rate": 0.3}),
    ("AlphaDropout", {"rate": 0.3}),
    ("AlphaDropout", {"rate": 0.1, "noise_shape": (None, 1, None)}),
    ("SpatialDropout1D", {"rate": 0.4}),
]


@pytest.mark.parametrize(("name", "kwargs"), LOUD)
def test_mean_and_variance(name, kwargs):
    x = np.random.default_rng(0).normal(size=(100, 40, 50)).astype("float32")
    theirs, ours = getattr(keras.layers, name)(seed=1, **kwargs), getattr(layers, name)(seed=1, **kwargs)
    a, b = np.asarray(theirs(x, training=True)), np.asarray(ours(x, training=True))
    assert b.shape == a.shape
    assert b.dtype == a.dtype
    # shared noise leaves 2000 to 5000 free draws of 200000: four of their standard errors
    assert abs(b.mean() - a.mean()) < 0.04
    assert abs(b.var() / a.var() - 1) < 0.1
    for axis in range(3):  # where draws are shared along an axis, both share them
        assert abs((a == 0).all(axis).mean() - (b == 0).all(axis).mean()) < 0.05


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_share_and_scales(rate):
    y = np.asarray(layers.Dropout(rate)(jnp.ones((200, 500)), training=True))
    kept = y[y != 0]
    np.testing.assert_allclose(kept, 1 / (1 - rate), rtol=1e-6)
    assert abs(len(kept) / y.size - (1 - rate)) < 4 * np.sqrt(rate * (1 - rate) / y.size)


def test_alpha_dropout_keeps_zero_mean_and_unit_variance():
    x = jax.random.normal(jax.random.key(0), (500, 500))
    y = np.asarray(layers.AlphaDropout(0.2)(x, training=True))
    assert abs(y.mean()) < 0.02
    assert abs(y.var() - 1) < 0.02


@pytest.mark.parametrize("where", ["channels_last", "channels_first"])
def test_spatial_dropout_drops_whole_channels(where):
    y = np.asarray(layers.SpatialDropout2D(0.5, data_format=where)(jnp.ones((40, 6, 6, 6)), training=True))
    space = (1, 2) if where == "channels_last" else (2, 3)
    assert set(np.unique(y.sum(space))) == {0.0, 72.0}


RANDOM = [
    layers.Dropout(0.5),
    layers.GaussianNoise(0.5),
    layers.GaussianDropout(0.5),
    layers.AlphaDropout(0.5),
    layers.SpatialDropout1D(0.5),
]


@pytest.mark.parametrize("layer", RANDOM, ids=lambda layer: type(layer).__name__)
def test_draws_are_a_function_of_the_key(layer):
    x = jnp.ones((4, 8, 16))
    call = tracing.functionalize(layer, {}, {id(layer): "dropped"})

    def draw(seed):
        return np.asarray(call({}, x, key=jax.random.key(seed), training=True)[0])

    assert np.array_equal(draw(0), draw(0))
    assert not np.array_equal(draw(0), draw(1))
    assert not np.array_equal(layer(x, training=True), layer(x, training=True))


@pytest.mark.parametrize("kwargs", [{"l1": 0.1}, {"l2": 0.3}, {"l1": 0.1, "l2": 0.2}])
def test_activity_penalty(kwargs):
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    theirs, ours = keras.layers.ActivityRegularization(**kwargs), layers.ActivityRegularization(**kwargs)
    theirs(x)
    ours(x)
    np.testing.assert_allclose(float(sum(ours.losses)), float(sum(theirs.losses)), rtol=1e-6)
    again = layers.ActivityRegularization.from_config(ours.get_config())
    again(x)
    np.testing.assert_allclose(float(sum(again.losses)), float(sum(theirs.losses)), rtol=1e-6)
