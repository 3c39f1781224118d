"""`tensorflow.python.util.object_identity`: sets and dicts that compare objects by identity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping, MutableSet
from typing import Any

from gazelle.compat.types import Option


class ObjectIdentityDictionary(MutableMapping[Any, Any]):
    """A dict whose keys are objects, which need not be hashable."""

    def __init__(self, *args: Option, **kwargs: Option) -> None:
        self._pairs: dict[int, tuple[Any, Any]] = {}
        self.update(*args, **kwargs)

    def __getitem__(self, key: Any) -> Any:
        return self._pairs[id(key)][1]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._pairs[id(key)] = key, value

    def __delitem__(self, key: Any) -> None:
        del self._pairs[id(key)]

    def __iter__(self) -> Iterator[Any]:
        return iter([key for key, _ in self._pairs.values()])

    def __len__(self) -> int:
        return len(self._pairs)


class ObjectIdentitySet(MutableSet[Any]):
    """A set of objects, which need not be hashable."""

    def __init__(self, *args: Iterable[Any]) -> None:
        self._objects = {id(each): each for each in (args[0] if args else ())}

    def __contains__(self, value: object) -> bool:
        return id(value) in self._objects

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._objects.values()))

    def __len__(self) -> int:
        return len(self._objects)

    def add(self, value: Option) -> None:
        """Add an object."""
        self._objects[id(value)] = value

    def discard(self, value: Option) -> None:
        """Remove an object if it is there."""
        self._objects.pop(id(value), None)

    def update(self, items: Iterable[Any]) -> None:
        """Add several objects."""
        self._objects.update((id(each), each) for each in items)

    union = property(lambda self: self.__or__)
    difference = property(lambda self: self.__sub__)
    intersection = property(lambda self: self.__and__)
