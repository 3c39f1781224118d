"""NumPy's functions with Keras' argument names: a table over `jax.numpy`.

A prototype below gives the names and defaults of the arguments; a row lists what has them. The function of `jax.numpy`
with the row's name gets the arrays by place and all else by name. What has other names there, or needs more than a
call, is written out in `arranging.py` and `numbers.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from gazelle.ops.base import ARRAY, ARRAYS, array, arrays, op, public
from gazelle.ops.max_min import extreme

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...  # the functions are made from the table


# fmt: off
def _of_one(x: Any) -> None: ...
def _of_two(x1: Any, x2: Any) -> None: ...
def _of_bits(x: Any, y: Any) -> None: ...
def _reduce(x: Any, axis: Any = None, keepdims: bool = False) -> None: ...
def _reduce_from(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> None: ...
def _reduce_as(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> None: ...
def _along(x: Any, axis: Any = None) -> None: ...
def _cumulate(x: Any, axis: Any = None, dtype: Any = None) -> None: ...
def _like(x: Any, dtype: Any = None) -> None: ...
def _on_diagonal(x: Any, k: int = 0) -> None: ...
def _diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> None: ...
def _quantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> None: ...
def _join(xs: Any) -> None: ...
def _join_along(xs: Any, axis: int = 0) -> None: ...
def _parts(x: Any, indices_or_sections: Any) -> None: ...
def _parts_along(x: Any, indices_or_sections: Any, axis: int = 0) -> None: ...
def _close(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> None: ...
def _space(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> None: ...
# fmt: on


TABLE: dict[Callable[..., None], str] = {
    _of_one: "absolute angle arccos arccosh arcsin arcsinh arctan arctanh cbrt conjugate copy corrcoef cos cosh "
    "deg2rad exp exp2 expm1 fabs fliplr flipud i0 imag isfinite isinf isnan isneginf isposinf isreal log log10 "
    "log1p log2 logical_not negative nonzero rad2deg ravel real reciprocal sign signbit sin sinc sinh sqrt square tan "
    "tanh",
    _of_two: "add arctan2 divide dot equal floor_divide fmax fmin fmod gcd greater greater_equal heaviside hypot inner "
    "kron lcm less less_equal logaddexp logaddexp2 logical_and logical_or logical_xor maximum minimum mod multiply "
    "nextafter not_equal outer power subtract true_divide vdot",
    _of_bits: "bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor left_shift right_shift",
    _reduce: "all amax amin any argmax argmin mean median nanargmax nanargmin nanmax nanmean nanmedian nanmin nanprod "
    "nanstd nansum nanvar ptp std sum var",
    _reduce_from: "max min",
    _reduce_as: "prod",
    _along: "count_nonzero flip squeeze",
    _cumulate: "cumprod cumsum nancumprod nancumsum",
    _like: "empty_like ones_like zeros_like",
    _on_diagonal: "diag diagflat tril triu",
    _diagonal: "diagonal trace",
    _quantile: "nanpercentile nanquantile percentile quantile",
    _join: "dstack hstack vstack",
    _join_along: "concatenate",
    _parts: "dsplit hsplit vsplit",
    _parts_along: "array_split split",
    _close: "allclose isclose",
    _space: "geomspace",
}

#: Keras' name -> the name in `jax.numpy`, where they differ.
_NAMES = {"bitwise_left_shift": "left_shift", "bitwise_right_shift": "right_shift"}
_EXTREMES = {"amax", "amin", "max", "min", "nanmax", "nanmin", "ptp"}


def _make(name: str, prototype: Callable[..., None]) -> Callable[..., Any]:
    target = getattr(jnp, _NAMES.get(name, name))
    target = extreme(target) if name in _EXTREMES else target
    signature = inspect.signature(prototype)
    placed = [p for p in signature.parameters if p in ARRAY or p in ARRAYS or p in ("q", "start", "stop")]

    def function(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments
        values = [(arrays if p in ARRAYS else array)(given.pop(p)) for p in placed]
        if isinstance(given.get("axis"), list):
            given["axis"] = tuple(given["axis"])
        return target(*values, **given)

    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    function.__doc__ = f"NumPy's `{name}`; see `numpy.{name}`."
    function.__signature__ = signature  # type: ignore[attr-defined]
    return op(function)


for _prototype, _row in TABLE.items():
    for _name in _row.split():
        globals()[_name] = _make(_name, _prototype)
for _alias, _name in {"abs": "absolute", "conj": "conjugate"}.items():
    globals()[_alias] = globals()[_name]

__all__ = public(globals())
