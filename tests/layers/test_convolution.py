"""Errors of convolutions and pooling."""

import jax.numpy as jnp
import numpy as np
import pytest

from gazelle import layers
from gazelle.core.errors import ArgumentError, ShapeError

ARGUMENTS = [
    ("Conv2D", {"filters": 0, "kernel_size": 3}, "Argument filters of Conv2D: expected an integer >= 1, got 0"),
    ("Conv2D", {"filters": 2.0, "kernel_size": 3}, "Argument filters of Conv2D: .* got 2.0"),
    ("Conv2D", {"filters": 2, "kernel_size": 0}, "Argument kernel_size of Conv2D: .* >= 1 or 2 of them, got 0"),
    ("Conv2D", {"filters": 2, "kernel_size": (3, 3, 3)}, r"kernel_size of Conv2D: .* got \(3, 3, 3\)"),
    ("Conv1D", {"filters": 2, "kernel_size": "3"}, "kernel_size of Conv1D: .* got '3'"),
    ("Conv3D", {"filters": 2, "kernel_size": 3, "strides": (1, -1, 1)}, "strides of Conv3D"),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "padding": "sane"}, "(?s)padding of Conv2D 'sane'.*'same'"),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "padding": "causal"}, "padding of Conv2D 'causal'"),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "data_format": "last"}, "(?s)data_format of Conv2D 'last'.*_last"),
    ("Conv2D", {"filters": 6, "kernel_size": 3, "groups": 4}, "groups that divide filters, got filters=6, groups=4"),
    ("Conv2D", {"filters": 6, "kernel_size": 3, "groups": 0}, "Argument groups of Conv2D"),
    ("Conv2D", {"filters": 6, "kernel_size": 3, "strides": 2, "dilation_rate": 2}, "not both"),
    ("Conv2DTranspose", {"filters": 6, "kernel_size": 3, "strides": 2, "dilation_rate": 2}, "not both"),
    ("Conv2DTranspose", {"filters": 6, "kernel_size": 3, "strides": 2, "output_padding": 2}, "less than strides"),
    ("Conv1DTranspose", {"filters": 6, "kernel_size": 3, "padding": "causal"}, "padding of Conv1DTranspose 'causal'"),
    ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 0}, "Argument depth_multiplier of DepthwiseConv2D"),
    ("SeparableConv1D", {"filters": -1, "kernel_size": 3}, "Argument filters of SeparableConv1D"),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "rows": 3}, "Unknown argument of Conv2D 'rows'"),
    ("MaxPooling2D", {"pool_size": 0}, "Argument pool_size of MaxPooling2D"),
    ("MaxPooling1D", {"strides": 0}, "Argument strides of MaxPooling1D"),
    ("AveragePooling2D", {"padding": "full"}, "padding of AveragePooling2D 'full'"),
]


@pytest.mark.parametrize(("name", "kwargs", "text"), ARGUMENTS)
def test_arguments_are_checked_at_once(name, kwargs, text):
    with pytest.raises(ArgumentError, match=text):
        getattr(layers, name)(**kwargs)


INPUTS = [
    (layers.Conv2D(2, 3), (8, 8, 3), "Conv2D '.*': expected 4 axes, got shape"),
    (layers.Conv1D(2, 3), (2, 8), "(?s)Conv1D '.*': expected 3 axes.*one time step"),
    (layers.Conv2D(2, 5), (2, 4, 8, 3), r"(?s)at least \(5, 5\) .* got \(4, 8\) in shape .*Use padding='same'"),
    (layers.Conv2D(2, 3, dilation_rate=2), (2, 4, 8, 3), r"at least \(5, 5\)"),
    (layers.DepthwiseConv1D(5), (2, 4, 3), r"(?s)at least \(5,\).*a smaller kernel_size"),
    (layers.SeparableConv2D(2, 5), (2, 4, 8, 3), r"at least \(5, 5\)"),
    (layers.MaxPooling2D(3), (2, 2, 8, 3), r"(?s)at least \(3, 3\).*a smaller pool_size"),
    (layers.AveragePooling1D(9), (2, 8, 3), r"at least \(9,\)"),
    (layers.Conv2D(4, 3, groups=2), (2, 8, 8, 3), "channels in 2 equal groups, got 3 channels"),
    (layers.GlobalAveragePooling2D(), (2, 8), "GlobalAveragePooling2D '.*': expected 4 axes"),
]


@pytest.mark.parametrize(("layer", "shape", "text"), INPUTS)
def test_inputs_are_checked(layer, shape, text):
    with pytest.raises(ShapeError, match=text):
        layer(np.ones(shape, "float32"))
    if len(shape) > 2:
        with pytest.raises(ShapeError, match=text):
            layer(layers.Input(shape[1:]))


def test_the_number_of_channels_must_be_known():
    with pytest.raises(ShapeError, match=r"a known number of channels, got shape \(None, 8, 8, None\)"):
        layers.Conv2D(2, 3)(layers.Input((8, 8, None)))


@pytest.mark.parametrize(("where", "axis"), [("channels_last", "the last axis"), ("channels_first", "axis 1")])
def test_other_channels_than_built_on(where, axis):
    layer = layers.Conv2D(2, 1, data_format=where)
    layer(jnp.ones((1, 4, 4, 4)))
    with pytest.raises(ShapeError, match=f"expected size 4 on {axis}"):
        layer(jnp.ones((1, 3, 3, 3)))


def test_unknown_space_stays_unknown():
    assert layers.Conv2D(2, 3)(layers.Input((None, None, 3))).shape == (None, None, None, 2)
    assert layers.MaxPooling1D(2)(layers.Input((None, 3))).shape == (None, None, 3)


def test_an_empty_row_has_a_mean_of_zero():
    y = layers.GlobalAveragePooling1D()(jnp.ones((2, 3, 4)), mask=jnp.array([[True, True, False], [False] * 3]))
    assert np.array_equal(np.asarray(y), [[1.0] * 4, [0.0] * 4])


def test_causal_separable_convolution_ignores_later_steps():
    layer = layers.SeparableConv1D(2, 3, padding="causal", dilation_rate=2)
    x = np.random.RandomState(0).rand(1, 7, 3).astype("float32")
    y, later = layer(x), layer(np.where(np.arange(7)[:, None] > 3, 0, x))
    assert y.shape == (1, 7, 2)
    np.testing.assert_allclose(y[:, :4], later[:, :4], rtol=1e-5)
    assert not np.allclose(y[:, 4:], later[:, 4:])
    alone = layers.SeparableConv1D.from_config({**layer.get_config(), "padding": "valid"})
    alone.build(x.shape)
    alone.set_weights(layer.get_weights())
    np.testing.assert_allclose(alone(x), y[:, 4:], rtol=1e-5)
