"""Steps along the gradient, its sign, or its normalized form: SGD, Lion, RMSprop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import jax.numpy as jnp

from gazelle.core.types import Array
from gazelle.optimizers.arguments import check_unit_interval, invalid
from gazelle.optimizers.base import Optimizer
from gazelle.optimizers.learning_rate import LearningRate

if TYPE_CHECKING:
    from gazelle.optimizers.options import OptimizerOptions


class SGD(Optimizer):
    r"""Gradient descent:  w <- w - lr g.

    With momentum:  m <- momentum m - lr g,  w <- w + m;  with nesterov:  w <- w + momentum m - lr g.

    Args:
        learning_rate: See `Optimizer`.
        momentum: Factor of the previous step, from 0 to 1.
        nesterov: Uses Nesterov momentum.
        kwargs: Further arguments of `Optimizer`.

    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.

    Example:
        >>> SGD(learning_rate=0.5, momentum=0.9).slots
        ('momentum',)
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **kwargs: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        check_unit_interval(self, "momentum")
        self.slots = ("momentum",) if momentum else ()

    def rule(self, w: Array, g: Array, m: Array | None = None, *, lr: Array, t: Array) -> Array | tuple[Array, ...]:
        if m is None:
            return w - lr * g
        m = self.momentum * m - lr * g
        return w + (self.momentum * m - lr * g if self.nesterov else m), m


class Lion(Optimizer):
    r"""Steps of one size:  w <- w - lr sign(beta_1 m + (1 - beta_1) g),  m <- beta_2 m + (1 - beta_2) g.

    Args:
        learning_rate: See `Optimizer`; 3 to 10 times smaller than for Adam.
        beta_1: Weight of the momentum in the step, above 0 and at most 1.
        beta_2: Decay rate of the momentum, from 0 to 1.
        kwargs: Further arguments of `Optimizer`.

    Source: Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023.

    Example:
        >>> Lion(1e-4, weight_decay=0.1).slots
        ('momentum',)
    """

    slots = ("momentum",)

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **kwargs: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        check_unit_interval(self, "beta_1", "beta_2")
        if beta_1 == 0:
            raise invalid(self, "beta_1", "a number above 0", "With beta_1=0 only the sign of the gradient is left.")

    def rule(self, w: Array, g: Array, m: Array, *, lr: Array, t: Array) -> tuple[Array, ...]:
        w = w - lr * jnp.sign(self.beta_1 * m + (1 - self.beta_1) * g)
        return w, self.beta_2 * m + (1 - self.beta_2) * g


class RMSprop(Optimizer):
    r"""Gradient divided by its root mean square:  v <- rho v + (1 - rho) g^2,  w <- w - lr g / sqrt(v + epsilon).

    `centered` replaces v by the variance v - a^2,  a <- rho a + (1 - rho) g.  With momentum:
    m <- momentum m + lr g / sqrt(v + epsilon),  w <- w - m.

    Args:
        learning_rate: See `Optimizer`.
        rho: Decay rate of the averages, from 0 to 1.
        momentum: Factor of the previous step, from 0 to 1.
        epsilon: Added to v for numerical stability.
        centered: Divides by the standard deviation instead of the root mean square.
        kwargs: Further arguments of `Optimizer`.

    Source: Tieleman & Hinton, lecture 6.5 of "Neural Networks for Machine Learning", 2012.

    Example:
        >>> RMSprop(momentum=0.9, centered=True).slots
        ('velocity', 'momentum', 'average_gradient')
    """

    _interleaved_slots = 1

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **kwargs: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        check_unit_interval(self, "rho", "momentum")
        optional = {"momentum": momentum, "average_gradient": centered}
        self.slots = ("velocity", *(name for name, used in optional.items() if used))

    def rule(self, w: Array, g: Array, *slots: Array, lr: Array, t: Array) -> tuple[Array, ...]:
        s = dict(zip(self.slots, slots, strict=True))
        s["velocity"] = variance = self.rho * s["velocity"] + (1 - self.rho) * g * g
        if self.centered:
            s["average_gradient"] = a = self.rho * s["average_gradient"] + (1 - self.rho) * g
            variance = variance - a * a
        change = lr * g / jnp.sqrt(variance + self.epsilon)
        if self.momentum:
            s["momentum"] = change = self.momentum * s["momentum"] + change
        return w - change, *s.values()
