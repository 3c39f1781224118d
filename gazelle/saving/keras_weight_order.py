"""Paths and order of weights in the files of Keras 3, which follow the attributes of layers."""

from __future__ import annotations

import dataclasses
import operator
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from gazelle.core.names import snake
from gazelle.core.variable import Variable
from gazelle.layers import weight_storage, weight_tree
from gazelle.layers.base import Layer
from gazelle.optimizers.state import SlotVariable

if TYPE_CHECKING:
    from gazelle.models import Model

_NAME = operator.itemgetter(0)
_SKIPPED = frozenset({"_layers", "_config", "_call_nodes", "_eager_losses", "_build_shapes", "optimizer", "history"})


@dataclasses.dataclass
class Part:
    """Group of the file: a layer or the optimizer.

    Attributes:
        path: the path of the group.
        name: the name of the layer.
        variables: its own variables, without those of layers inside it.
        owner: the layer; None for the optimizer.
    """

    path: str
    name: str
    variables: list[Variable]
    owner: Any = None

    def custom_method(self, name: str) -> Callable[..., Any] | None:
        """A method such as `save_own_variables` if the class of the layer overrides it, else None."""
        method = getattr(type(self.owner), name, None)
        is_default = method is getattr(Layer, name, None)
        return None if method is None or is_default else getattr(self.owner, name)


def parts(model: Model, skip: Iterable[Any] = (), backwards: bool = False) -> list[Part]:
    """The model, its layers at every depth and its optimizer, each with its own variables, in the order of Keras.

    Args:
        model: a built model.
        skip: layers that are left out, with the layers that are reached through them alone.
        backwards: visit attributes from z to a, and `layers` of each model, as tf.keras 2.12 to 2.15.
    """
    walk = _Walk(backwards)
    walk.seen.update(id(layer) for layer in skip)
    walk.layer(model, "")
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        walk.found.append(Part("optimizer", optimizer.name, optimizer_variables(model)))
    return walk.found


def group_of(part: Part) -> str:
    """The path of the group that contains a part's variables."""
    return f"{part.path}/vars" if part.path else "vars"


def trained_weights(model: Model) -> dict[str, Variable]:
    """{key: weight} of the weights that the model trains, by which the slots of its optimizer are found from now on."""
    weight_tree.named_variables(model)  # sets the keys
    found = {v.key: v for v in model.trainable_weights}
    model.optimizer.rename(found)
    return found


def optimizer_variables(model: Model, trained: Iterable[str] | None = None) -> list[Variable]:
    """The iterations, the learning rate, and the slots of the trainable weights, as far as they exist.

    Args:
        model: the model.
        trained: the keys of these weights, if `trained_weights` has found them.
    """
    optimizer = model.optimizer
    slots = optimizer.keras_order([*(trained_weights(model) if trained is None else trained)])
    complete = bool(slots) and all(path in optimizer.state.get(slot, {}) for slot, path in slots)
    return [*optimizer.own_variables(), *(SlotVariable(optimizer, *slot) for slot in slots if complete)]


class _Walk:
    """Traversal that visits each layer once, under the first path that leads to it."""

    def __init__(self, backwards: bool) -> None:
        self.backwards = backwards
        self.found: list[Part] = []
        self.seen: set[int] = set()
        self.around: list[int] = []  # the ids of the containers around a value, one of which may contain itself

    def layer(self, layer: Any, path: str) -> None:
        if id(layer) in self.seen:
            return
        self.seen.add(id(layer))
        self.found.append(Part(path, layer.name, weight_storage.stored_weights(layer), layer))
        for name, value in _children(layer, self.backwards):
            kind = type(value)  # most attributes have no weights: a call for each of them is slow
            has_weights = getattr(kind, "_tracks_weights", False) or getattr(kind, "_contains_weights", False)
            if has_weights or isinstance(value, (list, tuple, dict)):
                self.value(value, f"{path}/{name}" if path else name)

    def value(self, value: Any, path: str) -> None:
        if weight_tree.is_layer(value):
            self.layer(value, path)
        elif (parts := weight_tree.parts_of(value)) is not None:
            self.container(value, parts, path)

    def container(self, values: Any, parts: list[Any], path: str) -> None:
        """Members are named by their classes, counted: automatic names of layers differ between processes."""
        if id(values) in self.around:
            return
        self.around.append(id(values))
        used: Counter[str] = Counter()
        for value in parts:
            is_container = weight_tree.parts_of(value) is not None
            if not is_container and not weight_tree.is_layer(value):
                continue
            if self.backwards and (is_container or id(value) in self.seen):
                continue
            name = "container" if is_container else snake(type(value).__name__)
            used[name] += 1
            self.value(value, f"{path}/{name}" if used[name] == 1 else f"{path}/{name}_{used[name] - 1}")
        self.around.pop()


def _children(layer: Any, backwards: bool) -> list[tuple[str, Any]]:
    """Attributes in the order of Keras: by name, private ones last; the `layers` of a Functional model first."""
    plain = (str, int, float, type(None))
    renamed = getattr(type(layer), "_keras_attributes", {})
    attributes = {
        renamed.get(k, k): v for k, v in layer.__dict__.items() if k not in _SKIPPED and not isinstance(v, plain)
    }
    has_layers = hasattr(type(layer), "layers")
    if has_layers:
        attributes["layers"] = layer.layers
    if backwards:
        return sorted(attributes.items(), key=_NAME, reverse=True)
    # a subclass of Model is functional, too, if its constructor passed on inputs and outputs
    functional = getattr(type(layer), "_keras_module", None) is not None or getattr(layer, "_graph", None) is not None
    first = [("layers", attributes.pop("layers"))] if has_layers and functional else []
    public = [item for item in attributes.items() if not item[0].startswith("_")]
    private = [item for item in attributes.items() if item[0].startswith("_")]
    return [*first, *sorted(public, key=_NAME), *sorted(private, key=_NAME)]
