"""Averages of the gradient and of its square: Adam, AdamW, Adamax, Nadam, ScheduleFreeAdamW."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import jax.numpy as jnp
import numpy as np

from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array
from gazelle.optimizers.arguments import check_unit_interval, invalid
from gazelle.optimizers.base import Optimizer
from gazelle.optimizers.learning_rate import LearningRate
from gazelle.optimizers.transforms import Arrays

if TYPE_CHECKING:
    from gazelle.optimizers.options import OptimizerOptions, OptionsWithoutDecay


class Adam(Optimizer):
    r"""Adaptive moment estimation.

    m <- m + (1 - beta_1)(g - m),  v <- v + (1 - beta_2)(g^2 - v),
    w <- w - lr sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon).

    Args:
        learning_rate: See `Optimizer`.
        beta_1: Decay rate of the average m of gradients, from 0 to below 1.
        beta_2: Decay rate of the average v of squared gradients, from 0 to below 1.
        epsilon: Added to the root of v for numerical stability.
        amsgrad: Uses the largest v so far in place of v.
        kwargs: Further arguments of `Optimizer`.

    Source: Kingma & Ba, "Adam: A Method for Stochastic Optimization", 2014; for amsgrad Reddi et al., "On the
    Convergence of Adam and Beyond", 2018.

    Example:
        >>> Adam(1e-3).slots
        ('momentum', 'velocity')
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **kwargs: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        check_unit_interval(self, "beta_1", "beta_2", below_one=True)
        self.slots = ("momentum", "velocity", *(("velocity_hat",) if amsgrad else ()))

    def rule(
        self, w: Array, g: Array, m: Array, v: Array, largest: Array | None = None, *, lr: Array, t: Array
    ) -> tuple[Array, ...]:
        m = m + (1 - self.beta_1) * (g - m)
        v = v + (1 - self.beta_2) * (g * g - v)
        lr = lr * jnp.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        if largest is None:
            return w - lr * m / (jnp.sqrt(v) + self.epsilon), m, v
        largest = jnp.maximum(largest, v)
        return w - lr * m / (jnp.sqrt(largest) + self.epsilon), m, v, largest


