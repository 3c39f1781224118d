"""Symbolic tensors and variables that functions use without having them as arguments: from closures and globals.

    z = Lambda(lambda h: h * K.exp(z_log_var))(h)   # z_log_var is a tensor of the graph

They are found by reading the function's code, without running it.
"""

from __future__ import annotations

import dis
import functools
import inspect
import sysconfig
import types
from collections.abc import Iterator, Mapping
from typing import Any

from gazelle.core.symbolic import KerasTensor
from gazelle.core.variable import Variable

_INSTALLED = tuple({sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib")})


def find_tensors(function: object) -> Iterator[KerasTensor]:
    """Yield the symbolic tensors that a user-defined function uses besides its arguments.

    Globals of installed packages are skipped.

    Args:
        function: Any function.
    """
    return _find(function, KerasTensor, set())


def find_tensors_of_object(instance: object) -> list[KerasTensor]:
    """Return the tensors that user-defined methods of an object's class and a Lambda use, attributes included."""
    return list(_of_object(instance, KerasTensor))


def find_variables_of_object(instance: object) -> list[Variable]:
    """Return the variables, also those of layers, that `find_tensors_of_object` would return if they were tensors."""
    return list(_of_object(instance, Variable))


def _of_object(instance: object, kind: type) -> Iterator[Any]:
    user_classes = [c for c in type(instance).__mro__ if not c.__module__.startswith(("gazelle.", "builtins"))]
    methods = [m for c in user_classes for m in vars(c).values() if isinstance(m, types.FunctionType)]
    found = [value for m in methods for value in _find(m, kind, set())]
    found += _values_in([vars(instance).get(name) for name in ("function", "arguments")], kind, set())
    read = {name for m in methods if m.__name__ not in ("__init__", "build") for name in m.__code__.co_names}
    for value in [value for name, value in vars(instance).items() if name in read]:
        found += [one for one in (value if isinstance(value, list | tuple) else [value]) if isinstance(one, kind)]
    yield from {id(value): value for value in found}.values()


def _find(function: object, kind: type, visited: set[int]) -> Iterator[Any]:
    """The values of a kind that a function uses; visited: ids of the functions so far, which may call each other."""
    if isinstance(function, functools.partial):
        yield from _values_in((function.args, function.keywords), kind, visited)
        yield from _find(function.func, kind, visited)
    elif isinstance(function, types.MethodType):
        yield from _values_in(list(getattr(function.__self__, "__dict__", {}).values()), kind, visited, 1)
        yield from _find(function.__func__, kind, visited)
    elif isinstance(function, types.FunctionType) and id(function) not in visited:
        visited.add(id(function))
        if str(function.__module__).startswith("gazelle."):
            return
        cells = [cell.cell_contents for cell in function.__closure__ or () if _filled(cell)]
        yield from _values_in([cells, function.__defaults__, function.__kwdefaults__], kind, visited, 4)
        if not function.__code__.co_filename.startswith(_INSTALLED):
            names = global_names(function.__code__)
            used = [function.__globals__[name] for name in names if name in function.__globals__]
            yield from _values_in(used, kind, visited)


@functools.lru_cache(1000)
def global_names(code: types.CodeType) -> frozenset[str]:
    """Return the names of globals that the code of a function, nested functions included, may read."""
    own = {i.argval for i in dis.get_instructions(code) if i.opname.startswith("LOAD_GLOBAL")}
    inner = (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return frozenset(own.union(*map(global_names, inner)))


def uses_name(function: object, name: str) -> bool:
    """Return whether user-defined code uses an attribute or a global of this name, in functions it calls too.

    Args:
        function: A function, method, `functools.partial` or object with `__call__`.
        name: The name, such as `gradients`.
    """
    return any(name in code.co_names for code in _codes(function, set()))


def _codes(function: object, visited: set[types.CodeType]) -> Iterator[types.CodeType]:
    """The code of a function, of functions defined in it, and of user-defined functions and methods that it uses."""
    function, owner = _innermost(function)
    if not isinstance(function, types.FunctionType) or function.__code__ in visited:
        return
    code = function.__code__
    yield from _with_inner(code, visited)
    if str(function.__module__).startswith("gazelle.") or code.co_filename.startswith(_INSTALLED):
        return
    used = [cell.cell_contents for cell in function.__closure__ or () if _filled(cell)]
    used += [function.__globals__.get(name) for name in global_names(code)]
    attributes = (inspect.getattr_static(owner, name, None) for name in code.co_names) if owner is not None else ()
    used += [types.MethodType(each, owner) for each in attributes if isinstance(each, types.FunctionType)]
    for each in used:
        if isinstance(each, types.FunctionType | types.MethodType | functools.partial):
            yield from _codes(each, visited)


def _innermost(function: object, owner: object = None) -> tuple[object, object]:
    """The function inside of wrappers, partial functions, methods and objects with `__call__`; the object, or None."""
    function = inspect.unwrap(function) if callable(function) else function
    if isinstance(function, types.MethodType):
        return _innermost(function.__func__, function.__self__)
    if isinstance(function, functools.partial):
        return _innermost(function.func)
    called = inspect.getattr_static(type(function), "__call__", None)
    return (called, function) if isinstance(called, types.FunctionType) else (function, owner)


def _with_inner(code: types.CodeType, visited: set[types.CodeType]) -> Iterator[types.CodeType]:
    """A code object and those of the functions defined in it."""
    visited.add(code)
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _with_inner(constant, visited)


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - raises if it is empty
    except ValueError:
        return False
    return True


def _values_in(value: Any, kind: type, visited: set[int], depth: int = 3) -> Iterator[Any]:
    """The values of a kind in a value: the value itself, or inside of lists, dicts, closures and plain objects."""
    if isinstance(value, kind):
        yield value
    elif depth == 0 or isinstance(value, type | types.ModuleType):
        return
    elif hasattr(value, "get_config"):
        state = vars(value).get("state")  # of a SeedGenerator
        if kind is Variable:
            yield from (*getattr(value, "weights", ()), *([state] if isinstance(state, Variable) else ()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _values_in(item, kind, visited, depth - 1)
    elif isinstance(value, Mapping):
        yield from _values_in(list(value.values()), kind, visited, depth)
    elif isinstance(value, types.FunctionType | types.MethodType | functools.partial):
        yield from _find(value, kind, visited)
    elif hasattr(value, "__dict__"):
        yield from (v for v in vars(value).values() if isinstance(v, kind))
