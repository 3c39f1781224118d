"""Methods of layers in earlier versions: `add_update`, and assigning lists of weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gazelle.compat.backend.updates import Update
from gazelle.core import tracing
from gazelle.core.variable import Variable
from gazelle.layers import weight_tree


def add_update(layer: Any, updates: Any, inputs: Any = None) -> None:
    """Assign values in training, from pairs (variable, value) or lists of them; `K.update` has done so already."""
    scope = tracing.current()
    if scope is not None and scope.training:
        for variable, value in _pairs(updates):
            variable.assign(value)


def _pairs(updates: Any) -> Iterator[tuple[Variable, Any]]:
    if isinstance(updates, Update):
        yield updates.variable, updates.value
    elif isinstance(updates, tuple) and len(updates) == 2 and isinstance(updates[0], Variable):
        yield updates
    elif isinstance(updates, list | tuple):
        for one in updates:
            yield from _pairs(one)


def set_weights_lists(layer: Any, name: str, variables: Any) -> None:
    """`layer.trainable_weights = [...]` of a layer that creates its weights itself: only these are trained.

    The other variables of the layer, made by `K.variable`, are not weights: they are neither trained nor saved.
    """
    chosen = list(variables)
    vars(layer)[f"_given_{name}"] = chosen  # the weight tree finds them here, even if no other attribute has them
    for variable in chosen:
        variable.trainable = name == "trainable_weights"
        variable.persistent = True
    given = {id(v) for key, found in vars(layer).items() if key.startswith("_given_") for v in found}
    for variable in weight_tree.children(layer):
        if isinstance(variable, Variable) and id(variable) not in given:
            variable.trainable, variable.persistent = False, False
