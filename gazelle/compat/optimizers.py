"""The arithmetic that optimizers had in Keras 1 and 2, where it is another one today.

Each class stands in for today's of the same name (an object of it is one of today's class too): the constructor's rule
makes an object one of these where the program is of an earlier era or says `decay`.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle import optimizers
from gazelle.optimizers.transforms import Arrays


class _Old(optimizers.Optimizer, abstract=True):
    """The rate of update n (from 0):  lr / (1 + decay n)."""

    decay: float

    def _rate(self, hyper: Arrays, step: Any) -> Any:
        lr = super()._rate(hyper, step)
        return lr / (1 + self.decay * jnp.asarray(step, lr.dtype)) if self.decay else lr

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "decay": float(self.decay)}


class SGD(_Old, optimizers.SGD, abstract=True):
    """Today's, with `decay`."""


class Adam(_Old, optimizers.Adam, abstract=True):
    """Today's, with `decay`."""


class Adamax(_Old, optimizers.Adamax, abstract=True):
    """Today's, with `decay`."""


class Adadelta(_Old, optimizers.Adadelta, abstract=True):
    """Today's, with `decay`."""


class RMSprop(_Old, optimizers.RMSprop, abstract=True):
    """epsilon was added to the root:  v <- rho v + (1 - rho) g^2,  w <- w - lr g / (sqrt(v) + epsilon)."""

    def rule(self, w: Any, g: Any, *slots: Any, lr: Any, t: Any) -> Any:
        if len(slots) > 1:  # momentum or centered: words of a later time
            return super().rule(w, g, *slots, lr=lr, t=t)
        v = self.rho * slots[0] + (1 - self.rho) * g * g
        return w - lr * g / (jnp.sqrt(v) + self.epsilon), v


class Adagrad(_Old, optimizers.Adagrad, abstract=True):
    """epsilon was added to the root:  a <- a + g^2,  w <- w - lr g / (sqrt(a) + epsilon)."""

    def rule(self, w: Any, g: Any, a: Any, *, lr: Any, t: Any) -> Any:
        a = a + g * g
        return w - lr * g / (jnp.sqrt(a) + self.epsilon), a


class Nadam(_Old, optimizers.Nadam, abstract=True):
    """The schedule of momentum went slowly:  u(t) = beta_1 (1 - 0.96^(t schedule_decay) / 2)."""

    schedule_decay: float

    def _u(self, t: Any) -> Any:
        return self.beta_1 * (1 - 0.5 * 0.96 ** (t * self.schedule_decay))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "schedule_decay": float(self.schedule_decay)}


KINDS = {kind.__name__: kind for kind in (SGD, Adam, Adamax, Adadelta, RMSprop, Adagrad, Nadam)}
