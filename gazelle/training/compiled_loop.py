"""One compiled program per loop: it goes as many steps as it is told at run time, 1 or 10,000."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def _at(data: Any, index: Any) -> Any:
    return jax.tree.map(lambda array: jax.lax.dynamic_index_in_dim(array, index, keepdims=False), data)


def advance(step: Callable[..., Any], report: Callable[[Any], Any]) -> Callable[..., tuple[Any, Any, Any]]:
    """Make `(carry, fixed, data, start, stop) -> (carry, logs, end)` from `step(carry, fixed, batch) -> (carry, on)`.

    carry: what each step changes; fixed: what it only reads; data: pytree of arrays (steps, batch, ...); start, stop:
    the steps to go, values and not constants, so that one program serves every length. A step that is not `on` is the
    last one and is not counted: `end` is then its number instead of `stop`.
    """

    def program(carry: Any, fixed: Any, data: Any, start: Any, stop: Any) -> tuple[Any, Any, Any]:
        def more(loop: tuple[Any, Any, Any]) -> Any:
            index, on, _ = loop
            return (index < stop) & on

        def go(loop: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
            index, _, carry = loop
            carry, on = step(carry, fixed, _at(data, index))
            return index + jnp.where(on, 1, 0), on, carry

        end, _, carry = jax.lax.while_loop(more, go, (start, jnp.bool_(True), carry))
        return carry, report(carry), end

    return program


def by_hand(step: Callable[..., Any], report: Callable[[Any], Any]) -> Callable[..., tuple[Any, Any, Any]]:
    """`advance` in Python, uncompiled: a step may print values, and a debugger stops in it."""

    def program(carry: Any, fixed: Any, data: Any, start: Any, stop: Any) -> tuple[Any, Any, Any]:
        end = start
        while end < stop:
            carry, on = step(carry, fixed, _at(data, end))
            if not on:
                break
            end = end + 1
        return carry, report(carry), end

    return program


def collect(step: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """Make `(values, key, data, count) -> (outputs, assigned)` from `step(values, key, batch, count)`.

    data: pytree of arrays (steps, batch, ...); outputs: those of all steps, stacked. `assigned` are the values that a
    step changed; the next step finds them.
    """

    def program(values: Any, key: Any, data: Any, count: Any) -> tuple[Any, Any]:
        steps = jax.tree.leaves(data)[0].shape[0]
        outputs, assigned = step(values, key, _at(data, 0) if steps > 1 else jax.tree.map(lambda a: a[0], data), count)
        first = jax.tree.map(lambda array: array[None], outputs)
        if steps == 1:
            return first, assigned

        def go(assigned: Any, index: Any) -> tuple[Any, Any]:
            outputs, after = step(values | assigned, key, _at(data, index), count + index)
            return after, outputs

        assigned, rest = jax.lax.scan(go, assigned, jnp.arange(1, steps, dtype=jnp.uint32))
        return jax.tree.map(lambda a, b: jnp.concatenate([a, b]), first, rest), assigned

    return program
