"""StackedRNNCells: several cells as one, each fed with the output of the one before."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, message
from gazelle.layers.base import Layer


def check_cell(cell: Any) -> None:
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


def output_size(cell: Any) -> Any:
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

    def __init__(self, cells: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for cell in cells:
            check_cell(cell)

    @property
    def state_size(self) -> list[Any]:
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        return output_size(self.cells[-1])

    def build(self, input_shape: Any) -> None:
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
            input_shape = (input_shape[0], output_size(cell))

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """The states of all cells, one entry for each cell."""

        def first(cell: Any) -> Any:
            if hasattr(cell, "get_initial_state"):
                return cell.get_initial_state(batch_size=batch_size)
            if isinstance(cell.state_size, int):
                return jnp.zeros((batch_size, cell.state_size), self.compute_dtype)
            return [jnp.zeros((batch_size, size), self.compute_dtype) for size in cell.state_size]

        return [first(cell) for cell in self.cells]

    def call(self, inputs: Any, states: Any) -> Any:
        new = []
        for cell, its in zip(self.cells, states, strict=True):
            listed = isinstance(its, (list, tuple))
            inputs, state = step(cell, inputs, list(its) if listed else [its])
            new.append(state if listed else state[0])
        return inputs, new


def step(cell: Any, inputs: Any, states: list[Any]) -> tuple[Any, list[Any]]:
    """One call of any cell, be it a layer or not; its new states as a list."""
    output, new = (cell if callable(cell) else cell.call)(inputs, states)
    return output, list(new) if isinstance(new, (list, tuple)) else [new]
