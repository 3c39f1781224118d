"""Learning rates that increase and decrease in cycles.

Source: Smith, "Cyclical Learning Rates for Training Neural Networks", 2017.
"""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp

from gazelle.compat.addons.registration import addon
from gazelle.core.types import Array, ArrayLike
from gazelle.optimizers.schedules import LearningRateSchedule


@addon
class CyclicalLearningRate(LearningRateSchedule, abstract=True):
    """Triangles of a width of 2 step_size:  initial + (maximal - initial) max(0, 1 - x) scale_fn(n).

    With  n = floor(1 + step / (2 step_size))  and  x = |step / step_size - 2 n + 1|.  If `scale_mode` is not "cycle",
    the argument of `scale_fn` is the step instead of n.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        maximal_learning_rate: float,
        step_size: float,
        scale_fn: Callable[[ArrayLike], ArrayLike],
        scale_mode: str = "cycle",
        name: str = "CyclicalLearningRate",
    ) -> None:
        pass

    def __call__(self, step: ArrayLike) -> Array:
        position = jnp.asarray(step, "float32") / self.step_size
        cycle = jnp.floor(1 + position / 2)
        height = jnp.maximum(0.0, 1 - jnp.abs(position - 2 * cycle + 1))
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else step)
        return self.initial_learning_rate + (self.maximal_learning_rate - self.initial_learning_rate) * height * scale


@addon
class TriangularCyclicalLearningRate(CyclicalLearningRate, abstract=True):
    """Cycles of equal height."""

    def __init__(
        self,
        initial_learning_rate: float,
        maximal_learning_rate: float,
        step_size: float,
        scale_mode: str = "cycle",
        name: str = "TriangularCyclicalLearningRate",
    ) -> None:
        self.scale_fn = lambda _: 1.0


@addon
class Triangular2CyclicalLearningRate(CyclicalLearningRate, abstract=True):
    """Cycles each of which has half the height of the one before."""

    def __init__(
        self,
        initial_learning_rate: float,
        maximal_learning_rate: float,
        step_size: float,
        scale_mode: str = "cycle",
        name: str = "Triangular2CyclicalLearningRate",
    ) -> None:
        self.scale_fn = lambda n: 0.5 ** (jnp.asarray(n, "float32") - 1)


@addon
class ExponentialCyclicalLearningRate(CyclicalLearningRate, abstract=True):
    """Cycles whose height is  gamma^step."""

    def __init__(
        self,
        initial_learning_rate: float,
        maximal_learning_rate: float,
        step_size: float,
        scale_mode: str = "iterations",
        gamma: float = 1.0,
        name: str = "ExponentialCyclicalLearningRate",
    ) -> None:
        self.scale_fn = lambda n: self.gamma ** jnp.asarray(n, "float32")
