"""Inputs of recurrent layers of Keras 2 besides sequences: constants, and the states of all cells in one list."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax

from gazelle.compat import era
from gazelle.compat.old_variable import TensorShape
from gazelle.compat.types import Arguments, Cell, Option
from gazelle.core.types import Array, Shape
from gazelle.layers import Layer, StackedRNNCells
from gazelle.layers.recurrent_cells import _Cell

Listed = list[Any]


def listed(value: object) -> Listed:
    """A value, or each of several, in a list; a `TensorShape` is one value."""
    return list(value) if isinstance(value, list | tuple) and not isinstance(value, TensorShape) else [value]


def split(args: Arguments, kwargs: dict[str, Any], constants: int) -> tuple[Arguments, dict[str, Any]]:
    """Divide a list [sequences, *states, *constants] into the arguments of a call; constants: how many there are."""
    first = args[0] if args else None
    if not constants or not isinstance(first, list | tuple) or len(first) <= constants or "constants" in kwargs:
        return args, kwargs
    rest = first[: len(first) - constants]
    given = {"constants": list(first[len(rest) :]), "initial_state": list(rest[1:]) or None}
    return (rest[0], *args[1:]), {**given, **kwargs}


def named(cell: Cell, args: Arguments) -> Arguments:
    """The arguments of a call; a tuple of sequences, which a cell of the program receives as one, becomes a dict.

    So it was in tf.keras 2. A list is [sequences, *states], as is a tuple for the cells of gazelle.
    """
    if era.number() == 1 or not args or type(args[0]) is not tuple or isinstance(cell, StackedRNNCells | _Cell):
        return args
    return ({f"input_{i:03}": one for i, one in enumerate(args[0])}, *args[1:])


def unnamed(inputs: Option) -> Option:
    """The sequences, or their shapes, as the program gave them to `named`."""
    numbered = isinstance(inputs, dict) and all(re.fullmatch(r"input_\d{3}", str(name)) for name in inputs)
    return tuple(inputs[name] for name in sorted(inputs)) if numbered else inputs


def mask_of(mask: Option) -> Option:
    """The mask of the first of several sequences."""
    return next(iter(mask.values())) if isinstance(mask, dict) else mask


def takes_constants(cell: Cell) -> bool:
    """Whether `call` of a cell has the parameter `constants`."""
    return "constants" in inspect.signature(cell.call).parameters


def build_cell(cell: Cell, shape: Shape, constants: Sequence[Shape]) -> None:
    """Build a cell, or each of a stack; those that take constants receive [shape, *shapes of the constants]."""
    if isinstance(cell, StackedRNNCells):
        each: Any = getattr(cell, "cells")  # noqa: B009 - only a stack has cells
        for below in each:
            build_cell(below, shape, constants)
            size = getattr(below, "output_size", None) or listed(below.state_size)[0]
            shape = (shape[0], size)
        cell.built = True
    elif isinstance(cell, Layer) and not cell.built:
        cell.build([shape, *constants] if constants and takes_constants(cell) else shape)


class _WithConstants:
    """A cell whose `call` also receives tensors that are the same at all time steps."""

    def __init__(self, cell: Any, constants: Listed) -> None:
        self.cell, self.constants = cell, constants

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cell, name)

    def call(self, inputs: Array, states: Sequence[Array], training: bool = False) -> Any:
        """Call the cell with the constants."""
        options = {"training": training} if "training" in inspect.signature(self.cell.call).parameters else {}
        return self.cell.call(inputs, states, constants=self.constants, **options)


@contextmanager
def given_constants(layer: Option, constants: object) -> Iterator[None]:
    """Pass constants to the cells of a layer that take them."""
    holder, name = (layer.cell, "cells") if isinstance(layer.cell, StackedRNNCells) else (layer, "cell")
    before = getattr(holder, name)
    each = [_WithConstants(cell, listed(constants)) if takes_constants(cell) else cell for cell in listed(before)]
    vars(holder)[name] = each if name == "cells" else each[0]
    try:
        yield
    finally:
        vars(holder)[name] = before


# Stacked cells --------------------------------------------------------------------------------------------------------


def _reverses(cell: Any) -> bool:
    return bool(getattr(cell, "reverse_state_order", False))


def in_one_list(cell: Cell) -> bool:
    """Whether the states of a cell are one list over all cells of a stack, as in the package Keras 2."""
    return isinstance(cell, StackedRNNCells) and era.is_package_before_keras_3()


def flat(cell: Cell, states: Sequence[Any]) -> Listed:
    """The states of all cells of a stack in one list."""
    return [state for of_cell in (list(states)[::-1] if _reverses(cell) else states) for state in listed(of_cell)]


def nested(cell: Cell, states: Option) -> Option:
    """One entry for each cell of a stack, as gazelle expects them, from one list of all states."""
    sizes: Listed = [one.state_size for one in cell.cells]
    given = [] if states is None else listed(states)
    if len(given) != len(jax.tree.leaves(sizes)) or any(isinstance(state, list | tuple) for state in given):
        return states
    rest, found = iter(given), []
    for size in sizes[::-1] if _reverses(cell) else sizes:
        found.append([next(rest) for _ in size] if isinstance(size, list | tuple) else next(rest))
    return found[::-1] if _reverses(cell) else found
