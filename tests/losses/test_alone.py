"""Losses in a process that uses nothing else of gazelle."""

import subprocess
import sys

PROGRAM = """
import numpy as np
from gazelle import losses

assert abs(losses.binary_crossentropy(np.ones((1, 2)), np.full((1, 2), 0.5))[0] - np.log(2)) < 1e-6
assert abs(losses.SparseCategoricalCrossentropy()(np.array([1]), np.array([[0.5, 0.5]])) - np.log(2)) < 1e-6
try:
    losses.sparse_categorical_crossentropy(np.array([2]), np.array([[0.5, 0.5]]))
except ValueError as error:
    assert "expected integers from 0 to 1" in str(error), error
else:
    raise AssertionError("label 2 of 2 classes")
"""


def test_functions_check_labels_of_arrays():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
