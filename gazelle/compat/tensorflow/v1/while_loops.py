"""`tf.while_loop` in graphs of TensorFlow 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.compat.old_variable import TensorShape
from gazelle.compat.tensorflow.calls import boxed
from gazelle.compat.tensorflow.eager.recording import is_box
from gazelle.compat.tensorflow.v1 import loops
from gazelle.compat.tensorflow.v1.subgraphs import (
    SubGraph,
    changed_by,
    compiled,
    dtype_of,
    host_part,
    node,
    with_updates,
)
from gazelle.compat.tensorflow.v1.tensor_arrays import GraphTensorArray, arrays_in, in_graph, resized
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core import prng, tracing
from gazelle.core.errors import StateError, message
from gazelle.core.symbolic import KerasTensor

_FIRST_CAPACITY = 16


def symbolic_while(
    condition: Callable[..., Any],
    body: Callable[..., Any],
    values: Sequence[TensorLike],
    limit: int | None,
    shapes: Sequence[Any] | None = None,
) -> TensorResult:
    """`tf.while_loop` of tensors of a graph; `shapes` are those that values have in all iterations."""
    values = in_graph(list(values))
    leaves, structure = jax.tree.flatten(values, is_leaf=is_box)

    def nested(state: Any) -> Any:
        out = jax.tree.unflatten(structure, state)
        for array in arrays_in(out):
            array.is_in_loop = True
        return out

    def listed(*state: Any) -> list[Any]:
        out = body(*nested(state))
        out = list(out) if isinstance(out, list | tuple) and not hasattr(out, "_fields") else [out]
        return jax.tree.leaves(in_graph(out), is_leaf=is_box)

    examples: list[Any] = [v if is_box(v) else boxed(jnp.asarray(v)) for v in leaves]
    inside = list(examples) if shapes is None else _with_shapes(examples, values, shapes)
    arrays = _positions(values)
    growing = [i for array, i in arrays if array.count is not None and not array.is_in_loop]
    for i in growing:
        inside[i] = KerasTensor.derived((None, *inside[i].shape[1:]), dtype_of(inside[i]))
    parts = [SubGraph(lambda *state: condition(*nested(state)), inside), SubGraph(listed, inside)]
    loop = _Loop(parts, limit, [i for array, i in arrays if array.is_fresh], growing)
    if loop.growing:
        out = _growing_loop(loop, examples)
    else:
        out = node(lambda given, *captured: loop.run(given[0], captured), parts, (examples, loop.changed))
    return jax.tree.unflatten(structure, with_updates(out, parts)[0])


def _with_shapes(examples: Sequence[Any], values: Any, shapes: Any) -> list[KerasTensor]:
    """Values of the given shapes; arrays have their own."""
    if len(shapes) != len(values) or any(isinstance(v, list | tuple | dict) for v in values):
        shapes = jax.tree.leaves(list(shapes), is_leaf=lambda v: isinstance(v, TensorShape))
    flat = jax.tree.leaves(values, is_leaf=lambda v: is_box(v) or isinstance(v, GraphTensorArray))
    each: list[Any] = []
    for value, shape in zip(flat, shapes, strict=True):
        own = isinstance(value, GraphTensorArray)
        each += [None] * len(jax.tree.leaves(value, is_leaf=is_box)) if own else [shape]
    pairs = zip(each, examples, strict=True)
    return [v if shape is None else KerasTensor(shape, dtype_of(v)) for shape, v in pairs]


def _positions(values: Any) -> list[tuple[GraphTensorArray, int]]:
    """The arrays in values, and the position of the rows of each in the leaves; the count of one follows its rows."""
    found, position = [], 0
    for value in jax.tree.leaves(values, is_leaf=lambda v: is_box(v) or isinstance(v, GraphTensorArray)):
        if isinstance(value, GraphTensorArray):
            found.append((value, position))
        position += len(jax.tree.leaves(value, is_leaf=is_box))
    return found


class _Loop:
    """Iterations of the parts (condition, body); their state is (number, values, values of assigned variables)."""

    def __init__(self, parts: Sequence[SubGraph], limit: int | None, fresh: list[int], growing: list[int]) -> None:
        self.parts, self.limit, self.changed = parts, limit, changed_by(parts)
        self._fresh, self.growing = fresh, growing

    def functions(self, start: Any, captured: Any, key: Any) -> tuple[Any, Any]:
        """Whether another iteration follows a state, and the state after it."""
        numbers, kinds = list(map(id, self.changed)), [v.dtype for v in start]

        def step(state: Any) -> Any:
            count, inner, values = state
            with tracing.at_step(key, count), tracing.bind_variables(dict(zip(numbers, values, strict=True))):
                new, values = self.parts[1].assigning(inner, captured[1], self.changed)
            return count + 1, [jnp.asarray(v, kind) for v, kind in zip(new, kinds, strict=True)], values

        def goes_on(state: Any) -> Any:
            with tracing.bind_variables(dict(zip(numbers, state[2], strict=True))):
                more = self.parts[0].run(state[1], captured[0]).reshape(())
            return more if self.limit is None else jnp.logical_and(more, state[0] < self.limit)

        return goes_on, step

    def known(self, start: Sequence[Any]) -> int | None:
        """The number of iterations if it is known."""
        count = None if self.changed else loops.known_count(self.parts[0], self.parts[1], start)
        return count if count is None or self.limit is None else min(count, self.limit)

    def run(self, given: Sequence[Any], captured: Any) -> Any:
        """The values after the loop, and those of the assigned variables."""
        start, key = [jnp.asarray(v) for v in given], prng.loop_key()
        goes_on, step = self.functions(start, captured, key)
        first = self.with_rows(step, (jnp.int32(0), start, [v.value for v in self.changed]))
        if (known := self.known(given)) is not None:
            return loops.repeated(step, first, known)[1:]
        if self.limit is None:
            return loops.while_loop(goes_on, step, first)[1:]
        return loops.at_most(self.limit, goes_on, step, first)[1:]

    def with_rows(self, step: Any, first: Any) -> Any:
        """The first state, with zeros for the rows of arrays whose elements get a shape in the iterations."""
        number, start, values = first
        start = list(start)
        for i in self._fresh:
            shape = self.parts[1].inputs[i].shape[1:]
            if 0 in start[i].shape[1:] and 0 not in shape and None not in shape:
                start[i] = jnp.zeros((len(start[i]), *shape), start[i].dtype)
        if unknown := [i for i in self._fresh if 0 in start[i].shape[1:]]:
            after = jax.eval_shape(step, (number, start, values))[1]
            for i in unknown:
                start[i] = jnp.zeros(after[i].shape, start[i].dtype)
        return number, start, values


def _growing_loop(loop: _Loop, examples: Sequence[Any]) -> Any:
    """A loop in which arrays grow: a session runs it first to count the steps and rows, which are sizes of results."""

    def sized(start: Any, sizes: Sequence[int]) -> list[Any]:
        grown = dict(zip(loop.growing, sizes, strict=True))
        return [resized(v, grown[i]) if i in grown else jnp.asarray(v) for i, v in enumerate(start)]

    def counted(start: Any, variables: Any, captured: Any) -> Any:
        goes_on, step = loop.functions(start, captured, prng.loop_key())
        first = loop.with_rows(step, (jnp.int32(0), start, variables))
        fits = lambda state: [state[1][i + 1] <= len(state[1][i]) for i in loop.growing]  # noqa: E731
        more = lambda state: jnp.logical_and(goes_on(state), jnp.all(jnp.stack(fits(state))))  # noqa: E731
        last = jax.lax.while_loop(more, step, first)
        return last[0], [last[1][i + 1] for i in loop.growing]

    def repeated(numbers: Any, start: Any, variables: Any, captured: Any) -> Any:
        _, step = loop.functions(start, captured, prng.loop_key())
        first = loop.with_rows(step, (jnp.int32(0), start, variables))
        return loops.repeated(step, first, len(numbers))[1:]

    whole: Any = SimpleNamespace(nodes=[n for part in loop.parts for n in part.nodes])
    count, repeat = compiled(whole, counted, stops_gradients=True), compiled(whole, repeated)

    def compute(arguments: Any, *captured: Any) -> Any:
        start, key, values = arguments[0], prng.loop_key(), [v.value for v in loop.changed]
        capacity = _FIRST_CAPACITY
        sizes: list[int] = []
        while not sizes or max(sizes) > capacity:
            capacity = max([capacity, *(2 * n for n in sizes)])
            try:
                steps, found = count(sized(start, [capacity] * len(loop.growing)), values, captured, key=key)
                sizes = list(map(int, found))
            except jax.errors.ConcretizationTypeError as error:
                hint = "Give the size: tf.TensorArray(dtype, size)."
                what = "A tf.TensorArray that grows in a loop within another one"
                raise StateError(message(what, expected="a size that is known", hint=hint)) from error
        return repeat(jnp.arange(int(steps)), sized(start, sizes), values, captured, key=key)

    made = [KerasTensor.derived(_outer(i, v, loop), dtype_of(v)) for i, v in enumerate(loop.parts[1].outputs)]
    variables = [KerasTensor.derived(v.shape, v.dtype) for v in loop.changed]
    return host_part(compute, loop.parts, (examples, loop.changed), (made, variables))


def _outer(index: int, value: Any, loop: _Loop) -> tuple[int | None, ...]:
    """The shape of a result: the rows of arrays that grow are as many as there are writes."""
    return (None, *value.shape[1:]) if index in loop.growing else tuple(value.shape)
