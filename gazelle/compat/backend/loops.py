"""Loops over time steps and over elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.compat import facade
from gazelle.compat.backend.lifting import lifted
from gazelle.compat.types import Nested, TensorLike, TensorResult
from gazelle.core import prng, tracing
from gazelle.layers.recurrence import select


@lifted
def rnn(
    step_function: Callable[..., Any],
    inputs: TensorLike,
    initial_states: Nested[TensorLike],
    go_backwards: bool = False,
    mask: TensorLike = None,
    constants: Nested[TensorLike] | None = None,
    unroll: bool = False,
    input_length: TensorLike = None,
    time_major: bool = False,
    zero_output_for_mask: bool = False,
    return_all_outputs: bool = True,
) -> TensorResult:
    """Run  out, states = step_function(x_t, states)  over the time steps.

    Returns:
        (last output, outputs (batch, steps, ...), list of the last states).
    """
    x = jnp.asarray(inputs) if time_major else jnp.moveaxis(jnp.asarray(inputs), 1, 0)
    step_function = _of_arrays(step_function)
    constants, states = list(constants or []), [jnp.asarray(s) for s in initial_states]
    unmasked = jnp.ones(x.shape[:2], bool) if mask is None else _steps_first(mask, time_major)
    first, _ = step_function(x[0], [*states, *constants])
    zero, key = jnp.zeros_like(first), prng.loop_key()

    def step(carry: Any, current: Any) -> Any:
        before, states = carry
        x_t, unmasked_t, number = current
        with tracing.at_step(key, number):
            out, new_states = step_function(x_t, [*states, *constants])
        new_states = new_states if isinstance(new_states, list | tuple) else [new_states]
        kept = [select(unmasked_t, n, o) for n, o in zip(new_states, states, strict=True)]
        out = select(unmasked_t, out, zero if zero_output_for_mask else before)
        return (out, kept), out

    steps = (x, unmasked, jnp.arange(len(x)))
    (last, states), outputs = jax.lax.scan(step, (zero, states), steps, reverse=go_backwards)
    outputs = jnp.flip(outputs, 0) if go_backwards else outputs
    outputs = outputs if return_all_outputs else outputs[-1:]
    return last, outputs if time_major else jnp.moveaxis(outputs, 0, 1), states


def _of_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a program, which may take tensors and use those of the layer around it, as a function of arrays."""
    calls = facade.adapter_for(function)
    return lambda *args: facade.adapter.unbox(calls.user_defined_call(function, args, {}))


def _steps_first(mask: Any, time_major: bool) -> Any:
    mask = jnp.asarray(mask) != 0
    mask = mask[..., 0] if mask.ndim == 3 else mask
    return mask if time_major else mask.T


def _map(fn: Callable[..., Any], elems: Any) -> Any:
    """Apply fn to each element along the first axis."""
    fn, elems, key = _of_arrays(fn), jax.tree.map(jnp.asarray, elems), prng.loop_key()

    def one(pair: Any) -> Any:
        with tracing.at_step(key, pair[1]):
            return fn(pair[0])

    return jax.lax.map(one, (elems, jnp.arange(len(jax.tree.leaves(elems)[0]))))


def _fold_left(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any) -> Any:
    """Return fn(... fn(fn(initializer, e_0), e_1) ...); the initializer is the first element by default."""
    fn, elems = _of_arrays(fn), jnp.asarray(elems)
    start, elems = (elems[0], elems[1:]) if initializer is None else (jnp.asarray(initializer), elems)
    return jax.lax.scan(lambda acc, x: (jnp.asarray(fn(acc, x), acc.dtype), None), start, elems)[0]


def _fold_right(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any) -> Any:
    """Return `_fold_left` of the reversed elements."""
    return _fold_left(fn, jnp.flip(jnp.asarray(elems), 0), initializer)
