"""A model again, with fresh weights."""

from __future__ import annotations

from typing import Any

from gazelle.core.config import deserialize, serialize_object
from gazelle.core.errors import ArgumentError, message


def clone_model(model: Any) -> Any:
    """A new model of the same structure, with weights initialized anew and nothing compiled.

    >>> copy = clone_model(Sequential([Input((3,)), layers.Dense(2)]))
    """
    if not hasattr(type(model), "compile_from_config"):
        raise ArgumentError(
            message("clone_model", expected="a model", got=f"a {type(model).__name__}",
                    mend="A layer again, without weights: type(layer).from_config(layer.get_config()).")
        )  # fmt: skip
    config = serialize_object(model)
    config.pop("compile_config", None)
    return deserialize(config)
