"""Activations of integers are those of the same numbers as floats: nothing overflows."""

import numpy as np
import pytest

from gazelle import ops
from gazelle.ops import activation

#: of these alone the result keeps the dtype of integers, as in Keras
KEPT = {"relu", "hard_tanh"}
ARGUMENTS = {"threshold": (1.0, 0.0)}


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32"])
@pytest.mark.parametrize("name", sorted(set(activation.__all__) - KEPT))
def test_activations_of_integers(name, dtype):
    x = np.array([[3, 200, 0, 17], [127, 0, 255, 128]]).astype(dtype)
    function, arguments = getattr(ops, name), ARGUMENTS.get(name, ())
    expected = np.asarray(function(x.astype("float32"), *arguments))
    assert expected.dtype == "float32"
    np.testing.assert_allclose(np.asarray(function(x, *arguments), "float32"), expected, rtol=1e-6)


def test_activations_of_complex_numbers_stay_complex():
    x = np.array([1 + 2j, -1j], "complex64")
    for name in ("sigmoid", "softsign", "silu"):
        assert np.asarray(getattr(ops, name)(x)).dtype == "complex64"
    np.testing.assert_allclose(np.asarray(ops.sigmoid(x)), 1 / (1 + np.exp(-x)), rtol=1e-6)
