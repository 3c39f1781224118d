"""Steps relative to the size of the weight: Adafactor, Lamb."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import jax.numpy as jnp

from gazelle.core.types import Array
from gazelle.core.variable import Variable
from gazelle.optimizers.arguments import check_unit_interval, invalid
from gazelle.optimizers.base import Optimizer
from gazelle.optimizers.learning_rate import LearningRate

if TYPE_CHECKING:
    from gazelle.optimizers.options import OptimizerOptions


class Adafactor(Optimizer):
    r"""Adam without momentum, with v factored into row means r and column means c.

    With beta_2 = 1 - t^beta_2_decay and rms(x) = sqrt(mean(x^2)):
    r <- beta_2 r + (1 - beta_2) mean(g^2 + epsilon_1, last axis),  c likewise over the last axis but one,
    v <- r c / mean(r),  u = g / sqrt(v),
    w <- w - max(epsilon_2, rms(w)) min(lr, 1 / sqrt(t)) u / max(1, rms(u) / clip_threshold).
    Weights with fewer than two axes store v itself.

    Args:
        learning_rate: See `Optimizer`.
        beta_2_decay: Exponent of the decay rate beta_2.
        epsilon_1: Added to squared gradients for numerical stability.
        epsilon_2: Smallest scale of a step, for weights near 0.
        clip_threshold: Bound of the root mean square of u, above 0.
        relative_step: Bounds a learning rate that is a number by 1 / sqrt(t).
        kwargs: Further arguments of `Optimizer`.

    Source: Shazeer & Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", 2018.

    Example:
        >>> {name: a["w"].shape for name, a in Adafactor().init({"w": jnp.ones((3, 4))}).items()}
        {'row': (3,), 'column': (4,), 'velocity': (3, 4)}
    """

    slots = ("row", "column", "velocity")
    _interleaved_slots = 3

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **kwargs: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        if clip_threshold <= 0:
            raise invalid(self, "clip_threshold", "a number above 0")

    def init_slot(self, name: str, path: str, w: Array) -> Array:
        if name == "velocity":
            return jnp.zeros_like(w)
        if w.ndim < 2:
            return jnp.zeros((), jnp.int32)  # unused; Keras' files contain it
        return jnp.zeros(w.shape[:-1] if name == "row" else (*w.shape[:-2], w.shape[-1]), w.dtype)

    def rule(self, w: Array, g: Array, r: Array, c: Array, v: Array, *, lr: Array, t: Array) -> tuple[Array, ...]:
        beta_2 = 1 - t**self.beta_2_decay
        square = g * g + self.epsilon_1
        if w.ndim < 2:
            v = beta_2 * v + (1 - beta_2) * square
        else:
            r = beta_2 * r + (1 - beta_2) * square.mean(-1)
            c = beta_2 * c + (1 - beta_2) * square.mean(-2)
            v = (r / r.mean(-1, keepdims=True))[..., None] * c[..., None, :]
        if self.relative_step and isinstance(self._learning_rate, Variable):
            lr = jnp.minimum(lr, 1 / jnp.sqrt(t))
        u = g / jnp.sqrt(v)
        u = u / jnp.maximum(1.0, _rms(u) / self.clip_threshold)
        return w - jnp.maximum(self.epsilon_2, _rms(w)) * jnp.minimum(lr, 1 / jnp.sqrt(t)) * u, r, c, v


def _rms(x: Array) -> Array:
    return jnp.sqrt(jnp.mean(x * x))


class Lamb(Optimizer):
    r"""Layer-wise adaptive moments for large batches: the direction of Adam, scaled by the norm of the weight.

    m, v as in Adam,  u = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon),  w <- w - lr ||w|| / ||u|| u,
    where the ratio is 1 if a norm is 0.

    Args:
        learning_rate: See `Optimizer`.
        beta_1: Decay rate of the average m of gradients, from 0 to below 1.
        beta_2: Decay rate of the average v of squared gradients, from 0 to below 1.
        epsilon: Added to the root of v for numerical stability.
        kwargs: Further arguments of `Optimizer`.

    Source: You et al., "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", 2019.

    Example:
        >>> Lamb(0.01).slots
        ('momentum', 'velocity')
    """

    slots = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        check_unit_interval(self, "beta_1", "beta_2", below_one=True)

    def rule(self, w: Array, g: Array, m: Array, v: Array, *, lr: Array, t: Array) -> tuple[Array, ...]:
        m = m + (1 - self.beta_1) * (g - m)
        v = v + (1 - self.beta_2) * (g * g - v)
        u = m / (1 - self.beta_1**t) / (jnp.sqrt(v / (1 - self.beta_2**t)) + self.epsilon)
        norm_w, norm_u = jnp.sqrt(jnp.sum(w * w)), jnp.sqrt(jnp.sum(u * u))
        ratio = jnp.where((norm_w > 0) & (norm_u > 0), norm_w / norm_u, 1.0)
        return w - ratio * lr * u, m, v
