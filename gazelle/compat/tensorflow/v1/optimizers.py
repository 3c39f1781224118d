"""Optimizers of TensorFlow 1."""

from __future__ import annotations

from abc import ABCMeta
from typing import Any

import jax.numpy as jnp

from gazelle import optimizers
from gazelle.compat.classes import compat_class
from gazelle.compat.tensorflow.names import named
from gazelle.compat.types import Option
from gazelle.core.types import Array
from gazelle.optimizers.learning_rate import LearningRate


class RMSprop(optimizers.RMSprop, abstract=True):
    """RMSprop of TensorFlow 1, whose averages of squares start at 1, and which has the last step as a slot."""

    updates_only_gathered_rows = True

    def __init__(self, *args: Option, **kwargs: Option) -> None:
        super().__init__(*args, **kwargs)
        self.slots = ("velocity", *(("average_gradient",) if self.centered else ()), "momentum")

    def rule(self, w: Array, g: Array, *slots: Array, lr: Array, t: Array) -> tuple[Array, ...]:
        v, *averages, step = slots
        variance = v = self.rho * v + (1 - self.rho) * g * g
        if averages:
            averages = [self.rho * averages[0] + (1 - self.rho) * g]
            variance = v - averages[0] ** 2
        step = self.momentum * step + lr * g / jnp.sqrt(variance + self.epsilon)
        return w - step, v, *averages, step

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


def proximal(w: Array, rate: Array, l1: float, l2: float) -> Array:
    """The weight after a proximal step:  sign(w) max(|w| - rate l1, 0) / (1 + rate l2)."""
    return (jnp.sign(w) * jnp.maximum(jnp.abs(w) - rate * l1, 0) if l1 else w) / (1 + rate * l2)


class _Proximal(optimizers.Optimizer, abstract=True):
    """Base of proximal optimizers: after a step it moves a weight towards 0, by its absolute value and its square."""

    def __init__(
        self,
        learning_rate: LearningRate,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        name: str | None = None,
    ) -> None:
        super().__init__(learning_rate, name=name)
        self.initial_values = {"accumulator": initial_accumulator_value}

    def _moved(self, w: Array, g: Array, rate: Array) -> Array:
        return proximal(w - rate * g, rate, self.l1_regularization_strength, self.l2_regularization_strength)


class ProximalGradientDescent(_Proximal, abstract=True):
    """`tf.train.ProximalGradientDescentOptimizer`."""

    updates_only_gathered_rows = True

    def rule(self, w: Array, g: Array, *, lr: Array, t: Array) -> Array:
        return self._moved(w, g, lr)


class ProximalAdagrad(_Proximal, abstract=True):
    """`tf.train.ProximalAdagradOptimizer`: the rate is divided by the root of the sum of squared gradients."""

    updates_only_gathered_rows = True
    slots = ("accumulator",)

    def rule(self, w: Array, g: Array, a: Array, *, lr: Array, t: Array) -> tuple[Array, ...]:
        a = a + g * g
        return self._moved(w, g, lr / jnp.sqrt(a)), a


class _Former(ABCMeta):
    """The optimizers that `tf.train` makes are of current classes, but not those of Keras are `tf.train.Optimizer`s."""

    def __instancecheck__(cls, instance: Any) -> bool:
        is_made = cls is Optimizer and hasattr(instance, "is_of_tensorflow_1")
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
