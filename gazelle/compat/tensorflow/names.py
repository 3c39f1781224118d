"""The table of names: 'nn.relu' -> the object `tf.nn.relu`. Each module of the package registers its own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat import tables
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.era import calling_frame
from gazelle.compat.tensorflow.calls import guarded
from gazelle.compat.tensorflow.dtypes import host_array, of_dtype
from gazelle.compat.tensorflow.eager.recording import is_box, unboxed
from gazelle.core.own_code import from_gazelle
from gazelle.core.symbolic import KerasTensor
from gazelle.core.types import Tree
from gazelle.core.variable import Variable

#: `numpy` or `jax.numpy`
ArrayModule: TypeAlias = Any
NAMES: dict[str, Any] = {}
#: name of an argument in TensorFlow 1 -> its current name
_TENSORFLOW_1 = {
    old: name for name, names in tables.lists("tensorflow", "arguments of TensorFlow 1").items() for old in names
}


def named(*names: str) -> Callable[[Any], Any]:
    """Register an object under these names, and below `compat.v1`. A decorator.

    Functions also accept `name`, and their arguments by the names in TensorFlow 1.
    """

    def decorate(target: Any) -> Any:
        _describe(target, names)
        made = _pickled_by_name(_with_name(target), names) if isinstance(target, FunctionType) else target
        NAMES.update(dict.fromkeys(names, made))
        return target

    return decorate


def _pickled_by_name(function: Any, names: tuple[str, ...]) -> Any:
    """The function, which `pickle` finds by its name in TensorFlow instead of the place where it is made."""
    if names and from_gazelle(function):
        function.__module__, function.__qualname__ = "gazelle.compat.tensorflow.by_name", names[0].replace(".", "__")
    return function


#: takes the name that a program gives to a result, and the result; set while functions build graphs of TensorFlow 1
on_name: Callable[[str, Any], object] | None = None


@functools.cache
def _with_name(function: Any) -> Any:
    """The function with the argument `name` at the end, if it does not have one: it belongs to a node of a graph."""
    parameters = inspect.signature(function).parameters
    has_one = any(p.name == "name" or p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    more = " check_types expand_composites" if function.__module__ == "gazelle.tree" else ""  # no tensor is a structure
    taking = function if has_one else ignores(f"name{more}")(function)
    earlier = earlier_names(parameters)
    if has_one and not earlier:
        return taking

    @functools.wraps(taking)
    def called(*args: Any, **kwargs: Any) -> Any:
        made = taking(*args, **(current_names(kwargs, earlier) if kwargs and earlier else kwargs))
        if on_name is not None and not has_one and kwargs.get("name"):
            on_name(kwargs["name"], made)
        return made

    return called


def aliases() -> dict[int, list[str]]:
    """The names of each object, by its id."""
    found: dict[int, list[str]] = {}
    for name, target in NAMES.items():
        found.setdefault(id(target), []).append(name)
    return found


def replace(original: Callable[..., Any], made: Callable[..., Any]) -> None:
    """Give all names of a function to another one."""
    NAMES.update({name: made for name, target in list(NAMES.items()) if target is original})


def _describe(function: Any, names: tuple[str, ...]) -> None:
    """Give a function a docstring, and one that is private or made by a factory a name, which model files contain."""
    if isinstance(function, FunctionType) and names:
        function.__doc__ = function.__doc__ or f"`tf.{names[0]}`."
        if function.__name__ in ("<lambda>", "function") or function.__name__.startswith("_"):
            function.__name__ = names[0].rpartition(".")[2]


def earlier_names(parameters: Mapping[str, object]) -> dict[str, str]:
    """{name in TensorFlow 1: parameter} of those among the parameters of a function that had another one."""
    return {old: name for old, name in _TENSORFLOW_1.items() if name in parameters and old not in parameters}


def current_names(kwargs: Mapping[str, Any], earlier: Mapping[str, str]) -> dict[str, Any]:
    """Arguments by their current names; one with an earlier name that is None was not given."""
    given = {name: value for name, value in kwargs.items() if name not in earlier or value is not None}
    return {earlier.get(name, name): value for name, value in given.items()}


def op(
    *names: str, static: tuple[str, ...] = (), host: bool = True, keeps_64_bits: bool = False
) -> Callable[[Any], Any]:
    """Turn a function of arrays into one of tensors and register it. A decorator.

    Args:
        *names: names below `tf`.
        static: arguments such as shapes and axes that become Python values, even if they are passed as tensors.
        host: whether the function also computes NumPy arrays; it gets the module to use from `space`.
        keeps_64_bits: as in `call`.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function)
        _describe(function, names)
        has_tensors = not TENSORS.isdisjoint(signature.parameters)

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            if static or has_tensors:
                bound = signature.bind(*args, **kwargs)
                if all(type(v) in _NUMBERS for name, v in bound.arguments.items() if name in TENSORS):
                    bound.arguments |= {name: host_array(v) for name, v in bound.arguments.items() if name in TENSORS}
                for names_of_pair in _PAIRS:
                    pair = {n: one_tensor(bound.arguments[n]) for n in names_of_pair if n in bound.arguments}
                    other = next((v for v in pair.values() if is_box(v)), None)
                    if other is not None and len(pair) == 2:
                        bound.arguments |= {n: v if is_box(v) else of_dtype(v, other.dtype) for n, v in pair.items()}
                for argument, value in bound.arguments.items():
                    if argument in static:
                        bound.arguments[argument] = fixed_shape(value)
                    elif argument in TENSORS and isinstance(value, list | tuple):
                        bound.arguments[argument] = _stacked(value) if argument != "values" else _each(value)
                    elif argument in TENSORS and hasattr(value, "iloc"):  # a data frame or a column of one
                        bound.arguments[argument] = np.asarray(value)
                args, kwargs = bound.args, bound.kwargs
            return guarded(function, args, kwargs, host=function if host else None, keeps_64_bits=keeps_64_bits)

        return named(*names)(called)

    return decorate


