"""Gather and scatter in the form of other systems: a table of indices along the leading axes.

XLA's gather specifies for each axis of the operand how it is read: at given indices, completely, or together with a
batch axis. `IndexPlan` turns that into the operand transposed so that indexed axes come first, and an integer array
(..., lead) of their indices (`gather_nd` and `scatter_nd` elsewhere); the axes after them are read completely.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from jax import lax

if TYPE_CHECKING:
    from jax.lax import GatherDimensionNumbers, GatherScatterMode, ScatterDimensionNumbers

    from gazelle.core.types import Array
    from gazelle.engine.lowering.interpreter import Context

_FILL = lax.GatherScatterMode.FILL_OR_DROP


@dataclasses.dataclass
class IndexPlan:
    """The plan of one gather or scatter.

    Args:
        shape: of the operand.
        windows: size of what is read or written at an index, for each axis of the operand.
        offset: axes of the output (or of the updates) that run inside a window.
        dropped: axes of the operand that a window has no axis for.
        at: axes of the operand that the entries in the last axis of the indices refer to.
        batch, index_batch: corresponding axes of the operand and of the indices.
        indices: shape of the indices.
        drops: whether indices outside of the operand are ignored; if not, they are clipped.
    """

    shape: tuple[int, ...]
    windows: tuple[int, ...]
    offset: Sequence[int]
    dropped: Sequence[int]
    at: Sequence[int]
    batch: Sequence[int]
    index_batch: Sequence[int]
    indices: tuple[int, ...]
    drops: bool

    def __post_init__(self) -> None:
        axes = range(len(self.shape))
        without = {*self.dropped, *self.batch}
        self.whole = [a for a in axes if a not in without and self.windows[a] == self.shape[a]]
        self.lead = [a for a in axes if a not in self.whole]  # the indexed axes
        self.part = [a for a in self.lead if a not in without]  # those of them with a window larger than one
        self.order = [*self.lead, *self.whole]

    @classmethod
    def of_gather(
        cls,
        ctx: Context,
        dimension_numbers: GatherDimensionNumbers,
        slice_sizes: Sequence[int],
        mode: GatherScatterMode | None,
    ) -> IndexPlan:
        """The plan of a `gather`."""
        n = dimension_numbers
        operand, indices = (aval.shape for aval in ctx.in_avals)
        return cls(
            operand,
            tuple(slice_sizes),
            n.offset_dims,
            n.collapsed_slice_dims,
            n.start_index_map,
            n.operand_batching_dims,
            n.start_indices_batching_dims,
            indices,
            mode is _FILL,
        )

    @classmethod
    def of_scatter(
        cls, ctx: Context, dimension_numbers: ScatterDimensionNumbers, mode: GatherScatterMode | None
    ) -> IndexPlan:
        """The plan of a `scatter` of any kind."""
        n = dimension_numbers
        operand, indices, updates = (aval.shape for aval in ctx.in_avals)
        without = {*n.inserted_window_dims, *n.operand_batching_dims}
        sizes = iter(updates[axis] for axis in n.update_window_dims)
        windows = tuple(1 if axis in without else next(sizes) for axis in range(len(operand)))
        return cls(
            operand,
            windows,
            n.update_window_dims,
            n.inserted_window_dims,
            n.scatter_dims_to_operand_dims,
            n.operand_batching_dims,
            n.scatter_indices_batching_dims,
            indices,
            mode is not lax.GatherScatterMode.CLIP,
        )

    def table(self, indices: Array) -> tuple[Any, Any]:
        """((*rows, *parts, lead) indices on the leading axes, (*rows,) whether the window is inside), in JAX."""
        rows, inner = self.indices[:-1], tuple(self.windows[axis] for axis in self.part)
        indices = indices.astype(jnp.int32)
        limits = np.array([self.shape[a] - self.windows[a] for a in self.at], np.int32)
        inside = jnp.all((indices >= 0) & (indices <= limits), axis=-1)
        starts = jnp.clip(indices, 0, limits)
        columns = []
        for axis in self.lead:
            place = jnp.zeros(rows, jnp.int32)
            if axis in self.at:
                place = starts[..., self.at.index(axis)]
            elif axis in self.batch:
                place = lax.broadcasted_iota(jnp.int32, rows, self.index_batch[self.batch.index(axis)])
            place = jnp.broadcast_to(place.reshape(*rows, *[1] * len(inner)), (*rows, *inner))
            if axis in self.part:
                place = place + lax.broadcasted_iota(jnp.int32, place.shape, len(rows) + self.part.index(axis))
            columns.append(place)
        return jnp.stack(columns, axis=-1) if columns else jnp.zeros((*rows, 0), jnp.int32), inside

    @property
    def moved(self) -> list[int]:
        """The axes of the output in the order (*rows, *parts, *whole)."""
        rank = len(self.indices) - 1 + len(self.offset)
        rows = [axis for axis in range(rank) if axis not in self.offset]
        inner = [axis for axis in range(len(self.shape)) if axis not in (*self.dropped, *self.batch)]
        return rows + [self.offset[inner.index(axis)] for axis in (*self.part, *self.whole)]

    @property
    def back(self) -> list[int]:
        """From (*rows, *parts, *whole) to the axes of the output."""
        return [int(axis) for axis in np.argsort(self.moved)]

    @property
    def opened(self) -> tuple[int, ...]:
        """The shape of `inside` with axes of size 1 for parts and whole axes."""
        return (*self.indices[:-1], *[1] * len(self.offset))
