"""`Variable` takes the arguments of Keras', by name and by place."""

import keras
import numpy as np
import pytest

import gazelle

CALLS = [
    ((np.arange(4.0),), {}), ((1.0,), {"name": "one"}), (("ones", (2, 3)), {}),
    ((np.arange(3),), {"shape": (3,), "dtype": "int32", "trainable": False}),
    ((np.ones(2), None, "float16", False, False, "sum", "auto", "placed"), {}),
]  # fmt: skip


@pytest.mark.parametrize(("args", "kwargs"), CALLS)
def test_as_in_keras(args, kwargs):
    ours, theirs = gazelle.Variable(*args, **kwargs), keras.Variable(*args, **kwargs)
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert (ours.dtype, ours.trainable) == (theirs.dtype, theirs.trainable)
    if "name" in kwargs or len(args) == 8:
        assert ours.name == theirs.name


def test_the_first_argument_is_the_initializer():
    assert gazelle.Variable(initializer=gazelle.initializers.Constant(2.0), shape=(2,)).numpy().tolist() == [2.0, 2.0]
