"""Layers of several inputs against Keras 3.15: values, gradients, masks, config and traced shapes."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from gazelle import layers
from gazelle.core.masks import get_mask, set_mask

ELEMENTWISE = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
SHAPES = [
    ((2, 3), (2, 3)),
    ((2, 4, 3), (2, 4, 3)),
    ((2, 4, 3), (2, 1, 3)),
    ((2, 1, 3), (2, 4, 1)),
    ((2, 3), (2, 4, 3)),
    ((2, 5, 4, 3), (2, 3)),
]


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise(same_layer, name, shapes):
    same_layer(name, {}, *shapes)


@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if name != "Subtract"])
@pytest.mark.parametrize("count", [3, 5])
def test_many(same_layer, name, count):
    same_layer(name, {}, *[(2, 3, 4)] * count)


@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if name != "Average"])
def test_whole_numbers(same_layer, name):
    same_layer(name, {}, (2, 3), (2, 3), dtype="int32")


@pytest.mark.parametrize(
    ("axis", "shapes"),
    [
        (-1, ((2, 3), (2, 4))),
        (1, ((2, 3), (2, 4), (2, 1))),
        (1, ((2, 3, 4), (2, 5, 4))),
        (2, ((2, 3, 4), (2, 3, 1))),
        (-2, ((2, 3, 4), (2, 3, 4))),
        (-1, ((2, 3, 4, 5), (2, 3, 4, 2))),
    ],
)
def test_concatenate(same_layer, axis, shapes):
    same_layer("Concatenate", {"axis": axis}, *shapes)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(
    ("axes", "shapes"),
    [
        (1, ((2, 3), (2, 3))),
        (-1, ((2, 3), (2, 3))),
        (1, ((2, 3, 4), (2, 3, 5))),
        (2, ((2, 3, 4), (2, 5, 4))),
        (-1, ((2, 3, 4), (2, 5, 4))),
        ((2, 1), ((2, 3, 4), (2, 4, 5))),
        ([-1, 1], ((2, 3, 4), (2, 4))),
        ((1, 2), ((2, 4), (2, 3, 4))),
        ((1, -1), ((2, 4, 3, 2), (2, 5, 4))),
        ((2, 3), ((2, 3, 5, 2), (2, 4, 3, 5))),
    ],
)
def test_dot(same_layer, axes, shapes, normalize):
    same_layer("Dot", {"axes": axes, "normalize": normalize}, *shapes)


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate", "dot"])
def test_functions(name):
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(2, 3)).astype("float32") for _ in range(2))
    wanted = getattr(keras.layers, name)([a, b])
    np.testing.assert_allclose(np.asarray(getattr(layers, name)([a, b])), np.asarray(wanted), rtol=1e-6)


MASKS = {
    "both": ([[1, 1, 0, 0], [1, 0, 1, 0]], [[1, 0, 1, 0], [0, 0, 0, 0]]),
    "first": ([[1, 1, 0, 0], [1, 0, 1, 0]], None),
    "second": (None, [[1, 1, 0, 0], [1, 0, 1, 0]]),
    "none": (None, None),
}


@pytest.mark.parametrize("which", list(MASKS))
@pytest.mark.parametrize(
    ("name", "kwargs"),
    [*((name, {}) for name in ELEMENTWISE), ("Concatenate", {}), ("Concatenate", {"axis": 1}), ("Dot", {"axes": 2})],
)
def test_masks(name, kwargs, which):
    rng = np.random.default_rng(0)
    data = [rng.normal(size=(2, 4, 3)).astype("float32") for _ in range(2)]
    theirs, ours = [jnp.array(x) for x in data], [jnp.array(x) for x in data]
    for a, b, mask in zip(theirs, ours, MASKS[which], strict=True):
        if mask is not None:
            keras.src.backend.set_keras_mask(a, jnp.array(mask, bool))
            set_mask(b, jnp.array(mask, bool))
    wanted, got = getattr(keras.layers, name)(**kwargs)(theirs), getattr(layers, name)(**kwargs)(ours)
    np.testing.assert_allclose(np.asarray(got), np.asarray(wanted), rtol=1e-6)
    mask = keras.src.backend.get_keras_mask(wanted)
    if mask is None:
        assert get_mask(got) is None
    else:
        assert np.array_equal(np.asarray(mask), np.asarray(get_mask(got)))
