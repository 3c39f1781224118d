"""Optimizers by name: what `compile(optimizer=...)` accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gazelle.core.config import REGISTRY, find, with_custom_objects
from gazelle.core.config import deserialize as _deserialize
from gazelle.core.config import serialize as _serialize
from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.optimizers.base import Optimizer
from gazelle.optimizers.optax import OptaxOptimizer, is_transformation

_UNNAMED = ("Optimizer", "OptaxOptimizer", "OptimizerMap")


def _named() -> dict[str, str]:
    """{lower case: name} of the optimizers that can be asked for by name."""
    return {name.lower(): name for name in REGISTRY[Optimizer._namespace] if name not in _UNNAMED}


def get(identifier: Any) -> Any:
    """The optimizer that a name, a config dict, an instance or an optax transformation stands for; None stays None.

    Errors: ArgumentError for a name that is not known, with the nearest ones.

    >>> get("rmsprop")
    <RMSprop name=rm_sprop>
    """
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str):
        return deserialize({"class_name": identifier, "config": {}})
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if is_transformation(identifier):
        return OptaxOptimizer(identifier)
    made = isinstance(identifier, type) and issubclass(identifier, Optimizer)
    raise ArgumentError(
        message(
            "optimizer",
            expected="a name, an optimizer, a config dict or an optax transformation",
            got=repr(identifier),
            hint=f"Call the class: {identifier.__name__}()." if made else "For example optimizer='adam'.",
        )
    )


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """The optimizer as a config dict; its slots are not part of it.

    >>> serialize(get("sgd"))["class_name"]
    'SGD'
    """
    out: dict[str, Any] = _serialize(optimizer)
    return out


@with_custom_objects
def deserialize(config: Mapping[str, Any]) -> Any:
    """The optimizer that a config dict describes; upper and lower case of our own names do not matter."""
    if "class_name" not in config:
        raise ArgumentError(
            message("optimizer", expected='a config dict {"class_name": ..., "config": {...}}', got=dict(config))
        )
    name = str(config["class_name"])
    named = _named()
    own = name.rsplit(">", 1)[-1]
    config = {**config, "config": config.get("config") or {}}
    if find(own, Optimizer._namespace, config.get("registered_name")) is None:
        if own.lower() not in named:
            known = named if name.islower() else named.values()
            raise unknown("optimizer", name, known, "Your own is given as an instance: optimizer=Mine().")
        config = {**config, "class_name": named[own.lower()]}
    out = _deserialize(config, Optimizer._namespace)
    if not isinstance(out, Optimizer):
        raise ArgumentError(message("optimizer", expected="the config of an optimizer", got=f"one of {name!r}"))
    return out
