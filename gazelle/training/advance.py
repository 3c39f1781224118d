"""One compiled program per loop: `advance` goes as many steps as it is told at run time, 1 or 10,000."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax


def advance(step: Callable[..., Any], report: Callable[[Any], Any]) -> Callable[..., tuple[Any, Any]]:
    """Make `(carry, fixed, data, order, start, stop) -> (carry, logs)` from a pure `step(carry, fixed, batch)`.

    carry: what each step changes; fixed: what it only reads; data: pytree of arrays, samples along the first axis;
    order (steps, batch): which samples make which batch; start, stop: the steps to go, values and not constants, so
    that one program serves every length.
    """

    def program(carry: Any, fixed: Any, data: Any, order: Any, start: Any, stop: Any) -> tuple[Any, Any]:
        def more(loop: tuple[Any, Any]) -> Any:
            return loop[0] < stop

        def go(loop: tuple[Any, Any]) -> tuple[Any, Any]:
            index, carry = loop
            rows = jax.lax.dynamic_index_in_dim(order, index, keepdims=False)
            batch = jax.tree.map(lambda array: array[rows], data)
            return index + 1, step(carry, fixed, batch)

        _, carry = jax.lax.while_loop(more, go, (start, carry))
        return carry, report(carry)

    return program
