"""The open name scopes: the beginning of the names of variables that programs make."""

from __future__ import annotations

from contextlib import AbstractContextManager

from gazelle.compat import old_names
from gazelle.core.context_variables import pushed
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


def opened(name: str) -> AbstractContextManager[str]:
    """Context manager for a scope of this whole name, which ends with "/" or is empty."""
    return pushed(_prefixes, name)


def reset() -> None:
    """Close all scopes."""
    _prefixes[:] = [""]
