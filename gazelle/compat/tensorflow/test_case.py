"""`tf.test.TestCase`, from which the tests of packages are derived."""

from __future__ import annotations

import contextlib
import tempfile
import unittest
from collections.abc import Collection, Iterator, Sized
from typing import Any

import jax
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.dtypes import as_dtype, name_on_device
from gazelle.compat.tensorflow.eager.recording import is_box
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.types import DTypeLike, Nested, Option, TensorLike, TensorResult
from gazelle.core.symbolic import is_symbolic

_Tensors = Nested[TensorLike]


def _value(tensor: Any) -> Any:
    return tensor.eval() if is_symbolic(tensor) else np.asarray(tensor)


def _arrays(tree: Any) -> list[Any]:
    return [_value(leaf) for leaf in jax.tree.leaves(tree, is_leaf=is_box)]


@named("test.TestCase")
class TestCase(unittest.TestCase):
    """A test case that compares tensors, arrays and structures of them."""

    assertEquals = unittest.TestCase.assertEqual  # noqa: N815 - until Python 3.11

    def setUp(self) -> None:
        """Forget the variables of other tests."""
        NAMES["reset_default_graph"]()

    @contextlib.contextmanager
    @ignores("config use_gpu force_gpu")
    def session(self, graph: Option = None) -> Iterator[Any]:
        """A session, in whose block it is the default one."""
        with NAMES["Session"](graph=graph) as session:
            yield session

    cached_session = session
    test_session = property(lambda self: self.session)  # not a function, which would be a test

    def evaluate(self, tensors: TensorLike) -> TensorResult:
        """Return the values as NumPy arrays; those of a function are what it returns."""
        tensors = tensors() if callable(tensors) and not is_box(tensors) else tensors
        return jax.tree.map(_value, tensors, is_leaf=is_box)

    def get_temp_dir(self) -> str:
        """Return a folder for this test."""
        if not hasattr(self, "_folder"):
            self._folder = tempfile.mkdtemp()
        return self._folder

    def assertAllClose(self, a: _Tensors, b: _Tensors, rtol: float = 1e-6, atol: float = 1e-6, msg: str = "") -> None:
        """Compare values within a tolerance."""
        structures = isinstance(a, dict | tuple | list) and isinstance(b, dict | tuple | list)
        whole = not structures or len(_arrays(a)) != len(_arrays(b))
        pairs = [(_value(a), _value(b))] if whole else zip(_arrays(a), _arrays(b), strict=True)
        for x, y in pairs:
            if np.asarray(x).dtype == object and np.shape(x) == np.shape(y):  # rows of ragged tensors
                for row, other in zip(x, y, strict=True):
                    self.assertAllClose(row, other, rtol, atol, msg)
            else:
                np.testing.assert_allclose(x, y, rtol, atol, err_msg=msg)

    def assertNDArrayNear(self, ndarray1: _Tensors, ndarray2: _Tensors, err: float, msg: str = "") -> None:
        """Compare arrays by the norm of their difference."""
        difference = float(np.linalg.norm(np.asarray(_value(ndarray1)) - np.asarray(_value(ndarray2))))
        np.testing.assert_array_less(difference, err, msg)

    def assertNear(self, f1: float, f2: float, err: float, msg: str = "") -> None:
        """Require two numbers to differ by at most `err`."""
        self.assertLessEqual(abs(float(_value(f1)) - float(_value(f2))), err, msg or None)

    def assertArrayNear(self, farray1: _Tensors, farray2: _Tensors, err: float, msg: str = "") -> None:
        """Require the elements of two arrays to differ by at most `err`."""
        np.testing.assert_allclose(_value(farray1), _value(farray2), 0, err, err_msg=msg)

    def assertAllCloseAccordingToType(
        self,
        a: _Tensors,
        b: _Tensors,
        rtol: float = 1e-6,
        atol: float = 1e-6,
        float_rtol: float = 1e-6,
        float_atol: float = 1e-6,
        half_rtol: float = 1e-3,
        half_atol: float = 1e-3,
        bfloat16_rtol: float = 1e-2,
        bfloat16_atol: float = 1e-2,
        msg: str = "",
    ) -> None:
        """Compare values within the tolerance of the least exact of their dtypes."""
        dtypes = {str(array.dtype) for array in (*_arrays(a), *_arrays(b))}
        if "bfloat16" in dtypes:
            rtol, atol = bfloat16_rtol, bfloat16_atol
        elif "float16" in dtypes:
            rtol, atol = half_rtol, half_atol
        elif "float32" in dtypes:
            rtol, atol = float_rtol, float_atol
        self.assertAllClose(a, b, rtol, atol, msg)

    def assertAllInRange(
        self,
        target: _Tensors,
        lower_bound: float,
        upper_bound: float,
        open_lower_bound: bool = False,
        open_upper_bound: bool = False,
    ) -> None:
        """Require all values between two bounds, which an open end excludes."""
        array = _value(target)
        above = array > lower_bound if open_lower_bound else array >= lower_bound
        below = array < upper_bound if open_upper_bound else array <= upper_bound
        self.assertTrue(np.all(above & below), f"not all of {array} are from {lower_bound} to {upper_bound}")

    def assertAllGreater(self, a: _Tensors, comparison_target: float) -> None:
        """Require all values to be above a number."""
        self.assertAllInRange(a, comparison_target, np.inf, open_lower_bound=True)

    def assertAllGreaterEqual(self, a: _Tensors, comparison_target: float) -> None:
        """Require all values to be at least a number."""
        self.assertAllInRange(a, comparison_target, np.inf)

    def assertAllLess(self, a: _Tensors, comparison_target: float) -> None:
        """Require all values to be below a number."""
        self.assertAllInRange(a, -np.inf, comparison_target, open_upper_bound=True)

    def assertAllLessEqual(self, a: _Tensors, comparison_target: float) -> None:
        """Require all values to be at most a number."""
        self.assertAllInRange(a, -np.inf, comparison_target)

    def assertAllInSet(self, target: _Tensors, expected_set: Collection[Any]) -> None:
        """Require all values to be in a set."""
        self.assertLessEqual(set(np.ravel(_value(target)).tolist()), set(expected_set))

    def assertShapeEqual(self, input_a: _Tensors, input_b: _Tensors, msg: str = "") -> None:
        """Require equal shapes."""
        self.assertEqual(np.shape(_value(input_a)), np.shape(_value(input_b)), msg or None)

    def assertDTypeEqual(self, target: _Tensors, expected_dtype: DTypeLike) -> None:
        """Require a dtype."""
        self.assertEqual(str(_value(target).dtype), str(np.dtype(name_on_device(as_dtype(expected_dtype)))))

    def assertLen(self, container: Sized, expected_len: int, msg: str = "") -> None:
        """Require a number of elements."""
        self.assertEqual(len(container), expected_len, msg or f"length of {container}")

    def assertEmpty(self, container: Sized, msg: str = "") -> None:
        """Require a container without elements."""
        self.assertLen(container, 0, msg)

    def assertNotEmpty(self, container: Sized, msg: str = "") -> None:
        """Require a container with elements."""
        self.assertGreater(len(container), 0, msg or None)

    def assertAllEqual(self, a: _Tensors, b: _Tensors, msg: str = "") -> None:
        """Compare values exactly."""
        np.testing.assert_array_equal(_value(a), _value(b), err_msg=msg)

    def assertNotAllClose(
        self, a: _Tensors, b: _Tensors, rtol: float = 1e-6, atol: float = 1e-6, msg: str = ""
    ) -> None:
        """Require a difference beyond a tolerance."""
        try:
            self.assertAllClose(a, b, rtol, atol)
        except AssertionError:
            return
        self.fail(msg or f"the values are equal within a tolerance of {rtol} and {atol}")

    def assertNotAllEqual(self, a: _Tensors, b: _Tensors, msg: str = "") -> None:
        """Require a difference."""
        self.assertNotAllClose(a, b, 0, 0, msg)
