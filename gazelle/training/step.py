"""The pure steps: train, test, predict. Nothing else lives here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core.masks import get_mask, set_mask
from gazelle.training.state import State

Batch = tuple[Any, Any, Any]  # x, y, sample weight


def _with_masks(tree: Any) -> tuple[Any, list[Any]]:
    return tree, [get_mask(leaf) for leaf in jax.tree.leaves(tree)]


def _masked(tree: Any, masks: list[Any]) -> Any:
    """Masks belong to a tracer; outside of the gradient's trace they are put on again."""
    for leaf, mask in zip(jax.tree.leaves(tree), masks, strict=True):
        set_mask(leaf, mask)
    return tree


def test_key(key: jax.Array, count: Any) -> jax.Array:
    """The key of a batch outside of training, for layers that draw there too; apart from the keys of training."""
    return jax.random.fold_in(jax.random.fold_in(key, 2**31), count)


def changed(before: Any, after: Any) -> Any:
    """The values that a call assigned: the others are the very same arrays."""
    return {path: value for path, value in after.items() if value is not before[path]}


def train_step(forward: Any, objective: Any, meters: Any, optimizer: Any, constraints: Any) -> Callable[..., Any]:
    """(state, whatever, batch) -> (state, on): one update of the parameters.

    A loss that is NaN or infinite leaves parameters, buffers and slots as they are and is not `on`, unless `whatever`
    is true. The metrics count it all the same.

    forward: pure function (values, x, key, training) -> (y_pred, values, losses); objective: (y, y_pred, weight,
    params, losses) -> (loss, parts); meters: (totals, parts, y, y_pred, weight) -> totals.
    """

    def step(state: State, force: Any, batch: Batch) -> tuple[State, Any]:
        x, y, weight = batch
        key = jax.random.fold_in(state.key, state.step)

        def loss(params: Any) -> Any:
            y_pred, values, added = forward(params | state.buffers, x, key=key, training=True)
            value, parts = objective(y, y_pred, weight, values, added)
            return optimizer.scale_loss(value, state.slots), (
                parts,
                {p: values[p] for p in state.buffers},
                *_with_masks(y_pred),
            )

        grads, (parts, buffers, y_pred, masks) = jax.grad(loss, has_aux=True)(state.params)
        totals = meters.update(state.totals, parts, y, _masked(y_pred, masks), weight, x)
        on = jnp.isfinite(parts["loss"]) | force

        def update() -> Any:
            params, slots = optimizer.update(
                state.params, grads, state.slots, state.hyper, state.step, constraints=constraints
            )
            return params, buffers, slots, state.step + 1

        def leave() -> Any:
            return state.params, state.buffers, state.slots, state.step

        params, buffers, slots, count = jax.lax.cond(on, update, leave)
        return State(params, buffers, slots, totals, state.hyper, state.key, count), on

    return step


def test_step(forward: Any, objective: Any, meters: Any) -> Callable[..., Any]:
    """((totals, assigned, count), (values, key), batch) -> (the same after one more batch, True); nothing is trained.

    assigned: {path: array} of the variables that layers assign outside of training, such as states and counters.
    """

    def step(carry: Any, fixed: Any, batch: Batch) -> Any:
        (totals, assigned, count), (values, key) = carry, fixed
        x, y, weight = batch
        y_pred, after, added = forward(values | assigned, x, key=test_key(key, count), training=False)
        _, parts = objective(y, y_pred, weight, after, added)
        totals = meters.update(totals, parts, y, y_pred, weight, x)
        return (totals, {path: after[path] for path in assigned}, count + 1), jnp.bool_(True)

    return step


def predict_step(forward: Any) -> Callable[..., Any]:
    """(values, key, x, count) -> (y_pred, {path: array} of the variables that layers assigned)."""

    def step(values: Any, key: Any, x: Any, count: Any) -> Any:
        y_pred, after, _ = forward(values, x, key=test_key(key, count), training=False)
        return y_pred, changed(values, after)

    return step
