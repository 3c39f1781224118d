"""A layer in several places of a config is one layer: each place bears the same `shared_object_id`, as in Keras."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

ID = "shared_object_id"
_numbers: ContextVar[dict[int, int] | None] = ContextVar("gazelle_shared_numbers", default=None)
_made: ContextVar[dict[Any, Any] | None] = ContextVar("gazelle_shared_made", default=None)


@contextmanager
def number_shared() -> Iterator[None]:
    """Layers whose configs are taken inside bear a number: one that was met before, the number it had."""
    token = _numbers.set({})
    try:
        yield
    finally:
        _numbers.reset(token)


def shared_id(value: Any) -> dict[str, int]:
    """What `serialize_object` adds for a layer inside `written`."""
    numbers = _numbers.get()
    if numbers is None or not getattr(type(value), "_tracks_weights", False):
        return {}
    return {ID: numbers.setdefault(id(value), len(numbers) + 1)}


def drop_unique_ids(config: dict[str, Any]) -> dict[str, Any]:
    """The config with numbers only where they say something: at two places or more."""
    used = Counter(entry[ID] for entry in _entries(config) if ID in entry)
    for entry in _entries(config):
        if used.get(entry.get(ID), 2) < 2:
            del entry[ID]
    return config


def restore_first_ids(config: dict[str, Any]) -> dict[str, Any]:
    """Keras loses the number of a layer's first place, where that lies in a model with a graph: here it is again."""
    entries = [e for e in _entries(config) if isinstance(e.get("config"), dict) and _name(e) is not None]
    used = Counter(str(entry[ID]) for entry in entries if ID in entry)
    first: dict[Any, dict[str, Any]] = {}
    for entry in entries:
        key = (str(entry.get("class_name")), _name(entry))
        if used[str(entry.get(ID))] == 1 and ID not in first.get(key, {ID: 0}):
            first[key][ID] = entry[ID]
        first.setdefault(key, entry)
    return config


@contextmanager
def share_by_id() -> Iterator[None]:
    """Layers that are made of configs inside are made once for each number."""
    token = _made.set({})
    try:
        yield
    finally:
        _made.reset(token)


def find(config: Mapping[str, Any]) -> Any:
    """The layer that was made of an earlier place inside `read`; None at the first."""
    held = _made.get()
    return held.get(_key(config)) if held and ID in config else None


def store(config: Mapping[str, Any], value: Any) -> None:
    """Remember what was made of a place."""
    held = _made.get()
    if held is not None and ID in config and getattr(type(value), "_tracks_weights", False):
        held[_key(config)] = value


def _key(config: Mapping[str, Any]) -> tuple[str, str]:
    return str(config[ID]), str(config.get("class_name"))  # a number of another class is another's


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
