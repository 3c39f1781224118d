"""Errors of merging and normalization layers."""

import jax.numpy as jnp
import numpy as np
import pytest

from gazelle import layers
from gazelle.core.errors import ArgumentError, ShapeError

INPUTS = [
    (layers.Add(), [(2, 3), (2, 4)], r"equal sizes on axis 1, or 1, got shapes \(2, 3\), \(2, 4\)"),
    (layers.Multiply(), [(2, 3), (3, 3)], "equal sizes on axis 0"),
    (layers.Subtract(), [(2, 3), (2, 3), (2, 3)], "(?s)a list of 2 tensors, got a list of 3.*Subtract"),
    (layers.Concatenate(), [(2, 3), (3, 3)], "(?s)equal sizes on axis 0.*Only axis -1 may differ"),
    (layers.Concatenate(axis=3), [(2, 3), (2, 3)], "that have axis 3"),
    (layers.Concatenate(), [(2, 3), (2, 3, 1)], "inputs of one rank"),
    (layers.Dot(axes=1), [(2, 3), (2, 4)], r"equal sizes along axes, got 3 on axis 1 of \(2, 3\), 4 on axis 1"),
    (layers.Dot(axes=0), [(2, 3), (2, 3)], "axis 0: expected an axis of the input, not the batch"),
    (layers.Dot(axes=1), [(2, 3)], "a list of 2 tensors, got a list of 1"),
]


@pytest.mark.parametrize(("layer", "shapes", "text"), INPUTS)
def test_inputs_are_checked(layer, shapes, text):
    with pytest.raises(ShapeError, match=text):
        layer([np.ones(shape, "float32") for shape in shapes])


@pytest.mark.parametrize("layer", [layers.Add(), layers.Concatenate(), layers.Dot(1)])
def test_one_tensor_is_no_list(layer):
    with pytest.raises(
        ShapeError, match=rf"(?s)a list of .*tensors, got one tensor of shape .*{type(layer).__name__}\(...\)"
    ):
        layer(jnp.ones((2, 3)))


ARGUMENTS = [
    ("Dot", {"axes": (1, 2, 3)}, "Argument axes of Dot"),
    ("Dot", {"axes": "last"}, "Argument axes of Dot"),
    ("BatchNormalization", {"axis": [1, 2]}, r"one axis, got \[1, 2\]"),
    ("BatchNormalization", {"renorm": True, "renorm_clipping": {"rmx": 1.0}}, "(?s)'rmx'.*'rmax'"),
    ("LayerNormalization", {"axis": "last"}, "Argument axis of LayerNormalization"),
    ("LayerNormalization", {"axis": []}, "Argument axis of LayerNormalization"),
    ("UnitNormalization", {"axis": None}, "Argument axis of UnitNormalization"),
    ("GroupNormalization", {"groups": 0}, "Argument groups of GroupNormalization: expected an integer >= 1, or -1"),
]


@pytest.mark.parametrize("kind", ["Add", "Multiply", "Average", "Maximum", "Minimum", "Subtract", "Concatenate", "Dot"])
def test_one_tensor_is_no_list_for_a_layer_that_is_built(kind):
    layer = getattr(layers, kind)(**({"axes": -1} if kind == "Dot" else {}))
    layer([np.ones((2, 3)), np.ones((2, 3))])
    with pytest.raises(ShapeError, match=r"got one tensor of shape \(2, 3\)"):
        layer(np.ones((2, 3)))


@pytest.mark.parametrize(("name", "kwargs", "text"), ARGUMENTS)
def test_arguments_are_checked_at_once(name, kwargs, text):
    with pytest.raises(ArgumentError, match=text):
        getattr(layers, name)(**kwargs)


NORMAL = [
    (layers.BatchNormalization(axis=3), (2, 3), "axis 3: expected axes from -2 to 1, got an input of 2 axes"),
    (layers.LayerNormalization(axis=[1, 2]), (2, 3), "axis 2"),
    (layers.GroupNormalization(groups=4), (2, 6), "channels in 4 equal groups, got 6 channels"),
]


@pytest.mark.parametrize(("layer", "shape", "text"), NORMAL)
def test_normalization_checks_axes(layer, shape, text):
    with pytest.raises(ShapeError, match=text):
        layer(np.ones(shape, "float32"))


def test_normalization_needs_known_sizes():
    with pytest.raises(ShapeError, match=r"a known size on axis 1, got shape \(None, None, 3\)"):
        layers.BatchNormalization(axis=1)(layers.Input((None, 3)))


def test_batch_normalization_refuses_a_mask_of_other_steps():
    with pytest.raises(ShapeError, match=r"The mask of BatchNormalization .* got shape \(2, 5\)"):
        layers.BatchNormalization()(jnp.ones((2, 4, 3)), training=True, mask=jnp.ones((2, 5), bool))


def test_a_frozen_batch_normalization_keeps_its_statistics():
    layer = layers.BatchNormalization(trainable=False)
    layer(jnp.ones((4, 3)) * 7, training=True)
    assert np.array_equal(layer.moving_mean.numpy(), np.zeros(3))
