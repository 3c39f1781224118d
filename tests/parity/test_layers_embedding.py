"""Embedding against Keras 3.15."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from gazelle.core.masks import get_mask
from gazelle.layers.core import Dense
from gazelle.layers.embedding import Embedding

X = np.array([[1, 2, 0], [4, 0, 6]])
TABLE = np.arange(21, dtype="float32").reshape(7, 3)


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"mask_zero": True},
        {"embeddings_initializer": "ones"},
        {"embeddings_regularizer": "l2"},
        {"embeddings_constraint": "max_norm"},
        {
            "embeddings_initializer": "glorot_uniform",
            "embeddings_regularizer": "l1",
            "embeddings_constraint": "non_neg",
        },
    ],
)
@pytest.mark.parametrize(
    "x", [X, X.astype("int8"), X.astype("float32"), X[0], X[..., None]], ids=lambda x: f"{x.dtype}{x.ndim}"
)
def test_values_and_gradients(kwargs, x, same_call):
    theirs, ours = keras.layers.Embedding(7, 3, **kwargs), Embedding(7, 3, **kwargs)
    same_call(theirs, ours, [x])
    assert (ours.embeddings.regularizer is None) == (theirs.embeddings.regularizer is None)
    assert (ours.embeddings.constraint is None) == (theirs.embeddings.constraint is None)


@pytest.mark.parametrize("kwargs", [{}, {"mask_zero": True, "embeddings_regularizer": "l2"}])
def test_config(kwargs):
    wanted, got = (
        keras.layers.Embedding(7, 3, name="e", **kwargs).get_config(),
        Embedding(7, 3, name="e", **kwargs).get_config(),
    )
    wanted.pop("activity_regularizer")  # in ours only where one is given
    assert got.keys() == wanted.keys()
    again = Embedding.from_config(got)
    assert (again.input_dim, again.output_dim, again.mask_zero) == (7, 3, kwargs.get("mask_zero", False))


@pytest.mark.parametrize("given", [TABLE, [TABLE], jnp.asarray(TABLE)], ids=["array", "list", "jax"])
def test_weights_argument(given):
    layer = Embedding(7, 3, weights=given)
    assert layer.built
    assert np.array_equal(layer(X), TABLE[X])
    assert np.array_equal(layer.get_weights()[0], TABLE)
    assert "weights" not in layer.get_config()


def test_mask_travels():
    y = Embedding(7, 3, mask_zero=True)(X)
    assert np.array_equal(get_mask(y), X != 0)
    assert np.array_equal(get_mask(Dense(2)(y)), X != 0)
    assert get_mask(Embedding(7, 3)(X)) is None


@pytest.mark.parametrize("length", [4, (4,), None])
def test_input_length_of_older_keras(length):
    layer = Embedding(7, 3, input_length=length)
    assert layer.batch_shape == (None if length is None else (None, 4))
    assert "input_length" not in layer.get_config()


def test_output_shape():
    assert Embedding(7, 3).compute_output_shape((None, 5)) == keras.layers.Embedding(7, 3).compute_output_shape(
        (None, 5)
    )
