"""Optimizers with norms and projections: LAMB, ProximalAdagrad, ConditionalGradient, and COCOB without a rate."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from gazelle.compat.addons.registration import addon
from gazelle.compat.optimizers.former_optimizers import keys_of_rows, of_used_rows
from gazelle.compat.tensorflow.v1.optimizers import proximal
from gazelle.compat.types import Option
from gazelle.core.types import Array, Config
from gazelle.optimizers import Optimizer
from gazelle.optimizers import learning_rate as rates
from gazelle.optimizers.arguments import check_unit_interval, invalid
from gazelle.optimizers.learning_rate import LearningRate
from gazelle.optimizers.transforms import Arrays, Slots


def matches(path: str, patterns: Option) -> bool:
    """Whether a regular expression is found in the path of a weight, which ends with ":0" as in TensorFlow."""
    return any(re.search(pattern, f"{path}:0") for pattern in patterns or ())


class DecayingRule(Optimizer, abstract=True):
    """Base class of optimizers whose rule decays weights itself; the decay may be a schedule."""

    def __init__(self, learning_rate: LearningRate, weight_decay: LearningRate, name: str, **kwargs: Option) -> None:
        number: Any = None if callable(weight_decay) else weight_decay
        super().__init__(learning_rate, weight_decay=number, name=name, **kwargs)
        self.weight_decay = weight_decay

    def weight_decay_of(self, path: str, w: Array) -> None:
        """None: the rule decays weights."""

    def decay_at(self, t: Array) -> Array:
        """The weight decay of update t, from 1."""
        rate: Any = self.weight_decay
        return jnp.asarray(rates.at_step(rate, t - 1) if callable(rate) else rate)


class RuleOfRows(Optimizer, abstract=True):
    """Base class of optimizers that update the used rows of an embedding alone."""

    #: whether the slots of the other rows stay as they are, too
    keeps_slots = True

    def _apply_rule(self, params: Arrays, grads: Arrays, slots: Slots, lr: Array, t: Array) -> tuple[Arrays, Slots]:
        weights, new = super()._apply_rule(params, grads, slots, lr, t)
        before = params, slots if self.keeps_slots else new
        return of_used_rows(grads, before, (weights, new), keys_of_rows(self, grads))


@addon
class LAMB(DecayingRule, abstract=True):
    """`Lamb` with weight decay inside of the direction:  u <- u + weight_decay w,  before its norm is taken.

    `exclude_from_weight_decay` and `exclude_from_layer_adaptation` are regular expressions for the names of weights;
    the second list is the first one if it is not given.
    """

    slots = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-6,
        weight_decay: LearningRate = 0.0,
        exclude_from_weight_decay: Sequence[str] | None = None,
        exclude_from_layer_adaptation: Sequence[str] | None = None,
        name: str = "LAMB",
        **kwargs: Option,
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, name=name, **kwargs)
        check_unit_interval(self, "beta_1", "beta_2", below_one=True)
        self.exclude_from_layer_adaptation = exclude_from_layer_adaptation or exclude_from_weight_decay

    def _apply_rule(self, params: Arrays, grads: Arrays, slots: Slots, lr: Array, t: Array) -> tuple[Arrays, Slots]:
        params, slots = dict(params), {name: dict(arrays) for name, arrays in slots.items()}
        for path, g in grads.items():
            own = {name: slots[name][path] for name in self.slots}
            options: Any = {
                "rate": 0.0 if matches(path, self.exclude_from_weight_decay) else self.decay_at(t),
                "adapts": not matches(path, self.exclude_from_layer_adaptation),
            }
            params[path], new = self._call_rule(params[path], g, own, lr, t, options)
            for name, value in new.items():
                slots[name][path] = value
        return params, slots

    def rule(
        self, w: Array, g: Array, m: Array, v: Array, *, lr: Array, t: Array, rate: float, adapts: bool
    ) -> tuple[Array, ...]:
        m = self.beta_1 * m + (1 - self.beta_1) * g
        v = self.beta_2 * v + (1 - self.beta_2) * g * g
        u = m / (1 - self.beta_1**t) / (jnp.sqrt(v / (1 - self.beta_2**t)) + self.epsilon) + rate * w
        norm_w, norm_u = jnp.sqrt(jnp.sum(w * w)), jnp.sqrt(jnp.sum(u * u))
        ratio = jnp.where((norm_w > 0) & (norm_u > 0), norm_w / norm_u, 1.0) if adapts else 1.0
        return w - ratio * lr * u, m, v


@addon
class ProximalAdagrad(RuleOfRows, abstract=True):
    """Adagrad with a proximal step of the regularizers:  a <- a + g^2,  w <- prox(w - r g),  r = lr / sqrt(a).

    Source: Duchi & Singer, "Efficient Learning using Forward-Backward Splitting", 2009.
    """

    slots = ("accumulator",)

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        name: str = "ProximalAdagrad",
        **kwargs: Option,
    ) -> None:
        super().__init__(learning_rate, name=name, **kwargs)
        for argument in ("initial_accumulator_value", "l1_regularization_strength", "l2_regularization_strength"):
            if getattr(self, argument) < 0:
                raise invalid(self, argument, "a number of at least 0")
        self.initial_values = {"accumulator": initial_accumulator_value}

    def rule(self, w: Array, g: Array, a: Array, *, lr: Array, t: Array) -> tuple[Array, ...]:
        a = a + g * g
        rate = lr / jnp.sqrt(a)
        return proximal(w - rate * g, rate, self.l1_regularization_strength, self.l2_regularization_strength), a


@addon
class ConditionalGradient(RuleOfRows, abstract=True):
    """The method of Frank and Wolfe for weights of a bounded norm:  w <- lr w - (1 - lr) lambda_ s.

    s is  g / (||g|| + epsilon)  for the Frobenius norm (`ord="fro"`), and the product of the first singular vectors of
    g for the nuclear norm (`ord="nuclear"`).
    """

    def __init__(
        self,
        learning_rate: LearningRate,
        lambda_: float = 0.01,
        epsilon: float = 1e-7,
        ord: str = "fro",
        name: str = "ConditionalGradient",
        **kwargs: Option,
    ) -> None:
        super().__init__(learning_rate, name=name, **kwargs)
        if ord not in ("fro", "nuclear"):
            raise invalid(self, "ord", "'fro' or 'nuclear'")

    def rule(self, w: Array, g: Array, *, lr: Array, t: Array) -> Array:
        if self.ord == "fro":
            s = g / (jnp.sqrt(jnp.sum(g * g)) + self.epsilon)
        else:
            left, _, right = jnp.linalg.svd(g.reshape(1, -1) if g.ndim < 2 else g, full_matrices=False)
            s = (left[:, :1] @ right[:1]).reshape(g.shape)
        return lr * w - (1 - lr) * self.lambda_ * s


@addon
class COCOB(Optimizer, abstract=True):
    """Coin betting, which needs no learning rate.

    With the largest and the summed magnitudes L and A of the gradients, their sum G, the reward R and the last bet b:
    b' = -G / (L max(A + L, alpha L)) (R + L),  w <- w - b + b'.

    Source: Orabona & Tommasi, "Training Deep Networks without Learning Rates Through Coin Betting", 2017.
    """

    slots = ("largest", "gradient_norm_sum", "gradients_sum", "bet", "reward")
    initial_values = {"largest": 1e-8}

    def __init__(self, alpha: float = 100, use_locking: bool = False, name: str = "COCOB", **kwargs: Option) -> None:
        super().__init__(0.0, name=name, **kwargs)
        if alpha < 1:
            raise invalid(self, "alpha", "a number of at least 1")

    def rule(self, w: Array, g: Array, *slots: Array, lr: Array, t: Array) -> tuple[Array, ...]:
        largest, norms, total, bet, reward = slots
        largest, norms, total = jnp.maximum(largest, jnp.abs(g)), norms + jnp.abs(g), total + g
        reward = jnp.maximum(reward - g * bet, 0)
        new = -total / (largest * jnp.maximum(norms + largest, self.alpha * largest)) * (reward + largest)
        return w - bet + new, largest, norms, total, new, reward

    def get_config(self) -> Config:
        """Return the arguments, which are without a learning rate."""
        return {key: value for key, value in super().get_config().items() if key != "learning_rate"}
