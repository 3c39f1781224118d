"""The layer as a function of its variables' values, for loops that programs write themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.core.prng import SeedGenerator
from gazelle.core.scopes import StatelessScope
from gazelle.core.variable import Variable
from gazelle.layers import weight_tree
from gazelle.layers.tree import Tree


class Stateless(Tree, abstract=True):
    """The part of a layer that hands its state out: values go in, values come out, nothing changes."""

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """All variables that training does not change, states of seeds among them."""
        loose = [v for v in self.variables if not v.persistent]
        return [*self.non_trainable_weights, *loose, *([self._seeds().state] if self._draws_numbers() else [])]

    def _draws_numbers(self) -> bool:
        """Whether a layer has draws that follow the step: they need a state of their own outside of `fit`."""
        return any(hasattr(layer, "seed") for layer in weight_tree.named_layers(self).values())

    def _seeds(self) -> SeedGenerator:
        if "_seed_generator" not in self.__dict__:
            self._seed_generator = SeedGenerator(name="seeds")
        return self._seed_generator

    def stateless_call(
        self,
        trainable_variables: Sequence[Any],
        non_trainable_variables: Sequence[Any],
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> Any:
        """(outputs, values of the non-trainable variables after the call), and with `return_losses` the losses.

        A pure function, to be compiled and differentiated: the variables of the layer stay as they are.

        Args:
            trainable_variables, non_trainable_variables: values in the order of the properties of these names.
            args, kwargs: what the layer is called with.

        Raises:
            StateError: the layer is not built. ArgumentError: more or fewer values than variables.

        >>> layer = layers.Dense(2, kernel_initializer="ones")
        >>> _ = layer(np.ones((1, 3)))
        >>> layer.stateless_call([np.zeros((3, 2)), np.ones(2)], [], np.ones((1, 3)))[0].tolist()
        [[1.0, 1.0]]
        """
        if not self.built:
            raise StateError(
                message(
                    f"stateless_call of {self._label} came before it was built",
                    hint="Call it on data once, or build it with an input shape.",
                )
            )
        own, fixed = self.trainable_variables, self.non_trainable_variables
        for what, variables, values in (
            ("trainable", own, trainable_variables),
            ("non_trainable", fixed, non_trainable_variables),
        ):
            if len(variables) != len(values):
                words = f"{what}_variables of stateless_call"
                raise ArgumentError(message(words, expected=f"{len(variables)} values", got=len(values)))
        pairs = [*zip(own, trainable_variables, strict=True), *zip(fixed, non_trainable_variables, strict=True)]
        with StatelessScope(pairs, collect_losses=True) as scope:
            if self._draws_numbers():
                scope.key = jax.random.wrap_key_data(self._seeds().next(), impl="threefry2x32")
            layer: Any = self
            out = layer(*args, **kwargs)
            losses = self.losses if return_losses else []
        after = [scope.get_current_value(variable) for variable in fixed]
        return (out, after, losses) if return_losses else (out, after)
