"""Optimizers of TensorFlow 1."""

from __future__ import annotations

from abc import ABCMeta
from typing import Any

import jax.numpy as jnp

from gazelle import optimizers
from gazelle.compat.classes import compat_class
from gazelle.compat.tensorflow.names import named
from gazelle.core.types import Array


class RMSprop(optimizers.RMSprop, abstract=True):
    """RMSprop of TensorFlow 1, whose averages of squares start at 1."""

    updates_only_gathered_rows = True

    def init_slot(self, name: str, path: str, w: Array) -> Array | None:
        return jnp.ones_like(w) if name == "velocity" else super().init_slot(name, path, w)


class Ftrl(optimizers.Ftrl, abstract=True):
    """Ftrl of TensorFlow 1."""

    updates_only_gathered_rows = True


class Momentum(optimizers.SGD, abstract=True):
    """SGD with momentum of TensorFlow 1:  m <- momentum m + g,  w <- w - lr m.  The rate is not a part of the sum."""

    updates_only_gathered_rows = True

    def rule(self, w: Array, g: Array, m: Array | None = None, *, lr: Array, t: Array) -> Array | tuple[Array, ...]:
        if m is None:
            return w - lr * g
        m = self.momentum * m + g
        return w - lr * (g + self.momentum * m if self.nesterov else m), m


class _Former(ABCMeta):
    """The optimizers that `tf.train` makes are of current classes, but not those of Keras are `tf.train.Optimizer`s."""

    def __instancecheck__(cls, instance: Any) -> bool:
        is_made = cls is Optimizer and "is_of_tensorflow_1" in getattr(instance, "__dict__", ())
        return is_made or super().__instancecheck__(instance)


@named("train.Optimizer")
class Optimizer(compat_class(optimizers.Optimizer), metaclass=_Former, abstract=True):
    """`tf.train.Optimizer`: a subclass defines `_apply_dense(grad, var)`, and slots in `_create_slots(var_list)`."""

    GATE_NONE, GATE_OP, GATE_GRAPH = range(3)  # of the argument `gate_gradients`

    def __init__(self, use_locking: bool = False, name: str | None = None) -> None:
        super().__init__(name=name)


class LazyAdam(optimizers.Adam, abstract=True):
    """Adam that leaves the rows of a table which a batch does not read unchanged, and their averages."""

    updates_only_gathered_rows = True


class Nadam(optimizers.Adam, abstract=True):
    """Adam with the momentum of Nesterov:  w <- w - rate (beta_1 m + (1 - beta_1) g) / (sqrt(v) + epsilon)."""

    updates_only_gathered_rows = updates_slots_of_all_rows = True

    def rule(
        self, w: Array, g: Array, m: Array, v: Array, largest: Array | None = None, *, lr: Array, t: Array
    ) -> tuple[Array, ...]:
        _, m, v = super().rule(w, g, m, v, largest, lr=lr, t=t)
        rate = lr * jnp.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        return w - rate * (self.beta_1 * m + (1 - self.beta_1) * g) / (jnp.sqrt(v) + self.epsilon), m, v
