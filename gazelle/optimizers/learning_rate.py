"""Learning rates: numbers, schedules, and functions."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, TypeAlias, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import conventions, dtypes
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, ArrayLike
from gazelle.core.variable import Variable
from gazelle.optimizers.schedules import LearningRateSchedule

#: a number, a schedule, a function of the step, or a function without arguments
LearningRate: TypeAlias = float | np.number | Array | Variable | LearningRateSchedule | Callable[..., ArrayLike]


def as_variable_or_function(owner: str, value: LearningRate) -> Variable | Callable[..., ArrayLike]:
    """Return a number as a Variable that can be assigned; schedules and functions are returned unchanged."""
    if callable(value) and not isinstance(value, (type, Variable)):
        return value
    variable = Variable(as_number(owner, value), dtype=dtypes.floatx(), trainable=False, name="learning_rate")
    variable.path = variable.key = f"{owner}/learning_rate"
    return variable


def least_rate() -> float:
    """The least learning rate of a step; a schedule that ends at 0 may be rounded below it."""
    return -math.inf if conventions.active.rates_may_be_negative else -1e-6


def as_number(owner: str, value: object) -> float:
    """Return a learning rate as a float; raise ArgumentError if it is not a number that the conventions allow."""
    numbers = (int, float, np.number, np.ndarray, jax.Array, Variable)
    if isinstance(value, numbers) and not isinstance(value, bool) and np.size(value) == 1:
        rate = float(np.reshape(value, ()))
        if (rate >= 0 or conventions.active.rates_may_be_negative) and math.isfinite(rate):
            return rate
    raise ArgumentError(
        message(
            f"learning_rate of {owner}",
            expected="a number of at least 0, or a schedule",
            got=repr(value),
            hint="A common rate is learning_rate=0.001.",
        )
    )


def depends_on_step(rate: LearningRate) -> TypeGuard[Callable[..., ArrayLike]]:
    """Return whether a rate is a function of the step, which is traced; False for numbers and plain functions."""
    if isinstance(rate, LearningRateSchedule):
        return True
    if isinstance(rate, Variable) or not callable(rate):
        return False
    required = [p for p in inspect.signature(rate).parameters.values() if p.default is p.empty]
    return any(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in required)


def at_step(schedule: Callable[[Any], ArrayLike], step: Array) -> Array:
    """Return the value of a schedule at a step, a float32 scalar."""
    try:
        return jnp.asarray(schedule(step), jnp.float32)
    except jax.errors.JAXTypeError as error:
        name = getattr(schedule, "__name__", type(schedule).__name__)
        raise ArgumentError(
            message(
                f"The schedule {name} uses the step as a Python number",
                expected="array functions of the step",
                got="if, int(), float() or math on it",
                hint="Use jnp.where instead of if, and jax.numpy instead of math.",
            )
        ) from error
