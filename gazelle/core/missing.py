"""What a room says of a name that it does not have: the nearest names, or why Keras' name is left out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from gazelle.core.errors import GazelleError, nearest

#: names of Keras that gazelle leaves out, and what to do instead
LEFT_OUT = {
    "GPTQDTypePolicy": "of the ways of quantizing there are int8 and int4.",
    "AWQDTypePolicy": "of the ways of quantizing there are int8 and int4.",
    "QuantizedFloat8DTypePolicy": "of the ways of quantizing there are int8 and int4.",
    "GPTQConfig": "of the ways of quantizing there are int8 and int4.",
    "AWQConfig": "of the ways of quantizing there are int8 and int4.",
    "Float8QuantizationConfig": "of the ways of quantizing there are int8 and int4.",
}


class MissingNameError(GazelleError, AttributeError):
    """A name that a module does not have."""


def missing(module: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module: gazelle.layers has no 'Dence'; did you mean 'Dense'?"""

    def look(name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name, obj=sys.modules[module])
        if name in LEFT_OUT:
            raise MissingNameError(f"{module} leaves {name!r} out: {LEFT_OUT[name]}")
        known = vars(sys.modules[module])
        near = nearest(name, known.get("__all__") or [n for n in known if n[0] != "_"])
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
        raise MissingNameError(f"{module} has no {name!r}{hint}")

    return look


def install(package: str) -> None:
    """Give the package and its public rooms this `__getattr__`, unless they have their own."""
    rooms = [value for name, value in vars(sys.modules[package]).items() if name[0] != "_"]
    for module in (sys.modules[package], *(room for room in rooms if isinstance(room, ModuleType))):
        if module.__name__.startswith(package):
            vars(module).setdefault("__getattr__", missing(module.__name__))
