"""Logits of probabilities, which a crossentropy takes in their place: no digits are lost, and nothing is clipped.

`ops.sigmoid` and `ops.softmax` attach their input to their result if `conventions.losses_take_logits`. Other operations
lose them, also those that return their argument, such as a reshape to the same shape.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core import conventions
from gazelle.core.attachments import Attachments
from gazelle.core.types import Array, ArrayLike, Tree

_logits = Attachments()


def attach(probabilities: Array, logits: Array | None, loss: str | None = None) -> Array:
    """Return the probabilities, with their logits attached if logits are stored.

    `loss` is the only crossentropy that takes them, "binary" or "categorical"; None for both.

    >>> conventions.activate(conventions.Conventions(losses_take_logits=True))
    >>> p = attach(jnp.ones(1), jnp.full(1, 30.0))
    >>> given(p, False, "binary")[0].item(), given(p * 1, False, "binary")[0].item()
    (30.0, 1.0)
    >>> conventions.activate(conventions.Conventions())
    """
    if conventions.active.losses_take_logits and logits is not None:
        _logits.set(probabilities, (logits, loss))
    return probabilities


def attach_own(probabilities: Array, logits: Array, loss: str) -> Array:
    """Attach logits to the result of an activation; both crossentropies take them, by convention `loss` alone."""
    return attach(probabilities, logits, loss if conventions.active.logits_are_of_one_loss else None)


def entry(probabilities: object) -> tuple[Array | None, str | None]:
    """Return the attached logits and the loss that takes them, the other arguments of `attach`."""
    found: tuple[Array, str | None] | None = (
        _logits.get(probabilities) if conventions.active.losses_take_logits else None
    )
    return (None, None) if found is None else found


def of(probabilities: object, loss: str | None = None) -> Array | None:
    """Return the attached logits, or None; with `loss` those that this crossentropy takes."""
    logits, of_loss = entry(probabilities)
    return logits if loss is None or of_loss in (None, loss) else None


def lost(out: Tree, given: Tree) -> Tree:
    """Return the result of an operation without the logits of arguments that it returned."""
    if not conventions.active.losses_take_logits:
        return out
    arguments = {id(leaf) for leaf in jax.tree.leaves(given) if of(leaf) is not None}
    return jax.tree.map(lambda leaf: jnp.array(leaf) if id(leaf) in arguments else leaf, out) if arguments else out


def included(arrays: list[Any]) -> list[Any]:
    """Return the arrays, and after them the logits of those that have some."""
    found = [of(array) for array in arrays] if conventions.active.losses_take_logits else []
    return [*arrays, *(each for each in found if each is not None)]


def given(predictions: ArrayLike, from_logits: bool, loss: str) -> tuple[ArrayLike, bool]:
    """Return (predictions, whether they are logits): the attached logits, if there are some for this loss."""
    found = of(predictions, loss)
    return (predictions, from_logits) if found is None else (found, True)


def converted(predictions: object, array: Array) -> Array:
    """Return an array that predictions were converted to, with logits of its dtype."""
    found, loss = (None, None) if array is predictions else entry(predictions)
    return array if found is None else attach(array, jnp.asarray(found, array.dtype), loss)
