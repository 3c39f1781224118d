"""`keras.initializations` of Keras 1: functions of (shape, name) that return a variable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from gazelle import initializers
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.weights.initial_values import drawn
from gazelle.core.names import snake
from gazelle.core.variable import Variable


def _initialization(kind: str, scale: float | None = None, *options: str) -> Callable[..., Variable]:
    """The function for a class of initializers; `scale` is the value of its options, -scale of those with a sign."""

    def initialization(
        shape: Sequence[int], scale: Any = scale, name: str | None = None, dim_ordering: str = "th"
    ) -> Variable:
        config = {option.lstrip("-"): -scale if option.startswith("-") else scale for option in options}
        initializer: Any = initializers.get({"class_name": kind, "config": config})
        return Variable(partial(drawn, initializer, order=dim_ordering), shape, name=name or "variable")

    return initialization


def of_layer(initializer: initializers.Initializer) -> Callable[..., Variable]:
    """The function of an initializer, as `layer.init` was; `get` accepts its name."""

    @ignores("dim_ordering")
    def initialization(shape: Sequence[int], name: str | None = None) -> Variable:
        return Variable(partial(drawn, initializer), shape, name=name or "variable")

    initialization.__name__ = snake(type(initializer).__name__)
    return initialization


uniform = _initialization("RandomUniform", 0.05, "-minval", "maxval")
normal = _initialization("RandomNormal", 0.05, "stddev")
orthogonal = _initialization("Orthogonal", 1.1, "gain")
zero, one = map(_initialization, ("Zeros", "Ones"))
identity = _initialization("Identity", 1.0, "gain")
lecun_uniform, glorot_uniform, he_uniform = map(_initialization, ("LecunUniform", "GlorotUniform", "HeUniform"))
glorot_normal, he_normal, lecun_normal = map(_initialization, ("GlorotNormal", "HeNormal", "LecunNormal"))


@ignores("dim_ordering")  # Keras did not pass it on, either
def get(identifier: str | Callable[..., Variable]) -> str | Callable[..., Variable]:
    """Return the function of this name; a function is returned unchanged.

    >>> get("uniform") is uniform, uniform((2, 3), scale=0.1).shape
    (True, (2, 3))
    """
    return globals()[identifier] if isinstance(identifier, str) and identifier in globals() else identifier
