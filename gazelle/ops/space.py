"""What convolutions and pooling share: the place of the channels, and one number for each axis of space."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.core import settings
from gazelle.core.errors import ArgumentError, message


def per_axis(name: str, value: Any, rank: int) -> tuple[int, ...]:
    """2 -> (2, 2): one number for each of `rank` axes."""
    values = (value,) * rank if not isinstance(value, list | tuple) else tuple(value)
    if len(values) == 1:
        values *= rank
    if len(values) != rank:
        raise ArgumentError(message(f"The argument {name}", expected=f"one number, or {rank}", got=value))
    return tuple(int(v) for v in values)


def is_first(data_format: str | None) -> bool:
    """Whether the channels stand before space; None means the format of the process, `image_data_format`."""
    return settings.standardize_data_format(data_format) == "channels_first"


def moved_last(x: Any, data_format: str | None) -> Any:
    """`x` with its channels last."""
    return jnp.moveaxis(x, 1, -1) if is_first(data_format) else x


def moved_first(x: Any, data_format: str | None) -> Any:
    """Undo `moved_last`."""
    return jnp.moveaxis(x, -1, 1) if is_first(data_format) else x
