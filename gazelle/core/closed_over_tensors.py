"""Symbolic tensors that functions have from outside of their arguments: in a closure, a global, a `partial`.

    z = Lambda(lambda h: h * K.exp(z_log_var))(h)   # z_log_var is a tensor of the graph

Found by reading the function's code, so that nothing is run twice.
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


def find_tensors(function: Any, met: set[int] | None = None) -> Iterator[KerasTensor]:
    """The symbolic tensors that a function written by a user has from outside of its arguments.

    met: the functions on the way here, which may call one another. Globals of installed packages hold no tensors.
    """
    met = set() if met is None else met
    if isinstance(function, functools.partial):
        yield from _tensors_in((function.args, function.keywords), met)
        yield from find_tensors(function.func, met)
    elif isinstance(function, types.MethodType):
        yield from _tensors_in(list(getattr(function.__self__, "__dict__", {}).values()), met, 1)
        yield from find_tensors(function.__func__, met)
    elif isinstance(function, types.FunctionType) and id(function) not in met:
        met.add(id(function))
        if str(function.__module__).startswith("gazelle."):
            return
        yield from _tensors_in([cell.cell_contents for cell in function.__closure__ or () if _filled(cell)], met)
        yield from _tensors_in([function.__defaults__, function.__kwdefaults__], met)
        if not function.__code__.co_filename.startswith(_INSTALLED):
            names = global_names(function.__code__)
            yield from _tensors_in([function.__globals__[name] for name in names if name in function.__globals__], met)


def find_tensors_of_object(thing: Any) -> list[KerasTensor]:
    """Those that the methods which a user has written for a class have, and the object's `function`."""
    written = [c for c in type(thing).__mro__ if not c.__module__.startswith(("gazelle.", "builtins"))]
    methods = [m for c in written for m in vars(c).values() if isinstance(m, types.FunctionType)]
    found = [t for m in (*methods, vars(thing).get("function")) for t in find_tensors(m)]
    return list({id(t): t for t in found}.values())


@functools.lru_cache(1000)
def global_names(code: types.CodeType) -> frozenset[str]:
    """The names of globals that the code of a function, and those written inside it, may read."""
    own = {i.argval for i in dis.get_instructions(code) if i.opname.startswith("LOAD_GLOBAL")}
    inner = (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return frozenset(own.union(*map(global_names, inner)))


def uses_name(function: Callable[..., Any], name: str) -> bool:
    """Whether the code of a function uses an attribute or a global of this name."""
    function = function.func if isinstance(function, functools.partial) else function
    code = getattr(function, "__code__", None)
    return code is not None and name in code.co_names


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - the question is whether it raises
    except ValueError:
        return False
    return True


def _tensors_in(value: Any, met: set[int], depth: int = 3) -> Iterator[KerasTensor]:
    """The symbolic tensors in a value: itself, in lists and dicts, in a function's closure, in a plain object."""
    if isinstance(value, KerasTensor):
        yield value
    elif depth == 0 or isinstance(value, type | types.ModuleType) or hasattr(value, "get_config"):
        return
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _tensors_in(one, met, depth - 1)
    elif isinstance(value, Mapping):
        yield from _tensors_in(list(value.values()), met, depth)
    elif isinstance(value, types.FunctionType | types.MethodType | functools.partial):
        yield from find_tensors(value, met)
    elif hasattr(value, "__dict__"):
        yield from (v for v in vars(value).values() if isinstance(v, KerasTensor))
