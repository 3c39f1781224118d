"""Learning rates that are functions of the step: traced into the compiled training step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp

from gazelle.core.config import Configurable, with_custom_objects
from gazelle.core.config import deserialize as _deserialize
from gazelle.core.config import serialize as _serialize
from gazelle.core.errors import ArgumentError, message

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]


class LearningRateSchedule(Configurable):
    """A learning rate that depends on the number of finished steps.

    A subclass writes `__call__(self, step)`. The call is compiled: `step` is an int32 array, not a Python number, so
    choose with `jnp.where`, not with `if`.

    >>> class Halves(LearningRateSchedule):
    ...     def __init__(self, every):
    ...         self.every = every
    ...     def __call__(self, step):
    ...         return 0.5 ** (step // self.every)
    >>> float(Halves(every=10)(25))
    0.25
    """

    _namespace = "optimizers.schedules"

    def __call__(self, step: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no __call__(self, step): it returns the rate at a step.")

    def _above_zero(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if not value > 0:
                what = f"{type(self).__name__}({name}={value!r})"
                raise ArgumentError(message(what, expected="a number above 0", got=value))


def _float(step: Any) -> Any:
    return jnp.asarray(step, jnp.float32)


def _spans(step: Any, length: Any) -> Any:
    """How many whole spans are over. XLA turns x / 7 into x * (1 / 7), so that floor(7 / 7) may be 0: divide whole."""
    return _float(jnp.asarray(step) // length)


class ExponentialDecay(LearningRateSchedule):
    """rate = initial_learning_rate * decay_rate ** (step / decay_steps), the exponent floored if `staircase`.

    >>> float(ExponentialDecay(0.5, decay_steps=10, decay_rate=0.5)(10))
    0.25
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self._above_zero("decay_steps")

    def __call__(self, step: Any) -> Any:
        p = _spans(step, self.decay_steps) if self.staircase else _float(step) / self.decay_steps
        return self.initial_learning_rate * self.decay_rate**p


class InverseTimeDecay(LearningRateSchedule):
    """rate = initial_learning_rate / (1 + decay_rate * step / decay_steps), the quotient floored if `staircase`.

    >>> float(InverseTimeDecay(0.5, decay_steps=10, decay_rate=1.0)(10))
    0.25
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self._above_zero("decay_steps")

    def __call__(self, step: Any) -> Any:
        p = _spans(step, self.decay_steps) if self.staircase else _float(step) / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * p)


class PiecewiseConstantDecay(LearningRateSchedule):
    """rate = values[i] for boundaries[i-1] < step <= boundaries[i].

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
                message("PiecewiseConstantDecay", expected="boundaries that rise", got=list(boundaries))
            )

    def __call__(self, step: Any) -> Any:
        values = jnp.asarray(self.values, jnp.float32)
        if not self.boundaries:
            return values[0]
        return values[jnp.searchsorted(jnp.asarray(self.boundaries), jnp.asarray(step))]


class PolynomialDecay(LearningRateSchedule):
    """rate = (initial - end) * (1 - p) ** power + end,  p = min(step, decay_steps) / decay_steps.

    `cycle` starts again at each multiple of decay_steps, on a span that is one decay_steps longer each time.

    >>> float(PolynomialDecay(1.0, decay_steps=10, end_learning_rate=0.0)(5))
    0.5
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self._above_zero("decay_steps")

    def __call__(self, step: Any) -> Any:
        if self.cycle:  # the number of spans begun, 1 at the first step
            begun = jnp.maximum(-_spans(-jnp.asarray(step), self.decay_steps), 1)
            p = _float(step) / (self.decay_steps * begun)
        else:
            p = jnp.minimum(_float(step), self.decay_steps) / self.decay_steps
        return (self.initial_learning_rate - self.end_learning_rate) * (1 - p) ** self.power + self.end_learning_rate


class CosineDecay(LearningRateSchedule):
    """rate = start * ((1 - alpha) * (1 + cos(pi * p)) / 2 + alpha),  p = step / decay_steps, at most 1.

    With `warmup_target` the rate first goes in a line from initial_learning_rate to warmup_target, in `warmup_steps`,
    and decays from there (start = warmup_target); else start = initial_learning_rate.

    Source: Loshchilov & Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017.

    >>> round(float(CosineDecay(1.0, decay_steps=10)(5)), 3)
    0.5
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self._above_zero("decay_steps")

    def __call__(self, step: Any) -> Any:
        step = _float(step)
        if self.warmup_target is None:
            return self.initial_learning_rate * self._decayed(step)
        rate = self.warmup_target * self._decayed(step - self.warmup_steps)
        if not self.warmup_steps:
            return rate
        gradient = (self.warmup_target - self.initial_learning_rate) / self.warmup_steps
        return jnp.where(step < self.warmup_steps, self.initial_learning_rate + gradient * step, rate)

    def _decayed(self, step: Any) -> Any:
        p = jnp.minimum(step, self.decay_steps) / self.decay_steps
        return (1 - self.alpha) * 0.5 * (1 + jnp.cos(math.pi * p)) + self.alpha


class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decay that starts again and again.

    Period i is first_decay_steps * t_mul ** i long; with p in [0, 1) the part of it that is over:
    rate = initial_learning_rate * ((1 - alpha) * m_mul ** i * (1 + cos(pi * p)) / 2 + alpha).

    Source: Loshchilov & Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017.

    >>> [round(float(CosineDecayRestarts(1.0, 10, t_mul=1.0)(step)), 3) for step in (5, 10)]
    [0.5, 1.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self._above_zero("first_decay_steps", "t_mul")

    def __call__(self, step: Any) -> Any:
        p = _float(step) / self.first_decay_steps
        if self.t_mul == 1:
            i = _spans(step, self.first_decay_steps)
            p = p - i
        else:  # the first i periods take (1 - t_mul**i) / (1 - t_mul) of the first one's length
            t_mul = jnp.float32(self.t_mul)
            periods = jnp.log(1 - p * (1 - t_mul)) / jnp.log(t_mul)
            i = jnp.floor(periods + 1e-6 * (1 + periods))  # rounding must not put a restart off by a step
            p = (p - (1 - t_mul**i) / (1 - t_mul)) / t_mul**i
        decayed = 0.5 * jnp.float32(self.m_mul) ** i * (1 + jnp.cos(math.pi * p))
        return self.initial_learning_rate * ((1 - self.alpha) * decayed + self.alpha)


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """The schedule as a config dict."""
    out: dict[str, Any] = _serialize(learning_rate_schedule)
    return out


@with_custom_objects
def deserialize(config: Mapping[str, Any]) -> Any:
    """The schedule that a config dict describes."""
    return _deserialize(config, LearningRateSchedule._namespace)
