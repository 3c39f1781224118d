"""Arguments of convolutions and pooling: the position of the channels, and one integer per spatial axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax.numpy as jnp

from gazelle.core import settings
from gazelle.core.errors import ArgumentError, message

if TYPE_CHECKING:
    from gazelle.core.types import Array


def per_axis(name: str, value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """Return one integer for each of `rank` axes:  2 -> (2, 2)."""
    values = (value,) * rank if not isinstance(value, list | tuple) else tuple(value)
    if len(values) == 1:
        values *= rank
    if len(values) != rank:
        raise ArgumentError(message(f"The argument {name}", expected=f"one number, or {rank}", got=value))
    return tuple(int(v) for v in values)


def is_first(data_format: str | None) -> bool:
    """Return whether the channels come before space; None is `gazelle.config.image_data_format()`."""
    return settings.standardize_data_format(data_format) == "channels_first"


def moved_last(x: Array, data_format: str | None) -> Array:
    """Move the channels to the last axis."""
    return jnp.moveaxis(x, 1, -1) if is_first(data_format) else x


def moved_first(x: Array, data_format: str | None) -> Array:
    """Undo `moved_last`."""
    return jnp.moveaxis(x, -1, 1) if is_first(data_format) else x
