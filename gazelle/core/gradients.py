"""Gradients for variables: of what a function computes that reads and assigns them where it stands."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax

from gazelle.core import tracing
from gazelle.core.errors import StateError, message
from gazelle.core.masks import get_mask, set_mask
from gazelle.core.variable import Variable


def value_and_grad(fn: Callable[[], Any], variables: Sequence[Variable]) -> tuple[Any, list[Any]]:
    """((value, aux), gradients of `value` for the variables), where fn() gives (value, aux).

    What `fn` assigns, adds as a loss and draws counts in the scope around it, as if it had been called plainly.

    Raises:
        StateError: outside of a pure call, where what `fn` assigns could not be told from what it reads.

    >>> w = Variable([1.0, 2.0])
    >>> step = tracing.pure(lambda: value_and_grad(lambda: (jnp.sum(w * w), None), [w]), {"w": w})
    >>> step({"w": w.value})[0][1][0].tolist()
    [2.0, 4.0]
    """
    outer = tracing.current()
    if outer is None or outer.values is None:
        raise StateError(
            message("Gradients of variables outside of a step", hint="Use jax.grad over model.stateless_call there.")
        )
    before = outer.values
    layers: list[Any] = []

    def inner(arrays: Any) -> Any:
        bound = {**before, **arrays}
        scope = dataclasses.replace(outer, values=dict(bound), losses=[])
        with tracing.entered(scope):
            value, aux = fn()
        assert scope.values is not None
        layers.extend(layer for layer, _ in scope.losses)
        after = {key: new for key, new in scope.values.items() if new is not bound.get(key)}
        masks = [get_mask(leaf) for leaf in jax.tree.leaves(aux)]
        return value, (aux, after, [value for _, value in scope.losses], masks)

    arrays = {id(v): v._full() for v in variables}
    (value, (aux, after, losses, masks)), grads = jax.value_and_grad(inner, has_aux=True)(arrays)
    before.update(after)
    again = set(map(id, layers))
    kept = [(layer, loss) for layer, loss in outer.losses if id(layer) not in again]
    outer.losses[:] = [*kept, *zip(layers, losses, strict=True)]
    for leaf, mask in zip(jax.tree.leaves(aux), masks, strict=True):  # they belonged to tracers of the gradient
        set_mask(leaf, mask)
    return (value, aux), [grads[id(v)] for v in variables]
