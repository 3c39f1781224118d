"""`__getattr__` and `__dir__` of public modules: errors with similar names, and only public names in completion."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from gazelle.core.errors import GazelleError, nearest


class MissingNameError(GazelleError, AttributeError):
    """A name that a module does not have."""


def public_names(module: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` for a module: gazelle.layers has no 'Dence'; did you mean 'Dense'?"""

    def names() -> list[str]:
        known = vars(sys.modules[module])
        return sorted(known.get("__all__") or (name for name in known if name[0] != "_"))

    def missing(name: str) -> Any:
        raise missing_name(module, name, names())

    return missing, names


def missing_name(module: str, name: str, known: list[str]) -> AttributeError:
    """The error of a name that a module does not have."""
    if name.startswith("_") or f"{module}.{name}" in sys.modules:
        return AttributeError(f"module {module!r} has no attribute {name!r}", name=name, obj=sys.modules.get(module))
    near = nearest(name, known)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
    return MissingNameError(f"{module} has no {name!r}{hint}", name=name)  # without it Python adds its own guess
