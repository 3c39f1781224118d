"""Values attached to arrays and tracers, which have no attributes of their own, as long as these exist."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import jax

if TYPE_CHECKING:
    from gazelle.core.types import Tree


class Attachments:
    """A table from arrays to values, by identity.

    Example:
        >>> table, x = Attachments(), jax.numpy.ones(2)
        >>> table.set(x, "ones")
        >>> table.get(x), table.get(x + 0)
        ('ones', None)
    """

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[Any], Any]] = {}

    def set(self, tensor: object, value: object) -> None:
        """Attach a value to an array or tracer; nothing else can hold one."""
        if isinstance(tensor, jax.Array):
            key, pop = id(tensor), self._entries.pop
            self._entries[key] = (weakref.ref(tensor, lambda _: pop(key, None)), value)

    def get(self, tensor: object) -> Tree:
        """Return the value of an array or tracer, or None."""
        entry = self._entries.get(id(tensor))
        return entry[1] if entry is not None and entry[0]() is tensor else None
