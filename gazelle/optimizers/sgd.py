"""Steps along the gradient, its sign, or its normalized form: SGD, Lion, RMSprop."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.optimizers.base import Optimizer


class SGD(Optimizer):
    r"""Gradient descent:  w <- w - lr g.

    With momentum:  m <- momentum * m - lr g,  w <- w + m;  with nesterov:  w <- w + momentum * m - lr g.

    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.

    >>> SGD(learning_rate=0.5, momentum=0.9).slots
    ('momentum',)
    """

    def __init__(self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        self._within("momentum")
        self.slots = ("momentum",) if momentum else ()

    def rule(self, w: Any, g: Any, m: Any = None, *, lr: Any, t: Any) -> Any:
        if m is None:
            return w - lr * g
        m = self.momentum * m - lr * g
        return w + (self.momentum * m - lr * g if self.nesterov else m), m


class Lion(Optimizer):
    r"""Steps of one size:  w <- w - lr sign(beta_1 m + (1 - beta_1) g),  m <- beta_2 m + (1 - beta_2) g.

    Source: Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023.

    >>> Lion(1e-4, weight_decay=0.1).slots
    ('momentum',)
    """

    slots = ("momentum",)

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        self._within("beta_1", "beta_2")
        if beta_1 == 0:
            raise self._refuse("beta_1", "a number above 0", "beta_1=0 leaves the sign of the gradient alone.")

    def rule(self, w: Any, g: Any, m: Any, *, lr: Any, t: Any) -> Any:
        w = w - lr * jnp.sign(self.beta_1 * m + (1 - self.beta_1) * g)
        return w, self.beta_2 * m + (1 - self.beta_2) * g


class RMSprop(Optimizer):
    r"""The gradient over the root of its mean square:  v <- rho v + (1 - rho) g^2,  w <- w - lr g / sqrt(v + epsilon).

    `centered` takes the variance, v - a^2 with a <- rho a + (1 - rho) g, for v. With momentum:
    m <- momentum * m + lr g / sqrt(v + epsilon),  w <- w - m.

    Source: Tieleman & Hinton, lecture 6.5 of "Neural Networks for Machine Learning", 2012.

    >>> RMSprop(momentum=0.9, centered=True).slots
    ('velocity', 'momentum', 'average_gradient')
    """

    _together = 1

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self._within("rho", "momentum")
        extra = {"momentum": momentum, "average_gradient": centered}
        self.slots = ("velocity", *(name for name, wanted in extra.items() if wanted))

    def rule(self, w: Any, g: Any, *slots: Any, lr: Any, t: Any) -> Any:
        s = dict(zip(self.slots, slots, strict=True))
        s["velocity"] = variance = self.rho * s["velocity"] + (1 - self.rho) * g * g
        if self.centered:
            s["average_gradient"] = a = self.rho * s["average_gradient"] + (1 - self.rho) * g
            variance = variance - a * a
        change = lr * g / jnp.sqrt(variance + self.epsilon)
        if self.momentum:
            s["momentum"] = change = self.momentum * s["momentum"] + change
        return w - change, *s.values()
