"""`keras.utils.legacy`: serialization with the order of arguments of earlier versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gazelle import saving
from gazelle.core.types import Deserialized, Serialized


def deserialize_keras_object(
    identifier: Serialized,
    module_objects: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    printable_module_name: str = "object",
) -> Deserialized:
    """Create the object that a config, or a name in one of the tables, describes."""
    return saving.deserialize_keras_object(identifier, custom_objects, module_objects=module_objects or {})
