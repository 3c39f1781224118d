"""Learning rates as functions of the step, traced into the compiled training step."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax.numpy as jnp

from gazelle.core.config import Configurable
from gazelle.core.errors import ArgumentError, message
from gazelle.core.lookup import Lookup
from gazelle.core.module_names import public_names
from gazelle.core.types import Array, ArrayLike

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "WarmUp",
    "deserialize",
    "serialize",
]


class LearningRateSchedule(Configurable):
    """Base class of schedules: functions of the number of finished steps that return a learning rate.

    A subclass defines `__call__(self, step)`. The call is compiled: `step` is an int32 array, not a Python number, so
    `jnp.where` takes the place of `if`.

    Example:
        >>> class Halves(LearningRateSchedule):
        ...     def __init__(self, every):
        ...         self.every = every
        ...     def __call__(self, step):
        ...         return 0.5 ** (step // self.every)
        >>> float(Halves(every=10)(25))
        0.25
    """

    _namespace = "optimizers.schedules"

    def __call__(self, step: ArrayLike) -> Array:
        """Return the learning rate at a step.

        Args:
            step: Number of finished steps.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no __call__(self, step), which returns the learning rate at a step."
        )


def _check_positive(schedule: LearningRateSchedule, *names: str) -> None:
    for name in names:
        value = getattr(schedule, name)
        if not value > 0:
            what = f"{type(schedule).__name__}({name}={value!r})"
            raise ArgumentError(message(what, expected="a number above 0", got=value))


def _float(step: ArrayLike) -> Array:
    return jnp.asarray(step, jnp.float32)


def _periods(step: ArrayLike, length: float) -> Array:
    """Return the number of finished periods; the division is of integers, since XLA computes x / 7 as x (1 / 7)."""
    return _float(jnp.asarray(step) // length)


def _half_cosine(part: Array) -> Array:
    """Return a cosine from 1 at the start of a phase (0) to 0 at its end (1)."""
    return 0.5 * (1 + jnp.cos(math.pi * part))


class ExponentialDecay(LearningRateSchedule):
    """Exponential decay:  initial_learning_rate decay_rate^p,  p = step / decay_steps.

    Args:
        initial_learning_rate: Learning rate at step 0.
        decay_steps: Steps in which the learning rate is multiplied by `decay_rate`, above 0.
        decay_rate: Factor per `decay_steps`.
        staircase: Rounds p down, so that the learning rate is constant for `decay_steps`.
        name: Name in configs.

    Raises:
        ArgumentError: If `decay_steps` is not above 0.

    Example:
        >>> float(ExponentialDecay(0.5, decay_steps=10, decay_rate=0.5)(10))
        0.25
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        _check_positive(self, "decay_steps")

    def __call__(self, step: ArrayLike) -> Array:
        p = _periods(step, self.decay_steps) if self.staircase else _float(step) / self.decay_steps
        return self.initial_learning_rate * self.decay_rate**p


class InverseTimeDecay(LearningRateSchedule):
    """Inverse time decay:  initial_learning_rate / (1 + decay_rate p),  p = step / decay_steps.

    Args:
        initial_learning_rate: Learning rate at step 0.
        decay_steps: Unit of p in steps, above 0.
        decay_rate: Factor of p.
        staircase: Rounds p down, so that the learning rate is constant for `decay_steps`.
        name: Name in configs.

    Raises:
        ArgumentError: If `decay_steps` is not above 0.

    Example:
        >>> float(InverseTimeDecay(0.5, decay_steps=10, decay_rate=1.0)(10))
        0.25
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        _check_positive(self, "decay_steps")

    def __call__(self, step: ArrayLike) -> Array:
        p = _periods(step, self.decay_steps) if self.staircase else _float(step) / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * p)


