"""Layers as configs and back: the names are looked up in a closed table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gazelle.core.config import deserialize as _deserialize
from gazelle.core.config import serialize_object, with_custom_objects
from gazelle.core.errors import ArgumentError, message
from gazelle.layers.base import Layer


def serialize(layer: Layer) -> dict[str, Any]:
    """The layer as a config dict; its weights are not part of it.

    >>> layers.serialize(layers.Flatten(name="flat"))["class_name"]
    'Flatten'
    """
    return serialize_object(layer)


@with_custom_objects
def deserialize(config: Mapping[str, Any]) -> Layer:
    """The layer that a config dict describes, with fresh weights.

    Args:
        config: what `serialize` gave.
        custom_objects: {name: class} that the config may name besides gazelle's own.

    >>> layers.deserialize({"class_name": "Dense", "config": {"units": 2, "name": "top"}})
    <Dense name=top, built=False>
    """
    if not isinstance(config, Mapping) or "class_name" not in config:
        expected = 'a config dict {"class_name": ..., "config": {...}}'
        raise ArgumentError(message("layer", expected=expected, got=repr(config)))
    layer = _deserialize({**config, "config": config.get("config") or {}}, "layers")
    if not isinstance(layer, Layer):
        raise ArgumentError(message("layer", expected="the config of a layer", got=f"one of {config['class_name']!r}"))
    return layer
