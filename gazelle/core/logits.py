"""Logits of probabilities, which a crossentropy takes in their place: no digits are lost, and nothing is clipped.

`ops.sigmoid` and `ops.softmax` attach their input to their result if `set_stored(True)` was called.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.core.attachments import Attachments
from gazelle.core.types import Array, ArrayLike

_logits, _stored = Attachments(), False


def set_stored(on: bool) -> None:
    """Set whether logits are attached to probabilities."""
    global _stored
    _stored = on


def are_stored() -> bool:
    """Return whether logits are attached to probabilities."""
    return _stored


def attach(probabilities: Array, logits: Array | None) -> Array:
    """Return the probabilities, with their logits attached if logits are stored.

    >>> set_stored(True)
    >>> p = attach(jnp.ones(1), jnp.full(1, 30.0))
    >>> given(p, False)[0].item(), given(p * 1, False)[0].item()
    (30.0, 1.0)
    >>> set_stored(False)
    """
    if _stored and logits is not None:
        _logits.set(probabilities, logits)
    return probabilities


def of(probabilities: object) -> Array | None:
    """Return the attached logits, or None."""
    found: Array | None = _logits.get(probabilities) if _stored else None
    return found


def included(arrays: list[Any]) -> list[Any]:
    """Return the arrays, and after them the logits of those that have some."""
    found = [of(array) for array in arrays] if _stored else []
    return [*arrays, *(each for each in found if each is not None)]


def given(predictions: ArrayLike, from_logits: bool) -> tuple[ArrayLike, bool]:
    """Return (predictions, whether they are logits): the attached logits, if there are any."""
    found = of(predictions)
    return (predictions, from_logits) if found is None else (found, True)


def converted(predictions: object, array: Array) -> Array:
    """Return an array that predictions were converted to, with logits of its dtype."""
    found = None if array is predictions else of(predictions)
    return array if found is None else attach(array, jnp.asarray(found, array.dtype))
