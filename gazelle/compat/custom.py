"""What layers of earlier eras did in their own methods: updates, lists of weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gazelle.compat.backend.updates import Update
from gazelle.core import tracing
from gazelle.core.variable import Variable
from gazelle.layers import weight_tree


def add_update(layer: Any, updates: Any, inputs: Any = None) -> None:
    """Assign in training: pairs (variable, value), in lists or alone. What `K.update` gave is done already."""
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
    """`layer.trainable_weights = [...]` of a layer that makes its weights by hand: these are trained, no others.

    Variables that the layer holds beside them, which `K.variable` makes, are numbers and no weights: they keep their
    value and stand in no file.
    """
    chosen = list(variables)
    vars(layer)[f"_given_{name}"] = chosen  # the tree finds them here, if nowhere else
    for variable in chosen:
        variable.trainable = name == "trainable_weights"
        variable.persistent = True
    given = {id(v) for key, found in vars(layer).items() if key.startswith("_given_") for v in found}
    for held in weight_tree.children(layer):
        if isinstance(held, Variable) and id(held) not in given:
            held.trainable, held.persistent = False, False
