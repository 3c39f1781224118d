"""Masks of tensors, stored in a table as long as the tensor exists."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import jax

if TYPE_CHECKING:
    from gazelle.core.types import ArrayLike, Tree

_masks: dict[int, tuple[weakref.ref[Any], Any]] = {}


def set_mask(tensor: object, mask: ArrayLike | None) -> None:
    """Attach a mask to a tensor (array or tracer): True for valid steps."""
    if mask is None or not isinstance(tensor, jax.Array):
        return
    key = id(tensor)
    _masks[key] = (weakref.ref(tensor, lambda _, pop=_masks.pop: pop(key, None)), mask)  # type: ignore[misc]
    if not isinstance(tensor, jax.core.Tracer):
        tensor._keras_mask = mask  # type: ignore[attr-defined]  # where Keras programs read it


def get_mask(tensor: object) -> Tree:
    """Return the mask of a tensor, or None."""
    entry = _masks.get(id(tensor))
    return entry[1] if entry is not None and entry[0]() is tensor else None
