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

    `jax.closure_convert` returns the arrays alone by which a transformation differentiates now.
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
    inputs = [*flat, *map(_variable_of, captured)]
    for tape in tapes:
        if tape.is_affected_by(inputs):
            tape.record(Call(run_flat, inputs, values, jax.tree.leaves(out), None))
    return out


def _variable_of(array: Any) -> Any:
    """The variable that has this value in the trace; the array itself if there is none."""
    scope = tracing.current()
    if scope is None or scope.values is None or scope.seen is None:
        return array
    found = (scope.seen.get(key) for key, value in scope.values.items() if value is array)
    return next((variable for variable in found if variable is not None), array)
