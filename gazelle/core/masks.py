"""Masks of tensors, stored in a table as long as the tensor exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax

from gazelle.core.attachments import Attachments

if TYPE_CHECKING:
    from gazelle.core.types import ArrayLike, Tree

_masks = Attachments()


def set_mask(tensor: object, mask: ArrayLike | None) -> None:
    """Attach a mask to a tensor (array or tracer): True for valid steps."""
    if mask is None or not isinstance(tensor, jax.Array):
        return
    _masks.set(tensor, mask)
    if not isinstance(tensor, jax.core.Tracer):
        tensor._keras_mask = mask  # type: ignore[attr-defined]  # where Keras programs read it


def remove_mask(tensor: object) -> None:
    """Detach the mask of a tensor."""
    _masks.remove(tensor)
    if not isinstance(tensor, jax.core.Tracer):
        vars(tensor).pop("_keras_mask", None)


def get_mask(tensor: object) -> Tree:
    """Return the mask of a tensor, which a program may have set itself, or None."""
    mask = _masks.get(tensor)
    return getattr(tensor, "_keras_mask", mask) if isinstance(tensor, jax.Array) else mask
