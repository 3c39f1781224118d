"""With-blocks that Keras programs write: variables that stay as they are, the symbolic stage, the device."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core import tracing
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.variable import Variable


class StatelessScope:
    """Variables read the values given here, and what is assigned stays in the scope: no variable changes.

    Args:
        state_mapping: pairs (variable, value).
        collect_losses: whether `losses` holds what layers give to `add_loss` in the block.
        initialize_variables: variables have their first values at once, so this changes nothing.

    >>> v = Variable([1.0, 2.0])
    >>> with StatelessScope([(v, [3.0, 4.0])]) as scope:
    ...     v.assign(v * 2)
    >>> scope.get_current_value(v).tolist(), v.numpy().tolist()
    ([6.0, 8.0], [1.0, 2.0])
    """

    def __init__(
        self,
        state_mapping: Iterable[tuple[Variable, Any]] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ) -> None:
        self.collect_losses, self.initialize_variables = collect_losses, initialize_variables
        self.state_mapping: dict[int, Any] = {}
        for variable, value in state_mapping or ():
            if not isinstance(variable, Variable):
                what = "state_mapping of StatelessScope"
                raise ArgumentError(message(what, expected="pairs (Variable, value)", got=repr(variable)))
            array = jnp.asarray(value.value if isinstance(value, Variable) else value, variable.dtype)
            if array.shape != variable.shape:
                what = f"The value of '{variable.path}' in StatelessScope"
                raise ShapeError(message(what, expected=f"shape {variable.shape}", got=f"shape {array.shape}"))
            self.state_mapping[id(variable)] = array
        self._scope = tracing.Scope(values=self.state_mapping, closed=True)
        self._open = contextlib.ExitStack()

    def __enter__(self) -> StatelessScope:
        outer = tracing.current()
        if outer is not None:
            self._scope.key, self._scope.training = outer.key, outer.training
        self._open.enter_context(tracing.entered(self._scope))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def key(self) -> Any:
        """The key that layers draw from in the block; None: each from its own sequence."""
        return self._scope.key

    @key.setter
    def key(self, value: Any) -> None:
        self._scope.key = value

    @property
    def losses(self) -> list[Any]:
        return [value for _, value in self._scope.losses] if self.collect_losses else []

    def add_loss(self, loss: Any) -> None:
        self._scope.losses.append((None, loss))

    def add_update(self, update: tuple[Variable, Any]) -> None:
        """(variable, value): what `variable.assign(value)` does here."""
        self.state_mapping[id(update[0])] = update[1]

    def get_current_value(self, variable: Variable) -> Any:
        """The value of a variable in the scope, None where it was neither given nor assigned."""
        return self.state_mapping.get(id(variable))


_symbolic: ContextVar[SymbolicScope | None] = ContextVar("gazelle_symbolic", default=None)


class SymbolicScope:
    """Marks a block in which shapes are found and nothing is computed; `in_symbolic_scope` asks for it.

    >>> with SymbolicScope():
    ...     in_symbolic_scope()
    True
    """

    def __enter__(self) -> SymbolicScope:
        self._token = _symbolic.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _symbolic.reset(self._token)


def in_symbolic_scope() -> bool:
    """Whether a `SymbolicScope` is open."""
    return _symbolic.get() is not None


@contextlib.contextmanager
def device(device_name: Any) -> Iterator[None]:
    """Arrays made in the with-block are on this device: 'cpu:0', 'gpu:1', or a device of JAX.

    >>> with device("cpu:0"):
    ...     jnp.ones(2).device.platform
    'cpu'
    """
    if isinstance(device_name, str):
        platform, _, number = device_name.lower().strip("/").removeprefix("device:").partition(":")
        try:
            devices = jax.devices("gpu" if platform == "cuda" else platform)
            found = devices[int(number or 0)]
        except (RuntimeError, IndexError, ValueError) as error:
            here = ", ".join(f"{d.platform}:{d.id}" for d in jax.devices())
            raise ArgumentError(message("device", expected=f"one of {here}", got=repr(device_name))) from error
    else:
        found = device_name
    with jax.default_device(found):
        yield
