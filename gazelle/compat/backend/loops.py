"""Loops over the steps of sequences and over elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.compat.backend.lifting import lifted


@lifted
def rnn(
    step_function: Callable[..., Any],
    inputs: Any,
    initial_states: Any,
    go_backwards: bool = False,
    mask: Any = None,
    constants: Any = None,
    unroll: bool = False,
    input_length: Any = None,
    time_major: bool = False,
    zero_output_for_mask: bool = False,
) -> Any:
    """(last output, outputs (batch, steps, ...), [last states]) of  out, states = step_function(x_t, states).

    Args:
        inputs: (batch, steps, ...).
        initial_states: arrays, of which `step_function` is given a list, behind it the `constants`.
        mask: (batch, steps); where it is False the states stay, and the output is that of the step before.
    """
    x = jnp.asarray(inputs) if time_major else jnp.moveaxis(jnp.asarray(inputs), 1, 0)
    constants, states = list(constants or []), [jnp.asarray(s) for s in initial_states]
    on = jnp.ones(x.shape[:2], bool) if mask is None else _steps_first(mask, time_major)
    first, _ = step_function(x[0], [*states, *constants])
    blank = jnp.zeros_like(first)

    def turn(carry: Any, now: Any) -> Any:
        before, old = carry
        x_t, on_t = now
        out, new = step_function(x_t, [*old, *constants])
        kept = [_where(on_t, n, o) for n, o in zip(new, old, strict=True)]
        out = _where(on_t, out, blank if zero_output_for_mask else before)
        return (out, kept), out

    (last, states), outputs = jax.lax.scan(turn, (blank, states), (x, on), reverse=go_backwards)
    outputs = jnp.flip(outputs, 0) if go_backwards else outputs
    return last, outputs if time_major else jnp.moveaxis(outputs, 0, 1), states


def _steps_first(mask: Any, time_major: bool) -> Any:
    mask = jnp.asarray(mask) != 0
    mask = mask[..., 0] if mask.ndim == 3 else mask
    return mask if time_major else mask.T


def _where(on: Any, new: Any, old: Any) -> Any:
    return jnp.where(on.reshape(on.shape + (1,) * (new.ndim - 1)), new, old)


@lifted
def map_fn(fn: Callable[..., Any], elems: Any, name: str | None = None, dtype: Any = None) -> Any:
    """fn of each element along the first axis."""
    return jax.lax.map(fn, jax.tree.map(jnp.asarray, elems))


@lifted
def foldl(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """fn(... fn(fn(initializer, e_0), e_1) ...); without an initializer the first element is it."""
    return _fold(fn, jnp.asarray(elems), initializer)


@lifted
def foldr(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """`foldl` from the last element on."""
    return _fold(fn, jnp.flip(jnp.asarray(elems), 0), initializer)


def _fold(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any) -> Any:
    start, elems = (elems[0], elems[1:]) if initializer is None else (jnp.asarray(initializer), elems)
    return jax.lax.scan(lambda acc, x: (jnp.asarray(fn(acc, x), acc.dtype), None), start, elems)[0]
