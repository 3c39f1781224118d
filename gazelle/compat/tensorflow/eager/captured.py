"""Functions whose captured arrays are arguments: compiled control flow has gradients for what its parts capture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from gazelle.compat.tensorflow.eager.recording import Call, active_tapes, only_tapes
from gazelle.compat.types import Array, Function, Nested
from gazelle.core import tracing


def hoisted(function: Function, *args: Nested[Array]) -> tuple[Function, list[Array]]:
    """Return (function of args and a list of captured arrays, these arrays); it is traced once.

    Unlike `jax.closure_convert`, it returns all of them, not only those that are being differentiated.
    """
    closed, specs = jax.make_jaxpr(function, return_shape=True)(*args)
    structure = jax.tree.structure(specs)

    def run(*given: Any) -> Any:
        *values, captured = given
        return structure.unflatten(jaxpr_as_fun(ClosedJaxpr(closed.jaxpr, captured))(*jax.tree.leaves(values)))

    return run, list(closed.consts)


def recorded(function: Callable[..., Nested[Array]], *args: Nested[Array]) -> Nested[Array]:
    """Call a function of arrays, which compiles control flow, as one call on the active tapes."""
    tapes = active_tapes()
    if not tapes:
        return function(*args)
    args = jax.tree.map(jnp.asarray, args)
    with only_tapes(()):
        run, captured = hoisted(function, *args)
        out = run(*args, captured)
    flat, structure = jax.tree.flatten(args)

    def run_flat(*given: Any) -> list[Any]:
        values = structure.unflatten(given[: len(flat)])
        return jax.tree.leaves(run(*values, list(given[len(flat) :])))

    values = [*flat, *captured]
    variables = _variables_by_value()
    inputs = [*flat, *(variables.get(id(array), array) for array in captured)]
    for tape in tapes:
        if tape.is_affected_by(inputs):
            tape.record(Call(run_flat, inputs, values, jax.tree.leaves(out), None))
    return out


def _variables_by_value() -> dict[int, Any]:
    """{id of an array: the variable that has it as its value in the trace}."""
    scope = tracing.current()
    if scope is None or scope.values is None or scope.seen is None:
        return {}
    return {id(value): scope.seen[key] for key, value in scope.values.items() if key in scope.seen}
