"""tf.debugging: assertions, which check nothing inside of a compiled function. `tf.test`: the test case of packages."""

from __future__ import annotations

import operator
import tempfile
import unittest
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.ignored import ignores
from gazelle.compat.tensorflow.arrays import convert
from gazelle.compat.tensorflow.dtypes import as_dtype, name_of
from gazelle.compat.tensorflow.errors import InvalidArgumentError
from gazelle.compat.tensorflow.names import fixed_value, named
from gazelle.compat.tensorflow.recording import is_box, unboxed
from gazelle.compat.types import DTypeLike, Nested, TensorLike, TensorResult
from gazelle.core.errors import ShapeError, message


def _assert(condition: Any, what: str, got: Any) -> None:
    if isinstance(condition, jax.core.Tracer):
        return
    if not bool(np.all(condition)):
        raise InvalidArgumentError(message(f"Assertion {what}", got=got))


def _values_check(name: str, holds: Callable[..., Any]) -> None:
    """Register an assertion about the values of as many tensors as `holds` takes."""
    text = f"assert_{name}"

    @ignores("summarize name data")
    def of_one(x: Any, message: Any = None) -> None:
        _assert(holds(np.asarray(x) if isinstance(x, list) else unboxed(x)), message or text, x)

    @ignores("summarize name data")
    def of_two(x: Any, y: Any, message: Any = None) -> None:
        a, b = unboxed(x), unboxed(y)
        _assert(holds(a, b), message or text, f"{a} and {b}")

    one = name in _OF_ONE
    named(f"debugging.{text}", f"compat.v1.{text}" if one else text)(of_one if one else of_two)


_OF_ONE: dict[str, Callable[..., Any]] = {
    "positive": lambda a: a > 0,
    "non_negative": lambda a: a >= 0,
    "negative": lambda a: a < 0,
    "non_positive": lambda a: a <= 0,
}
_OF_TWO: dict[str, Callable[..., Any]] = {
    "equal": operator.eq,
    "none_equal": operator.ne,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
}
for _name, _holds in (_OF_ONE | _OF_TWO).items():
    _values_check(_name, _holds)


@named("debugging.assert_near", "compat.v1.assert_near")
@ignores("summarize name data")
def assert_near(
    x: TensorLike, y: TensorLike, rtol: TensorLike = None, atol: TensorLike = None, message: str | None = None
) -> None:
    """`tf.debugging.assert_near`: |x - y| is less than atol + rtol |y|; both are 10 times the epsilon of the dtype."""
    a, b = unboxed(convert(x)), unboxed(convert(y))
    r, t = (10 * jnp.finfo(a.dtype).eps if v is None else unboxed(v) for v in (rtol, atol))
    _assert(abs(a - b) < t + r * abs(b), message or "assert_near", f"{a} and {b}")


@named("debugging.Assert", "Assert")
@ignores("summarize name")
def assert_(condition: TensorLike, data: TensorLike = None) -> None:
    _assert(unboxed(condition), "Assert", data)


@named("debugging.assert_type")
def assert_type(tensor: TensorLike, tf_type: DTypeLike, message: str | None = None) -> None:
    if name_of(unboxed(tensor).dtype) != name_of(tf_type):
        raise TypeError(f"{message or 'assert_type'}: expected {name_of(tf_type)}, got {unboxed(tensor).dtype}.")


@named("debugging.assert_integer")
def assert_integer(x: TensorLike, message: str | None = None) -> None:
    if unboxed(x).dtype.kind not in "iu":
        raise TypeError(f"{message or 'assert_integer'}: expected integers, got {unboxed(x).dtype}.")


@named("debugging.assert_same_float_dtype")
def assert_same_float_dtype(tensors: Nested[TensorLike] | None = None, dtype: DTypeLike = None) -> TensorResult:
    """`tf.debugging.assert_same_float_dtype`: the common dtype."""
    found = {name_of(unboxed(t).dtype) for t in tensors or ()} | ({name_of(dtype)} if dtype else set())
    if len(found) > 1:
        raise ValueError(message("assert_same_float_dtype", expected="one dtype", got=" and ".join(sorted(found))))
    return as_dtype(next(iter(found), "float32"))


