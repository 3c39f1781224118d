"""Keras' names for the weight tree of a layer, as properties."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gazelle.core.operation import Operation
from gazelle.core.traceback import filtered
from gazelle.core.variable import Variable
from gazelle.layers import weight_tree

if TYPE_CHECKING:
    from gazelle.core.types import Array, ArrayLike


class Tree(Operation, abstract=True):
    """The properties of a layer that walk its tree."""

    _tracks_weights = True
    name: str
    auto_named: bool
    built: bool
    _trainable: bool
    _eager_losses: list

    @property
    def trainable(self) -> bool:
        """Whether training may change the weights. Setting it sets it for all layers inside, too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in weight_tree.named_layers(self).values():
            layer._trainable = bool(value)

    @property
    def variables(self) -> list[Variable]:
        """All variables, those that files do not hold included."""
        return list(weight_tree.named_variables(self).values())

    @property
    def weights(self) -> list[Variable]:
        """All variables that files hold, a layer's trainable ones before its others, as Keras orders them."""
        return weight_tree.weights(self)

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        ids = weight_tree.trainable_ids(self)
        return [v for v in self.weights if id(v) in ids]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training does not change."""
        ids = weight_tree.trainable_ids(self)
        return [v for v in self.weights if id(v) not in ids]

    trainable_variables = trainable_weights

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all weights as NumPy arrays, in the order of `weights`, all of the same training step."""
        return weight_tree.get_values(self)

    @filtered
    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Replace all weights by arrays of the same number and shapes as `get_weights` returns."""
        weight_tree.set_values(self, weights)

    def count_params(self) -> int:
        """Return the number of elements of all weights."""
        return weight_tree.count_params(self)

    @property
    def losses(self) -> list[Array]:
        """Values of the last call (`add_loss`) and penalties of the regularizers, of this layer and all below it."""
        return weight_tree.losses(self)

    @property
    def _label(self) -> str:
        return f"{type(self).__name__} '{self.name}'"
