"""Where each weight of a model stands in the files of Keras 3: the order in which Keras walks through attributes."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import Any

from gazelle.core.config import snake
from gazelle.core.variable import Variable
from gazelle.layers import weight_tree
from gazelle.optimizers.state import SlotVariable

_SKIPPED = frozenset({"_layers", "_config", "nodes", "_eager_losses", "_build_shapes", "optimizer", "history"})


@dataclasses.dataclass
class Part:
    """One layer (or the optimizer) as a group of the file."""

    path: str
    name: str
    variables: list[Variable]
    owner: Any = None

    def hook(self, name: str) -> Any:
        """A method such as `save_own_variables` that the layer's author wrote; None where there is none."""
        method = getattr(type(self.owner), name, None)
        ours = (
            getattr(method, "__module__", "") == "gazelle.layers.weight_storage"
        )  # what every layer has does the usual
        return None if method is None or ours else getattr(self.owner, name)


def parts(model: Any) -> list[Part]:
    """The model, the layers below it and its optimizer, each with its own variables, in the order of Keras."""
    walk = _Walk()
    walk.layer(model, "")
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        walk.found.append(Part("optimizer", optimizer.name, optimizer_variables(model)))
    return walk.found


def weights_tree(model: Any) -> dict[str, Variable]:
    """{path of the dataset: variable}, such as "layers/dense/vars/0"; the optimizer's variables last.

    >>> list(weights_tree(gazelle.Sequential([gazelle.Input((3,)), gazelle.layers.Dense(2)])))
    ['layers/dense/vars/0', 'layers/dense/vars/1']
    """
    return {f"{group_of(part)}/{n}": v for part in parts(model) for n, v in enumerate(part.variables)}


def group_of(part: Part) -> str:
    """The group that holds a part's variables."""
    return f"{part.path}/vars" if part.path else "vars"


def optimizer_variables(model: Any) -> list[Variable]:
    """The steps done, the rate, and the slots of the trainable weights, as far as they exist."""
    optimizer = model.optimizer
    weight_tree.named_variables(model)  # gives the variables the paths that the slots go by
    paths = [v.path for v in model.trainable_weights]
    places = optimizer.keras_order(paths)
    whole = bool(places) and all(path in optimizer.state.get(slot, {}) for slot, path in places)
    return [*optimizer.own_variables(), *(SlotVariable(optimizer, *place) for place in places if whole)]


class _Walk:
    """Visits a layer once, under the first path that leads to it."""

    def __init__(self) -> None:
        self.found: list[Part] = []
        self.seen: set[int] = set()

    def layer(self, layer: Any, path: str) -> None:
        if id(layer) in self.seen:
            return
        self.seen.add(id(layer))
        self.found.append(Part(path, layer.name, layer._own_weights(), layer))
        for name, value in _children(layer):
            self.value(value, f"{path}/{name}" if path else name)

    def value(self, value: Any, path: str) -> None:
        if weight_tree.is_layer(value):
            self.layer(value, path)
        elif isinstance(value, (list, tuple, dict)):
            self.container(value, path)

    def container(self, values: Any, path: str) -> None:
        """Members go by the names of their classes, counted: their own names differ from one process to the next."""
        used: Counter[str] = Counter()
        for value in list(values.values()) if isinstance(values, dict) else values:
            listed = isinstance(value, (list, tuple, dict))
            if not listed and not weight_tree.is_layer(value):
                continue
            name = "container" if listed else snake(type(value).__name__)
            used[name] += 1
            self.value(value, f"{path}/{name}" if used[name] == 1 else f"{path}/{name}_{used[name] - 1}")


def _children(layer: Any) -> Iterator[tuple[str, Any]]:
    """Attributes as Keras goes through them: by name, private ones last; but first the `layers` of a model with a
    graph."""
    attributes = {k: v for k, v in layer.__dict__.items() if k not in _SKIPPED}
    if hasattr(type(layer), "layers"):
        attributes["layers"] = layer.layers
        if getattr(type(layer), "_keras_module", None) is not None:  # Sequential and Functional, subclasses too
            yield "layers", attributes.pop("layers")
    yield from sorted(attributes.items(), key=lambda item: f"~{item[0]}" if item[0].startswith("_") else item[0])
