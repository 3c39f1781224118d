"""Symbolic tensors that functions use without having them as arguments: from a closure, a global or a `partial`.

    z = Lambda(lambda h: h * K.exp(z_log_var))(h)   # z_log_var is a tensor of the graph

They are found by reading the function's code, without running it.
"""

from __future__ import annotations

import dis
import functools
import sysconfig
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gazelle.core.symbolic import KerasTensor

_INSTALLED = tuple({sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib")})


def find_tensors(function: object, visited: set[int] | None = None) -> Iterator[KerasTensor]:
    """Yield the symbolic tensors that a user-defined function uses besides its arguments.

    Globals of installed packages are skipped.

    Args:
        function: Any function.
        visited: Ids of the functions visited so far, which may call each other.
    """
    visited = set() if visited is None else visited
    if isinstance(function, functools.partial):
        yield from _tensors_in((function.args, function.keywords), visited)
        yield from find_tensors(function.func, visited)
    elif isinstance(function, types.MethodType):
        yield from _tensors_in(list(getattr(function.__self__, "__dict__", {}).values()), visited, 1)
        yield from find_tensors(function.__func__, visited)
    elif isinstance(function, types.FunctionType) and id(function) not in visited:
        visited.add(id(function))
        if str(function.__module__).startswith("gazelle."):
            return
        yield from _tensors_in([cell.cell_contents for cell in function.__closure__ or () if _filled(cell)], visited)
        yield from _tensors_in([function.__defaults__, function.__kwdefaults__], visited)
        if not function.__code__.co_filename.startswith(_INSTALLED):
            names = global_names(function.__code__)
            yield from _tensors_in(
                [function.__globals__[name] for name in names if name in function.__globals__], visited
            )


def find_tensors_of_object(instance: object) -> list[KerasTensor]:
    """Return the tensors that user-defined methods of an object's class use, attributes included, and `function`."""
    user_classes = [c for c in type(instance).__mro__ if not c.__module__.startswith(("gazelle.", "builtins"))]
    methods = [m for c in user_classes for m in vars(c).values() if isinstance(m, types.FunctionType)]
    found = [t for m in (*methods, vars(instance).get("function")) for t in find_tensors(m)]
    read = {name for m in methods if m.__name__ not in ("__init__", "build") for name in m.__code__.co_names}
    for value in [value for name, value in vars(instance).items() if name in read]:
        found += [t for t in (value if isinstance(value, list | tuple) else [value]) if isinstance(t, KerasTensor)]
    return list({id(t): t for t in found}.values())


@functools.lru_cache(1000)
def global_names(code: types.CodeType) -> frozenset[str]:
    """Return the names of globals that the code of a function, nested functions included, may read."""
    own = {i.argval for i in dis.get_instructions(code) if i.opname.startswith("LOAD_GLOBAL")}
    inner = (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return frozenset(own.union(*map(global_names, inner)))


def uses_name(function: Callable[..., Any], name: str) -> bool:
    """Return whether the code of a function uses an attribute or a global of this name."""
    function = function.func if isinstance(function, functools.partial) else function
    code = getattr(function, "__code__", None)
    return code is not None and name in code.co_names


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - raises if it is empty
    except ValueError:
        return False
    return True


def _tensors_in(value: Any, visited: set[int], depth: int = 3) -> Iterator[KerasTensor]:
    """The symbolic tensors in a value: the value itself, or inside of lists, dicts, closures and plain objects."""
    if isinstance(value, KerasTensor):
        yield value
    elif depth == 0 or isinstance(value, type | types.ModuleType) or hasattr(value, "get_config"):
        return
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors_in(item, visited, depth - 1)
    elif isinstance(value, Mapping):
        yield from _tensors_in(list(value.values()), visited, depth)
    elif isinstance(value, types.FunctionType | types.MethodType | functools.partial):
        yield from find_tensors(value, visited)
    elif hasattr(value, "__dict__"):
        yield from (v for v in vars(value).values() if isinstance(v, KerasTensor))
