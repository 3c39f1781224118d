"""tf.debugging: assertions. Inside of a compiled function the values are not there, and nothing is checked."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from gazelle.core.errors import ShapeError, message
from gazelle.legacy.tensorflow.errors import InvalidArgumentError
from gazelle.legacy.tensorflow.names import named
from gazelle.legacy.tensorflow.recording import unboxed


def _hold(true: Any, what: str, got: Any) -> None:
    if isinstance(true, jax.core.Tracer):
        return
    if not bool(np.all(true)):
        raise InvalidArgumentError(message(f"Assertion {what}", got=got))


def _compared(name: str, compare: Any) -> Any:
    def check(x: Any, y: Any, message: Any = None, summarize: Any = None, name: Any = None) -> None:
        a, b = unboxed(x), unboxed(y)
        _hold(compare(a, b), message or text, f"{a} and {b}")

    text = f"assert_{name}"
    return check


for _name, _compare in {
    "equal": lambda a, b: a == b, "none_equal": lambda a, b: a != b, "less": lambda a, b: a < b,
    "less_equal": lambda a, b: a <= b, "greater": lambda a, b: a > b, "greater_equal": lambda a, b: a >= b,
    "near": lambda a, b: abs(a - b) < 1e-5,
}.items():  # fmt: skip
    named(f"debugging.assert_{_name}", f"assert_{_name}", f"compat.v1.assert_{_name}")(_compared(_name, _compare))


@named("debugging.Assert", "Assert")
def assert_(condition: Any, data: Any = None, summarize: Any = None, name: Any = None) -> None:
    """`tf.debugging.Assert`."""
    _hold(unboxed(condition), "Assert", data)


@named("debugging.assert_positive")
def assert_positive(x: Any, message: Any = None, **_: Any) -> None:
    """`tf.debugging.assert_positive`."""
    _hold(unboxed(x) > 0, message or "assert_positive", unboxed(x))


@named("debugging.assert_non_negative")
def assert_non_negative(x: Any, message: Any = None, **_: Any) -> None:
    """`tf.debugging.assert_non_negative`."""
    _hold(unboxed(x) >= 0, message or "assert_non_negative", unboxed(x))


@named("debugging.assert_all_finite", "debugging.check_numerics", "compat.v1.check_numerics")
def check_numerics(tensor: Any, message: Any = "", name: Any = None) -> Any:
    """`tf.debugging.check_numerics`: the tensor, if all of it is finite."""
    array = unboxed(tensor)
    if not isinstance(array, jax.core.Tracer):
        _hold(np.isfinite(np.asarray(array)), message or "check_numerics", array)
    return tensor


@named("debugging.assert_rank")
def assert_rank(x: Any, rank: int, message: Any = None, **_: Any) -> None:
    """`tf.debugging.assert_rank`."""
    if np.ndim(unboxed(x)) != rank:
        raise ShapeError(f"{message or 'assert_rank'}: expected {rank} axes, got {np.ndim(unboxed(x))}.")


@named("debugging.assert_shapes")
def assert_shapes(shapes: Any, message: Any = None, **_: Any) -> None:
    """`tf.debugging.assert_shapes`: symbols stand for one size each."""
    sizes: dict[Any, int] = {}
    for tensor, wanted in shapes.items() if isinstance(shapes, dict) else shapes:
        for size, symbol in zip(np.shape(unboxed(tensor)), wanted, strict=True):
            expected = symbol if isinstance(symbol, int) else sizes.setdefault(symbol, size)
            if symbol is not None and expected != size:
                raise ShapeError(f"{message or 'assert_shapes'}: expected {expected} for {symbol!r}, got {size}.")


@named("debugging.is_numeric_tensor")
def is_numeric_tensor(tensor: Any) -> bool:
    """`tf.debugging.is_numeric_tensor`."""
    return np.asarray(unboxed(tensor)).dtype.kind in "fiuc"
