"""Functions of a program as parts of a graph of TensorFlow 1: branches, steps of loops and of recurrent networks.

The function is called once on placeholders. What it made is a graph between them and the result, which runs within one
node of the outer graph, with further inputs for the tensors of the outer graph that the function uses.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.backend import variables
from gazelle.compat.backend.functions import all_updates
from gazelle.compat.backend.sessions import Operations, dependencies, dependencies_of
from gazelle.compat.backend.updates import Update
from gazelle.compat.tensorflow.calls import boxed
from gazelle.compat.tensorflow.eager.recording import is_box, unboxed
from gazelle.compat.types import Nested, TensorLike, TensorResult
from gazelle.core import prng, tracing
from gazelle.core.errors import ShapeError
from gazelle.core.shape_inference import call_op
from gazelle.core.symbolic import KerasTensor, Node, Op, is_symbolic, numbers_of_calls, symbolic_leaves
from gazelle.core.variable import Variable
from gazelle.layers.input import InputLayer
from gazelle.models.graph import Graph


class SubGraph:
    """The graph of `function(*examples)`.

    Attributes:
        captured: the tensors of the outer graph that it uses.
        nodes: its calls, in which `variables_of` finds variables.
        updates: the assignments that it returns, and those on which its results depend.
    """

    def __init__(self, function: Callable[..., Any], examples: Sequence[Any]) -> None:
        flat, structure = jax.tree.flatten(list(examples), is_leaf=is_box)
        self.inputs = [variables.placeholder(tuple(t.shape), dtype=_dtype(t)) for t in flat]
        first = next(numbers_of_calls)
        out = function(*jax.tree.unflatten(structure, self.inputs))
        leaves, self.structure = jax.tree.flatten(out, is_leaf=_is_leaf)
        plain = [None if isinstance(leaf, Update) else leaf for leaf in leaves]
        self.outputs = [leaf + 0 if isinstance(leaf, Variable) else unboxed(leaf) for leaf in plain]
        symbolic = [leaf for leaf in self.outputs if is_symbolic(leaf)]
        self.captured = _captured(symbolic, self.inputs, first)
        outside = {id(v) for found in dependencies_of(self.captured) for v in found}
        inside = [v for found in dependencies_of(symbolic) for v in found if id(v) not in outside]
        self.updates = [v for v in (*leaves, *inside) if isinstance(v, Update)]
        self.graph = Graph([*self.inputs, *self.captured], symbolic) if symbolic else None
        self.nodes = [] if self.graph is None else self.graph.nodes

    def run(self, arguments: Nested[Any], captured: Sequence[Any]) -> TensorResult:
        """Return the results for arrays in place of the placeholders and of the captured tensors."""
        given = jax.tree.leaves(arguments)
        scope = tracing.current() or tracing.TraceContext()
        with tracing.entered(dataclasses.replace(scope, values=dict(scope.values or {}))):  # assignments stay inside
            found: Any = [] if self.graph is None else self.graph.run([*given, *captured])
        values = iter(found if isinstance(found, list) else [found])
        leaves = [next(values) if is_symbolic(leaf) else leaf for leaf in self.outputs]
        return jax.tree.unflatten(self.structure, [None if v is None else jnp.asarray(v) for v in leaves])


def _is_leaf(value: Any) -> bool:
    return value is None or is_box(value)


def _dtype(value: Any) -> str:
    return str(jnp.result_type(unboxed(value)) if not is_symbolic(value) else value.dtype)


def _captured(outputs: Sequence[KerasTensor], inputs: Sequence[KerasTensor], first: int) -> list[KerasTensor]:
    """The tensors that calls from number `first` on use, and that older calls made."""
    own, seen = {id(tensor) for tensor in inputs}, set()
    found: list[KerasTensor] = []
    waiting = list(outputs)
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in own or id(tensor) in seen:
            continue
        seen.add(id(tensor))
        made = tensor.node
        if made is None or made.number < first or isinstance(made.operation, InputLayer):
            found.append(tensor)
        else:
            waiting += made.inputs
    return found


def node(
    compute: Callable[..., Any],
    parts: Sequence[SubGraph],
    arguments: tuple[Any, ...],
    otherwise: Callable[[], Any] | None = None,
) -> TensorResult:
    """Add `compute(arguments, captured of each part...)` to the graph, which is called on arrays.

    `otherwise` makes the results if their shapes cannot be computed.
    """

    def function(arguments: Any, *captured: Any) -> Any:
        return compute(arguments, *captured)

    vars(function)["graph"] = SimpleNamespace(nodes=[n for part in parts for n in part.nodes])
    plain = jax.tree.map(
        lambda v: v if isinstance(v, KerasTensor | Variable) else unboxed(v), arguments, is_leaf=is_box
    )
    given = plain, *(part.captured for part in parts)
    try:
        return call_op(function, given, {})
    except ShapeError:
        outputs = None if otherwise is None else otherwise()
        if outputs is None:
            raise
        Node(Op(function), given, {}, outputs)
        return outputs


def _of_either_shape(branches: Sequence[SubGraph]) -> Any:
    """Results for branches of which only the sizes differ, which are unknown then; None for other branches."""
    pairs = list(zip(*(branch.outputs for branch in branches), strict=False))
    alike = branches[0].structure == branches[1].structure and not any(leaf is None for pair in pairs for leaf in pair)
    if not alike or any(len(np.shape(a)) != len(np.shape(b)) or _dtype(a) != _dtype(b) for a, b in pairs):
        return None
    shapes = [[n if n == m else None for n, m in zip(np.shape(a), np.shape(b), strict=True)] for a, b in pairs]
    made = [KerasTensor.derived(shape, _dtype(a)) for shape, (a, _) in zip(shapes, pairs, strict=True)]
    return jax.tree.unflatten(branches[0].structure, made)


def symbolic_cond(pred: TensorLike, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> TensorResult:
    """`tf.cond` of a condition that is a tensor of a graph."""
    branches = [SubGraph(true_fn, ()), SubGraph(false_fn, ())]
    updates = [
        _if(pred, chosen, update)
        for branch, chosen in zip(branches, (True, False), strict=True)
        for update in all_updates(branch.updates)
    ]
    if all(v is None for branch in branches for v in branch.outputs):
        return Operations(updates) if updates else None

    def compute(arguments: Any, yes: Any, no: Any) -> Any:
        run = [lambda b=b, c=c: b.run((), c) for b, c in zip(branches, (yes, no), strict=True)]
        if isinstance(arguments[0], np.bool_):  # it was fed: the graph is compiled for each value
            return run[0 if arguments[0] else 1]()
        return jax.lax.cond(jnp.asarray(arguments[0], bool).reshape(()), *run)

    out = node(compute, branches, (pred,), lambda: _of_either_shape(branches))
    if updates:
        dependencies.update((tensor, (updates, [])) for tensor in symbolic_leaves(out))
    return out


def _if(pred: TensorLike, chosen: bool, update: Update) -> Update:
    """The assignment where `pred` is `chosen`, else that of the old value."""

    def select(condition: Any, new: Any, old: Any) -> Any:
        return jnp.where(jnp.asarray(condition, bool).reshape(()) == chosen, new, old)

    new = call_op(select, (pred, update.value, update.variable), {})
    return Update(update.variable, new, adds=update.adds)


def symbolic_while(
    condition: Callable[..., Any], body: Callable[..., Any], values: Sequence[TensorLike], limit: int | None
) -> TensorResult:
    """`tf.while_loop` of tensors of a graph; it has gradients if the number of iterations is limited."""

    def listed(*state: Any) -> list[Any]:
        out = body(*state)
        return list(out) if isinstance(out, list | tuple) else [out]

    examples = [v if is_box(v) else boxed(jnp.asarray(v)) for v in values]
    parts = [SubGraph(condition, examples), SubGraph(listed, examples)]

    def compute(arguments: Any, of_condition: Any, of_body: Any) -> Any:
        start = [jnp.asarray(v) for v in arguments]
        kinds, key = [v.dtype for v in start], prng.loop_key()

        def step(state: Any) -> Any:
            count, inner = state
            with tracing.at_step(key, count):
                new = parts[1].run(inner, of_body)
            return count + 1, [jnp.asarray(v, kind) for v, kind in zip(new, kinds, strict=True)]

        def goes_on(state: Any) -> Any:
            more = parts[0].run(state[1], of_condition).reshape(())
            return more if limit is None else jnp.logical_and(more, state[0] < limit)

        if limit is None:
            return jax.lax.while_loop(goes_on, step, (jnp.int32(0), start))[1]
        once = lambda state, _: (jax.lax.cond(goes_on(state), step, lambda same: same, state), None)  # noqa: E731
        return jax.lax.scan(once, (jnp.int32(0), start), length=limit)[0][1]

    return node(compute, parts, tuple(examples))


def symbolic_scan(
    function: Callable[[Any, Any], Any], elems: Nested[TensorLike], initial: Nested[TensorLike], reverse: bool = False
) -> TensorResult:
    """The results of state, out = function(state, row) for each row, and the last state: (last, stacked outs)."""
    rows = jax.tree.map(lambda t: _row(t), elems, is_leaf=is_box)
    part = SubGraph(function, (initial, rows))

    def compute(arguments: Any, captured: Any) -> Any:
        start, all_rows = arguments
        start, key = jax.tree.map(jnp.asarray, start), prng.loop_key()

        def step(carry: Any, row: Any) -> Any:
            count, state = carry
            with tracing.at_step(key, count):
                new, out = part.run((state, row), captured)
            new = jax.tree.map(lambda n, old: jnp.asarray(n, old.dtype), new, state)
            return (count + 1, new), out

        (_, last), outs = jax.lax.scan(step, (jnp.int32(0), start), all_rows, reverse=reverse)
        return last, outs

    return node(compute, [part], (initial, elems))


def _row(tensor: Any) -> Any:
    shape = tuple(tensor.shape)[1:]
    return KerasTensor(shape, _dtype(tensor))
