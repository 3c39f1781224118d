"""Scan of a cell over time; all sequences are (time, batch, ...)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gazelle.core import prng, tracing
from gazelle.core.engines import engine
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.replaced_methods import overrides
from gazelle.core.shape_inference import shown
from gazelle.core.types import Array, Tree
from gazelle.layers.recurrent_cells import _Cell
from gazelle.layers.stacked_cells import Cell, StackedRNNCells, step
from gazelle.ops import native

#: the most steps for a loop of Python, which is faster up to about this number
_STEPS_IN_PYTHON = 32


class ScanOptions(NamedTuple):
    """Options of the scan over time steps."""

    reverse: bool = False
    unroll: bool = False
    zero: bool = False  # the output of a masked step is 0 (False: the last output again)
    every: bool = True  # all outputs are needed (False: only the last one is used)
    training: bool = False
    use_cudnn: bool | str = False


def steps_of_mask(label: str, mask: Array, batch: int, time: int) -> Array:
    """Return a mask as (time, batch): a step with several mask values counts if one of them is True.

    Args:
        label: The layer, for errors.
        mask: Mask (batch, time, ...) or (1, time, ...).
        batch: Number of sequences.
        time: Number of steps.

    Returns:
        A boolean array.

    Raises:
        ShapeError: If the mask has another shape: a kernel that reads it would read beyond its end.
    """
    sizes = [shown((given, size)) for given, size in zip(mask.shape[:2], (batch, time), strict=False)]
    known = [given == size or None in (given, size) for given, size in sizes]
    if len(sizes) < 2 or not (known[0] or mask.shape[0] == 1) or not known[1]:
        expected, got = shown((batch, time)), shown(mask.shape)
        raise ShapeError(message(f"The mask of {label}", expected=f"shape {expected}", got=f"shape {got}"))
    if mask.shape[1] != time:  # one of the two is a size of symbolic tensors that is not known yet
        return jnp.ones((time, batch), bool)
    mask = jnp.swapaxes(mask.astype(bool), 0, 1)
    return jnp.broadcast_to(mask.any(axis=tuple(range(2, mask.ndim))), (time, batch))


def scan_cell(cell: Cell, x: Array, states: list[Any], mask: Array | None, how: ScanOptions) -> tuple[Any, list[Any]]:
    """Apply a cell to all time steps.

    Args:
        cell: The cell.
        x: Inputs (time, batch, ...).
        states: Initial states.
        mask: Mask (time, batch); states do not change at steps where it is False.
        how: The options.

    Returns:
        Outputs (time, batch, ...) in the order of x, and the final states.
    """
    # run each cell over all steps before the next one, so that the loops stay small
    if isinstance(cell, StackedRNNCells) and not overrides(cell, StackedRNNCells, "call"):
        after = []
        cells: Any = getattr(cell, "cells")  # noqa: B009 - only a stack has cells
        for below, its in zip(cells, states, strict=True):
            listed = isinstance(its, (list, tuple))
            x, new = scan_cell(below, x, list(its) if listed else [its], mask, how)
            after.append(new if listed else new[0])
        return x, after
    if isinstance(cell, _Cell) and not overrides(cell, _Cell, "call"):
        return _scan_gates(cell, x, states, mask, how)
    return _scan_any(cell, x, states, mask, how)


def select(mask: Array, new: Tree, old: Tree) -> Tree:
    """Return `new` where the mask (batch,) is True, `old` elsewhere."""
    return jax.tree.map(lambda n, o: jnp.where(mask.reshape(mask.shape + (1,) * (n.ndim - mask.ndim)), n, o), new, old)


def _scan_gates(cell: _Cell, x: Any, states: list[Any], mask: Any, how: ScanOptions) -> tuple[Any, list[Any]]:
    """Scan a built-in cell: one product projects the inputs of all steps; the first state is the output."""
    dropped, recurrent = cell._masks(x.shape[1], x.shape[2], how.training)

    def body(states: list[Any], step: Any) -> Any:
        projected, counts = step
        new = cell._step(projected, states, recurrent)
        if counts is not None:
            new = select(counts, new, states)
        return new, new[0]

    done = _scan_by_cudnn(cell, x, dropped, recurrent, states, mask, how) if how.use_cudnn else None
    if done is not None:
        return done
    x = cell._project(x, dropped)
    kernels = x.shape[0] > 0 and x.dtype == jnp.float32 and engine() == "xla" and native.enabled("recurrent", x, 1)
    if recurrent is None and not how.unroll and kernels:
        done = cell._native_scan(x, states, mask, how.reverse)
    if done is None:
        done = _loop(body, states, (x, mask), how)[::-1]
    outputs, states = done
    if mask is not None and how.zero:
        outputs = select(mask, outputs, jnp.zeros_like(outputs))
    return outputs, states


def _scan_by_cudnn(
    cell: _Cell, x: Any, dropped: Any, recurrent: Any, states: list[Any], mask: Any, how: ScanOptions
) -> tuple[Any, list[Any]] | None:
    """Scan by cuDNN; None if it cannot be used."""
    refused = {
        "a mask": mask is not None,
        "recurrent_dropout": recurrent is not None,
        "dropout with implementation=1": dropped is not None and len(dropped) > 1,
        "unroll=True": how.unroll,
    }
    done: Any = next((reason for reason, holds in refused.items() if holds), "")
    if not done:
        done = cell._cudnn_scan(x if dropped is None else x * dropped[0], states, how.reverse)
    if not isinstance(done, str):
        return done
    if how.use_cudnn is True:
        hint = "use_cudnn='auto' uses cuDNN where it can be used."
        raise ArgumentError(message("use_cudnn=True", expected="what cuDNN computes", got=done, hint=hint))
    return None


def _scan_any(cell: Cell, x: Any, states: list[Any], mask: Any, how: ScanOptions) -> tuple[Any, list[Any]]:
    """Scan any cell through its `call`."""
    structure, key = jax.tree.structure(states), prng.loop_key()
    numbers = jnp.arange(jax.tree.leaves(x)[0].shape[0])

    def call(states: list[Any], x: Any) -> tuple[Any, list[Any]]:
        with tracing.at_step(key, x[1]):
            output, new = step(cell, x[0], states)
        flat = [n.astype(o.dtype) for n, o in zip(jax.tree.leaves(new), jax.tree.leaves(states), strict=True)]
        return output, jax.tree.unflatten(structure, flat)

    def plain(states: list[Any], x: Any) -> Any:
        return call(states, x)[::-1]

    def masked(carry: Any, step: Any) -> Any:
        (states, last), (x, counts) = carry, step
        output, new = call(states, x)
        last = select(counts, output, last)
        shown = select(counts, output, jax.tree.map(jnp.zeros_like, last)) if how.zero else last
        return (select(counts, new, states), last), shown

    if mask is None:
        states, outputs = _loop(plain, states, (x, numbers), how)
        return outputs, states
    first = jax.tree.leaves(states[-1] if isinstance(states[0], (list, tuple)) else states)[0]
    shape = jax.eval_shape(lambda: call(states, jax.tree.map(lambda values: values[0], (x, numbers)))[0])
    # before the first unmasked step the output is the first state, if the shapes agree
    last = jax.tree.map(
        lambda s: first.astype(s.dtype) if first.shape == s.shape else jnp.zeros(s.shape, s.dtype), shape
    )
    steps = ((x, numbers), mask)
    (states, _), outputs = _loop(masked, (states, last), steps, how)
    return outputs, states


def _loop(body: Callable[[Any, Any], tuple[Any, Any]], carry: Any, xs: Any, how: ScanOptions) -> tuple[Any, Any]:
    """The final carry and the outputs of `body` over the steps of xs.

    Outside of compiled functions it is a loop of Python, where a cell may print values, unless it has many steps: JAX
    compiles its own loop again in each call there.
    """
    count = jax.tree.leaves(xs)[0].shape[0]
    if not 0 < count <= _STEPS_IN_PYTHON or tracing.is_traced():
        return jax.lax.scan(body, carry, xs, reverse=how.reverse, unroll=how.unroll)
    outputs: list[Any] = [None] * count
    for index in reversed(range(count)) if how.reverse else range(count):
        carry, outputs[index] = body(carry, jax.tree.map(lambda values, index=index: values[index], xs))
    return carry, jax.tree.map(lambda *steps: jnp.stack(steps), *outputs)
