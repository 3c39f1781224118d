"""What is being recorded: the tapes that are open, and the calls that they hear of."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Protocol

import jax
import numpy as np

from gazelle.core.symbolic import KerasTensor
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.variable import Variable


@dataclasses.dataclass(eq=False)
class Call:
    """One call: `run(*inputs)` gives its arrays again, in the order of `outputs`.

    inputs: what the arrays were, each as an array or, where one was read, as a Variable.
    mark: equal for calls that would compile to one program; None where nobody can say.
    """

    run: Callable[..., Any]
    inputs: list[Any]
    values: list[Any]  # the arrays that the inputs were
    outputs: list[Any]
    mark: Any


class Listener(Protocol):
    """A tape."""

    def wants(self, inputs: list[Any]) -> bool: ...

    def hear(self, call: Call) -> None: ...


_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("gazelle_tapes", default=())


def listeners() -> tuple[Listener, ...]:
    """The open tapes, the outermost first."""
    return _listeners.get()


def listen(these: tuple[Listener, ...]) -> Any:
    """Make these the open tapes; the result goes to `unlisten`."""
    return _listeners.set(these)


def unlisten(token: Any) -> None:
    _listeners.reset(token)


def is_box(value: Any) -> bool:
    return isinstance(value, TensorWrapper | Variable | KerasTensor)


def unboxed(value: Any) -> Any:
    """The array of a tensor or Variable; anything else as it is."""
    if isinstance(value, TensorWrapper):
        return value.array  # type: ignore[attr-defined]
    return value.value if isinstance(value, Variable) else value


def is_array(value: Any) -> bool:
    return isinstance(value, jax.Array | np.ndarray | np.generic)


def key_of(value: Any) -> int:
    """What an input or output is known by: the Variable, or the very array."""
    return id(value)
