"""`custom_object_scope` of Keras 1 and 2, which changed the global table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gazelle.saving import get_custom_objects


class CustomObjectScope:
    """Context in which `get_custom_objects` contains the entries of some dicts, as until Keras 3.

    >>> with CustomObjectScope({"Mine": object}, {"Other": object}):
    ...     sorted(get_custom_objects().keys() & {"Mine", "Other"})
    ['Mine', 'Other']
    """

    def __init__(self, *custom_objects: Mapping[str, Any]) -> None:
        self.custom_objects = custom_objects
        self.backup: dict[str, Any] = {}

    def __enter__(self) -> CustomObjectScope:
        self.backup = dict(get_custom_objects())
        for each in self.custom_objects:
            get_custom_objects().update(each)
        return self

    def __exit__(self, *_: object) -> None:
        get_custom_objects().clear()
        get_custom_objects().update(self.backup)
