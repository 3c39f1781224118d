"""Values attached to arrays and tracers, which have no attributes of their own, as long as these exist."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, ClassVar

import jax

if TYPE_CHECKING:
    from gazelle.core.types import Tree


class Attachments:
    """A table from arrays to values, by identity.

    Args:
        inferred: whether symbolic tensors have such values, too, with symbolic tensors in place of arrays.

    Example:
        >>> table, x = Attachments(), jax.numpy.ones(2)
        >>> table.set(x, "ones")
        >>> table.get(x), table.get(x + 0)
        ('ones', None)
    """

    tables: ClassVar[list[Attachments]] = []

    def __init__(self, inferred: bool = False) -> None:
        self.inferred = inferred
        self.tables.append(self)
        self._entries: dict[int, tuple[weakref.ref[Any], Any]] = {}

    def set(self, tensor: object, value: object) -> None:
        """Attach a value to an array or tracer; nothing else can hold one."""
        if isinstance(tensor, jax.Array):
            key, pop = id(tensor), self._entries.pop
            self._entries[key] = (weakref.ref(tensor, lambda _: pop(key, None)), value)

    def remove(self, tensor: object) -> None:
        """Detach the value of an array or tracer."""
        self._entries.pop(id(tensor), None)

    def get(self, tensor: object) -> Tree:
        """Return the value of an array or tracer, or None."""
        entry = self._entries.get(id(tensor))
        return entry[1] if entry is not None and entry[0]() is tensor else None


def attached_to(tree: Tree, only_inferred: bool = False) -> list[list[Tree]]:
    """Return what is attached to each array of a pytree, in all tables."""
    tables = [table for table in Attachments.tables if table.inferred or not only_inferred]
    return [[table.get(leaf) for table in tables] for leaf in jax.tree.leaves(tree)]


def with_attached(tree: Tree, attached: list[list[Tree]], only_inferred: bool = False) -> Tree:
    """Attach it again, to arrays of an equal tree in another trace."""
    tables = [table for table in Attachments.tables if table.inferred or not only_inferred]
    for leaf, values in zip(jax.tree.leaves(tree), attached, strict=True):
        for table, value in zip(tables, values, strict=False):
            if value is not None:
                table.set(leaf, value)
    return tree
