"""What `get(identifier)` means in every room: a name, a config, a class, or the thing itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gazelle.core.config import REGISTRY, Configurable, deserialize, find, register, snake
from gazelle.core.errors import ArgumentError, message, unknown


class Named(Configurable, abstract=True):
    """A Configurable that is also known by its snake_case name and by `_names`."""

    _names: tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith("gazelle.") and not (cls.__name__.startswith("_") or kwargs.get("abstract")):
            register(cls._namespace, snake(cls.__name__), *cls.__dict__.get("_names", ()))(cls)


def lookup(kind: str, namespace: str, identifier: Any) -> Any:
    """The object of `room` that `identifier` stands for; `kind` is the word for it in errors. None stays None."""
    if identifier is None:
        return None
    if isinstance(identifier, str):
        found = find(identifier, namespace)
        if found is None:
            raise unknown(kind, identifier, REGISTRY.get(namespace, {}))
    else:
        found = deserialize(identifier, namespace) if isinstance(identifier, Mapping) else identifier
    if isinstance(found, type):
        found = found()
    if not callable(found):
        raise ArgumentError(
            message(
                f"{identifier!r} is no {kind}",
                expected="a name, a config or what can be called",
                got=type(identifier).__name__,
            )
        )
    return found
