"""Masks of tensors, stored in a table as long as the tensor exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from gazelle.core.attachments import Attachments

if TYPE_CHECKING:
    from gazelle.core.types import ArrayLike, Tree

_masks = Attachments()


def masked_score(dtype: jnp.dtype) -> float:
    """The score of a masked step before a softmax: not -inf, with which a row that is fully masked would be NaN."""
    return -3e4 if dtype == jnp.float16 else -1e9


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


def with_masks(tensors: list[Tree], mask: Tree) -> list[Tree]:
    """Return tensors that carry masks; a tensor with a new mask is a copy, so that the given one stays without it.

    Args:
        tensors: arrays.
        mask: the mask of the first one, or a list or dict with one for each, which may be None.
    """
    if mask is None:
        return tensors
    many = isinstance(mask, (list, tuple, dict))
    given = jax.tree.leaves(mask, is_leaf=lambda one: one is None) if many else [mask]
    out = list(tensors)
    for index, (tensor, its) in enumerate(zip(tensors, given, strict=False)):
        if its is not None and get_mask(tensor) is not its and hasattr(tensor, "shape"):
            out[index] = jnp.array(tensor, copy=True)
            set_mask(out[index], its)
    return out
