"""Rates of their own for each number, from the sum of its squared gradients: Adagrad, Adadelta, Ftrl."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.optimizers.base import Optimizer


class Adagrad(Optimizer):
    r"""The gradient over the root of its sum of squares:  a <- a + g^2,  w <- w - lr g / sqrt(a + epsilon).

    Source: Duchi et al., "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", 2011.

    >>> Adagrad(initial_accumulator_value=0.5).init({"w": jnp.ones(2)})["accumulator"]["w"].tolist()
    [0.5, 0.5]
    """

    slots = ("accumulator",)

    def __init__(
        self, learning_rate: Any = 0.001, initial_accumulator_value: float = 0.1, epsilon: float = 1e-7, **kwargs: Any
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        if initial_accumulator_value < 0:
            raise self._refuse("initial_accumulator_value", "a number of at least 0")
        self.starts = {"accumulator": initial_accumulator_value}

    def rule(self, w: Any, g: Any, a: Any, *, lr: Any, t: Any) -> Any:
        a = a + g * g
        return w - lr * g / jnp.sqrt(a + self.epsilon), a


class Adadelta(Optimizer):
    r"""Steps as large as the mean square of the steps before:  with rms(x) = sqrt(x + epsilon),

    a <- rho a + (1 - rho) g^2,  d = rms(b) / rms(a) g,  b <- rho b + (1 - rho) d^2,  w <- w - lr d.

    Source: Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012 (there lr = 1).

    >>> Adadelta(1.0).slots
    ('accumulated_grad', 'accumulated_delta_var')
    """

    slots = ("accumulated_grad", "accumulated_delta_var")

    def __init__(self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        self._within("rho")

    def rule(self, w: Any, g: Any, a: Any, b: Any, *, lr: Any, t: Any) -> Any:
        a = self.rho * a + (1 - self.rho) * g * g
        d = jnp.sqrt(b + self.epsilon) * g / jnp.sqrt(a + self.epsilon)
        return w - lr * d, a, self.rho * b + (1 - self.rho) * d * d


class Ftrl(Optimizer):
    r"""Follow the regularized leader, for sparse linear models:

    n' = n + g^2,  sigma = (n'^p - n^p) / lr with p = -learning_rate_power,  z <- z + g + 2 l2_shrinkage w - sigma w,
    w <- (clip(z, -l1, l1) - z) / (n'^p / lr + 2 l2 + beta / lr).

    Source: McMahan et al., "Ad Click Prediction: a View from the Trenches", 2013.

    >>> Ftrl(l1_regularization_strength=0.1).slots
    ('accumulator', 'linear')
    """

    slots = ("accumulator", "linear")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        if learning_rate_power > 0:
            raise self._refuse("learning_rate_power", "a number of at most 0")
        kinds = ("l1_regularization", "l2_regularization", "l2_shrinkage_regularization")
        for name in ("initial_accumulator_value", *(f"{kind}_strength" for kind in kinds)):
            if getattr(self, name) < 0:
                raise self._refuse(name, "a number of at least 0")
        self.starts = {"accumulator": initial_accumulator_value}

    def rule(self, w: Any, g: Any, n: Any, z: Any, *, lr: Any, t: Any) -> Any:
        l1, l2, p = self.l1_regularization_strength, self.l2_regularization_strength, -self.learning_rate_power
        grown = n + g * g
        sigma = (grown**p - n**p) / lr
        z = z + g + 2 * self.l2_shrinkage_regularization_strength * w - sigma * w
        w = (jnp.clip(z, -l1, l1) - z) / (grown**p / lr + 2 * l2 + self.beta / lr)
        return w, grown, z
