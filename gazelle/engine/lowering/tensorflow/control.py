"""Rules for loops and branches: nested graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from jax.extend.core import ClosedJaxpr, DropVar  # type: ignore[attr-defined]

from gazelle.engine.lowering.scans import counts
from gazelle.engine.tensorflow_library import tf

if TYPE_CHECKING:
    from gazelle.core.types import Foreign
    from gazelle.engine.lowering.interpreter import Context


def while_loop(
    ctx: Context,
    *inputs: Any,
    cond_jaxpr: ClosedJaxpr,
    body_jaxpr: ClosedJaxpr,
    cond_nconsts: int,
    body_nconsts: int,
    **_: Any,
) -> list[Any]:
    cond_consts, body_consts = inputs[:cond_nconsts], inputs[cond_nconsts : cond_nconsts + body_nconsts]
    carry = inputs[cond_nconsts + body_nconsts :]
    return list(
        tf.while_loop(
            lambda *carry: ctx.lower(cond_jaxpr, (), *cond_consts, *carry)[0],
            lambda *carry: ctx.lower(body_jaxpr, (), *body_consts, *carry),
            list(carry),
        )
    )


def scan(ctx: Context, *inputs: Any, jaxpr: ClosedJaxpr, length: int, reverse: bool, **_: Any) -> list[Any]:
    """A loop over the first axis; unused results are not stored."""
    num_consts, num_carry = counts(ctx.eqn)
    consts, carry = inputs[:num_consts], inputs[num_consts : num_consts + num_carry]
    rows = inputs[num_consts + num_carry :]
    outs = ctx.out_avals[num_carry:]
    read = [not isinstance(v, DropVar) for v in ctx.eqn.outvars[num_carry:]]
    kept = [
        tf.TensorArray(tf.as_dtype(a.dtype), length, element_shape=a.shape[1:])
        for a, wanted in zip(outs, read, strict=True)
        if wanted
    ]

    def go(index: Foreign, carry: Any, kept: Any) -> Foreign:
        place = length - 1 - index if reverse else index
        out = ctx.lower(jaxpr, (), *consts, *carry, *(row[place] for row in rows))
        new = [y for y, wanted in zip(out[num_carry:], read, strict=True) if wanted]
        return index + 1, out[:num_carry], [k.write(place, y) for k, y in zip(kept, new, strict=True)]

    _, carry, kept = tf.while_loop(lambda index, *_: index < length, go, (tf.constant(0), list(carry), kept))
    stacked = iter([k.stack() for k in kept])
    ys = [next(stacked) if wanted else None for wanted in read]
    return [*carry, *(y if y is None else tf.ensure_shape(y, a.shape) for y, a in zip(ys, outs, strict=True))]


def cond(ctx: Context, index: Foreign, *inputs: Any, branches: Sequence[ClosedJaxpr], **_: Any) -> list[Any]:
    def of(branch: Any) -> Callable[[], Any]:
        return lambda: [tf.identity(out) for out in ctx.lower(branch, (), *inputs)]

    if len(branches) == 1:
        return ctx.lower(branches[0], (), *inputs)
    if len(branches) == 2:
        return list(tf.cond(tf.cast(index, tf.bool), of(branches[1]), of(branches[0])))
    inside = tf.clip_by_value(index, 0, len(branches) - 1)
    return list(tf.switch_case(inside, [of(branch) for branch in branches]))


def callback(ctx: Context, *inputs: Any, callback: Callable[..., Any], **_: Any) -> list[Any]:
    """A Python callback on NumPy arrays."""
    outs = ctx.out_avals
    got = tf.numpy_function(lambda *arrays: list(callback(*arrays)), inputs, [tf.as_dtype(a.dtype) for a in outs])
    return [tf.ensure_shape(one, a.shape) for one, a in zip(got, outs, strict=True)]


RULES: dict[str, Callable[..., Any]] = {
    "cond": cond,
    "pure_callback": callback,
    "scan": scan,
    "while": while_loop,
}
