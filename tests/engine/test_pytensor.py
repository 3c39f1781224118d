"""PyTensor's table computes what XLA computes."""

import importlib.util
from pathlib import Path

import jax
import numpy as np
import pytest

from gazelle.engine.lowering import NotLowered, pytensor, traced
from gazelle.engine.lowering.keys import raw_key

pytest.importorskip("pytensor")  # it needs Python 3.12

_spec = importlib.util.spec_from_file_location("cases", Path(__file__).with_name("cases.py"))
cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)


@pytest.mark.parametrize("name", cases.CASES)
def test_operation(name):
    function, arrays = cases.CASES[name]
    want = [np.asarray(raw_key(leaf)) for leaf in jax.tree.leaves(jax.jit(function)(*arrays))]
    got = pytensor.function(traced(function, *arrays))(*[np.asarray(raw_key(array)) for array in arrays])
    for mine, xlas in zip(got, want, strict=True):
        assert mine.dtype == xlas.dtype
        np.testing.assert_allclose(mine, xlas, rtol=2e-5, atol=2e-6)


def test_numbers_that_pytensor_does_not_have():
    with pytest.raises(NotLowered, match=r"(?s)Numbers of type 'bfloat16' on 'pytensor': expected float16, .*mixed_f"):
        pytensor.function(traced(lambda a: a.astype("bfloat16"), cases.x))


def test_a_gap_says_why():
    with pytest.raises(NotLowered, match="'nextafter' has no rule for 'pytensor': PyTensor has no such"):
        pytensor.function(traced(lambda a: jax.numpy.nextafter(a, 1), cases.x))


def test_a_gap_is_no_rule():
    assert not set(pytensor.RULES) & set(pytensor.MISSING)
