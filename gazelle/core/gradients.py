"""Gradients with respect to variables that a function reads and assigns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax

from gazelle.core import tracing
from gazelle.core.errors import StateError, message
from gazelle.core.masks import get_mask, set_mask
from gazelle.core.tensor_wrapper import array_in
from gazelle.core.variable import Variable


def value_and_grad(fn: Callable[[], Any], variables: Sequence[Variable]) -> tuple[Any, list[Any]]:
    """Compute a function and the gradients of its value with respect to variables.

    Assignments, added losses and random draws of `fn` take effect in the surrounding scope, as in a plain call.

    Args:
        fn: Function without arguments that returns (value, aux).
        variables: Variables to differentiate by.

    Returns:
        ((value, aux), gradients).

    Raises:
        StateError: Outside of a pure call, where assigned and read values could not be distinguished.

    Example:
        >>> w = Variable([1.0, 2.0])
        >>> step = tracing.functionalize(lambda: value_and_grad(lambda: (jnp.sum(w * w), None), [w]), {"w": w})
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
        return array_in(value), (aux, after, [value for _, value in scope.losses], masks)

    arrays = {id(v): v._full() for v in variables}
    (value, (aux, after, losses, masks)), grads = jax.value_and_grad(inner, has_aux=True)(arrays)
    before.update(after)
    repeated = set(map(id, layers))
    kept = [(layer, loss) for layer, loss in outer.losses if id(layer) not in repeated]
    outer.losses[:] = [*kept, *zip(layers, losses, strict=True)]
    for leaf, mask in zip(jax.tree.leaves(aux), masks, strict=True):  # the ones of gradient tracers are invalid now
        set_mask(leaf, mask)
    return (value, aux), [grads[id(v)] for v in variables]
