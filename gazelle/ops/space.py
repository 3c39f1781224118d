"""Arguments of convolutions and pooling: the position of the channels, and one integer per spatial axis."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.core import settings
from gazelle.core.errors import ArgumentError, message


def per_axis(name: str, value: Any, rank: int) -> tuple[int, ...]:
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


def moved_last(x: Any, data_format: str | None) -> Any:
    """Move the channels to the last axis."""
    return jnp.moveaxis(x, 1, -1) if is_first(data_format) else x


def moved_first(x: Any, data_format: str | None) -> Any:
    """Undo `moved_last`."""
    return jnp.moveaxis(x, -1, 1) if is_first(data_format) else x