@named("debugging.assert_all_finite", "debugging.check_numerics", "compat.v1.check_numerics")
def check_numerics(tensor: TensorLike, message: str | None = "") -> TensorResult:
    """`tf.debugging.check_numerics`: the tensor, if it is finite."""
    array = unboxed(tensor)
    if not isinstance(array, jax.core.Tracer):
        _assert(np.isfinite(np.asarray(array)), message or "check_numerics", array)
    return tensor


def _rank_check(name: str, holds: Any) -> Any:
    @ignores("data summarize")
    def check(x: Any, rank: Any = None, message: Any = None, name: Any = None, *, ranks: Any = None) -> None:
        expected, found = fixed_value(rank if ranks is None else ranks), np.ndim(unboxed(x))
        if not holds(found, expected):
            raise ShapeError(f"{message or text}: expected {expected} axes, got {found}.")

    text = f"assert_{name}"
    return check


for _name, _holds in {
    "rank": operator.eq,
    "rank_at_least": operator.ge,
    "rank_in": lambda found, expected: found in expected,
    "scalar": lambda found, _: found == 0,
}.items():
    named(f"debugging.assert_{_name}", f"compat.v1.assert_{_name}")(_rank_check(_name, _holds))


@named("debugging.assert_shapes")
@ignores("data summarize name")
def assert_shapes(
    shapes: Mapping[Any, Sequence[Any]] | Sequence[tuple[Any, Sequence[Any]]], message: str | None = None
) -> None:
    """`tf.debugging.assert_shapes`: equal symbols are equal sizes."""
    sizes: dict[Any, int] = {}
    for tensor, symbols in shapes.items() if isinstance(shapes, dict) else shapes:
        for size, symbol in zip(np.shape(unboxed(tensor)), symbols, strict=True):
            expected = symbol if isinstance(symbol, int) else sizes.setdefault(symbol, size)
            if symbol is not None and expected != size:
                raise ShapeError(f"{message or 'assert_shapes'}: expected {expected} for {symbol!r}, got {size}.")


@named("debugging.is_numeric_tensor")
def is_numeric_tensor(tensor: TensorLike) -> bool:
    return np.asarray(unboxed(tensor)).dtype.kind in "fiuc"


_Tensors = Nested[TensorLike]


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

    def assertAllClose(self, a: _Tensors, b: _Tensors, rtol: float = 1e-6, atol: float = 1e-6, msg: str = "") -> None:  # noqa: N802
        """Compare values within a tolerance."""
        structures = isinstance(a, dict | tuple | list) and isinstance(b, dict | tuple | list)
        if structures and len(_arrays(a)) == len(_arrays(b)):
            for x, y in zip(_arrays(a), _arrays(b), strict=True):
                np.testing.assert_allclose(x, y, rtol, atol, err_msg=msg)
        else:
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol, atol, err_msg=msg)

    def assertAllEqual(self, a: _Tensors, b: _Tensors, msg: str = "") -> None:  # noqa: N802
        """Compare values exactly."""
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b), err_msg=msg)

    def assertNotAllClose(  # noqa: N802
        self, a: _Tensors, b: _Tensors, rtol: float = 1e-6, atol: float = 1e-6, msg: str = ""
    ) -> None:
        """Require a difference beyond a tolerance."""
        try:
            self.assertAllClose(a, b, rtol, atol)
        except AssertionError:
            return
        self.fail(msg or f"the values are equal within a tolerance of {rtol} and {atol}")

    def assertNotAllEqual(self, a: _Tensors, b: _Tensors, msg: str = "") -> None:  # noqa: N802
        """Require a difference."""
        self.assertNotAllClose(a, b, 0, 0, msg)
