"""ONNX's table computes what XLA computes, run by onnxruntime."""

import importlib.util
from pathlib import Path

import jax
import numpy as np
import pytest

from gazelle.engine.lowering import NotLowered, lower, onnx, traced
from gazelle.engine.lowering.onnx.graph import Builder, write

_spec = importlib.util.spec_from_file_location("cases", Path(__file__).with_name("cases.py"))
cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)

# functions and types that ONNX or onnxruntime on a CPU do not have
GAPS = {
    "bytes",
    "callback",
    "decompositions",
    "digamma",
    "lgamma",
    "permutation",
    "random",
    "solve",
    "special",
    "waves",
    "words",
}


def computed(function, arrays):
    """The outputs of the function through an ONNX file in memory."""
    import onnxruntime

    program, builder = traced(function, *arrays), Builder(onnx.RULES, onnx.MISSING)
    names = [f"in_{i}" for i in range(len(arrays))]
    builder.main.inputs = [(name, array.dtype, array.shape) for name, array in zip(names, arrays, strict=True)]
    made = [builder.op("Identity", name) for name in lower(program, builder, *names)]
    builder.main.outputs = [(n, aval.dtype, aval.shape) for n, aval in zip(made, program.out_avals, strict=True)]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(write(builder, "case").SerializeToString(), options)
    return session.run(None, dict(zip(names, arrays, strict=True)))


@pytest.mark.parametrize("name", [name for name in cases.CASES if name not in GAPS])
def test_operation(name):
    function, arrays = cases.CASES[name]
    got = computed(function, [np.asarray(array) for array in arrays])
    for mine, xlas in zip(got, jax.tree.leaves(jax.jit(function)(*arrays)), strict=True):
        assert mine.dtype == xlas.dtype
        np.testing.assert_allclose(mine, xlas, rtol=2e-5, atol=3e-6)


def test_a_gap_says_why():
    with pytest.raises(NotLowered, match="'pure_callback' has no rule for 'onnx': ONNX calls no Python"):
        computed(*cases.CASES["callback"])


def test_a_gap_is_no_rule():
    assert not set(onnx.RULES) & set(onnx.MISSING)
