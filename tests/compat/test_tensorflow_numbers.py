"""gazelle's `tensorflow` against TensorFlow 2.21: values, dtypes and shapes of about 900 calls.

What TensorFlow gave lies in `golden/tensorflow_calls.json`; `tensorflow_calls.py`, run by itself, made it.
"""

import json
import math
import os
import pathlib

import pytest

from gazelle.compat import tensorflow as facade
from tests.compat import tensorflow_calls

REAL = json.loads((pathlib.Path(__file__).parent / "golden" / "tensorflow_calls.json").read_text())
LINES = tensorflow_calls.lines()[:: 1 if os.environ.get("GAZELLE_TORTURE") == "1" else 4]  # `make torture`: all
LONGER = [function.__name__ for function in tensorflow_calls.LONGER]


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.close()


def same(a, b):
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return a == b or math.isclose(a, b, rel_tol=2e-4, abs_tol=2e-5) or (math.isnan(a) and math.isnan(b))
    return a == b and type(a) is type(b)


def of(tf, line):
    return json.loads(json.dumps(tensorflow_calls.outcome(tf, line)))


def test_table_is_whole():
    assert REAL.keys() == {*tensorflow_calls.lines(), *LONGER}
    assert not [line for line, result in REAL.items() if str(result).startswith("raised ")]


def test_lines(tf):
    found = {line: of(tf, line) for line in LINES}
    assert {line: (got, REAL[line]) for line, got in found.items() if not same(got, REAL[line])} == {}


@pytest.mark.filterwarnings("ignore:tf.function of")  # Python's own `if` and `while`
@pytest.mark.parametrize("name", LONGER)
def test_longer(tf, name):
    got = of(tf, name)
    assert same(got, REAL[name]), (got, REAL[name])
