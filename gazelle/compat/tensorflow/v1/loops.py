"""Loops with gradients: JAX has those of loops alone that have a fixed number of iterations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.backend.functions import variables_of_node
from gazelle.compat.tensorflow.eager.captured import hoisted
from gazelle.compat.types import Array
from gazelle.core.symbolic import KerasTensor, is_symbolic
from gazelle.layers.input import InputLayer
from gazelle.models.graph import Graph

if TYPE_CHECKING:
    from gazelle.compat.tensorflow.v1.subgraphs import SubGraph

#: the values that an iteration takes and returns, a pytree of arrays
State: TypeAlias = Any
#: iterations that are counted in advance, and those that are traced one by one if shapes change
_MOST_COUNTED, _MOST_TRACED = 10_000, 100


def known_count(condition: SubGraph, body: SubGraph, start: Sequence[Any]) -> int | None:
    """How often a loop runs if that follows from constants, such as `i < 3` of a counter; else None."""
    needed = _sources(condition, condition.outputs)
    while needed is not None:
        more = _sources(body, [body.outputs[i] for i in sorted(needed)])
        if more is None or more <= needed:
            needed = None if more is None else needed
            break
        needed |= more
    if not needed or any(isinstance(start[i], jax.core.Tracer) or is_symbolic(start[i]) for i in needed):
        return None
    order = sorted(needed)
    goes_on = Graph([condition.inputs[i] for i in order], condition.outputs)
    step = Graph([body.inputs[i] for i in order], [body.outputs[i] for i in order])
    values = [start[i] for i in order]
    with jax.ensure_compile_time_eval():
        for count in range(_MOST_COUNTED):
            if not bool(np.all(goes_on.run(values))):
                return count
            found = step.run(values)
            values = found if isinstance(found, list) else [found]
    return None


def _sources(part: SubGraph, outputs: Sequence[Any]) -> set[int] | None:
    """The numbers of the inputs from which outputs are computed; None if they need others or random numbers."""
    own, captured = {id(tensor): i for i, tensor in enumerate(part.inputs)}, set(map(id, part.captured))
    found: set[int] = set()
    waiting: list[KerasTensor] = list(outputs)
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in own:
            found.add(own[id(tensor)])
            continue
        made = tensor.node if is_symbolic(tensor) else None
        if made is None or not made.inputs or isinstance(made.operation, InputLayer) or id(tensor) in captured:
            return None
        if any(True for _ in variables_of_node(made)):
            return None
        waiting += made.inputs
    return found


def repeated(step: Callable[[State], State], state: State, count: int) -> State:
    """`count` iterations; the shapes of a state may differ from those of the former one in short loops."""
    try:
        return jax.lax.scan(lambda state, _: (step(state), None), state, length=count)[0]
    except TypeError:
        if count > _MOST_TRACED:
            raise
    for _ in range(count):
        state = step(state)
    return state


def while_loop(goes_on: Callable[[State], Any], step: Callable[[State], State], state: State) -> State:
    """`jax.lax.while_loop` with gradients, for which each state is computed once more from the first one."""
    goes_on, more = hoisted(goes_on, state)
    step, given = hoisted(step, state)
    flat, structure = jax.tree.flatten((state, more, given))
    is_float = [jnp.issubdtype(jnp.result_type(v), jnp.inexact) for v in flat]

    def joined(floats: Sequence[Any], others: Sequence[Any]) -> Any:
        each = iter(floats), iter(others)
        return structure.unflatten([next(each[0 if kind else 1]) for kind in is_float])

    def parted(leaves: Sequence[Any], wanted: bool) -> list[Any]:
        return [v for v, kind in zip(leaves, is_float, strict=False) if kind is wanted]

    def counted(floats: Sequence[Any], others: Sequence[Any]) -> Any:
        first, of_condition, of_step = joined(floats, others)
        more = lambda carry: goes_on(carry[1], of_condition)  # noqa: E731
        return jax.lax.while_loop(more, lambda carry: (carry[0] + 1, step(carry[1], of_step)), (jnp.int32(0), first))

    def backward(kept: Any, upstream: Any) -> Any:
        (floats, others), count = kept
        first, _, of_step = joined(floats, others)
        size = len(parted(jax.tree.leaves(first), True))

        def one(number: Any, gradients: Any) -> Any:
            at = _iterated(count - 1 - number, lambda _, state: step(state, of_step), first)
            at = jax.tree.leaves(at)
            integers = parted(at, False)

            def run(moving: Any, fixed: Any) -> Any:
                before, _, parameters = joined([*moving, *fixed], [*integers, *others[len(integers) :]])
                return parted(jax.tree.leaves(step(before, parameters)), True)

            _, transposed = jax.vjp(run, parted(at, True), floats[size:])
            of_state, of_fixed = transposed(gradients[0])
            return of_state, [a + b for a, b in zip(gradients[1], of_fixed, strict=True)]

        zeros = [jnp.zeros_like(v) for v in floats[size:]]
        of_state, of_fixed = _iterated(count, one, (parted(jax.tree.leaves(upstream), True), zeros))
        return [*of_state, *of_fixed], None

    def forward(floats: Any, others: Any) -> Any:
        count, last = counted(floats, others)
        return last, ((floats, others), count)

    run = jax.custom_vjp(lambda floats, others: counted(floats, others)[1])
    run.defvjp(forward, backward)
    return run(parted(flat, True), parted(flat, False))


def at_most(limit: int, goes_on: Callable[[State], Any], step: Callable[[State], State], state: State) -> State:
    """`while_loop` with at most `limit` iterations, of which JAX has the gradients."""
    once = lambda state, _: (jax.lax.cond(goes_on(state), step, lambda same: same, state), None)  # noqa: E731
    return jax.lax.scan(once, state, length=limit)[0]


def _iterated(count: Array, step: Callable[[Array, State], State], state: State) -> State:
    """`count` iterations `state <- step(number, state)`, whose gradients have gradients."""
    more = lambda carry: carry[0] < count  # noqa: E731
    return while_loop(more, lambda carry: (carry[0] + 1, step(*carry)), (jnp.int32(0), state))[1]
