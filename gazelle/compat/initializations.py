"""`keras.initializations` of Keras 1: functions (shape, name) that give a variable."""

from __future__ import annotations

from typing import Any

from gazelle import initializers
from gazelle.core.variable import Variable


def _made(kind: str, shape: Any, name: str | None, **words: Any) -> Variable:
    return Variable(initializers.get({"class_name": kind, "config": words}), shape, name=name or "variable")


def uniform(shape: Any, scale: float = 0.05, name: str | None = None, **_: Any) -> Variable:
    """Numbers from -scale to scale.

    >>> uniform((2, 3)).shape
    (2, 3)
    """
    return _made("RandomUniform", shape, name, minval=-scale, maxval=scale)


def normal(shape: Any, scale: float = 0.05, name: str | None = None, **_: Any) -> Variable:
    """Numbers of a normal distribution with deviation `scale`.

    >>> normal((2, 3), scale=0.01).shape
    (2, 3)
    """
    return _made("RandomNormal", shape, name, stddev=scale)


def orthogonal(shape: Any, scale: float = 1.1, name: str | None = None, **_: Any) -> Variable:
    """A matrix with orthogonal rows or columns, times `scale`.

    >>> orthogonal((2, 3)).shape
    (2, 3)
    """
    return _made("Orthogonal", shape, name, gain=scale)


def _simple(kind: str) -> Any:
    def initialization(shape: Any, name: str | None = None, **_: Any) -> Variable:
        return _made(kind, shape, name)

    return initialization


zero, one, identity = _simple("Zeros"), _simple("Ones"), _simple("Identity")
lecun_uniform, glorot_uniform, he_uniform = map(_simple, ("LecunUniform", "GlorotUniform", "HeUniform"))
glorot_normal, he_normal, lecun_normal = map(_simple, ("GlorotNormal", "HeNormal", "LecunNormal"))


def get(identifier: Any, **_: Any) -> Any:
    """The function of this name, or the function itself.

    >>> get("uniform") is uniform
    True
    """
    return globals()[identifier] if isinstance(identifier, str) and identifier in globals() else identifier
