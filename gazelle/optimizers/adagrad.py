"""Learning rates per number, from the sum of its squared gradients: Adagrad, Adadelta, Ftrl."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import jax.numpy as jnp

from gazelle.core.types import Array
from gazelle.optimizers.arguments import check_unit_interval, invalid
from gazelle.optimizers.base import Optimizer
from gazelle.optimizers.learning_rate import LearningRate

if TYPE_CHECKING:
    from gazelle.optimizers.options import OptimizerOptions


class Adagrad(Optimizer):
    r"""Gradient divided by the root of the sum of its squares:  a <- a + g^2,  w <- w - lr g / sqrt(a + epsilon).

    Args:
        learning_rate: See `Optimizer`.
        initial_accumulator_value: First value of a, at least 0.
        epsilon: Added to a for numerical stability.
        kwargs: Further arguments of `Optimizer`.

    Source: Duchi et al., "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", 2011.

    Example:
        >>> Adagrad(initial_accumulator_value=0.5).init({"w": jnp.ones(2)})["accumulator"]["w"].tolist()
        [0.5, 0.5]
    """

    slots = ("accumulator",)

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **kwargs: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        if initial_accumulator_value < 0:
            raise invalid(self, "initial_accumulator_value", "a number of at least 0")
        self.initial_values = {"accumulator": initial_accumulator_value}

    def rule(self, w: Array, g: Array, a: Array, *, lr: Array, t: Array) -> tuple[Array, ...]:
        a = a + g * g
        return w - lr * g / jnp.sqrt(a + self.epsilon), a


class Adadelta(Optimizer):
    r"""Steps as large as the root mean square of previous steps.

    With rms(x) = sqrt(x + epsilon):
    a <- rho a + (1 - rho) g^2,  d = rms(b) / rms(a) g,  b <- rho b + (1 - rho) d^2,  w <- w - lr d.

    Args:
        learning_rate: See `Optimizer`; 1.0 in the paper.
        rho: Decay rate of the averages a and b, from 0 to 1.
        epsilon: Added to the averages for numerical stability.
        kwargs: Further arguments of `Optimizer`.

    Source: Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012.

    Example:
        >>> Adadelta(1.0).slots
        ('accumulated_grad', 'accumulated_delta_var')
    """

    slots = ("accumulated_grad", "accumulated_delta_var")

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **kwargs: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        check_unit_interval(self, "rho")

    def rule(self, w: Array, g: Array, a: Array, b: Array, *, lr: Array, t: Array) -> tuple[Array, ...]:
        a = self.rho * a + (1 - self.rho) * g * g
        d = jnp.sqrt(b + self.epsilon) * g / jnp.sqrt(a + self.epsilon)
        return w - lr * d, a, self.rho * b + (1 - self.rho) * d * d


class Ftrl(Optimizer):
    r"""Follow the regularized leader, for sparse linear models.

    With p = -learning_rate_power:
    n' = n + g^2,  sigma = (n'^p - n^p) / lr,  z <- z + g + 2 l2_shrinkage w - sigma w,
    w <- (clip(z, -l1, l1) - z) / (n'^p / lr + 2 l2 + beta / lr).

    Args:
        learning_rate: See `Optimizer`.
        learning_rate_power: Power of the accumulator, at most 0; 0 means a constant learning rate.
        initial_accumulator_value: First value of n, at least 0.
        l1_regularization_strength: l1, at least 0.
        l2_regularization_strength: l2, at least 0.
        l2_shrinkage_regularization_strength: l2_shrinkage, at least 0.
        beta: Added to the denominator, divided by the learning rate.
        kwargs: Further arguments of `Optimizer`.

    Source: McMahan et al., "Ad Click Prediction: a View from the Trenches", 2013.

    Example:
        >>> Ftrl(l1_regularization_strength=0.1).slots
        ('accumulator', 'linear')
    """

    slots = ("accumulator", "linear")

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **kwargs: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        if learning_rate_power > 0:
            raise invalid(self, "learning_rate_power", "a number of at most 0")
        kinds = ("l1_regularization", "l2_regularization", "l2_shrinkage_regularization")
        for name in ("initial_accumulator_value", *(f"{kind}_strength" for kind in kinds)):
            if getattr(self, name) < 0:
                raise invalid(self, name, "a number of at least 0")
        self.initial_values = {"accumulator": initial_accumulator_value}

    def rule(self, w: Array, g: Array, n: Array, z: Array, *, lr: Array, t: Array) -> tuple[Array, ...]:
        l1, l2, p = self.l1_regularization_strength, self.l2_regularization_strength, -self.learning_rate_power
        n_new = n + g * g
        sigma = (n_new**p - n**p) / lr
        z = z + g + 2 * self.l2_shrinkage_regularization_strength * w - sigma * w
        w = (jnp.clip(z, -l1, l1) - z) / (n_new**p / lr + 2 * l2 + self.beta / lr)
        return w, n_new, z
