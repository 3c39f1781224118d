"""The pure steps: train, test, predict. Nothing else lives here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

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


def train_step(forward: Any, objective: Any, meters: Any, optimizer: Any, constraints: Any) -> Callable[..., State]:
    """(state, None, batch) -> state: one update of the parameters.

    forward: pure function (values, x, key, training) -> (y_pred, values, losses); objective: (y, y_pred, weight,
    params, losses) -> (loss, parts); meters: (totals, parts, y, y_pred, weight) -> totals.
    """

    def step(state: State, _: None, batch: Batch) -> State:
        x, y, weight = batch
        key = jax.random.fold_in(state.key, state.step)

        def loss(params: Any) -> Any:
            y_pred, values, added = forward(params | state.buffers, x, key=key, training=True)
            value, parts = objective(y, y_pred, weight, values, added)
            return optimizer.scale_loss(value), (parts, {p: values[p] for p in state.buffers}, *_with_masks(y_pred))

        grads, (parts, buffers, y_pred, masks) = jax.grad(loss, has_aux=True)(state.params)
        params, slots = optimizer.update(
            state.params, grads, state.slots, state.hyper, state.step, constraints=constraints
        )
        totals = meters.update(state.totals, parts, y, _masked(y_pred, masks), weight, x)
        return State(params, buffers, slots, totals, state.hyper, state.key, state.step + 1)

    return step


def test_step(forward: Any, objective: Any, meters: Any) -> Callable[..., Any]:
    """(totals, values, batch) -> totals: the metrics of one batch; nothing is trained."""

    def step(totals: Any, values: Any, batch: Batch) -> Any:
        x, y, weight = batch
        y_pred, after, added = forward(values, x, key=None, training=False)
        _, parts = objective(y, y_pred, weight, after, added)
        return meters.update(totals, parts, y, y_pred, weight, x)

    return step


def predict_step(forward: Any) -> Callable[..., Any]:
    """(values, x) -> y_pred."""

    def step(values: Any, x: Any) -> Any:
        return forward(values, x, key=None, training=False)[0]

    return step
