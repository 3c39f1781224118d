"""A model again, with fresh weights."""

from __future__ import annotations

from typing import Any

from gazelle.core.config import deserialize, serialize_object


def clone_model(model: Any) -> Any:
    """A new model of the same structure, with weights initialized anew and nothing compiled.

    >>> copy = clone_model(Sequential([Input((3,)), layers.Dense(2)]))
    """
    config = serialize_object(model)
    config.pop("compile_config", None)
    return deserialize(config)
