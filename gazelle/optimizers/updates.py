"""The update of all weights as pure functions on {path: array}: what surrounds the rule of an optimizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import arrays, conventions
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, ArrayLike
from gazelle.optimizers import transforms
from gazelle.optimizers.transforms import Arrays, Slots

if TYPE_CHECKING:
    from gazelle.optimizers.base import Optimizer

Constraints: TypeAlias = Mapping[str, Callable[[Any], Any]] | None


def init(optimizer: Optimizer, params: Arrays) -> Slots:
    """`Optimizer.init`: the slots of the rule, of the averages and of accumulated gradients."""
    updated = {p: w for p, w in params.items() if p not in optimizer._overwritten}
    slots = optimizer._init_rule(updated)
    if optimizer.gradient_accumulation_steps:
        slots = {"gradient_accumulator": {p: arrays.full_like(w) for p, w in params.items()}} | slots
    if not optimizer.use_ema:
        return slots
    first = jnp.array if conventions.active.averages_start_from_weights else arrays.full_like
    return {"average": {p: first(w) for p, w in updated.items()}} | slots


def update(
    optimizer: Optimizer,
    params: Arrays,
    grads: Mapping[str, Array | None],
    slots: Slots,
    hyper: Arrays,
    step: ArrayLike,
    constraints: Constraints,
) -> tuple[Arrays, Slots]:
    """`Optimizer.update`; its docstring describes the arguments."""
    step = jnp.asarray(step, jnp.int32)
    lr = optimizer._rate_of_step(hyper, step)
    live = {p: g.astype(params[p].dtype) for p, g in grads.items() if g is not None and p in params}
    replaced = {p: live.pop(p) for p in optimizer._overwritten if p in live}
    if replaced:
        after, slots = _replace(optimizer, {p: params[p] for p in replaced}, replaced, slots, step)
        rest = {p: w for p, w in params.items() if p not in replaced}
        updated, slots = optimizer.update(rest, live, slots, hyper, step, constraints)
        return {p: after[p] if p in replaced else updated[p] for p in params}, slots
    if optimizer.loss_scale_factor is not None:
        live = {p: g / optimizer.loss_scale_factor for p, g in live.items()}
    every = optimizer.gradient_accumulation_steps or 1
    updates = step // every
    if every == 1:
        after, slots = _clip_decay_apply(optimizer, params, live, slots, lr, updates + 1)
    else:
        slots = dict(slots)
        sums = slots.pop("gradient_accumulator")
        (after, slots), sums = transforms.accumulate(
            live,
            sums,
            step,
            every,
            lambda mean: _clip_decay_apply(optimizer, params, mean, slots, lr, updates + 1),
            lambda: (params, slots),
        )
        slots = slots | {"gradient_accumulator": sums}
    if optimizer.use_ema:
        is_first = (updates == 0) & (not conventions.active.averages_start_from_weights)
        averages = transforms.average(after, slots["average"], optimizer.ema_momentum, is_first)
        slots = slots | {"average": averages}
        if optimizer.ema_overwrite_frequency:
            present = {p: w for p, w in after.items() if p in averages}
            due = (updates + 1) % optimizer.ema_overwrite_frequency == 0
            after = after | transforms.select(due, averages, present)
    return after | transforms.constrain({p: after[p] for p in live}, constraints), slots


def _replace(optimizer: Optimizer, params: Arrays, grads: Arrays, slots: Slots, step: Array) -> tuple[Arrays, Slots]:
    """Replace weights by their gradients; of several accumulated ones by the largest, as they are magnitudes."""
    every = optimizer.gradient_accumulation_steps or 1
    if every == 1:
        return grads, slots
    sums, due = slots["gradient_accumulator"], (step + 1) % every == 0
    most = {p: jnp.maximum(g, sums[p]) for p, g in grads.items()}
    kept = transforms.select(due, {p: jnp.zeros_like(g) for p, g in most.items()}, most)
    return transforms.select(due, most, params), {**slots, "gradient_accumulator": sums | kept}


_CLIPPING = {
    "clipnorm": transforms.clip_by_norm,
    "global_clipnorm": transforms.clip_by_global_norm,
    "clipvalue": transforms.clip_by_value,
}


def clip(optimizer: Optimizer, grads: Arrays) -> Arrays:
    """Return gradients within the bounds of an optimizer."""
    for name in optimizer._clipping:
        bound = getattr(optimizer, name)
        if bound:
            grads = _CLIPPING[name](grads, bound)
    return grads


def _clip_decay_apply(
    optimizer: Optimizer, params: Arrays, grads: Arrays, slots: Slots, lr: Array, t: Array
) -> tuple[Arrays, Slots]:
    """Clip gradients, decay weights and apply the rule."""
    grads = clip(optimizer, grads)
    params = transforms.decay(params, {p: optimizer.weight_decay_of(p, params[p]) for p in grads}, lr)
    return optimizer._apply_rule(params, grads, slots, lr, t)


def init_rule(optimizer: Optimizer, params: Arrays) -> Slots:
    """Return the first slots of the rule."""
    slots = optimizer._custom.init(params) if optimizer._has_update_step() else {}
    for name in optimizer.slots:
        first = {p: optimizer.init_slot(name, p, w) for p, w in params.items()}
        slots[name] = {p: value for p, value in first.items() if value is not None}
    return slots | {name: {"": arrays.from_host(value, np.float32)} for name, value in optimizer.scalars.items()}


def apply_rule(
    optimizer: Optimizer, params: Arrays, grads: Arrays, slots: Slots, lr: Array, t: Array
) -> tuple[Arrays, Slots]:
    """Return weights and slots after the rule."""
    if optimizer._has_update_step():
        return optimizer._custom.apply(params, grads, slots, lr, t)
    scalars = optimizer.next_scalars({name: slots[name][""] for name in optimizer.scalars}, t.astype(jnp.float32))
    params, slots = dict(params), {name: dict(arrays) for name, arrays in slots.items()}
    slots |= {name: {"": value} for name, value in scalars.items()}
    call = optimizer._call_rule
    # A rule of this package is traced once for all weights of a shape; a user-defined one may have side effects.
    if isinstance(t, jax.core.Tracer) and getattr(optimizer.rule, "__module__", "").startswith("gazelle."):
        call = jax.jit(call)
    for path, g in grads.items():
        own = {name: slots[name][path] for name in optimizer.slots if path in slots[name]}
        params[path], new = call(params[path], g, own, lr, t, scalars)
        for name, value in new.items():
            slots[name][path] = value
    return params, slots


def call_rule(
    optimizer: Optimizer, w: Array, g: Array, own: Arrays, lr: Array, t: Array, scalars: Arrays
) -> tuple[Array, Arrays]:
    """Return one weight and its slots after the rule, in the dtypes that they had."""
    own = {name: own[name] for name in optimizer.slots if name in own}  # jit sorts the keys of dicts
    old = w, *own.values()
    wide = jnp.promote_types(w.dtype, jnp.float32)  # half precision cannot count steps
    new = optimizer.rule(w, g, *own.values(), lr=lr.astype(wide), t=t.astype(wide), **scalars)
    new = new if isinstance(new, tuple) else (new,)
    if len(new) != len(old):
        raise ArgumentError(
            message(
                f"{type(optimizer).__name__}.rule",
                expected=f"{len(old)} arrays: {', '.join(('w', *own))}",
                got=f"{len(new)}",
                hint="Return the new weight and one new array for each of its slots.",
            )
        )
    w, *rest = (n.astype(o.dtype) for n, o in zip(new, old, strict=True))
    return w, dict(zip(own, rest, strict=True))
