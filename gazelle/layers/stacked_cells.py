"""StackedRNNCells: several cells in sequence as one cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, Unpack

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, Shape, Tree
from gazelle.layers.base import Layer

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


class Cell(Protocol):
    """One step of a recurrence, a layer or any object:  y_t, states_t = call(x_t, states_{t-1}).

    It may also have `output_size` and `get_initial_state(batch_size)`.
    """

    @property
    def state_size(self) -> int | Sequence[Any]:
        """The size of the state, or a list with the size of each state."""

    def call(self, inputs: Array, states: Tree) -> tuple[Any, Any]:
        """The output of one step and the new states."""


def check_cell(cell: Cell) -> None:
    """Check that a cell has `call` and `state_size`.

    Args:
        cell: The cell.

    Raises:
        ArgumentError: One of them is missing.
    """
    name = type(cell).__name__
    if not hasattr(cell, "call"):
        raise ArgumentError(
            message(f"The cell {name} has no call method", expected="call(x_t, states) -> (output, new states)")
        )
    size = getattr(cell, "state_size", None)
    if not isinstance(size, (int, list, tuple)):
        raise ArgumentError(
            message(
                f"state_size of the cell {name}",
                expected="an integer, or a list with one for each state",
                got=repr(size),
                hint="Set it in the cell's __init__: self.state_size = units.",
            )
        )


def output_size(cell: Cell) -> int | Sequence[int]:
    """Return the size of the output of a cell: its `output_size`, or the size of its first state.

    Args:
        cell: The cell.

    Returns:
        A size, or a shape without the batch.
    """
    size = getattr(cell, "output_size", None)
    if size is None:
        size = cell.state_size[0] if isinstance(cell.state_size, (list, tuple)) else cell.state_size
    return size


class StackedRNNCells(Layer):
    """Stack of cells:  y_1, s_1 = cell_1(x, s_1);  y_2, s_2 = cell_2(y_1, s_2) ...

    x (batch, features)  ->  y of the last cell (batch, units)

    Args:
        cells: List of cells, first the one that receives the input.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: A cell has no `call` or `state_size`.

    Example:
        >>> RNN(StackedRNNCells([SimpleRNNCell(4), LSTMCell(2)]))(jnp.ones((3, 5, 6))).shape
        (3, 2)
    """

    def __init__(self, cells: Sequence[Cell], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        for cell in cells:
            check_cell(cell)

    @property
    def state_size(self) -> list[Any]:
        """The size of the state of each cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int | Sequence[int]:
        """The size of the output of the last cell."""
        return output_size(self.cells[-1])

    def build(self, input_shape: Shape) -> None:
        shape: Any = input_shape
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(shape)
            shape = (shape[0], output_size(cell))

    def get_initial_state(self, batch_size: int | Array | None = None) -> list[Any]:
        """Return the initial states of all cells.

        Args:
            batch_size: Number of samples.

        Returns:
            One entry for each cell: an array, or a list if the cell has several states.
        """

        def first(cell: Cell) -> Any:
            if hasattr(cell, "get_initial_state"):
                states = cell.get_initial_state(batch_size=batch_size)
                single = isinstance(cell.state_size, int) and isinstance(states, (list, tuple))
                return states[0] if single else states
            if isinstance(cell.state_size, int):
                return jnp.zeros((batch_size, cell.state_size), self.compute_dtype)
            return [jnp.zeros((batch_size, size), self.compute_dtype) for size in cell.state_size]

        return [first(cell) for cell in self.cells]

    def call(self, inputs: Array, states: list[Any]) -> tuple[Array, list[Any]]:
        new = []
        for cell, its in zip(self.cells, states, strict=True):
            listed = isinstance(its, (list, tuple))
            inputs, state = step(cell, inputs, list(its) if listed else [its])
            new.append(state if listed else state[0])
        return inputs, new


def step(cell: Cell, inputs: Array, states: list[Any]) -> tuple[Any, list[Any]]:
    """Call a cell for one step.

    Args:
        cell: A layer, a function, or an object with `call`.
        inputs: Input of the step (batch, ...).
        states: List of the states.

    Returns:
        The output and the list of the new states.
    """
    output, new = (cell if callable(cell) else cell.call)(inputs, states)
    return output, list(new) if isinstance(new, (list, tuple)) else [new]
