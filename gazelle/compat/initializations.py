"""`keras.initializations` of Keras 1: functions of (shape, name) that return a variable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gazelle import initializers
from gazelle.core.variable import Variable


def _variable(kind: str, shape: Any, name: str | None, **options: Any) -> Variable:
    return Variable(initializers.get({"class_name": kind, "config": options}), shape, name=name or "variable")


def uniform(shape: Sequence[int], scale: float = 0.05, name: str | None = None, **_: Any) -> Variable:
    """Return a variable with uniform values between -scale and scale.

    >>> uniform((2, 3)).shape
    (2, 3)
    """
    return _variable("RandomUniform", shape, name, minval=-scale, maxval=scale)


def normal(shape: Sequence[int], scale: float = 0.05, name: str | None = None, **_: Any) -> Variable:
    """Return a variable with normally distributed values of standard deviation `scale`.

    >>> normal((2, 3), scale=0.01).shape
    (2, 3)
    """
    return _variable("RandomNormal", shape, name, stddev=scale)


def orthogonal(shape: Sequence[int], scale: float = 1.1, name: str | None = None, **_: Any) -> Variable:
    """Return a matrix with orthogonal rows or columns, times `scale`.

    >>> orthogonal((2, 3)).shape
    (2, 3)
    """
    return _variable("Orthogonal", shape, name, gain=scale)


def _without_options(kind: str) -> Any:
    def initialization(shape: Any, name: str | None = None, **_: Any) -> Variable:
        return _variable(kind, shape, name)

    return initialization


zero, one, identity = _without_options("Zeros"), _without_options("Ones"), _without_options("Identity")
lecun_uniform, glorot_uniform, he_uniform = map(_without_options, ("LecunUniform", "GlorotUniform", "HeUniform"))
glorot_normal, he_normal, lecun_normal = map(_without_options, ("GlorotNormal", "HeNormal", "LecunNormal"))


def get(identifier: str | Callable[..., Variable], **_: Any) -> Any:
    """Return the function of this name; a function is returned unchanged.

    >>> get("uniform") is uniform
    True
    """
    return globals()[identifier] if isinstance(identifier, str) and identifier in globals() else identifier
