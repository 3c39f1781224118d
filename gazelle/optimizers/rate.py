"""What may stand for a learning rate: a number, a schedule, or a function."""

from __future__ import annotations

import inspect
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import dtypes
from gazelle.core.errors import ArgumentError, message
from gazelle.core.variable import Variable
from gazelle.optimizers.schedules import LearningRateSchedule


def standardize(owner: str, value: Any) -> Any:
    """A number as a Variable that can be assigned; schedules and functions as they are."""
    if callable(value) and not isinstance(value, (type, Variable)):
        return value
    variable = Variable(number(owner, value), dtype=dtypes.floatx(), trainable=False, name="learning_rate")
    variable.path = f"{owner}/learning_rate"
    return variable


def number(owner: str, value: Any) -> float:
    """A learning rate as a float; refused if it is not one or is negative."""
    numbers = (int, float, np.number, np.ndarray, jax.Array, Variable)
    if isinstance(value, numbers) and not isinstance(value, bool) and np.ndim(value) == 0:
        rate = float(value)
        if rate >= 0 and math.isfinite(rate):
            return rate
    raise ArgumentError(
        message(
            f"learning_rate of {owner}",
            expected="a number of at least 0, or a schedule",
            got=repr(value),
            hint="A common rate is learning_rate=0.001.",
        )
    )


def of_step(rate: Any) -> bool:
    """True if the rate is a function of the step, to be traced; False for numbers and functions of nothing."""
    if isinstance(rate, LearningRateSchedule):
        return True
    if isinstance(rate, Variable):
        return False
    needed = [p for p in inspect.signature(rate).parameters.values() if p.default is p.empty]
    return any(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in needed)


def at(rate: Any, step: Any) -> Any:
    """The rate at a step, as a float32 array."""
    try:
        return jnp.asarray(rate(step), jnp.float32)
    except jax.errors.JAXTypeError as error:
        name = getattr(rate, "__name__", type(rate).__name__)
        raise ArgumentError(
            message(
                f"The schedule {name} uses the step as a Python number",
                expected="array functions of the step",
                got="if, int(), float() or math on it",
                hint="Choose with jnp.where, compute with jax.numpy.",
            )
        ) from error
