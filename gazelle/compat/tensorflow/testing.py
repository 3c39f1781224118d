"""`tf.test`: the test case that packages derive theirs from."""

from __future__ import annotations

import tempfile
import unittest
from typing import Any

import jax
import numpy as np

from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.recording import is_box
from gazelle.compat.types import TensorLike, TensorResult


def _arrays(tree: Any) -> list[Any]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree, is_leaf=is_box)]


@named("test.TestCase")
class TestCase(unittest.TestCase):
    """A test case that compares tensors, arrays and structures of them."""

    def evaluate(self, tensors: TensorLike) -> TensorResult:
        """Return the values as NumPy arrays."""
        return jax.tree.map(np.asarray, tensors, is_leaf=is_box)

    def get_temp_dir(self) -> str:
        """Return a folder for this test."""
        if not hasattr(self, "_folder"):
            self._folder = tempfile.mkdtemp()
        return self._folder

    def assertAllClose(self, a: Any, b: Any, rtol: float = 1e-6, atol: float = 1e-6, msg: str = "") -> None:  # noqa: N802
        """Compare values within a tolerance."""
        structures = isinstance(a, dict | tuple | list) and isinstance(b, dict | tuple | list)
        if structures and len(_arrays(a)) == len(_arrays(b)):
            for x, y in zip(_arrays(a), _arrays(b), strict=True):
                np.testing.assert_allclose(x, y, rtol, atol, err_msg=msg)
        else:
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol, atol, err_msg=msg)

    def assertAllEqual(self, a: Any, b: Any, msg: str = "") -> None:  # noqa: N802
        """Compare values exactly."""
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b), err_msg=msg)

    def assertNotAllClose(self, a: Any, b: Any, rtol: float = 1e-6, atol: float = 1e-6, msg: str = "") -> None:  # noqa: N802
        """Require a difference beyond a tolerance."""
        try:
            self.assertAllClose(a, b, rtol, atol)
        except AssertionError:
            return
        self.fail(msg or f"the values are equal within a tolerance of {rtol} and {atol}")

    def assertNotAllEqual(self, a: Any, b: Any, msg: str = "") -> None:  # noqa: N802
        """Require a difference."""
        self.assertNotAllClose(a, b, 0, 0, msg)
