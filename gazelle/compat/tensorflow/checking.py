"""tf.debugging: assertions, which check nothing in the steps of a model."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.execution_order import Assertion, depending
from gazelle.compat.tables import with_parameters
from gazelle.compat.tensorflow.dtypes import as_dtype, name_of
from gazelle.compat.tensorflow.eager.function import check_at_run_time, is_tracing
from gazelle.compat.tensorflow.eager.recording import is_box, unboxed
from gazelle.compat.tensorflow.errors import InvalidArgumentError
from gazelle.compat.tensorflow.names import NAMES, fixed_value, named
from gazelle.compat.tensorflow.ops.arrays import convert
from gazelle.compat.tensorflow.v1.host_nodes import in_graph
from gazelle.compat.types import DTypeLike, Nested, TensorLike, TensorResult
from gazelle.core.errors import ShapeError, message
from gazelle.core.shape_inference import call_op
from gazelle.core.symbolic import is_symbolic


def _assert(condition: Any, what: str, got: Any) -> Assertion | None:
    if is_symbolic(condition):
        return Assertion(condition, lambda value: _assert(value, what, "other values"))
    if isinstance(condition, jax.core.Tracer):
        if is_tracing():
            check_at_run_time(jnp.all(condition), message(f"Assertion {what}", got="other values"))
        return None
    if not bool(np.all(condition)):
        raise InvalidArgumentError(message(f"Assertion {what}", got=got))
    return None


def _register(name: str, operands: str, check: Callable[..., Any]) -> None:
    """Register an assertion about these arguments, in the order of arguments of TensorFlow 2 and of TensorFlow 1."""
    rest = "message=None -summarize=None" if name != "none_equal" else "-summarize=None message=None"
    current = with_parameters(check, f"{operands} {rest} -name=None".split())
    former = with_parameters(check, f"{operands} -data=None -summarize=None message=None -name=None".split())
    text = f"assert_{name}"
    named(f"debugging.{text}", text)(current)
    named(f"compat.v1.debugging.{text}", f"compat.v1.{text}")(former)


def _values_check(name: str, operands: str, holds: Callable[..., Any]) -> None:
    """Register an assertion about the values of as many tensors as `holds` takes."""

    def check(*args: Any) -> Assertion | None:
        *values, message = args
        if in_graph(values):
            condition = call_op(
                lambda *given: jnp.all(holds(*map(jnp.asarray, given))), tuple(map(unboxed, values)), {}
            )
            return _assert(condition, message or f"assert_{name}", None)
        arrays = [unboxed(convert(value)) for value in values]
        return _assert(holds(*arrays), message or f"assert_{name}", " and ".join(map(str, arrays)))

    _register(name, operands, check)


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
for _operands, _assertions in (("x", _OF_ONE), ("x y", _OF_TWO)):
    for _name, _holds in _assertions.items():
        _values_check(_name, _operands, _holds)


@named("debugging.assert_proper_iterable", "compat.v1.assert_proper_iterable")
def assert_proper_iterable(values: object) -> None:
    """`tf.debugging.assert_proper_iterable`: an error unless the values are in a list, a tuple or the like."""
    if isinstance(values, str | bytes | np.ndarray) or is_box(values) or not hasattr(values, "__iter__"):
        raise TypeError(message("values", expected="a list or a tuple of tensors", got=type(values).__name__))


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
def assert_(condition: TensorLike, data: TensorLike = None) -> Assertion | None:
    return _assert(unboxed(condition), "Assert", data)


@named("debugging.assert_type")
def assert_type(tensor: TensorLike, tf_type: DTypeLike, message: str | None = None) -> None:
    if (found := name_of(unboxed(convert(tensor)).dtype)) != name_of(tf_type):
        raise TypeError(f"{message or 'assert_type'}: expected {name_of(tf_type)}, got {found}.")


@named("debugging.assert_integer")
def assert_integer(x: TensorLike, message: str | None = None) -> None:
    if (found := unboxed(convert(x)).dtype).kind not in "iu":
        raise TypeError(f"{message or 'assert_integer'}: expected integers, got {found}.")


@named("debugging.assert_same_float_dtype")
def assert_same_float_dtype(tensors: Nested[TensorLike] | None = None, dtype: DTypeLike = None) -> TensorResult:
    """`tf.debugging.assert_same_float_dtype`: the common dtype."""
    found = {name_of(unboxed(t).dtype) for t in tensors or ()} | ({name_of(dtype)} if dtype else set())
    if len(found) > 1:
        raise ValueError(message("assert_same_float_dtype", expected="one dtype", got=" and ".join(sorted(found))))
    return as_dtype(next(iter(found), "float32"))


def _check_numerics(tensor: Any, message: Any) -> Any:
    """The tensor, if it is finite."""
    if in_graph(tensor):
        finite = _assert(call_op(lambda x: jnp.all(jnp.isfinite(x)), (tensor,), {}), message or "check_numerics", None)
        with depending([finite]):
            return NAMES["identity"](tensor)
    array = unboxed(tensor := convert(tensor))
    if not isinstance(array, jax.core.Tracer):
        _assert(np.isfinite(np.asarray(array)), message or "check_numerics", array)
    return tensor


for _names, _parameters in {
    "debugging.check_numerics compat.v1.check_numerics": "tensor message=None -name=None",
    "debugging.assert_all_finite": "x message=None -name=None",
    "compat.v1.verify_tensor_all_finite": "t/x=None msg/message=None -name=None",
}.items():
    named(*_names.split())(with_parameters(_check_numerics, _parameters.split()))


def _rank_check(name: str, operands: str, holds: Callable[..., bool]) -> None:
    def check(x: Any, *args: Any) -> None:
        *ranks, message = args
        expected, found = fixed_value(ranks[0]) if ranks else 0, np.ndim(unboxed(x))
        if not holds(found, expected):
            raise ShapeError(f"{message or f'assert_{name}'}: expected {expected} axes, got {found}.")

    _register(name, operands, check)


_rank_check("rank", "x rank", operator.eq)
_rank_check("rank_at_least", "x rank", operator.ge)
_rank_check("rank_in", "x ranks", lambda found, expected: found in expected)
_rank_check("scalar", "tensor", operator.eq)


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
    return is_box(tensor) and jnp.issubdtype(unboxed(tensor).dtype, jnp.number)  # not of its values: it may be traced
