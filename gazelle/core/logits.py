"""Logits of probabilities, which a crossentropy takes in their place: no digits are lost, and nothing is clipped.

`ops.sigmoid` and `ops.softmax` attach their input to their result if `remember(True)` was called.
"""

from __future__ import annotations

import jax.numpy as jnp

from gazelle.core.attachments import Attachments
from gazelle.core.types import Array, ArrayLike

_logits, _remembered = Attachments(), False


def remember(on: bool) -> None:
    """Set whether logits are attached to probabilities."""
    global _remembered
    _remembered = on


def are_remembered() -> bool:
    """Return whether logits are attached to probabilities."""
    return _remembered


def attach(probabilities: Array, logits: Array | None) -> Array:
    """Return the probabilities, with their logits attached if these are remembered.

    >>> remember(True)
    >>> p = attach(jnp.ones(1), jnp.full(1, 30.0))
    >>> given(p, False)
    (Array([30.], dtype=float32), True)
    >>> remember(False)
    """
    if _remembered and logits is not None:
        _logits.set(probabilities, logits)
    return probabilities


def of(probabilities: object) -> Array | None:
    """Return the attached logits, or None."""
    found: Array | None = _logits.get(probabilities) if _remembered else None
    return found


def given(predictions: ArrayLike, from_logits: bool) -> tuple[ArrayLike, bool]:
    """Return (predictions, whether they are logits): the attached logits, if there are any."""
    found = of(predictions)
    return (predictions, from_logits) if found is None else (found, True)


def converted(predictions: object, array: Array) -> Array:
    """Return an array that predictions were converted to, with logits of its dtype."""
    found = None if array is predictions else of(predictions)
    return array if found is None else attach(array, jnp.asarray(found, array.dtype))
