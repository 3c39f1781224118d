"""The table of names: 'nn.relu' -> what `tf.nn.relu` is. Each module of this room enters its own."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.tensorflow.calls import guarded
from gazelle.compat.tensorflow.recording import is_box, unboxed
from gazelle.compat.tensorflow.values import host_array
from gazelle.core.symbolic import KerasTensor
from gazelle.core.variable import Variable

NAMES: dict[str, Any] = {}


def named(*names: str) -> Callable[[Any], Any]:
    """Enter something under these names."""

    def enter(target: Any) -> Any:
        for name in names:
            NAMES[name] = target
        return target

    return enter


def op(
    *names: str, fixed: tuple[str, ...] = (), host: bool = True, loose: bool = False, wide: bool = False
) -> Callable[[Any], Any]:
    """Make a function of arrays one of tensors, and enter it.

    Args:
        fixed: arguments that are numbers of the program (shapes, axes), also where they come as tensors.
        host: whether it computes arrays of NumPy as well (it asks `space` which it has).
        loose, wide: as in `call`.
    """

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function)
        own_name = "name" in signature.parameters
        listed = not TENSORS.isdisjoint(signature.parameters)

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            if not own_name:
                kwargs.pop("name", None)
            if fixed or listed:
                bound = signature.bind(*args, **kwargs)
                for word, value in bound.arguments.items():
                    if word in fixed:
                        bound.arguments[word] = fixed_value(value)
                    elif word in TENSORS and isinstance(value, list | tuple):
                        bound.arguments[word] = _of_numbers(value)
                args, kwargs = bound.args, bound.kwargs
            return guarded(function, args, kwargs, host=function if host else None, loose=loose, wide=wide)

        return named(*names)(called)

    return enter


#: arguments that are one tensor, also where a program writes a list of numbers
TENSORS = frozenset(
    (
        "a",
        "arr",
        "b",
        "bias",
        "boxes",
        "condition",
        "data",
        "diagonal",
        "features",
        "image",
        "images",
        "input",
        "input_tensor",
        "labels",
        "logits",
        "matrix",
        "params",
        "per_example_loss",
        "predictions",
        "rhs",
        "scores",
        "segment_ids",
        "signals",
        "t",
        "targets",
        "tensor",
        "updates",
        "value",
        "values",
        "x",
        "y",
    )
)


def _of_numbers(value: Any) -> Any:
    """A list of numbers as an array; one of tensors as it is."""
    leaves = jax.tree.leaves(value, is_leaf=is_box)
    if any(is_box(leaf) or hasattr(leaf, "dtype") for leaf in leaves):
        return value
    try:
        return host_array(value)
    except ValueError:  # lists of unequal lengths
        return value


def line_of_program() -> str:
    """'file, line n' of the program's call that led here."""
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).startswith(("gazelle.", "importlib")):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}, line {frame.f_lineno}"


def fixed_value(value: Any) -> Any:
    """A shape, an axis or a count as Python's numbers."""
    if isinstance(value, KerasTensor):
        return value
    if isinstance(value, list | tuple):
        return tuple(fixed_value(v) for v in value)
    array = unboxed(value)
    if isinstance(array, np.ndarray | np.generic | jax.Array) and not isinstance(array, jax.core.Tracer):
        listed = np.asarray(array).tolist()
        return tuple(_tuples(v) for v in listed) if isinstance(listed, list) else listed
    return value


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def space(*trees: Any) -> Any:
    """`numpy` where all arrays are NumPy's, else `jax.numpy`."""
    leaves = jax.tree.leaves(trees, is_leaf=is_box)
    return jnp if any(isinstance(leaf, jax.Array | Variable) for leaf in leaves) else np
