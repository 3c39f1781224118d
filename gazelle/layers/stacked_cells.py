"""StackedRNNCells: several cells as one, each fed with the output of the one before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, Shape
from gazelle.layers.base import Layer


class Cell(Protocol):
    """One step of a recurrence, a layer or any object:  y_t, states_t = call(x_t, states_{t-1}).

    It may also have `output_size` and `get_initial_state(batch_size)`.
    """

    @property
    def state_size(self) -> Any:
        """The size of the state, or a list with the size of each state."""

    def call(self, inputs: Any, states: Any) -> Any:
        """The output of one step and the new states."""


def check_cell(cell: Cell) -> None:
    """A cell has `call` and `state_size`."""
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


def output_size(cell: Cell) -> Any:
    """The size of a cell's output: its own word, or that of its first state."""
    size = getattr(cell, "output_size", None)
    if size is None:
        size = cell.state_size[0] if isinstance(cell.state_size, (list, tuple)) else cell.state_size
    return size


class StackedRNNCells(Layer):
    """Cells one above the other:  y_1, s_1 = cell_1(x, s_1);  y_2, s_2 = cell_2(y_1, s_2) ...

    Args:
        cells: a list of cells, the one that receives the input first.

    >>> RNN(StackedRNNCells([SimpleRNNCell(4), LSTMCell(2)]))(jnp.ones((3, 5, 6))).shape
    (3, 2)
    """

    def __init__(self, cells: Sequence[Cell], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for cell in cells:
            check_cell(cell)

    @property
    def state_size(self) -> list[Any]:
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        return output_size(self.cells[-1])

    def build(self, input_shape: Shape) -> None:
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
            input_shape = (input_shape[0], output_size(cell))

    def get_initial_state(self, batch_size: int | Array | None = None) -> list[Any]:
        """The states of all cells, one entry for each cell."""

        def first(cell: Cell) -> Any:
            if hasattr(cell, "get_initial_state"):
                return cell.get_initial_state(batch_size=batch_size)
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
    """One call of any cell, be it a layer or not; its new states as a list."""
    output, new = (cell if callable(cell) else cell.call)(inputs, states)
    return output, list(new) if isinstance(new, (list, tuple)) else [new]
