"""Optimizers by name: the values that `compile(optimizer=...)` accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.core.lookup import Lookup
from gazelle.core.registry import REGISTRY, find, registered_name
from gazelle.core.serialization import deserialize as make
from gazelle.optimizers.base import Optimizer
from gazelle.optimizers.optax import OptaxOptimizer, is_transformation

_WITHOUT_NAME = ("Optimizer", "OptaxOptimizer", "OptimizerMap")


class OptimizerLookup(Lookup[Optimizer]):
    """The lookup of optimizers, whose names may be written in upper or lower case."""

    def __init__(self) -> None:
        super().__init__("optimizer", Optimizer._namespace, _convert)

    def _named(self, name: str) -> Any:
        return self._from_config({"class_name": name, "config": {}})

    def _from_config(self, config: Mapping[str, Any]) -> Any:
        if "class_name" not in config:
            raise ArgumentError(
                message("optimizer", expected='a config dict {"class_name": ..., "config": {...}}', got=dict(config))
            )
        name = str(config["class_name"])
        names = {n.lower(): n for n in REGISTRY[self.namespace] if n not in _WITHOUT_NAME}
        short = name.rsplit(">", 1)[-1]
        config = {**config, "config": config.get("config") or {}}
        if find(short, self.namespace, registered_name(config)) is None:
            if short.lower() not in names:
                known = names if name.islower() else names.values()
                hint = "Pass a custom optimizer as an instance: optimizer=Mine()."
                raise unknown("optimizer", name, known, hint)
            config = {**config, "class_name": names[short.lower()]}
        found = make(config, self.namespace)
        if not isinstance(found, Optimizer):
            raise ArgumentError(message("optimizer", expected="the config of an optimizer", got=f"one of {name!r}"))
        return found

    def _checked(self, identifier: object, found: Any) -> Optimizer:
        return found


def _convert(identifier: Any) -> Any:
    """Wrap optax transformations; raise ArgumentError for what is no identifier."""
    if identifier is None or isinstance(identifier, (Optimizer, str, Mapping)):
        return identifier
    if is_transformation(identifier):
        return OptaxOptimizer(identifier)
    is_class = isinstance(identifier, type) and issubclass(identifier, Optimizer)
    raise ArgumentError(
        message(
            "optimizer",
            expected="a name, an optimizer, a config dict or an optax transformation",
            got=repr(identifier),
            hint=f"Call the class: {identifier.__name__}()." if is_class else "For example optimizer='adam'.",
        )
    )


_lookup = OptimizerLookup()
get, serialize, deserialize = _lookup.get, _lookup.serialize, _lookup.deserialize