class AdamW(Adam):
    r"""Adam with decoupled weight decay:  w <- w - lr weight_decay w,  then the rule of Adam.

    Args:
        learning_rate: See `Optimizer`.
        weight_decay: Rate of the decay.
        beta_1: See `Adam`.
        beta_2: See `Adam`.
        epsilon: See `Adam`.
        amsgrad: See `Adam`.
        kwargs: Further arguments of `Optimizer`.

    Raises:
        ArgumentError: If `weight_decay` is None.

    Source: Loshchilov & Hutter, "Decoupled Weight Decay Regularization", 2019.

    Example:
        >>> AdamW().weight_decay
        0.004
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **kwargs: Unpack[OptionsWithoutDecay],
    ) -> None:
        if weight_decay is None:
            raise ArgumentError(
                message("AdamW(weight_decay=None)", expected="a number", got=None, hint="Without decay it is Adam.")
            )
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **kwargs)


class Adamax(Optimizer):
    r"""Adam with the maximum norm in place of the squared norm.

    m <- m + (1 - beta_1)(g - m),  u <- max(beta_2 u, |g|),  w <- w - lr / (1 - beta_1^t) m / (u + epsilon).

    Args:
        learning_rate: See `Optimizer`.
        beta_1: Decay rate of the average m of gradients, from 0 to below 1.
        beta_2: Decay rate of the norm u, from 0 to 1.
        epsilon: Added to u for numerical stability.
        kwargs: Further arguments of `Optimizer`.

    Source: Kingma & Ba, "Adam: A Method for Stochastic Optimization", 2014, section 7.

    Example:
        >>> Adamax().slots
        ('momentum', 'norm')
    """

    slots = ("momentum", "norm")

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        check_unit_interval(self, "beta_1", below_one=True)
        check_unit_interval(self, "beta_2")

    def rule(self, w: Array, g: Array, m: Array, u: Array, *, lr: Array, t: Array) -> tuple[Array, ...]:
        m = m + (1 - self.beta_1) * (g - m)
        u = jnp.maximum(self.beta_2 * u, jnp.abs(g))
        return w - lr / (1 - self.beta_1**t) * m / (u + self.epsilon), m, u


class Nadam(Optimizer):
    r"""Adam with Nesterov momentum.

    With u(t) = beta_1 (1 - 0.96^t / 2) and U = u(1) ... u(t):
    m, v as in Adam,  m' = u(t+1) m / (1 - U u(t+1)) + (1 - u(t)) g / (1 - U),
    w <- w - lr m' / (sqrt(v / (1 - beta_2^t)) + epsilon).

    Args:
        learning_rate: See `Optimizer`.
        beta_1: Decay rate of the average m of gradients, from 0 to below 1.
        beta_2: Decay rate of the average v of squared gradients, from 0 to below 1.
        epsilon: Added to the root of v for numerical stability.
        kwargs: Further arguments of `Optimizer`.

    Source: Dozat, "Incorporating Nesterov Momentum into Adam", 2016.

    Example:
        >>> Nadam().slots
        ('momentum', 'velocity')
    """

    slots = ("momentum", "velocity")
    scalars = {"u_product": 1.0}

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

    def _u(self, t: Array) -> Array:
        return self.beta_1 * (1 - 0.5 * 0.96**t)

    def next_scalars(self, scalars: Arrays, t: Array) -> Arrays:
        return {"u_product": scalars["u_product"] * self._u(t)}

    def rule(
        self, w: Array, g: Array, m: Array, v: Array, *, lr: Array, t: Array, u_product: Array
    ) -> tuple[Array, ...]:
        beta_2 = float(np.float32(self.beta_2))  # as in the power below: v / (1 - beta_2) is g² at the first step
        m = m + (1 - self.beta_1) * (g - m)
        v = v + (1 - beta_2) * (g * g - v)
        u_next = self._u(t + 1)
        m_nesterov = u_next * m / (1 - u_product * u_next) + (1 - self._u(t)) * g / (1 - u_product)
        return w - lr * m_nesterov / (jnp.sqrt(v / (1 - self.beta_2**t)) + self.epsilon), m, v


class ScheduleFreeAdamW(Optimizer):
    r"""Adam whose weights are interpolated with a running mean, which replaces a learning rate schedule.

    The weight w lies between a sequence z and its mean x:
    v <- v + (1 - beta_2)(g^2 - v),  x = (w - (1 - beta_1) z) / beta_1,
    z <- z - lr g / (sqrt(v / (1 - beta_2^t)) + epsilon),  x <- x + (z - x) / t,  w <- (1 - beta_1) z + beta_1 x.
    The slot "momentum" holds z, which starts at w.

    Args:
        learning_rate: See `Optimizer`.
        beta_1: Weight of the mean x in w, above 0 and below 1.
        beta_2: Decay rate of the average v of squared gradients, from 0 to below 1.
        epsilon: Added to the root of v for numerical stability.
        warmup_steps: Updates in which the learning rate increases linearly from 0.
        kwargs: Further arguments of `Optimizer`.

    Source: Defazio et al., "The Road Less Scheduled", 2024.

    Example:
        >>> ScheduleFreeAdamW().init({"w": jnp.ones(2)})["momentum"]["w"].tolist()
        [1.0, 1.0]
    """

    slots = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: LearningRate = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        **kwargs: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        check_unit_interval(self, "beta_1", "beta_2", below_one=True)
        if beta_1 == 0:
            raise invalid(self, "beta_1", "a number above 0", "With beta_1=0 the mean x cannot be computed from w.")

    def init_slot(self, name: str, path: str, w: Array) -> Array:
        return jnp.array(w) if name == "momentum" else jnp.zeros_like(w)

    def rule(self, w: Array, g: Array, z: Array, v: Array, *, lr: Array, t: Array) -> tuple[Array, ...]:
        if self.warmup_steps > 0:
            lr = lr * jnp.minimum(t / self.warmup_steps, 1.0)
        v = v + (1 - self.beta_2) * (g * g - v)
        x = (w - (1 - self.beta_1) * z) / self.beta_1
        z = z - lr * g / (jnp.sqrt(v / (1 - self.beta_2**t)) + self.epsilon)
        x = (1 - 1 / t) * x + z / t
        return (1 - self.beta_1) * z + self.beta_1 * x, z, v
