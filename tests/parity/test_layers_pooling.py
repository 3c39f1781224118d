"""Pooling against Keras 3.15: values, gradients, config and traced shapes."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from gazelle import layers

SPACE = {1: (8,), 2: (7, 6), 3: (5, 4, 6)}


def shape(rank, data_format, channels=3):
    space = SPACE[rank]
    return (2, channels, *space) if data_format == "channels_first" else (2, *space, channels)


POOL = [
    (rank, {"pool_size": size, "strides": strides, "padding": padding, "data_format": where})
    for rank, size, strides, padding, where in itertools.product(
        (1, 2, 3), (2, 3), (None, 1, 2), ("valid", "same"), ("channels_last", "channels_first")
    )
    if not (rank == 3 and size == 3)
]
POOL += [
    (2, {"pool_size": (2, 3)}),
    (2, {"pool_size": (3, 1), "strides": (1, 2), "padding": "same"}),
    (2, {"pool_size": [2, 2], "strides": [3, 2]}),
    (3, {"pool_size": (1, 2, 3)}),
    (1, {"pool_size": (2,)}),
    (1, {"pool_size": 2, "strides": 3}),
]


@pytest.mark.parametrize(("rank", "kwargs"), POOL)
@pytest.mark.parametrize("family", ["MaxPooling", "AveragePooling"])
def test_pooling(same_layer, family, rank, kwargs):
    same_layer(f"{family}{rank}D", kwargs, shape(rank, kwargs.get("data_format")))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_defaults(same_layer, rank):
    same_layer(f"MaxPooling{rank}D", {}, shape(rank, None))


@pytest.mark.parametrize("rank", [1, 2])
def test_largest_of_whole_numbers(rank):  # Keras fails on them
    x = np.random.default_rng(0).integers(-9, 9, shape(rank, None))
    layer = getattr(layers, f"MaxPooling{rank}D")(2)
    y = layer(x)
    assert y.dtype == "int32"
    assert np.array_equal(np.asarray(y), np.asarray(layer(x.astype("float32"))))


@pytest.mark.parametrize("family", ["GlobalMaxPooling", "GlobalAveragePooling"])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("keepdims", [True, False])
@pytest.mark.parametrize("where", ["channels_last", "channels_first"])
def test_global_pooling(same_layer, family, rank, keepdims, where):
    same_layer(f"{family}{rank}D", {"keepdims": keepdims, "data_format": where}, shape(rank, where))


@pytest.mark.parametrize("keepdims", [True, False])
@pytest.mark.parametrize("where", ["channels_last", "channels_first"])
@pytest.mark.parametrize("kind", ["bool", "int32"])
def test_global_average_of_masked_steps(same_layer, keepdims, where, kind):
    mask = jnp.asarray(np.arange(8) < np.array([[3], [8]])).astype(kind)
    same_layer("GlobalAveragePooling1D", {"keepdims": keepdims, "data_format": where}, shape(1, where), mask=mask)
