"""The layers of every network, activations, reshaping and masks against Keras 3.15."""

import itertools

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from gazelle import layers
from gazelle.core.masks import get_mask

PLAIN = [
    ("Dense", {"units": 3}, (2, 4)),
    ("Dense", {"units": 3, "activation": "tanh", "use_bias": False}, (2, 5, 4)),
    (
        "Dense",
        {"units": 3, "kernel_regularizer": "l1", "bias_constraint": "non_neg", "bias_initializer": "ones"},
        (2, 4),
    ),
    *(("Activation", {"activation": f}, (2, 4)) for f in ("relu", "softmax", "sigmoid", "gelu", "selu", "linear")),
    ("Flatten", {}, (2, 3, 4)),
    ("Flatten", {}, (2,)),
    ("Flatten", {}, (2, 5)),
    ("Flatten", {"data_format": "channels_first"}, (2, 3, 4, 5)),
    ("Identity", {}, (2, 3)),
    ("Masking", {}, (2, 3, 4)),
    ("Masking", {"mask_value": 1.5}, (2, 3, 4)),
    ("Masking", {"mask_value": [1.5, 0.0, 0.0, 2.0]}, (2, 3, 4)),
    ("Dropout", {"rate": 0.5}, (2, 3)),
    ("Dropout", {"rate": 0.3, "noise_shape": (None, 1), "seed": 3}, (2, 3)),
    ("Dropout", {"rate": 0}, (2, 3)),
    ("ReLU", {}, (3, 8)),
    ("ReLU", {"max_value": 0.7}, (3, 8)),
    ("ReLU", {"negative_slope": 0.2, "threshold": 0.4}, (3, 8)),
    ("ReLU", {"negative_slope": 0.2, "threshold": 0.4, "max_value": 1.0}, (3, 8)),
    ("LeakyReLU", {}, (3, 8)),
    ("LeakyReLU", {"negative_slope": 0.05}, (3, 8)),
    ("ELU", {}, (3, 8)),
    ("ELU", {"alpha": 0.4}, (3, 8)),
    ("PReLU", {}, (3, 4, 5)),
    ("PReLU", {"shared_axes": [1]}, (3, 4, 5)),
    ("PReLU", {"shared_axes": (1, 2), "alpha_regularizer": "l2", "alpha_initializer": "ones"}, (3, 4, 5, 2)),
    ("PReLU", {"shared_axes": 1, "alpha_constraint": "non_neg"}, (3, 4, 5)),
    ("Softmax", {}, (3, 4, 5)),
    ("Softmax", {"axis": 1}, (3, 4, 5)),
    ("Softmax", {"axis": [1, 2]}, (3, 4, 5)),
    ("Softmax", {"axis": [-1]}, (3, 4, 5)),
    ("Reshape", {"target_shape": (4, 3)}, (2, 3, 4)),
    ("Reshape", {"target_shape": (-1,)}, (2, 3, 4)),
    ("Reshape", {"target_shape": [2, -1, 3]}, (2, 3, 4)),
    ("Reshape", {"target_shape": (1,)}, (2,)),
    ("Permute", {"dims": (2, 1)}, (2, 3, 4)),
    ("Permute", {"dims": [3, 1, 2]}, (2, 3, 4, 5)),
    ("RepeatVector", {"n": 3}, (2, 4)),
    ("Cropping1D", {}, (2, 6, 3)),
    ("Cropping1D", {"cropping": 2}, (2, 6, 3)),
    ("Cropping1D", {"cropping": (0, 3)}, (2, 6, 3)),
    ("Cropping2D", {}, (2, 6, 5, 3)),
    ("Cropping3D", {}, (2, 6, 5, 4, 3)),
    ("ZeroPadding1D", {}, (2, 6, 3)),
    ("ZeroPadding1D", {"padding": (0, 3)}, (2, 6, 3)),
    ("ZeroPadding1D", {"padding": 2, "data_format": "channels_first"}, (2, 6, 3)),
    ("UpSampling1D", {}, (2, 6, 3)),
    ("UpSampling1D", {"size": 3}, (2, 6, 3)),
    *(
        (name, {word: value, "data_format": where}, (2, 6, 5, 4))
        for (name, word), value, where in itertools.product(
            (("Cropping2D", "cropping"), ("ZeroPadding2D", "padding")),
            (1, (1, 0), ((1, 2), (0, 1)), [[0, 2], [1, 1]]),
            ("channels_last", "channels_first"),
        )
    ),
    *(
        (name, {word: value, "data_format": where}, (2, 4, 5, 6, 5))
        for (name, word), value, where in itertools.product(
            (("Cropping3D", "cropping"), ("ZeroPadding3D", "padding")),
            (1, (1, 0, 2), ((1, 2), (0, 1), (2, 0))),
            ("channels_last", "channels_first"),
        )
    ),
    *(
        ("UpSampling2D", {"size": size, "interpolation": how, "data_format": where}, (2, 3, 4, 2))
        for size, how, where in itertools.product(
            (2, (3, 2)), ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"), ("channels_last", "channels_first")
        )
    ),
    *(
        ("UpSampling3D", {"size": size, "data_format": where}, (2, 2, 3, 2, 2))
        for size, where in itertools.product((2, (1, 2, 3)), ("channels_last", "channels_first"))
    ),
]


