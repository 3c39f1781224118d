"""Layers that occur several times in a config: each occurrence has the same `shared_object_id`, as in Keras."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any

from gazelle.core.context_variables import assigned

ID = "shared_object_id"
_numbers: ContextVar[dict[int, int] | None] = ContextVar("gazelle_shared_numbers", default=None)
_made: ContextVar[dict[Any, Any] | None] = ContextVar("gazelle_shared_made", default=None)


def number_shared() -> AbstractContextManager[None]:
    """Number the layers that are serialized in the block; a layer keeps its number."""
    return assigned(_numbers, {})


def shared_id(value: object) -> dict[str, int]:
    """Return the entry that `serialize_object` adds for a layer inside `number_shared`."""
    numbers = _numbers.get()
    if numbers is None or not getattr(type(value), "_tracks_weights", False):
        return {}
    return {ID: numbers.setdefault(id(value), len(numbers) + 1)}


def drop_unique_ids(config: dict[str, Any]) -> dict[str, Any]:
    """Remove the ids that occur once only."""
    used = Counter(entry[ID] for entry in _entries(config) if ID in entry)
    for entry in _entries(config):
        if used.get(entry.get(ID), 2) < 2:
            del entry[ID]
    return config


def restore_first_ids(config: dict[str, Any]) -> dict[str, Any]:
    """Restore the id of a layer's first occurrence, which Keras omits inside a functional model."""
    entries = [e for e in _entries(config) if isinstance(e.get("config"), dict) and _name(e) is not None]
    used = Counter(str(entry[ID]) for entry in entries if ID in entry)
    first: dict[Any, dict[str, Any]] = {}
    for entry in entries:
        key = (str(entry.get("class_name")), _name(entry))
        if used[str(entry.get(ID))] == 1 and ID not in first.get(key, {ID: 0}):
            first[key][ID] = entry[ID]
        first.setdefault(key, entry)
    return config


def share_by_id() -> AbstractContextManager[None]:
    """Create one layer for each id from the configs deserialized in the block."""
    return assigned(_made, {})


def find(config: Mapping[str, Any]) -> object:
    """Return the layer created for an earlier occurrence inside `share_by_id`; None at the first."""
    layers = _made.get()
    return layers.get(_key(config)) if layers and ID in config else None


def store(config: Mapping[str, Any], value: object) -> None:
    """Store the layer created for an occurrence."""
    layers = _made.get()
    if layers is not None and ID in config and getattr(type(value), "_tracks_weights", False):
        layers[_key(config)] = value


def _key(config: Mapping[str, Any]) -> tuple[str, str]:
    return str(config[ID]), str(config.get("class_name"))  # the same id with another class is another layer


def _name(entry: Mapping[str, Any]) -> Any:
    name = entry["config"].get("name")
    return name if isinstance(name, str) else None


def _entries(config: Any) -> list[dict[str, Any]]:
    """The objects of a config in the order in which they are made."""
    found: list[dict[str, Any]] = []
    stack = [config]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                found.append(value)
            stack += reversed(value.values())
        elif isinstance(value, list):
            stack += reversed(value)
    return found
