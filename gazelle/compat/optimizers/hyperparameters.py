"""Hyperparameters that programs change during training: until Keras 3 they were variables, such as the learning rate.

A number that was assigned is a variable, an argument of compiled steps, so that later assignments compile nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from gazelle.compat import era
from gazelle.compat.classes import is_generated
from gazelle.compat.era import called_by_gazelle
from gazelle.compat.types import Option, TensorLike
from gazelle.core.variable import Variable
from gazelle.optimizers.transforms import Arrays

#: those of the optimizers whose rules read them as numbers
_OF_CLASS = {
    "SGD": ("momentum",),
    "RMSprop": ("rho",),
    "Adadelta": ("rho",),
    **dict.fromkeys(("Adam", "AdamW", "Adamax"), ("beta_1", "beta_2")),
}
NAMES = ("momentum", "rho", "beta_1", "beta_2")
_ASSIGNED = "_assigned_hyperparameters"
_variables_made: list[str] = []  # names, one for each hyperparameter of an optimizer


class Hyperparameter(float):
    """A number that `keras.backend.set_value` and `assign` change, also during training."""

    def __new__(cls, optimizer: Any, name: str) -> Hyperparameter:
        made = super().__new__(cls, vars(optimizer)[name])
        made._optimizer, made._name = optimizer, name
        return made

    _optimizer: Any
    _name: str

    def __reduce__(self) -> tuple[type[float], tuple[float]]:
        return float, (float(self),)

    def assign(self, value: TensorLike) -> None:
        """Let the optimizer use another number from the next update on."""
        assign(self._optimizer, self._name, value)

    def numpy(self) -> np.ndarray[Any, Any]:
        """Return the number as an array."""
        return np.asarray(self, "float32")

    read_value = value = numpy


class Attribute:
    """The attribute of an optimizer with this name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, optimizer: Any, owner: type | None = None) -> Any:
        if optimizer is None:
            return self
        if self.name not in vars(optimizer):
            raise AttributeError(f"{type(optimizer).__name__!r} object has no attribute {self.name!r}")
        own = vars(optimizer)[self.name]
        is_program = _is_changed_by_programs(optimizer, self.name) and not called_by_gazelle(1)
        return Hyperparameter(optimizer, self.name) if is_program else own

    def __set__(self, optimizer: Any, value: Any) -> None:
        is_variable = not era.standalone() and (era.is_before_tf_keras_2_11() or optimizer.updates_gathered_rows)
        if is_variable and _is_changed_by_programs(optimizer, self.name) and np.ndim(value) == 0:
            assign(optimizer, self.name, value)
        else:
            vars(optimizer)[self.name] = value


def _is_changed_by_programs(optimizer: Any, name: str) -> bool:
    """Whether a hyperparameter of an optimizer of gazelle was a variable."""
    known = name in _OF_CLASS.get(type(optimizer).__name__, ()) and is_generated(type(optimizer))
    return (
        known and era.number() < 3 and isinstance(vars(optimizer).get(name), float) and "_iterations" in vars(optimizer)
    )


def assign(optimizer: Option, name: str, value: TensorLike) -> None:
    """Set a hyperparameter, as an argument of the compiled step if there may be one."""
    number = float(np.asarray(value))
    optimizer.__dict__[name] = number
    variables: dict[str, Variable] = optimizer.__dict__.setdefault(_ASSIGNED, {})
    if name in variables:
        variables[name].assign(number)
    else:
        variables[name] = Variable(np.float32(number), trainable=False, name=name)
        _variables_made.append(name)
    optimizer._iterations.assign(optimizer._iterations.value)  # the state of a training is collected again


def assigned(optimizer: Option) -> Arrays:
    """The hyperparameters that were assigned, as arguments of a step."""
    return {name: variable.value for name, variable in vars(optimizer).get(_ASSIGNED, {}).items()}


def count_of_variables() -> int:
    """How many hyperparameters have become variables: functions compiled before one of them have its number in them."""
    return len(_variables_made)


@contextlib.contextmanager
def bound(optimizer: Option, hyper: Arrays) -> Iterator[None]:
    """Context manager in which the rule reads the arguments of a step."""
    own = {name: vars(optimizer)[name] for name in vars(optimizer).get(_ASSIGNED, {}) if name in hyper}
    optimizer.__dict__.update({name: hyper[name] for name in own})
    try:
        yield
    finally:
        optimizer.__dict__.update(own)
