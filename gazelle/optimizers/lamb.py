"""Steps measured by the weight they change: Lamb, Adafactor."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.core.variable import Variable
from gazelle.optimizers.base import Optimizer


def rms(x: Any) -> Any:
    """The root of the mean square of all numbers of x."""
    return jnp.sqrt(jnp.mean(x * x))


class Lamb(Optimizer):
    r"""Adam's direction u, as long as the weight itself, for large batches:

    m, v as in Adam,  u = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon),  w <- w - lr |w| / |u| u,
    where a norm of 0 makes the ratio 1.

    Source: You et al., "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", 2019.

    >>> Lamb(0.01).slots
    ('momentum', 'velocity')
    """

    slots = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self._within("beta_1", "beta_2", open=True)

    def rule(self, w: Any, g: Any, m: Any, v: Any, *, lr: Any, t: Any) -> Any:
        m = m + (1 - self.beta_1) * (g - m)
        v = v + (1 - self.beta_2) * (g * g - v)
        u = m / (1 - self.beta_1**t) / (jnp.sqrt(v / (1 - self.beta_2**t)) + self.epsilon)
        long, wide = jnp.sqrt(jnp.sum(w * w)), jnp.sqrt(jnp.sum(u * u))
        ratio = jnp.where((long > 0) & (wide > 0), long / wide, 1.0)
        return w - ratio * lr * u, m, v


class Adafactor(Optimizer):
    r"""Adam without momentum, its v kept as the outer product of row means r and column means c. With
    beta_2 = 1 - t^beta_2_decay and rms(x) = sqrt(mean(x^2)):

    r <- beta_2 r + (1 - beta_2) mean(g^2 + epsilon_1, last axis),  c likewise over the last axis but one,
    v <- r c / mean(r),  u = g / sqrt(v),
    w <- w - max(epsilon_2, rms(w)) min(lr, 1 / sqrt(t)) u / max(1, rms(u) / clip_threshold).

    Weights of fewer than two axes keep v itself. `relative_step` bounds a rate that is a number by 1 / sqrt(t).

    Source: Shazeer & Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", 2018.

    >>> {name: a["w"].shape for name, a in Adafactor().init({"w": jnp.ones((3, 4))}).items()}
    {'row': (3,), 'column': (4,), 'velocity': (3, 4)}
    """

    slots = ("row", "column", "velocity")
    _together = 3

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        if clip_threshold <= 0:
            raise self._refuse("clip_threshold", "a number above 0")

    def slot_of(self, name: str, path: str, w: Any) -> Any:
        if name == "velocity":
            return jnp.zeros_like(w)
        if w.ndim < 2:
            return jnp.zeros((), jnp.int32)  # holds the place, as in Keras' files
        return jnp.zeros(w.shape[:-1] if name == "row" else (*w.shape[:-2], w.shape[-1]), w.dtype)

    def rule(self, w: Any, g: Any, r: Any, c: Any, v: Any, *, lr: Any, t: Any) -> Any:
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
        u = u / jnp.maximum(1.0, rms(u) / self.clip_threshold)
        return w - jnp.maximum(self.epsilon_2, rms(w)) * jnp.minimum(lr, 1 / jnp.sqrt(t)) * u, r, c, v
