"""Errors of operations whose arrays have shapes that do not fit, in place of the texts of JAX."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from gazelle.core.errors import IncompatibleShapesError, message

Shapes: TypeAlias = Sequence[tuple[int, ...]]
#: what is expected, what was received, and a hint
Reason: TypeAlias = tuple[str, str, str]


def explain(
    function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], error: Exception
) -> IncompatibleShapesError | None:
    """Return the error for arrays whose shapes do not fit.

    Args:
        function: The function that failed.
        args: Its arguments.
        kwargs: Its arguments by name.
        error: Its error.

    Returns:
        The error; None if the shapes are not the reason.
    """
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return None
    bound.apply_defaults()
    given = bound.arguments
    flat = [a for v in given.values() for a in (v if isinstance(v, list | tuple) else [v])]
    shapes = [np.shape(a) for a in flat if hasattr(a, "shape")]
    what, reason = f"ops.{function.__name__}", str(error).split("\n")[0]
    known = all(isinstance(size, int) for shape in shapes for size in shape)  # not those of `jax.export`
    rule = _RULES.get(function.__name__, _broadcast if "broadcast" in reason else None)
    found = rule(shapes, given) if known and len(shapes) > 1 and rule is not None else None
    listed = ", ".join(map(str, shapes))
    if found is not None:
        expected, got, hint = found
        what = f"{what} of incompatible shapes {listed} cannot be computed"
        return IncompatibleShapesError(message(what, expected=expected, got=got, hint=hint))
    if "inhomogeneous" in reason:
        expected, hint = "numbers in rows of equal length", "Pad the rows to one length, for instance with zeros."
        return IncompatibleShapesError(message(what, expected=expected, got="a ragged list", hint=hint))
    if known and len(shapes) > 1 and re.search(r"\b(shape|size|dimension|axis|rank|label)", reason):
        return IncompatibleShapesError(message(f"{what} of shapes {listed} cannot be computed: {reason}"))
    return None


def _product(shapes: Shapes, given: Any) -> Reason | None:
    """matmul and dot: the last axis of the first array, the second last of the second one."""
    first, second = shapes
    if not first or not second:
        return "arrays with at least one axis", "a number", ""
    left, right = first[-1], second[-2 if len(second) > 1 else 0]
    if left != right:
        axis = "second last" if len(second) > 1 else "only"
        hint = ""
        if len(second) == 2 and second[1] == left:
            hint = "Transpose the second array: ops.transpose(x2)."
        elif len(first) == 2 and first[0] == right:
            hint = "Transpose the first array: ops.transpose(x1)."
        return f"the last axis of x1 to be as long as the {axis} axis of x2", f"{left} and {right}", hint
    return _broadcast([first[:-2], second[:-2]], given)


def _inner(shapes: Shapes, given: Any) -> Reason | None:
    first, second = (shape[-1] for shape in shapes)
    return None if first == second else ("last axes of equal length", f"{first} and {second}", "")


def _vdot(shapes: Shapes, given: Any) -> Reason | None:
    first, second = (int(np.prod(shape)) for shape in shapes)
    return None if first == second else ("equally many elements", f"{first} and {second}", "")


def _tensordot(shapes: Shapes, given: Any) -> Reason | None:
    axes = given["axes"]
    if isinstance(axes, int):
        pairs = [(i - axes, i) for i in range(axes)]
    else:
        lists = [[a] if isinstance(a, int) else list(a) for a in axes]
        pairs = list(zip(*lists, strict=False))
    for i, j in pairs:
        if not -len(shapes[0]) <= i < len(shapes[0]) or not -len(shapes[1]) <= j < len(shapes[1]):
            return f"arrays with axes {i} and {j}", f"{len(shapes[0])} and {len(shapes[1])} axes", ""
        if shapes[0][i] != shapes[1][j]:
            expected = f"axis {i} of x1 to be as long as axis {j} of x2"
            return expected, f"{shapes[0][i]} and {shapes[1][j]}", ""
    return None


def _einsum(shapes: Shapes, given: Any) -> Reason | None:
    sizes: dict[str, int] = {}
    terms = given["subscripts"].replace(" ", "").split("->")[0].split(",")
    if "." in given["subscripts"]:
        return None
    if len(terms) != len(shapes):
        return f"{len(terms)} arrays for {given['subscripts']!r}", f"{len(shapes)}", ""
    for term, shape in zip(terms, shapes, strict=True):
        if len(term) != len(shape):
            return f"{len(term)} axes for {term!r}", f"shape {shape}", ""
        for letter, size in zip(term, shape, strict=True):
            if 1 not in (size, sizes.setdefault(letter, size)) and sizes[letter] != size:
                return f"one size for the axis {letter!r}", f"{sizes[letter]} and {size}", ""
            sizes[letter] = max(size, sizes[letter])
    return None


def _stack(shapes: Shapes, given: Any) -> Reason | None:
    other = next((shape for shape in shapes if shape != shapes[0]), None)
    return None if other is None else ("arrays of equal shape", f"{shapes[0]} and {other}", "")


def _join(axis_of: Callable[[Any, int], int | None]) -> Callable[[Shapes, Any], Reason | None]:
    """The rule of an operation that joins along an axis: a function of its arguments and the number of axes."""

    def rule(shapes: Shapes, given: Any) -> Reason | None:
        first = shapes[0]
        axis = axis_of(given, len(first))
        if axis is None:
            return None
        axis %= max(len(first), 1)
        for other in shapes[1:]:
            if len(other) != len(first):
                hint = "Add an axis: ops.expand_dims(x, 0)." if abs(len(other) - len(first)) == 1 else ""
                return "arrays with equally many axes", f"{len(first)} and {len(other)}", hint
            for i, (left, right) in enumerate(zip(first, other, strict=True)):
                if left != right and i != axis:
                    return f"shapes that differ along axis {axis} only", f"{left} and {right} along axis {i}", ""
        return None

    return rule


def _broadcast(shapes: Shapes, given: Any) -> Reason | None:
    """Operations by element."""
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        pass
    else:
        return None
    most = max(map(len, shapes))
    columns = list(zip(*((1,) * (most - len(shape)) + tuple(shape) for shape in shapes), strict=True))
    sizes = next(sorted(set(column) - {1}) for column in reversed(columns) if len(set(column) - {1}) > 1)
    hint = ""
    short, long = sorted(shapes[:2], key=len)
    if len(short) == len(long) - 1 and short == long[:-1]:
        hint = "Add an axis to the smaller array: ops.expand_dims(x, -1)."
    return "sizes that are equal or 1, from the last axis on", " and ".join(map(str, sizes)), hint


_rows = _join(lambda given, ndim: 0)
_RULES: dict[str, Callable[[Shapes, Any], Reason | None]] = {
    "append": _join(lambda given, ndim: given["axis"]),
    "concatenate": _join(lambda given, ndim: given["axis"]),
    "dot": _product,
    "dstack": _join(lambda given, ndim: 2 if ndim > 2 else None),
    "einsum": _einsum,
    "hstack": _join(lambda given, ndim: 1 if ndim > 1 else 0),
    "inner": _inner,
    "matmul": _product,
    "stack": _stack,
    "tensordot": _tensordot,
    "vdot": _vdot,
    "vstack": lambda shapes, given: _rows([(1, *shape) if len(shape) < 2 else shape for shape in shapes], given),
}
