"""Variants of Adam: RectifiedAdam, AdaBelief, NovoGrad, Yogi, LazyAdam."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.compat.addons.projected_optimizers import DecayingRule, RuleOfRows
from gazelle.compat.addons.registration import addon
from gazelle.compat.optimizers.former_optimizers import keys_of_rows, of_used_rows
from gazelle.compat.tensorflow.v1.optimizers import proximal
from gazelle.compat.types import Option
from gazelle.core.types import Array
from gazelle.optimizers import Adam
from gazelle.optimizers.arguments import check_unit_interval, invalid
from gazelle.optimizers.learning_rate import LearningRate
from gazelle.optimizers.transforms import Arrays, Slots


@addon
class RectifiedAdam(RuleOfRows, DecayingRule, abstract=True):
    """Adam with a factor r for the variance of its first updates, and without v while that variance is unknown.

    n = N - 2 t beta_2^t / (1 - beta_2^t),  N = 2 / (1 - beta_2) - 1,  r² = (n - 4)(n - 2) N / ((N - 4)(N - 2) n),
    u = r m̂ / (sqrt(v̂) + epsilon)  if n >= sma_threshold,  else m̂,  w <- w - lr (u + weight_decay w).
    With `total_steps` the learning rate increases for `warmup_proportion` of them, then decreases to `min_lr`.

    Source: Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", 2019.
    """

    keeps_slots = False

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: LearningRate = 0.0,
        amsgrad: bool = False,
        sma_threshold: float = 5.0,
        total_steps: int = 0,
        warmup_proportion: float = 0.1,
        min_lr: float = 0.0,
        name: str = "RectifiedAdam",
        **kwargs: Option,
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, name=name, **kwargs)
        check_unit_interval(self, "beta_1", "beta_2", below_one=True)
        self.slots = ("momentum", "velocity", *(("velocity_hat",) if amsgrad else ()))

    def rule(
        self, w: Array, g: Array, m: Array, v: Array, largest: Array | None = None, *, lr: Array, t: Array
    ) -> tuple[Array, ...]:
        m = self.beta_1 * m + (1 - self.beta_1) * g
        v = self.next_velocity(v, g, m)
        used = v if largest is None else jnp.maximum(largest, v)
        u = self.direction(m / (1 - self.beta_1**t), jnp.sqrt(used / (1 - self.beta_2**t)), t)
        w = w - self.warmed_up(lr, t) * (u + self.decay_at(t) * w)
        return (w, m, v) if largest is None else (w, m, v, used)

    def next_velocity(self, v: Array, g: Array, m: Array) -> Array:
        """The average of squared gradients."""
        return self.beta_2 * v + (1 - self.beta_2) * g * g

    def direction(self, m: Array, root: Array, t: Array) -> Array:
        """u for the corrected m̂ and sqrt(v̂)."""
        limit = 2 / (1 - float(np.float32(self.beta_2))) - 1  # rounded as in the powers, from which it is subtracted
        n = limit - 2 * t * self.beta_2**t / (1 - self.beta_2**t)
        known = n >= self.sma_threshold
        r = jnp.sqrt(jnp.maximum((n - 4) * (n - 2) * limit / ((limit - 4) * (limit - 2) * n), 0))
        return jnp.where(known, r * m / (root + self.epsilon), m)

    def warmed_up(self, lr: Array, t: Array) -> Array:
        """The learning rate of an update."""
        if self.total_steps <= 0:
            return lr
        warmup = self.total_steps * self.warmup_proportion
        rest = max(self.total_steps - warmup, 1)
        decreasing = lr + (self.min_lr - lr) * jnp.minimum(t - warmup, rest) / rest
        return jnp.where(t <= warmup, lr * t / warmup, decreasing) if warmup else decreasing


@addon
class AdaBelief(RectifiedAdam, abstract=True):
    """RectifiedAdam whose v averages  (g - m)^2 + epsilon / (1 - beta_2),  optionally without its factor r.

    Source: Zhuang et al., "AdaBelief Optimizer", 2020.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-14,
        weight_decay: LearningRate = 0.0,
        amsgrad: bool = False,
        rectify: bool = True,
        sma_threshold: float = 5.0,
        total_steps: int = 0,
        warmup_proportion: float = 0.1,
        min_lr: float = 0.0,
        name: str = "AdaBelief",
        **kwargs: Option,
    ) -> None:
        adam = (learning_rate, beta_1, beta_2, epsilon, weight_decay, amsgrad)
        super().__init__(*adam, sma_threshold, total_steps, warmup_proportion, min_lr, name, **kwargs)

    def next_velocity(self, v: Array, g: Array, m: Array) -> Array:
        return self.beta_2 * v + (1 - self.beta_2) * (g - m) ** 2 + self.epsilon

    def _apply_rule(self, params: Arrays, grads: Arrays, slots: Slots, lr: Array, t: Array) -> tuple[Arrays, Slots]:
        after = super()._apply_rule(params, grads, slots, lr, t)
        # in the rows that a batch does not use the average decays, without epsilon
        of_zeros: Any = {"velocity": {path: self.beta_2 * v for path, v in slots["velocity"].items()}}
        return of_used_rows(grads, ({}, of_zeros), after, keys_of_rows(self, grads))

    def direction(self, m: Array, root: Array, t: Array) -> Array:
        return super().direction(m, root, t) if self.rectify else m / (root + self.epsilon)


