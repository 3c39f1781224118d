"""The parts of an update that every optimizer shares, as pure functions on {path: array}."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

import jax
import jax.numpy as jnp

from gazelle.core.types import Array

#: one array for each weight, by the path of the weight
Arrays: TypeAlias = dict[str, Array]
#: the state of an optimizer: {slot: {path: array}}; a slot that all weights share has the path ""
Slots: TypeAlias = dict[str, Arrays]

T = TypeVar("T")


def clip_by_norm(grads: Arrays, bound: float) -> Arrays:
    """Clip each gradient to a norm:  g <- g bound / max(||g||, bound)."""
    return {path: g * (bound / jnp.maximum(_norm({path: g}), bound)).astype(g.dtype) for path, g in grads.items()}


def clip_by_global_norm(grads: Arrays, bound: float) -> Arrays:
    """Clip all gradients together:  g <- g bound / max(n, bound),  n the norm of all gradients as one vector.

    If n is not finite, all gradients become NaN: a zero update of the finite ones would hide the error.
    """
    norm = _norm(grads)
    scale = jnp.where(jnp.isfinite(norm), bound / jnp.maximum(norm, bound), jnp.nan)
    return {path: g * scale.astype(g.dtype) for path, g in grads.items()}


def clip_by_value(grads: Arrays, bound: float) -> Arrays:
    """Clip each number to [-bound, bound]."""
    return {path: jnp.clip(g, -bound, bound) for path, g in grads.items()}


def _norm(grads: Arrays) -> Array:
    # in float32 or more: squares of half-precision numbers overflow early
    wide = [g.astype(jnp.promote_types(g.dtype, jnp.float32)) for g in grads.values()]
    return jnp.sqrt(sum((jnp.sum(g * g) for g in wide), jnp.float32(0)))


def decay(params: Arrays, rates: Mapping[str, float | None], lr: Array) -> Arrays:
    """Apply decoupled weight decay:  w <- w - lr rate w.  Weights whose rate is None are unchanged."""
    factors = {path: lr * rate for path, rate in rates.items() if rate is not None}
    old = {path: (params[path], factor) for path, factor in factors.items()}
    return params | {path: (w - w * factor).astype(w.dtype) for path, (w, factor) in old.items()}


def accumulate(
    grads: Arrays, sums: Arrays, step: Array, every: int, update: Callable[[Arrays], T], skip: Callable[[], T]
) -> tuple[T, Arrays]:
    """Update with the mean of the gradients of `every` steps, at every last of them.

    Args:
        grads: Gradients of this step.
        sums: Sums of the gradients since the last update.
        step: Number of finished steps.
        every: Steps per update.
        update: Called with the mean gradients in a step that updates.
        skip: Called in all other steps; returns the same structure.

    Returns:
        The result of `update` or `skip`, and the new sums.
    """
    total = {path: sums[path] + g for path, g in grads.items()}
    mean = {path: g / every for path, g in total.items()}
    due = (step + 1) % every == 0
    result = jax.lax.cond(due, lambda: update(mean), skip)
    empty = {path: jnp.zeros_like(g) for path, g in total.items()}
    return result, sums | select(due, empty, total)


def average(params: Arrays, averages: Arrays, momentum: float, first: Array) -> Arrays:
    """Update exponential moving averages:  a <- momentum a + (1 - momentum) w;  the first average is w itself."""
    momentum_now = jnp.where(first, 0.0, momentum)
    return {
        path: (momentum_now * a + (1 - momentum_now) * params[path]).astype(a.dtype) if path in params else a
        for path, a in averages.items()
    }


def select(condition: Array, if_true: Arrays, if_false: Arrays) -> Arrays:
    """Return `if_true` where a scalar condition holds, else `if_false`."""
    return {path: jnp.where(condition, if_true[path], value) for path, value in if_false.items()}


def constrain(params: Arrays, constraints: Mapping[str, Callable[[Any], Any]] | None) -> Arrays:
    """Apply the constraint of each weight that has one."""
    given = constraints or {}
    return {path: jnp.asarray(given[path](w)) if given.get(path) is not None else w for path, w in params.items()}
