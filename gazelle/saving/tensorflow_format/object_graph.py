"""Finds the saved value of each weight of a model: objects in a checkpoint have the names of attributes."""

from __future__ import annotations

from typing import Any

from gazelle.core.variable import Variable
from gazelle.layers import weight_tree
from gazelle.layers.vocabulary import LookupLayer
from gazelle.saving.tensorflow_format.checkpoint import Object

#: attributes that lead to other objects than the parts of a layer
_SKIPPED = frozenset({"_config", "_call_nodes", "_eager_losses", "_build_shapes", "optimizer", "history"})
#: {id(variable): (variable, number of its object)}
Matches = dict[int, tuple[Variable, int]]


def find_variables(thing: object, objects: list[Object]) -> Matches:
    """Match the variables of a model, or of a dict of models and variables, with the objects of a checkpoint.

    It is the root of the graph, or an attribute of the root, as in `tf.train.Checkpoint(model=model)`.

    Args:
        thing: a built model, or a dict.
        objects: the objects of the checkpoint.
    """
    roots = [0, *objects[0].children.values()] if objects else []
    return max((_Search(objects).variables(thing, root) for root in roots), key=len, default={})


def find_lookups(model: object, objects: list[Object]) -> list[tuple[LookupLayer, int]]:
    """The layers of a model that look up tokens, each with the number of its object.

    Args:
        model: a built model.
        objects: the objects of a checkpoint or a SavedModel; the first one is the model.
    """
    search = _Search(objects)
    if objects:
        search.variables(model, 0)
    return search.lookups


def child(objects: list[Object], number: int, name: str) -> int | None:
    """The number of an attribute of an object; a leading underscore makes no difference.

    Args:
        objects: the objects of a checkpoint.
        number: of the object.
        name: of the attribute.
    """
    children = objects[number].children
    names = (name, f"_{name}", name.lstrip("_"), f"_index{name}")  # _index_lookup_layer
    return next((children[key] for key in names if key in children), None)


class _Search:
    """Walk through a model and the saved objects side by side."""

    def __init__(self, objects: list[Object]) -> None:
        self._objects = objects
        self._seen: set[tuple[int, int]] = set()
        self._found: Matches = {}
        self.lookups: list[tuple[LookupLayer, int]] = []

    def variables(self, thing: Any, root: int) -> Matches:
        self._visit(thing, root)
        return self._found

    def _visit(self, thing: Any, number: int) -> None:
        if isinstance(thing, Variable):
            if self._objects[number].key:
                self._found.setdefault(id(thing), (thing, number))
            return
        if (id(thing), number) in self._seen:
            return
        self._seen.add((id(thing), number))
        if isinstance(thing, LookupLayer):
            self.lookups.append((thing, number))
        for name, member in members(thing).items():
            found = child(self._objects, number, name)
            if found is None and isinstance(member, Variable):
                found = self._by_name(member, number)
                if found is None:  # DepthwiseConv2D
                    found = child(self._objects, number, f"depthwise_{name}")
            if found is not None:
                self._visit(member, found)

    def _by_name(self, variable: Variable, number: int) -> int | None:
        """A variable whose attribute has another name in Keras 2, by its own name."""
        for index in self._objects[number].children.values():
            if self._objects[index].key and self._objects[index].name.rsplit("/", 1)[-1] == variable.name:
                return index
        return None


def members(thing: object) -> dict[str, Any]:
    """Return the parts of a model, layer, list or dict by the names that Keras 2 gave them.

    Args:
        thing: the model, layer, list or dict.
    """
    if isinstance(thing, list | tuple):
        return {str(index): value for index, value in enumerate(thing) if _is_part(value)}
    if isinstance(thing, dict):
        return {str(key): value for key, value in thing.items() if _is_part(value)}
    found = {key: value for key, value in vars(thing).items() if key not in _SKIPPED and _is_part(value)}
    # a graph of layers; those of other models are found by their attributes
    layers = getattr(thing, "layers", ()) if hasattr(type(thing), "layers") else ()
    return found | {f"layer_with_weights-{i}": layer for i, layer in enumerate(filter(_has_values, layers))}


def _has_values(layer: Any) -> bool:
    """Whether a layer has weights; a vocabulary that was not given to the constructor was a weight, too."""
    return bool(layer.weights) or not getattr(getattr(layer, "_lookup_layer", layer), "_fixed", True)


def _is_part(value: Any) -> bool:
    return isinstance(value, Variable | list | tuple | dict) or weight_tree.is_layer(value)
