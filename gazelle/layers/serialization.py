"""Serialization of layers to configs; names are looked up in the registry only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gazelle.core.errors import ArgumentError, message
from gazelle.core.registry import custom_object_scope
from gazelle.core.serialization import deserialize as _deserialize
from gazelle.core.serialization import serialize_object
from gazelle.layers.base import Layer


def serialize(layer: Layer | None) -> dict[str, Any] | None:
    """Return the config of a layer, without its weights.

    Args:
        layer: The layer; None stays None.

    Returns:
        {"class_name": ..., "config": {...}} and the module of the class.

    Example:
        >>> layers.serialize(layers.Flatten(name="flat"))["class_name"]
        'Flatten'
    """
    return None if layer is None else serialize_object(layer)


def deserialize(config: Mapping[str, Any] | Layer, custom_objects: Mapping[str, Any] | None = None) -> Layer:
    """Create a layer from a config, with new weights.

    Args:
        config: What `serialize` returned. A layer is returned as it is.
        custom_objects: {name: class or function} that the config may refer to.

    Returns:
        The layer.

    Raises:
        ArgumentError: The config is malformed, or does not describe a layer.

    Example:
        >>> layers.deserialize({"class_name": "Dense", "config": {"units": 2, "name": "top"}})
        <Dense name=top, built=False>
    """
    if isinstance(config, Layer):  # a constructor that receives a config or the layer
        return config
    if not isinstance(config, Mapping) or "class_name" not in config:
        expected = 'a config dict {"class_name": ..., "config": {...}}'
        raise ArgumentError(message("layer", expected=expected, got=repr(config)))
    with custom_object_scope(custom_objects or {}):
        layer = _deserialize({**config, "config": config.get("config") or {}}, "layers")
    if not isinstance(layer, Layer):
        raise ArgumentError(message("layer", expected="the config of a layer", got=f"one of {config['class_name']!r}"))
    return layer
