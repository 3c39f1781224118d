"""to_categorical of arrays of JAX, also in compiled functions."""

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.utils import to_categorical

WANTED = [[1, 0, 0], [0, 0, 1]]


def test_arrays_of_jax_remain_arrays_of_jax():
    found = to_categorical(jnp.array([0, 2]))
    assert isinstance(found, jax.Array)
    np.testing.assert_array_equal(found, WANTED)
    assert type(to_categorical([0, 2])) is np.ndarray


def test_in_a_compiled_function():
    encode = jax.jit(lambda labels: to_categorical(labels, 3))
    np.testing.assert_array_equal(encode(jnp.array([[0], [2]])), WANTED)
    np.testing.assert_array_equal(encode(jnp.array([0, 2])), WANTED)
