"""Strings as bytes of an array."""

import jax
import numpy as np
import pytest

from gazelle.core.errors import ArgumentTypeError
from gazelle.core.text_array import TextArray, call_on_host, decode, encode

STRINGS = np.array([["a", "bé"], ["", "x" * 20]])


def test_strings_are_encoded_and_decoded():
    codes = encode(STRINGS)
    assert codes.shape == (2, 2, 64)  # a power of 4
    np.testing.assert_array_equal(np.char.decode(decode(codes), "utf-8"), STRINGS)
    assert encode(np.array([], object)).shape == (0, 16)


def test_indices_and_shapes_are_those_of_the_strings():
    array = TextArray(encode(STRINGS))
    assert (array.shape, array.ndim, array.size, len(array)) == ((2, 2), 2, 4, 2)
    for index in (0, (0, 1), (..., None), (slice(None), 0), slice(1)):
        np.testing.assert_array_equal(decode(array[index].codes), np.char.encode(STRINGS, "utf-8")[index])
    assert array.reshape(4).shape == array.reshape((4,)).shape == (4,)


def test_functions_of_the_host_are_called_in_programs():
    def run(codes):
        text = TextArray(codes)
        upper = call_on_host(np.char.upper, (text,), text.shape, None)
        return call_on_host(np.char.str_len, (upper,), text.shape, "int32")

    codes = encode(STRINGS)
    want = np.char.str_len(np.char.encode(STRINGS, "utf-8"))
    np.testing.assert_array_equal(jax.jit(run)(codes), want)
    np.testing.assert_array_equal(run(codes), want)
    with pytest.raises(ArgumentTypeError, match="Strings in a compiled program: expected a lookup"):
        jax.jit(lambda codes: np.asarray(TextArray(codes)).size)(codes)
