"""Windows as slices, for operations on windows that XLA has no fast kernel for."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from gazelle.core import budget

if TYPE_CHECKING:
    from gazelle.core.types import Array, ArrayLike


def padded(x: Array, value: ArrayLike, pads: Sequence[tuple[int, int]]) -> Array:
    """Pad each axis of space of x (batch, *space, channels) with `value`; negative numbers crop."""
    return lax.pad(x, value, [(0, 0, 0), *((*pad, 0) for pad in pads), (0, 0, 0)])


def window_slices(
    x: Array, window: Sequence[int], steps: Sequence[int], dilations: Sequence[int] | None = None
) -> list[Any]:
    """Return slices of x, one for each element of the window: slice p holds element p of all windows.

    An axis is split into blocks of `steps` elements by `split`, whose transpose assembles the gradient with one
    concatenation; the transpose of strided slices would add a full-size array for each of them.
    """
    budget.check_repetitions(math.prod(window))
    parts = [x]
    for axis, (reach, step) in enumerate(zip(window, steps, strict=True), 1):
        offsets = np.arange(reach) * (dilations[axis - 1] if dilations else 1)
        parts = [one for part in parts for one in _slices_along(part, axis, offsets.tolist(), step)]
    return parts


def strided_slices(x: Array, window: Sequence[int], steps: Sequence[int]) -> list[Any]:
    """Return `window_slices` as strided slices, which are cheaper without a gradient."""
    sizes = [(n - reach) // step + 1 for n, reach, step in zip(x.shape[1:-1], window, steps, strict=True)]
    ends = [(size - 1) * step + 1 for size, step in zip(sizes, steps, strict=True)]
    return [
        lax.slice(
            x,
            (0, *at, 0),
            (x.shape[0], *(a + end for a, end in zip(at, ends, strict=True)), x.shape[-1]),
            (1, *steps, 1),
        )
        for at in itertools.product(*map(range, window))
    ]


def _slices_along(x: Any, axis: int, offsets: list[int], step: int) -> list[Any]:
    size = (x.shape[axis] - offsets[-1] - 1) // step + 1
    blocks = size + offsets[-1] // step
    rest = blocks * step - x.shape[axis]  # below 0 where no window reaches the end
    x = lax.pad(x, np.zeros((), x.dtype), [(0, rest if a == axis else 0, 0) for a in range(x.ndim)])
    lanes = [x]
    if step > 1:
        blocked = x.reshape(*x.shape[:axis], blocks, step, *x.shape[axis + 1 :])
        used = min(step, offsets[-1] + 1)  # windows that are shorter than their distance leave gaps
        if used < step:
            blocked = lax.slice_in_dim(blocked, 0, used, axis=axis + 1)
        lanes = [jnp.squeeze(lane, axis + 1) for lane in lax.split(blocked, (1,) * used, axis + 1)]
    return [lax.slice_in_dim(lanes[p % step], p // step, p // step + size, axis=axis) for p in offsets]
