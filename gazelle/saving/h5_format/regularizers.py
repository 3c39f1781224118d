"""Penalties on outputs as Keras 1 and the package `keras` 2 computed them."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle import regularizers
from gazelle.core.types import Array, ArrayLike, RegularizerLike, Serialized


class Undivided(regularizers.Regularizer):
    """A penalty on outputs that is the sum over the batch; layers now divide it by the number of samples.

    Args:
        regularizer: the penalty.

    >>> float(Undivided(gazelle.regularizers.L2(0.5))(np.array([[1.0], [1.0]]))) / 2  # as the layer divides it
    1.0
    """

    def __init__(self, regularizer: RegularizerLike = "l2") -> None:
        self.regularizer: Any = regularizers.get(regularizer)

    def __call__(self, x: ArrayLike) -> Array:
        return self.regularizer(x) * jnp.asarray(x).shape[0]  # the layer divides by it


def undivided(kind: str, config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The class and config of a layer whose penalty on outputs is a sum over the batch.

    Args:
        kind: the class of the layer.
        config: its config.

    >>> undivided("ActivityRegularization", {"l1": 0.1, "l2": 0.0})[0]
    'Activation'
    """
    config = dict(config)
    if kind == "ActivityRegularization":
        penalty = {"l1": config.pop("l1", 0.0), "l2": config.pop("l2", 0.0)}
        kind, config = (
            "Activation",
            {**config, "activation": "linear", "activity_regularizer": _object("L1L2", penalty)},
        )
    if config.get("activity_regularizer") is not None:
        config["activity_regularizer"] = _object("Undivided", {"regularizer": config["activity_regularizer"]})
    return kind, config


def _object(name: str, config: dict[str, Serialized]) -> dict[str, Any]:
    return {"module": "keras.regularizers", "class_name": name, "config": config, "registered_name": None}
