"""Attributes that objects had once: read by `attribute`, set by `assign`."""

from __future__ import annotations

from typing import Any

from gazelle.core.era import NOTHING


def attribute(thing: Any, name: str) -> Any:
    """What `thing.name` was, for a thing that has no such attribute today."""
    return NOTHING


def assign(thing: Any, name: str, value: Any) -> Any:
    """Do what `thing.name = value` did; NOTHING: it is an attribute as any other."""
    return NOTHING