class PiecewiseConstantDecay(LearningRateSchedule):
    """Piecewise constant learning rate:  values[i] for boundaries[i-1] < step <= boundaries[i].

    Args:
        boundaries: Steps in increasing order.
        values: Learning rates, one more than boundaries.
        name: Name in configs.

    Raises:
        ArgumentError: If the number of values is wrong, or the boundaries do not increase.

    Example:
        >>> [float(PiecewiseConstantDecay([100], [1.0, 0.5])(step)) for step in (100, 101)]
        [1.0, 0.5]
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant") -> None:
        if len(values) != len(boundaries) + 1:
            raise ArgumentError(
                message(
                    "PiecewiseConstantDecay",
                    expected="one value more than boundaries",
                    got=f"{len(boundaries)} boundaries and {len(values)} values",
                )
            )
        if list(boundaries) != sorted(boundaries):
            raise ArgumentError(
                message("PiecewiseConstantDecay", expected="increasing boundaries", got=list(boundaries))
            )

    def __call__(self, step: ArrayLike) -> Array:
        values = jnp.asarray(self.values, jnp.float32)
        if not self.boundaries:
            return values[0]
        return values[jnp.searchsorted(jnp.asarray(self.boundaries), jnp.asarray(step))]


class PolynomialDecay(LearningRateSchedule):
    """Polynomial decay:  (initial - end) (1 - p)^power + end,  p = min(step, decay_steps) / decay_steps.

    Args:
        initial_learning_rate: Learning rate at step 0.
        decay_steps: Steps until the learning rate is `end_learning_rate`, above 0.
        end_learning_rate: Final learning rate.
        power: Exponent; 1 is a linear decay.
        cycle: Restarts at each multiple of `decay_steps`, with a period that is one `decay_steps` longer each time.
        name: Name in configs.

    Raises:
        ArgumentError: If `decay_steps` is not above 0.

    Example:
        >>> float(PolynomialDecay(1.0, decay_steps=10, end_learning_rate=0.0)(5))
        0.5
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        _check_positive(self, "decay_steps")

    def __call__(self, step: ArrayLike) -> Array:
        if self.cycle:  # the number of periods begun, 1 at the first step
            begun = jnp.maximum(-_periods(-jnp.asarray(step), self.decay_steps), 1)
            p = _float(step) / (self.decay_steps * begun)
        else:
            p = jnp.minimum(_float(step), self.decay_steps) / self.decay_steps
        return (self.initial_learning_rate - self.end_learning_rate) * (1 - p) ** self.power + self.end_learning_rate


class CosineDecay(LearningRateSchedule):
    """Cosine decay with optional warmup:  start ((1 - alpha) (1 + cos(π p)) / 2 + alpha).

    p = min(step, decay_steps) / decay_steps, counted from the end of the warmup.

    Args:
        initial_learning_rate: Learning rate at step 0, and `start` without warmup.
        decay_steps: Steps of the decay, above 0.
        alpha: Final learning rate as a fraction of `start`.
        name: Name in configs.
        warmup_target: Learning rate at the end of the warmup, which is `start` then; None for no warmup.
        warmup_steps: Steps in which the learning rate changes linearly to `warmup_target`.

    Raises:
        ArgumentError: If `decay_steps` is not above 0.

    Source: Loshchilov & Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017.

    Example:
        >>> round(float(CosineDecay(1.0, decay_steps=10)(5)), 3)
        0.5
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        _check_positive(self, "decay_steps")

    def __call__(self, step: ArrayLike) -> Array:
        step = _float(step)
        if self.warmup_target is None:
            return self.initial_learning_rate * self._decayed(step)
        rate = self.warmup_target * self._decayed(step - self.warmup_steps)
        if not self.warmup_steps:
            return rate
        increase = (self.warmup_target - self.initial_learning_rate) / self.warmup_steps
        return jnp.where(step < self.warmup_steps, self.initial_learning_rate + increase * step, rate)

    def _decayed(self, step: Array) -> Array:
        p = jnp.minimum(step, self.decay_steps) / self.decay_steps
        return (1 - self.alpha) * 0.5 * (1 + jnp.cos(math.pi * p)) + self.alpha


class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decay with warm restarts:  initial_learning_rate ((1 - alpha) m_mul^i (1 + cos(π p)) / 2 + alpha).

    Period i has  first_decay_steps t_mul^i  steps; p in [0, 1) is its finished fraction.

    Args:
        initial_learning_rate: Learning rate at step 0.
        first_decay_steps: Steps of the first period, above 0.
        t_mul: Factor of the length of successive periods, above 0.
        m_mul: Factor of the first learning rate of successive periods.
        alpha: Final learning rate of a period as a fraction of `initial_learning_rate`.
        name: Name in configs.

    Raises:
        ArgumentError: If `first_decay_steps` or `t_mul` is not above 0.

    Source: Loshchilov & Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017.

    Example:
        >>> [round(float(CosineDecayRestarts(1.0, 10, t_mul=1.0)(step)), 3) for step in (5, 10)]
        [0.5, 1.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        _check_positive(self, "first_decay_steps", "t_mul")

    def __call__(self, step: ArrayLike) -> Array:
        p = _float(step) / self.first_decay_steps
        if self.t_mul == 1:
            i = _periods(step, self.first_decay_steps)
            p = p - i
        else:  # the first i periods have (1 - t_mul^i) / (1 - t_mul) times the length of the first one
            t_mul = jnp.float32(self.t_mul)
            periods = jnp.log(1 - p * (1 - t_mul)) / jnp.log(t_mul)
            i = jnp.floor(periods + 1e-6 * (1 + periods))  # rounding must not delay a restart by a step
            p = (p - (1 - t_mul**i) / (1 - t_mul)) / t_mul**i
        decayed = 0.5 * jnp.float32(self.m_mul) ** i * (1 + jnp.cos(math.pi * p))
        return self.initial_learning_rate * ((1 - self.alpha) * decayed + self.alpha)


class WarmUp(LearningRateSchedule):
    """Linear warmup before any schedule:  start + (r(0) - start) step / warmup_steps, then r(step - warmup_steps).

    Args:
        learning_rate: Schedule r, or a number for a constant rate after the warmup.
        warmup_steps: Steps of the warmup, above 0.
        initial_learning_rate: Learning rate `start` at step 0.
        name: Name in configs.

    Raises:
        ArgumentError: If `warmup_steps` is not above 0, or `learning_rate` is neither a schedule nor a number.

    Source: Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", 2017.

    Example:
        >>> schedule = WarmUp(ExponentialDecay(0.5, 10, 0.5), warmup_steps=4)
        >>> [float(schedule(step)) for step in (0, 2, 4, 14)]
        [0.0, 0.25, 0.5, 0.25]
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule,
        warmup_steps: float,
        initial_learning_rate: float = 0.0,
        name: str = "WarmUp",
    ) -> None:
        _check_positive(self, "warmup_steps")
        if isinstance(learning_rate, dict):  # from a config
            self.learning_rate = deserialize(learning_rate)
        elif not callable(learning_rate) and not (
            isinstance(learning_rate, numbers.Real) and 0 <= float(learning_rate) < math.inf
        ):
            expected = "a number of at least 0, or a schedule"
            raise ArgumentError(message("learning_rate of WarmUp", expected=expected, got=repr(learning_rate)))

    def __call__(self, step: ArrayLike) -> Array:
        step = jnp.asarray(step)
        rate, start = self.learning_rate, self.initial_learning_rate
        later = rate(jnp.maximum(step - self.warmup_steps, 0)) if callable(rate) else jnp.float32(rate)
        part = _float(step) / self.warmup_steps
        return jnp.where(step < self.warmup_steps, start + (later - start) * part, later)


