"""Optimizers with a weight decay that is independent of the learning rate:  w <- w - weight_decay w.

`keras.optimizers.AdamW` multiplies it by the learning rate.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.compat.addons.projected_optimizers import matches
from gazelle.compat.addons.registration import addon
from gazelle.compat.optimizers.former_optimizers import in_used_rows, keys_of_rows, of_gathered_rows
from gazelle.compat.types import Option
from gazelle.core.types import Array, ArrayLike
from gazelle.core.variable import Variable
from gazelle.optimizers import SGD, Adam, Optimizer
from gazelle.optimizers import learning_rate as rates
from gazelle.optimizers.learning_rate import LearningRate
from gazelle.optimizers.transforms import Arrays, Slots
from gazelle.optimizers.updates import Constraints


class DecoupledWeightDecayExtension(Optimizer, abstract=True):
    """What precedes an optimizer among the base classes of a class with weight decay.

    `weight_decay` is a number, a schedule or a function without arguments. Weights in whose name a regular expression
    of `exclude_from_weight_decay` is found do not decay; `apply_gradients` may get a list of those that do.
    """

    _decaying: Sequence[Variable] = ()
    decays_rows = True  # the used rows of embeddings

    def __init__(
        self, weight_decay: LearningRate, exclude_from_weight_decay: Sequence[str] | None = None, **kwargs: Option
    ) -> None:
        super().__init__(**kwargs)
        self.weight_decay = weight_decay

    def weight_decay_of(self, path: str, w: Array) -> None:
        """None: `update` decays weights."""

    def hyper(self) -> Arrays:
        """The learning rate, and the weight decay if it is a function without arguments."""
        rate: Any = self.weight_decay
        if not callable(rate) or rates.depends_on_step(rate):
            return super().hyper()
        return super().hyper() | {"weight_decay": jnp.asarray(np.asarray(rate()), jnp.float32)}

    def update(
        self,
        params: Arrays,
        grads: Mapping[str, Array | None],
        slots: Slots,
        hyper: Arrays,
        step: ArrayLike,
        constraints: Constraints = None,
    ) -> tuple[Arrays, Slots]:
        rate: Any = self.weight_decay
        if rates.depends_on_step(rate):
            rate = rates.at_step(rate, jnp.asarray(step))
        elif callable(rate):
            rate = hyper["weight_decay"] if "weight_decay" in hyper else rate()
        decaying = [p for p in params if grads.get(p) is not None and self._decays(p)]
        decayed = {p: (params[p] - rate * params[p]).astype(params[p].dtype) for p in decaying}
        present = {p: g for p, g in grads.items() if g is not None}
        rows = keys_of_rows(self, present)
        if self.decays_rows:
            decayed |= in_used_rows(present, decayed, params, rows)
        else:
            decayed = {p: w for p, w in decayed.items() if p not in rows}
        return super().update({**params, **decayed}, grads, slots, hyper, step, constraints)

    def apply_gradients(
        self,
        grads_and_vars: Iterable[tuple[ArrayLike | None, Variable]],
        decay_var_list: Iterable[Variable] | None = None,
    ) -> Variable:
        """Update variables from pairs; only those of `decay_var_list` decay, if it is given."""
        self._decaying = list(decay_var_list or ())
        return super().apply_gradients(grads_and_vars)

    def program_key(self) -> tuple[Any, ...]:
        return *super().program_key(), [self.key_of(variable) for variable in self._decaying]

    def _decays(self, path: str) -> bool:
        if self._decaying:
            return any(self.key_of(variable) == path for variable in self._decaying)
        return not matches(path, self.exclude_from_weight_decay)


@addon
class AdamW(DecoupledWeightDecayExtension, Adam, abstract=True):
    """Adam with a weight decay that is independent of the learning rate; `keras.optimizers` has another AdamW."""

    def __init__(
        self,
        weight_decay: LearningRate,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        name: str = "AdamW",
        **kwargs: Option,
    ) -> None:
        own: Any = {"learning_rate": learning_rate, "beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}
        super().__init__(weight_decay, amsgrad=amsgrad, name=name, **own, **kwargs)


@addon
class SGDW(DecoupledWeightDecayExtension, SGD, abstract=True):
    """SGD with a weight decay that is independent of the learning rate."""

    def __init__(
        self,
        weight_decay: LearningRate,
        learning_rate: LearningRate = 0.001,
        momentum: float = 0.0,
        nesterov: bool = False,
        name: str = "SGDW",
        **kwargs: Option,
    ) -> None:
        own: Any = {"learning_rate": learning_rate, "momentum": momentum, "nesterov": nesterov}
        super().__init__(weight_decay, name=name, **own, **kwargs)
        self.decays_rows = bool(momentum)  # as in tensorflow_addons

    def _apply_rule(self, params: Arrays, grads: Arrays, slots: Slots, lr: Array, t: Array) -> tuple[Arrays, Slots]:
        after = super()._apply_rule(params, grads, slots, lr, t)
        return of_gathered_rows(self, grads, (params, slots), after)


@functools.cache
def extend_with_decoupled_weight_decay(base_optimizer: type[Optimizer]) -> type[Optimizer]:
    """Return a class of optimizers with `weight_decay` as the first argument, and keywords of the base class."""

    class OptimizerWithDecoupledWeightDecay(DecoupledWeightDecayExtension, base_optimizer, abstract=True):  # type: ignore[misc,valid-type]
        """The optimizer with a weight decay that is independent of the learning rate."""

    return OptimizerWithDecoupledWeightDecay
