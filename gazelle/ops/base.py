"""The decorator that makes an array function an op: it takes lists and NumPy arrays, and symbolic tensors too."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core.config import register
from gazelle.core.symbolic import OPS, KerasTensor, call_op
from gazelle.core.tensor_wrapper import wrapper_class
from gazelle.core.variable import Variable
from gazelle.ops import sizes

Function = TypeVar("Function", bound=Callable[..., Any])

#: Parameters that hold one array, and those that hold several.
ARRAY = frozenset(
    {
        "x",
        "x1",
        "x2",
        "y",
        "a",
        "b",
        "inputs",
        "target",
        "output",
        "kernel",
        "condition",
        "updates",
        "data",
        "segment_ids",
        "targets",
        "predictions",
        "depthwise_kernel",
        "pointwise_kernel",
        "images",
        "image1",
        "image2",
        "volumes",
        "transform",
        "coordinates",
        "start_points",
        "end_points",
    }
)
ARRAYS = frozenset({"xs"})
EPSILON = 1e-7  # added where a division or logarithm would meet 0


def op(function: Function) -> Function:
    """Make `function` an op, entered under its name into the tables that operators and loaders look into."""
    lifted = lift(function)
    OPS[function.__name__] = lifted
    register("ops")(lifted)
    return lifted


def lift(function: Function) -> Function:
    """Let an array function take symbolic tensors: on them a call adds a node to the graph."""
    names = list(inspect.signature(function).parameters)
    single = [name in ARRAY for name in names]
    several = [name in ARRAYS for name in names]
    arithmetic = function.__name__ in sizes.ARITHMETIC

    @functools.wraps(function)
    def lifted(*args: Any, **kwargs: Any) -> Any:
        box = wrapper_class(args) or (wrapper_class(kwargs.values()) if kwargs else None)
        if box is not None:
            return box.dispatch(lifted, args, kwargs)
        if _symbolic(args) or _symbolic(kwargs.values()):
            return call_op(lifted, args, kwargs)
        if arithmetic and sizes.known(args) and sizes.known((0, *kwargs.values())):
            with jax.ensure_compile_time_eval():
                return computed(args, kwargs)
        return computed(args, kwargs)

    def computed(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = list(args)
        for i, value in enumerate(given[: len(single)]):
            if single[i]:
                given[i] = array(value)
            elif several[i]:
                given[i] = arrays(value)
        for name, value in kwargs.items():
            if name in ARRAY:
                kwargs[name] = array(value)
            elif name in ARRAYS:
                kwargs[name] = arrays(value)
        return function(*given, **kwargs)

    return lifted  # type: ignore[return-value]


def array(value: Any) -> Any:
    """An array of JAX from whatever holds numbers; a Python number stays, to take the other side's dtype."""
    if isinstance(value, jax.Array | int | float | complex) or value is None:
        return value
    if isinstance(value, Variable):
        return value.value
    if isinstance(value, np.ndarray | np.generic):
        return jnp.asarray(value)
    if isinstance(value, list | tuple):
        if any(isinstance(leaf, jax.Array | Variable) for leaf in value):
            return jnp.stack([jnp.asarray(array(v)) for v in value])
        return jnp.asarray(np.asarray(value))
    return jnp.asarray(value) if hasattr(value, "__array__") else value


def arrays(values: Any) -> Any:
    """Every member of a list of arrays as an array; one array stays one."""
    return [array(v) for v in values] if isinstance(values, list | tuple) else array(values)


def public(names: Mapping[str, Any]) -> list[str]:
    """The names of the functions that a module defines (and of their aliases): its `__all__`."""
    own = names["__name__"]
    return [n for n, value in names.items() if n[0] != "_" and getattr(value, "__module__", None) == own]


def _symbolic(values: Any) -> bool:
    for value in values:
        if isinstance(value, KerasTensor):
            return True
        if isinstance(value, list | tuple) and _symbolic(value):
            return True
        if isinstance(value, dict) and _symbolic(value.values()):
            return True
    return False
