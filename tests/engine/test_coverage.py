"""Rules and declared gaps together cover every operation that layers, losses, metrics and optimizers trace to."""

import importlib.util
from pathlib import Path

import jax
import pytest

from gazelle.engine.lowering import onnx, pytensor, tensorflow, traced
from gazelle.engine.lowering.coverage import coverage

_spec = importlib.util.spec_from_file_location("programs", Path(__file__).with_name("programs.py"))
recorded = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(recorded)


@pytest.mark.parametrize("kind", recorded.KINDS)
def test_no_operation_is_without_a_row(kind):
    names, trace = recorded.KINDS[kind]
    for name in names:
        program = trace(name)
        for target in (tensorflow, pytensor, onnx):  # what ONNX takes, programs of `predict`, is a part of it
            assert coverage(program, target).unknown == set(), (name, target.name)


def test_an_operation_without_a_row_is_found_inside_of_loops():
    class Bare:
        name, RULES, MISSING = "bare", {"while": None, "lt": None}, {"sin": "for the test"}

    program = traced(lambda x: jax.lax.while_loop(lambda x: x < 3, lambda x: jax.numpy.sin(x) + x, x), 1.0)
    found = coverage(program, Bare)
    assert (found.ruled, found.missing, found.unknown) == ({"while", "lt"}, {"sin"}, {"add"})
