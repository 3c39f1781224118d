"""What files hold of one layer: the shapes it was built on, and its own weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gazelle.core.config import serialize
from gazelle.core.errors import ArgumentError, message
from gazelle.core.variable import Variable
from gazelle.layers import weight_tree
from gazelle.layers.tree import Tree


class Stored(Tree, abstract=True):
    """The part of a layer that `saving` asks, besides its config."""

    built: bool
    build: Any
    _build_shapes: Any

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes the layer was built on, so that a loaded layer can be built before it is called."""
        if self._build_shapes is None:
            return None
        if isinstance(self._build_shapes, dict) and all(k.endswith("_shape") for k in self._build_shapes):
            return {"shapes_dict": serialize(self._build_shapes)}
        return {"input_shape": serialize(self._build_shapes)}

    def build_from_config(self, config: Mapping[str, Any]) -> None:
        """Build on the shapes that `get_build_config` gave."""
        if "shapes_dict" in config:
            self.build(**{k: as_shape(v) for k, v in config["shapes_dict"].items()})
        elif config.get("input_shape") is not None:
            self.build(as_shape(config["input_shape"]))

    def save_own_variables(self, store: Any) -> None:
        """Put the layer's own weights, without those of layers inside, into `store` under '0', '1', ..."""
        for number, variable in enumerate(self._own_weights()):
            store[str(number)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Take what `save_own_variables` put there.

        Raises:
            ArgumentError: another number of arrays.
        """
        own = self._own_weights()
        if len(own) != len(store.keys()):
            hint = "" if self.built else "Build it first: its weights do not exist yet."
            words = f"load_own_variables of {self._label}"
            raise ArgumentError(message(words, expected=f"{len(own)} arrays", got=len(store.keys()), hint=hint))
        for number, variable in enumerate(own):
            variable.assign(store[str(number)])

    def _own_weights(self) -> list[Variable]:
        own = {id(v): v for v in weight_tree.children(self) if isinstance(v, Variable) and v.persistent}.values()
        return [v for v in own if v.trainable] + [v for v in own if not v.trainable]


def as_shape(value: Any) -> Any:
    """Lists of numbers from JSON as shapes again."""
    if isinstance(value, Mapping):
        return {k: as_shape(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        inner = [as_shape(v) for v in value]
        return tuple(inner) if all(v is None or isinstance(v, int) for v in inner) else inner
    return value
