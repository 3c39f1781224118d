"""Helpers of image functions: single images and batches, channels first or last."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from gazelle.core import dtypes
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.ops.space import is_first, moved_first, moved_last

if TYPE_CHECKING:
    from gazelle.core.types import Array, ArrayLike, DTypeLike


def on_batch(name: str, images: ArrayLike, data_format: str | None, function: Callable[[Any], Any]) -> Array:
    """Apply `function` to `images` as (batch, height, width, channels); the result has the form of the input."""
    x = jnp.asarray(images)
    check_rank(name, x)
    single = x.ndim == 3
    out = moved_first(function(moved_last(x[None] if single else x, data_format)), data_format)
    return out[0] if single else out


def check_rank(name: str, images: Array) -> None:
    if images.ndim not in (3, 4):
        raise ShapeError(
            message(
                name,
                expected="one image of 3 axes or a batch of 4",
                got=f"shape {tuple(images.shape)}",
                hint="Images without an axis of channels get one by x[..., None].",
            )
        )


def height_axis(ndim: int, data_format: str | None) -> int:
    """The axis of the rows, counted from the front; that of the columns is the next."""
    return ndim - 2 if is_first(data_format) else ndim - 3


def choose(name: str, value: object, known: Collection[str]) -> None:
    if value not in known:
        raise ArgumentError(message(name, expected=f"one of {', '.join(map(str, known))}", got=repr(value)))


def as_float(x: Array) -> Array:
    """Convert integers to floats; floats stay."""
    return x if dtypes.is_float(x.dtype) else x.astype(dtypes.floatx())


def back(x: Array, dtype: DTypeLike) -> Array:
    """Convert to `dtype`; for an integer dtype round and clip to its range first."""
    if x.dtype == dtype:
        return x
    if not jnp.issubdtype(dtype, jnp.integer):
        return x.astype(dtype)
    info = jnp.iinfo(dtype)
    return jnp.clip(jnp.round(x), info.min, info.max).astype(dtype)
