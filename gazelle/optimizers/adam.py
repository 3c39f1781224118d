"""Moving averages of the gradient and of its size: Adam and its kin."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.core.errors import ArgumentError, message
from gazelle.optimizers.base import Optimizer
from gazelle.optimizers.transforms import Arrays


class Adam(Optimizer):
    r"""Adaptive moments:

    m <- m + (1 - beta_1)(g - m),  v <- v + (1 - beta_2)(g^2 - v),
    w <- w - lr sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon).

    `amsgrad` takes the largest v so far for v.

    Source: Kingma & Ba, "Adam: A Method for Stochastic Optimization", 2014; Reddi et al., 2018, for amsgrad.

    >>> Adam(1e-3).slots
    ('momentum', 'velocity')
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self._within("beta_1", "beta_2", open=True)
        self.slots = ("momentum", "velocity", *(("velocity_hat",) if amsgrad else ()))

    def rule(self, w: Any, g: Any, m: Any, v: Any, top: Any = None, *, lr: Any, t: Any) -> Any:
        m = m + (1 - self.beta_1) * (g - m)
        v = v + (1 - self.beta_2) * (g * g - v)
        lr = lr * jnp.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        if top is None:
            return w - lr * m / (jnp.sqrt(v) + self.epsilon), m, v
        top = jnp.maximum(top, v)
        return w - lr * m / (jnp.sqrt(top) + self.epsilon), m, v, top


class AdamW(Adam):
    r"""Adam with decoupled weight decay:  w <- w - lr * weight_decay * w, then Adam's rule.

    Source: Loshchilov & Hutter, "Decoupled Weight Decay Regularization", 2019.

    >>> AdamW().weight_decay
    0.004
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **kwargs: Any,
    ) -> None:
        if weight_decay is None:
            raise ArgumentError(
                message("AdamW(weight_decay=None)", expected="a number", got=None, hint="Without decay it is Adam.")
            )
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **kwargs)


class Adamax(Optimizer):
    r"""Adam with the largest norm for the size:

    m <- m + (1 - beta_1)(g - m),  u <- max(beta_2 u, |g|),  w <- w - lr / (1 - beta_1^t) * m / (u + epsilon).

    Source: Kingma & Ba, "Adam: A Method for Stochastic Optimization", 2014, section 7.

    >>> Adamax().slots
    ('momentum', 'norm')
    """

    slots = ("momentum", "norm")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self._within("beta_1", open=True)
        self._within("beta_2")

    def rule(self, w: Any, g: Any, m: Any, u: Any, *, lr: Any, t: Any) -> Any:
        m = m + (1 - self.beta_1) * (g - m)
        u = jnp.maximum(self.beta_2 * u, jnp.abs(g))
        return w - lr / (1 - self.beta_1**t) * m / (u + self.epsilon), m, u


class Nadam(Optimizer):
    r"""Adam that looks ahead, as Nesterov's momentum does. With u(t) = beta_1 (1 - 0.96^t / 2) and U = u(1) ... u(t):

    m, v as in Adam,  m' = u(t+1) m / (1 - U u(t+1)) + (1 - u(t)) g / (1 - U),
    w <- w - lr m' / (sqrt(v / (1 - beta_2^t)) + epsilon).

    Source: Dozat, "Incorporating Nesterov Momentum into Adam", 2016.

    >>> Nadam().slots
    ('momentum', 'velocity')
    """

    slots = ("momentum", "velocity")
    scalars = {"u_product": 1.0}

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

    def _u(self, t: Any) -> Any:
        return self.beta_1 * (1 - 0.5 * 0.96**t)

    def advance(self, scalars: Arrays, t: Any) -> Arrays:
        return {"u_product": scalars["u_product"] * self._u(t)}

    def rule(self, w: Any, g: Any, m: Any, v: Any, *, lr: Any, t: Any, u_product: Any) -> Any:
        beta_2 = float(np.float32(self.beta_2))  # as the power below has it: v / (1 - beta_2) is g² at the first step
        m = m + (1 - self.beta_1) * (g - m)
        v = v + (1 - beta_2) * (g * g - v)
        ahead = self._u(t + 1)
        look = ahead * m / (1 - u_product * ahead) + (1 - self._u(t)) * g / (1 - u_product)
        return w - lr * look / (jnp.sqrt(v / (1 - self.beta_2**t)) + self.epsilon), m, v
