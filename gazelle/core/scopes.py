"""Context managers of Keras: stateless variables, symbolic execution, devices."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core import tracing
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.types import Array, ArrayLike
from gazelle.core.variable import Variable


class StatelessScope:
    """A with-block in which variables read given values and assignments stay in the scope.

    Args:
        state_mapping: Pairs (variable, value).
        collect_losses: Whether `losses` holds the losses that layers add in the block.
        initialize_variables: Accepted for compatibility: variables are initialized when they are created.

    Raises:
        ArgumentError: If `state_mapping` holds something other than pairs of a variable and a value.
        ShapeError: If a value has another shape than its variable.

    Example:
        >>> v = Variable([1.0, 2.0])
        >>> with StatelessScope([(v, [3.0, 4.0])]) as scope:
        ...     _ = v.assign(v * 2)
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
        self._scope = tracing.TraceContext(values=self.state_mapping, closed=True)
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
    def key(self) -> Array | None:
        """The key that layers draw from in the block; None lets each draw from its own sequence."""
        return self._scope.key

    @key.setter
    def key(self, value: Array | None) -> None:
        self._scope.key = value

    @property
    def losses(self) -> list[Array]:
        """The losses added in the block, if they are collected."""
        return [value for _, value in self._scope.losses] if self.collect_losses else []

    def add_loss(self, loss: ArrayLike) -> None:
        """Add a loss.

        Args:
            loss: A scalar.
        """
        self._scope.losses.append((None, loss))

    def add_update(self, update: tuple[Variable, Any]) -> None:
        """Assign a value to a variable in the scope.

        Args:
            update: The pair (variable, value).
        """
        self.state_mapping[id(update[0])] = update[1]

    def get_current_value(self, variable: Variable) -> Array | None:
        """Return the value of a variable in the scope, None if it was neither given nor assigned.

        Args:
            variable: A variable.

        Returns:
            An array or None.
        """
        return self.state_mapping.get(id(variable))


_symbolic: ContextVar[SymbolicScope | None] = ContextVar("gazelle_symbolic", default=None)


class SymbolicScope:
    """A with-block in which `in_symbolic_scope()` is True: shapes are inferred and nothing is computed.

    Example:
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
    """Return whether a `SymbolicScope` is active.

    Returns:
        A boolean.
    """
    return _symbolic.get() is not None


@contextlib.contextmanager
def device(device_name: str | jax.Device) -> Iterator[None]:
    """Create arrays in a with-block on a device.

    Args:
        device_name: A name such as 'cpu:0' or 'gpu:1', or a device of JAX.

    Returns:
        A context manager.

    Raises:
        ArgumentError: If there is no such device.

    Example:
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
            available = ", ".join(f"{d.platform}:{d.id}" for d in jax.devices())
            raise ArgumentError(message("device", expected=f"one of {available}", got=repr(device_name))) from error
    else:
        found = device_name
    with jax.default_device(found):
        yield