@pytest.mark.parametrize(("name", "kwargs", "shape"), PLAIN)
def test_layer(same_layer, name, kwargs, shape):
    same_layer(name, kwargs, shape)


@pytest.mark.parametrize(
    ("name", "kwargs", "shape"),
    [
        ("Flatten", {}, (2, 3, 4)),
        ("Reshape", {"target_shape": (6,)}, (2, 3, 2)),
        ("Permute", {"dims": (2, 1)}, (2, 3, 4)),
        ("RepeatVector", {"n": 2}, (2, 3)),
        ("Identity", {}, (2, 3)),
        ("ZeroPadding2D", {}, (2, 3, 3, 1)),
        ("UpSampling2D", {}, (2, 3, 3, 1)),
        ("Cropping1D", {}, (2, 4, 1)),
        ("Masking", {}, (2, 3, 4)),
        ("Dense", {"units": 2}, (2, 3)),
    ],
)
def test_whole_numbers(same_layer, name, kwargs, shape):
    same_layer(name, kwargs, shape, dtype="int32")


@pytest.mark.parametrize("axis", [-1, 1, [1, 2]])
@pytest.mark.parametrize("kind", ["bool", "float32"])
def test_softmax_with_mask(same_layer, axis, kind):
    mask = np.array([[[1, 0, 1, 1]] * 3, [[1, 1, 0, 0]] * 3, [[0, 0, 0, 0]] * 3]).astype(kind)
    same_layer("Softmax", {"axis": axis}, (3, 3, 4), mask=jnp.asarray(mask))


def test_masking_marks_the_same_steps():
    x = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
    x[0, 1:] = x[1, 2] = -1.0
    theirs = keras.layers.Masking(-1.0)(x)
    ours = layers.Masking(-1.0)(x)
    assert np.array_equal(np.asarray(theirs), np.asarray(ours))
    assert np.array_equal(np.asarray(theirs._keras_mask), np.asarray(get_mask(ours)))


LAMBDAS = [
    (lambda x: x * 2 + 1, {}),
    (lambda x, power: x**power, {"arguments": {"power": 3}}),
    (lambda x: jnp.concatenate([x, -x], axis=-1), {"output_shape": (8,)}),
    (lambda x, training=None: x * (2 if training else 3), {}),
]


@pytest.mark.parametrize(("function", "kwargs"), LAMBDAS)
@pytest.mark.parametrize("training", [True, False])
def test_lambda(same_layer, function, kwargs, training):
    # Keras writes a lambda's bytecode, None as {}, and leaves the keys out that were not given
    same_layer("Lambda", {"function": function, **kwargs}, (2, 4), training=training, apart=("function",))
