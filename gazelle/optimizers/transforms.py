"""What every optimizer does around its rule, as pure functions on {path: array}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

Arrays = dict[str, Any]


def clip_each(grads: Arrays, bound: float) -> Arrays:
    """g * bound / max(||g||, bound) for each array by itself."""
    return {path: g * (bound / jnp.maximum(_norm({path: g}), bound)).astype(g.dtype) for path, g in grads.items()}


def clip_together(grads: Arrays, bound: float) -> Arrays:
    """g * bound / max(N, bound), N the norm of all arrays as one vector.

    If N is not finite everything becomes NaN: a zero update for the arrays that are finite would hide the fault.
    """
    norm = _norm(grads)
    scale = jnp.where(jnp.isfinite(norm), bound / jnp.maximum(norm, bound), jnp.nan)
    return {path: g * scale.astype(g.dtype) for path, g in grads.items()}


def clip_values(grads: Arrays, bound: float) -> Arrays:
    """Each number held within [-bound, bound]."""
    return {path: jnp.clip(g, -bound, bound) for path, g in grads.items()}


def _norm(grads: Arrays) -> Any:
    # squares of half-precision numbers overflow early
    wide = [g.astype(jnp.promote_types(g.dtype, jnp.float32)) for g in grads.values()]
    return jnp.sqrt(sum((jnp.sum(g * g) for g in wide), jnp.float32(0)))


def average(params: Arrays, averages: Arrays, momentum: float, first: Any) -> Arrays:
    """a <- momentum * a + (1 - momentum) * w; the first average is w itself."""
    kept = jnp.where(first, 0.0, momentum)
    return {
        path: (kept * a + (1 - kept) * params[path]).astype(a.dtype) if path in params else a
        for path, a in averages.items()
    }


def choose(condition: Any, yes: Arrays, no: Arrays) -> Arrays:
    """`yes` where the (scalar) condition holds, else `no`."""
    return {path: jnp.where(condition, yes[path], value) for path, value in no.items()}


def constrain(params: Arrays, constraints: Mapping[str, Any] | None) -> Arrays:
    """Each weight that has a constraint, brought back to what it allows."""
    given = constraints or {}
    return {path: given[path](w) if given.get(path) is not None else w for path, w in params.items()}