class OneCycle(LearningRateSchedule):
    """One cycle: a cosine from low to high in the first part of the training, and down to nearly 0 in the rest.

        high / divisor  ->  high  ->  high / final_divisor

    Args:
        maximum_learning_rate: Highest learning rate.
        total_steps: Steps of the training, epochs times steps per epoch, above 0; later the rate stays the last one.
        warmup_fraction: Fraction of the steps in which the rate increases, above 0 and below 1.
        divisor: Quotient of the highest and the first learning rate, above 0.
        final_divisor: Quotient of the highest and the last learning rate, above 0.
        name: Name in configs.

    Raises:
        ArgumentError: If a number is out of its range.

    Source: Smith & Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates", 2018.

    Example:
        >>> schedule = OneCycle(1.0, total_steps=100, warmup_fraction=0.25, divisor=10.0)
        >>> [round(float(schedule(step)), 3) for step in (0, 25, 62, 100)]
        [0.1, 1.0, 0.51, 0.0]
    """

    def __init__(
        self,
        maximum_learning_rate: float,
        total_steps: int,
        warmup_fraction: float = 0.25,
        divisor: float = 25.0,
        final_divisor: float = 1e5,
        name: str = "OneCycle",
    ) -> None:
        _check_positive(self, "total_steps", "divisor", "final_divisor")
        if not 0 < warmup_fraction < 1:
            what = f"OneCycle(warmup_fraction={warmup_fraction!r})"
            raise ArgumentError(message(what, expected="a number above 0 and below 1", got=warmup_fraction))

    def __call__(self, step: ArrayLike) -> Array:
        high, turn = self.maximum_learning_rate, self.warmup_fraction * self.total_steps
        first, last = high / self.divisor, high / self.final_divisor
        step = jnp.minimum(_float(step), self.total_steps)
        up, down = step / turn, (step - turn) / (self.total_steps - turn)
        rising = high + (first - high) * _half_cosine(up)
        falling = last + (high - last) * _half_cosine(down)
        return jnp.where(step < turn, rising, falling)


_lookup: Lookup[LearningRateSchedule] = Lookup("learning rate schedule", LearningRateSchedule._namespace)
serialize, deserialize = _lookup.serialize, _lookup.deserialize

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