@addon
class NovoGrad(RuleOfRows, DecayingRule, abstract=True):
    """Momentum of gradients that are divided by an average of their norm.

    v <- beta_2 v + (1 - beta_2) ||g||^2,  which starts at ||g||^2,  u = g / (sqrt(v) + epsilon) + weight_decay w,
    m <- beta_1 m - lr u,  w <- w + m.  With `grad_averaging`, u is multiplied by 1 - beta_1 after the first update.

    Source: Ginsburg et al., "Stochastic Gradient Methods with Layer-wise Adaptive Moments", 2019.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: LearningRate = 0.0,
        grad_averaging: bool = False,
        amsgrad: bool = False,
        name: str = "NovoGrad",
        **kwargs: Option,
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, name=name, **kwargs)
        check_unit_interval(self, "beta_1", "beta_2", below_one=True)
        self.slots = ("momentum", "velocity", *(("velocity_hat",) if amsgrad else ()))

    def init_slot(self, name: str, path: str, w: Array) -> Array:
        return jnp.zeros_like(w) if name == "momentum" else jnp.zeros((), w.dtype)

    def rule(
        self, w: Array, g: Array, m: Array, v: Array, largest: Array | None = None, *, lr: Array, t: Array
    ) -> tuple[Array, ...]:
        square = jnp.sum(g * g)
        v = jnp.where(t == 1, square, self.beta_2 * v + (1 - self.beta_2) * square)
        used = v if largest is None else jnp.maximum(largest, v)
        u = g / (jnp.sqrt(used) + self.epsilon) + self.decay_at(t) * w
        if self.grad_averaging:
            u = jnp.where(t == 1, u, (1 - self.beta_1) * u)
        m = self.beta_1 * m - lr * u
        return (w + m, m, v) if largest is None else (w + m, m, v, used)


@addon
class Yogi(RuleOfRows, abstract=True):
    """Adam whose v changes by at most the squared gradient:  v <- v + (1 - beta2) sign(g^2 - v) g^2.

    `activation="tanh"` replaces the sign by tanh(10 x). Each update ends with a proximal step of the regularizers.

    Source: Zaheer et al., "Adaptive Methods for Nonconvex Optimization", 2018.
    """

    keeps_slots = False
    slots = ("velocity", "momentum")
    _texts = ("activation",)

    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-3,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        initial_accumulator_value: float = 1e-6,
        activation: str = "sign",
        name: str = "Yogi",
        **kwargs: Option,
    ) -> None:
        super().__init__(learning_rate, name=name, **kwargs)
        if activation not in ("sign", "tanh"):
            raise invalid(self, "activation", "'sign' or 'tanh'")
        check_unit_interval(self, "beta1", "beta2", below_one=True)
        self.initial_values = {"velocity": initial_accumulator_value}

    def rule(self, w: Array, g: Array, v: Array, m: Array, *, lr: Array, t: Array) -> tuple[Array, ...]:
        m = self.beta1 * m + (1 - self.beta1) * g
        square = g * g
        sign = jnp.sign(square - v) if self.activation == "sign" else jnp.tanh(10 * (square - v))
        v = v + (1 - self.beta2) * sign * square
        rate = lr * jnp.sqrt(1 - self.beta2**t) / (1 - self.beta1**t) / (jnp.sqrt(v) + self.epsilon)
        regularizers = self.l1_regularization_strength, self.l2_regularization_strength
        return proximal(w - rate * m, rate, *regularizers), v, m


@addon
class LazyAdam(RuleOfRows, Adam, abstract=True):
    """Adam that leaves the rows of an embedding unchanged which a batch does not use, and their averages.

    These are the rows of `embeddings` whose gradient is 0.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        name: str = "LazyAdam",
        **kwargs: Option,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, name=name, **kwargs)
