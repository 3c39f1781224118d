"""Masks of merged inputs in Keras 1 and 2: a step counts where it counts in every input that has a mask."""

from __future__ import annotations

import functools
from typing import Any

import jax.numpy as jnp


def merged_mask(masks: list[Any], today: Any) -> Any:
    """The mask of `Add` and its kin; masks: those of the inputs that have one."""
    return functools.reduce(jnp.logical_and, masks) if masks else None


def joined_mask(joined: Any, today: Any) -> Any:
    """The mask of `Concatenate`; joined: the masks, as the inputs were joined."""
    return jnp.all(joined, axis=-1)
