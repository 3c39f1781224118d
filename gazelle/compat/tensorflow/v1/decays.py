"""Decays of learning rates in TensorFlow 1: rates at a step, which is a variable or a tensor of the graph."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp

from gazelle import random
from gazelle.compat.backend.lifting import GraphValue
from gazelle.compat.classes import compat_class
from gazelle.compat.tables import with_parameters
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.v1 import graphs
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.shape_inference import call_op
from gazelle.core.symbolic import any_symbolic
from gazelle.optimizers import schedules


def _at(step: Any, schedule: Callable[..., Any], *values: Any) -> Any:
    """The rate at a step; in eager programs for TensorFlow 1 a function of nothing.

    Else without a graph it is the schedule, which the optimizer calls with its own step.
    """
    schedule = compat_class(schedule) if isinstance(schedule, type) else schedule
    if graphs.eager():
        return functools.partial(schedule(*values), step)
    step = unboxed(step) if isinstance(step, GraphValue) else step
    if not graphs.active() and not any_symbolic((step, *values)):
        return schedule(*values)
    return call_op(lambda step, *values: schedule(*values)(step), (step, *values), {})


def _natural_exp_decay(rate: Any, steps: Any, decay_rate: float, staircase: bool) -> Any:
    """rate exp(-decay_rate step / decay_steps)."""
    return compat_class(schedules.ExponentialDecay)(rate, steps, math.exp(-decay_rate), staircase)


def _linear_cosine(noisy: bool) -> Callable[..., Any]:
    def make(rate: Any, steps: Any, *values: Any) -> Any:
        variance, fade, periods, alpha, beta = values if noisy else (0.0, 0.0, *values)

        def at(step: Any) -> Any:
            step = jnp.minimum(jnp.asarray(step, "float32"), steps)
            noise = jnp.sqrt(variance / (1 + step) ** fade) * random.normal(()) if noisy else 0.0
            cosine = 0.5 * (1 + jnp.cos(2 * jnp.pi * periods * step / steps))
            return rate * ((alpha + 1 - step / steps + noise) * cosine + beta)

        return at

    return make


_STEPS = "decay_steps decay_rate staircase=False"
#: name -> (the function that returns a schedule, its parameters after the rate and the step)
_DECAYS: dict[str, tuple[Any, str]] = {
    "cosine_decay": (schedules.CosineDecay, "decay_steps alpha=0.0"),
    "cosine_decay_restarts": (schedules.CosineDecayRestarts, "first_decay_steps t_mul=2.0 m_mul=1.0 alpha=0.0"),
    "exponential_decay": (schedules.ExponentialDecay, _STEPS),
    "inverse_time_decay": (schedules.InverseTimeDecay, _STEPS),
    "natural_exp_decay": (_natural_exp_decay, _STEPS),
    "linear_cosine_decay": (_linear_cosine(False), "decay_steps num_periods=0.5 alpha=0.0 beta=0.001"),
    "noisy_linear_cosine_decay": (
        _linear_cosine(True),
        "decay_steps initial_variance=1.0 variance_decay=0.55 num_periods=0.5 alpha=0.0 beta=0.001",
    ),
    "polynomial_decay": (schedules.PolynomialDecay, "decay_steps end_learning_rate=0.0001 power=1.0 cycle=False"),
}


def _decay(schedule: Any) -> Callable[..., Any]:
    return lambda rate, step, *values: _at(step, schedule, rate, *values)


for _name, (_schedule, _parameters) in _DECAYS.items():
    _function = with_parameters(_decay(_schedule), f"learning_rate global_step {_parameters}".split())
    named(f"train.{_name}")(_function)


@named("train.piecewise_constant", "train.piecewise_constant_decay")
def piecewise_constant(x: TensorLike, boundaries: Sequence[float], values: Sequence[float]) -> TensorResult:
    """`tf.train.piecewise_constant`: the value between the boundaries around x."""
    return _at(x, lambda: compat_class(schedules.PiecewiseConstantDecay)(list(boundaries), list(values)))
