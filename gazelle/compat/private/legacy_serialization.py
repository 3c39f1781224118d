"""`keras.utils.legacy` and `keras.legacy.saving`: serialization in the form of earlier versions."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from gazelle import saving
from gazelle.core.own_code import from_gazelle
from gazelle.core.types import Deserialized, Serialized


def deserialize_keras_object(
    identifier: Serialized,
    module_objects: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    printable_module_name: str = "object",
) -> Deserialized:
    """Create the object that a config, or a name in one of the tables, describes.

    A class of the tables receives its config as it is: a package creates the objects in it itself, as in Keras.
    """
    known = {**(module_objects or {}), **(custom_objects or {})}
    if isinstance(identifier, Mapping) and isinstance(identifier.get("config"), Mapping):
        target, config = known.get(identifier["class_name"]), dict(identifier["config"])
        if isinstance(target, type) and not from_gazelle(target):
            with saving.custom_object_scope(custom_objects or {}):
                return target.from_config(config) if hasattr(target, "from_config") else target(**config)
    return saving.deserialize_keras_object(identifier, custom_objects, module_objects=module_objects or {})


def serialize_keras_object(instance: Serialized) -> Serialized:
    """Return the class name and the config of an object, or the name of a function or class."""
    found: Any = saving.serialize_keras_object(instance)
    if not isinstance(found, dict) or "class_name" not in found:
        return found
    if inspect.isroutine(instance) or inspect.isclass(instance):
        return saving.get_registered_name(instance)
    return {"class_name": found.get("registered_name") or found["class_name"], "config": found["config"]}
