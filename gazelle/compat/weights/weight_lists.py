"""The lists of weights of layers of Keras 1 and 2, which programs assign and extend."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from gazelle.compat.backend.lifting import GraphVariable
from gazelle.core.names import creation_number
from gazelle.core.variable import Variable
from gazelle.layers import Layer, tracking_order, weight_tree


class WeightList(list[Variable]):
    """`trainable_weights` of a layer before Keras 2.3: what a program appends follows the weights of the layer."""

    def __init__(self, layer: Layer, variables: Iterable[Variable]) -> None:
        super().__init__(variables)
        self.layer = layer

    def append(self, variable: Variable) -> None:
        self.extend([variable])

    def extend(self, variables: Iterable[Variable]) -> None:
        more = list(variables)
        given: list[Variable] = vars(self.layer).get("_given_trainable_weights", [])
        own = [v for v in weight_tree.own_weights(self.layer) if v.made_trainable]
        set_weights_lists(self.layer, "trainable_weights", {id(v): v for v in (*given, *own, *more)}.values())
        noted = vars(self.layer).setdefault(tracking_order.ASSIGNMENTS, {})
        noted.setdefault("_given_trainable_weights", (creation_number(), len(given) + len(own) + len(more)))
        super().extend(v for v in more if all(v is not one for one in self))

    def __iadd__(self, variables: Iterable[Variable]) -> Self:  # type: ignore[misc, override]  # unlike `+` of lists
        self.extend(variables)
        return self


def set_weights_lists(layer: Layer, name: str, variables: Iterable[Variable]) -> None:
    """`layer.trainable_weights = [...]` of a layer that creates its weights itself: only these are trained.

    The other variables of the layer, made by `K.variable`, are not weights: they are neither trained nor saved.
    """
    if isinstance(variables, WeightList) and variables.layer is layer:
        return  # `+=` has extended it
    chosen = list(variables)
    vars(layer)[f"_given_{name}"] = chosen  # the weight tree finds them here, even if no other attribute has them
    for variable in chosen:
        variable.trainable = variable.made_trainable = name == "trainable_weights"
        variable.persistent = True
    given = {id(v) for key, found in vars(layer).items() if key.startswith("_given_") for v in found}
    for child in weight_tree.children(layer):
        unlisted = name == "trainable_weights" or isinstance(child, GraphVariable)
        if isinstance(child, Variable) and id(child) not in given and unlisted:
            child.trainable, child.persistent = False, False