#: arguments of one dtype
_PAIRS = (("x", "y"), ("tensor", "updates"))
_NUMBERS = (bool, int, float, complex, str, bytes)
#: arguments that are a tensor, even if a program passes a list of numbers
TENSORS = frozenset(tables.lists("tensorflow", "lists")["arguments that are tensors"])


def array_of_list(value: Tree) -> Tree:
    """A list of numbers as an array; a list of tensors unchanged."""
    leaves = jax.tree.leaves(value, is_leaf=is_box)
    if any(is_box(leaf) or hasattr(leaf, "dtype") for leaf in leaves):
        return value
    try:
        return host_array(value)
    except ValueError:  # lists of unequal lengths
        return value


def one_tensor(value: Tree) -> Tree:
    """A list that contains tensors as one, which tapes have recorded."""
    is_list = isinstance(value, list | tuple) and any(map(is_box, jax.tree.leaves(value, is_leaf=is_box)))
    return NAMES["convert_to_tensor"](value) if is_list else value


def _each(value: Any) -> Any:
    """Tensors in a list, next to which a list of numbers, which may be empty, is one of the same dtype."""
    value = array_of_list(value)
    other = next((one for one in value if is_box(one)), None) if isinstance(value, list | tuple) else None
    if other is None or not any(isinstance(one, list | tuple) for one in value):
        return value
    each = [one_tensor(one) for one in value]
    return [of_dtype(one, other.dtype) if isinstance(one, list | tuple) else one for one in each]


def _stacked(value: Any) -> Any:
    """A list of numbers as an array, a list of tensors of equal shapes as one."""
    if not value or not all(is_box(one) and hasattr(one, "shape") for one in value):
        return array_of_list(value)
    shapes = {tuple(one.shape) for one in value}
    return NAMES["stack"](list(value)) if len(shapes) == 1 else value


def user_code_location() -> str:
    """'file, line n' of the call in user code."""
    frame = calling_frame("importlib")
    return f"{frame.f_code.co_filename}, line {frame.f_lineno}"


def fixed_value(value: Tree) -> Tree:
    """A shape, an axis or a count as Python values."""
    if isinstance(value, KerasTensor | Variable) and (sizes := getattr(value, "sizes", None)) is not None:
        return sizes  # integers when the graph runs
    if isinstance(value, KerasTensor):
        return value
    if isinstance(value, list | tuple):
        return tuple(fixed_value(v) for v in value)
    array = unboxed(value)
    if isinstance(array, np.ndarray | np.generic | jax.Array) and not isinstance(array, jax.core.Tracer):
        has_tensors = np.asarray(array).tolist()
        return tuple(_tuples(v) for v in has_tensors) if isinstance(has_tensors, list) else has_tensors
    return value


def fixed_shape(shape: Tree) -> Tree:
    """A shape as Python integers; TensorFlow also takes floats such as 3.0."""
    whole = lambda n: int(n) if isinstance(n, float) and n.is_integer() else n  # noqa: E731
    return jax.tree.map(whole, fixed_value(shape), is_leaf=is_box)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def space(*trees: Any) -> ArrayModule:
    """`numpy` if all arrays are NumPy arrays, else `jax.numpy`."""
    leaves = jax.tree.leaves(trees, is_leaf=is_box)
    return jnp if any(isinstance(leaf, jax.Array | Variable) for leaf in leaves) else np
