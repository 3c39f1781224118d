"""Masks of tensors, stored in a table as long as the tensor exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax

from gazelle.core.attachments import Attachments

if TYPE_CHECKING:
    from gazelle.core.types import ArrayLike

_masks = Attachments()


def set_mask(tensor: object, mask: ArrayLike | None) -> None:
    """Attach a mask to a tensor (array or tracer): True for valid steps."""
    if mask is None or not isinstance(tensor, jax.Array):
        return
    _masks.set(tensor, mask)
    if not isinstance(tensor, jax.core.Tracer):
        tensor._keras_mask = mask  # type: ignore[attr-defined]  # where Keras programs read it


#: returns the mask of a tensor, or None; called for each argument of a layer
get_mask = _masks.get
