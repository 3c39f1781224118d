"""Defaults that were different in Keras 1 and 2 (`tables/defaults.txt`), and the arguments of current signatures."""

from __future__ import annotations

import ast
import functools
import inspect
from typing import Any

from gazelle.compat import era, tables


def _section(name: str) -> dict[str, dict[str, Any]]:
    """{"Class" or "Class.method": {current argument: its default}} of a section of the table."""
    return {
        key: {argument: ast.literal_eval(value) for argument, value in tables.pairs(entries).items()}
        for keys, entries in tables.read("defaults")[name].items()
        for key in keys.split()
    }


_HARD_GATES = _section("before Keras 2.3")
_OF = {1: _section("Keras 1"), 2: _section("Keras 2")}
_TENSORFLOW = _section("tf.keras 2")


def of(key: str) -> dict[str, Any]:
    """The defaults of a class or method that differ in the era of the process."""
    table = _TENSORFLOW if era.is_tf_keras_2() else _OF[era.number()]
    own = table.get(key, {})
    return {**own, **_HARD_GATES[key]} if key in _HARD_GATES and era.is_before_2_3() else own


@functools.cache
def positional_names(owner: Any, method: str) -> tuple[str, ...]:
    """The names of the current arguments that can be passed by position, in their order."""
    function = getattr(owner, method, None) if not isinstance(owner, str) else None
    parameters = inspect.signature(function).parameters.values() if function is not None else ()
    return tuple(p.name for p in parameters if p.name != "self" and p.kind is p.POSITIONAL_OR_KEYWORD)


@functools.cache
def argument_names(owner: Any, method: str) -> frozenset[str]:
    """The names of all current arguments."""
    return frozenset(inspect.signature(getattr(owner, method)).parameters) - {"self"}


def position(owner: Any, method: str, name: str) -> int:
    """The current position of an argument; a call with more positional arguments passes it."""
    names = positional_names(owner, method)
    return names.index(name) if name in names else 1 << 30
