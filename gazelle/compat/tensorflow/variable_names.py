"""The open name scopes: the beginning of the names of variables that programs make."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from gazelle.compat import old_names
from gazelle.core.variable import Variable

_prefixes: list[str] = [""]


def prefix() -> str:
    """The names of the open scopes, each followed by "/"."""
    return _prefixes[-1]


def without_output(variable: Variable) -> str:
    """The name of a variable in a graph, without ":0"; that of a weight contains the layer."""
    name = str(variable.name)
    is_weight = isinstance(variable, Variable) and not name.endswith(":0")
    return (old_names.weight_name(variable.path) if is_weight else name).removesuffix(":0")


@contextlib.contextmanager
def opened(name: str) -> Iterator[str]:
    """Context manager for a scope of this whole name, which ends with "/" or is empty."""
    _prefixes.append(name)
    try:
        yield name
    finally:
        _prefixes.pop()


def reset() -> None:
    """Close all scopes."""
    _prefixes[:] = [""]
