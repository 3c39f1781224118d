"""Functions of a program as parts of a graph of TensorFlow 1: branches, steps of loops and of recurrent networks.

The function is called once on placeholders. What it made is a graph between them and the result, which runs within one
node of the outer graph, with further inputs for the tensors of the outer graph that the function uses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.backend import variables
from gazelle.compat.backend.execution_order import Order, depending
from gazelle.compat.backend.functions import all_updates, variables_of
from gazelle.compat.backend.sessions import Operations, replace_in
from gazelle.compat.backend.updates import Update, new_values
from gazelle.compat.tensorflow.eager.recording import is_box, unboxed
from gazelle.compat.types import Array, Nested, TensorLike, TensorResult
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
        changed: their variables.
    """

    def __init__(self, function: Callable[..., Any], examples: Sequence[Any]) -> None:
        flat, structure = jax.tree.flatten(list(examples), is_leaf=is_box)
        self.inputs = [_input_like(t) for t in flat]
        self._first = next(numbers_of_calls)
        with depending(None):
            out = function(*jax.tree.unflatten(structure, self.inputs))
            self._operations = list(out) if isinstance(out, Operations) else []
            leaves, self.structure = jax.tree.flatten(None if self._operations else out, is_leaf=_is_leaf)
            computed = (leaf + 0 if isinstance(leaf, Variable) else leaf for leaf in leaves)
            self.outputs = [unboxed(leaf) if is_symbolic(unboxed(leaf)) else leaf for leaf in computed]
        if all(leaf is None for leaf in self.outputs):
            self.drop_outputs()
        self._connect()

    def _connect(self) -> None:
        """Find what the outputs need."""
        symbolic = list(filter(is_symbolic, self.outputs))
        captured = _captured(symbolic, self.inputs, self._first)
        outside = {id(v) for v in Order(captured).needed}
        self._order = Order([*symbolic, *self._operations])
        inside = [v for v in self._order.needed if isinstance(v, Update) and id(v) not in outside]
        self.updates = list({id(v): v for v in all_updates(inside)}.values())
        self.changed = list({id(v.variable): v.variable for v in self.updates}.values())
        symbolic += [v.value for v in self.updates if is_symbolic(v.value)]
        self.captured = _captured(symbolic, self.inputs, self._first)
        self.graph = Graph([*self.inputs, *self.captured], symbolic) if symbolic else None
        self.nodes = [] if self.graph is None else self.graph.nodes

    def replace(self, replaced: Callable[[Node | None, Any], Any]) -> None:
        """Take `replaced(call, argument)` in place of the arguments of each call, and of the outputs."""
        for each in self._order.nodes:
            replace_in(each, replaced)
        self.outputs = [replaced(None, leaf) for leaf in self.outputs]
        self._connect()

    def drop_outputs(self) -> None:
        """Return nothing: there are operations alone."""
        self.outputs, self.structure = [], jax.tree.structure(None)

    def run(self, arguments: Nested[Any], captured: Sequence[Any]) -> TensorResult:
        """Return the results for arrays in place of the placeholders and of the captured tensors."""
        return self.assigning(arguments, captured, ())[0]

    def assigning(
        self, arguments: Nested[Any], captured: Sequence[Any], changed: Sequence[Variable]
    ) -> tuple[TensorResult, list[Array]]:
        """Return the results, and the values of variables after the assignments."""
        given = [*jax.tree.leaves(arguments), *captured]
        with tracing.bind_variables({id(v): v.value for v in self.changed}) as bound:  # assignments stay inside
            found = self._tensors(given, bound)
            values = [v.value for v in changed]
        leaves = [found[id(leaf)] if is_symbolic(leaf) else unboxed(leaf) for leaf in self.outputs]
        out = jax.tree.unflatten(self.structure, [None if v is None else jnp.asarray(v) for v in leaves])
        return out, values

    def _tensors(self, given: list[Any], bound: dict[int, Array]) -> dict[int, Array]:
        """{id: value} of the tensors; assigns in `bound`."""
        inputs = [] if self.graph is None else zip(self.graph.flat_inputs, self.graph.fit_inputs(given), strict=True)
        tensors = {id(tensor): value for tensor, value in inputs}
        for stage in range(self._order.count):
            self._order.compute(stage, self.nodes, tensors)
            made = [u for u in self.updates if self._order.stage(u) == stage]
            pairs = ((u, tensors[id(u.value)] if is_symbolic(u.value) else jnp.asarray(u.value)) for u in made)
            bound.update((int(key), value) for key, value in new_values(pairs, bound).items())
        return tensors


def _is_leaf(value: Any) -> bool:
    return value is None or is_box(value)


def _input_like(tensor: Any) -> KerasTensor:
    made = variables.placeholder(tuple(n or None for n in tensor.shape), dtype=dtype_of(tensor))
    made.shape = tuple(tensor.shape)  # a size may be 0
    return made


def dtype_of(value: TensorLike) -> str:
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

    vars(function)["parts"], vars(function)["graph"] = parts, SimpleNamespace(nodes=[n for p in parts for n in p.nodes])
    given = _plain(arguments), *(part.captured for part in parts)
    try:
        return call_op(function, given, {})
    except ShapeError:
        outputs = None if otherwise is None else otherwise()
        if outputs is None:
            raise
        Node(Op(function), given, {}, outputs)
        return outputs


def _plain(arguments: Any) -> Any:
    return jax.tree.map(lambda v: v if isinstance(v, KerasTensor | Variable) else unboxed(v), arguments, is_leaf=is_box)


def _of_either_shape(branches: Sequence[SubGraph]) -> Any:
    """Results for branches of which only the sizes differ, which are unknown then; None for other branches."""
    pairs = list(zip(*(branch.outputs for branch in branches), strict=False))
    alike = branches[0].structure == branches[1].structure and not any(leaf is None for pair in pairs for leaf in pair)
    if not alike or any(len(np.shape(a)) != len(np.shape(b)) or dtype_of(a) != dtype_of(b) for a, b in pairs):
        return None
    shapes = [[n if n == m else None for n, m in zip(np.shape(a), np.shape(b), strict=True)] for a, b in pairs]
    made = [KerasTensor.derived(shape, dtype_of(a)) for shape, (a, _) in zip(shapes, pairs, strict=True)]
    return jax.tree.unflatten(branches[0].structure, made)


def symbolic_cond(pred: TensorLike, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> TensorResult:
    """`tf.cond` of a condition that is a tensor of a graph."""
    branches = [SubGraph(true_fn, ()), SubGraph(false_fn, ())]
    changed = changed_by(branches)
    if not all(branch.outputs for branch in branches):
        for branch in branches:
            branch.drop_outputs()
        if not changed:
            return None

    def compute(arguments: Any, yes: Any, no: Any) -> Any:
        run = [lambda b=b, c=c: b.assigning((), c, changed) for b, c in zip(branches, (yes, no), strict=True)]
        if isinstance(arguments[0], np.bool_):  # it was fed: the graph is compiled for each value
            return run[0 if arguments[0] else 1]()
        return jax.lax.cond(jnp.asarray(arguments[0], bool).reshape(()), *run)

    otherwise = lambda: (_of_either_shape(branches), [KerasTensor.derived(v.shape, v.dtype) for v in changed])  # noqa: E731
    out, updates = with_updates(node(compute, branches, (pred, changed), otherwise), branches)
    return out if branches[0].outputs else Operations(updates)


def changed_by(parts: Sequence[SubGraph]) -> list[Variable]:
    """The variables that parts of a call assign."""
    return list({id(v): v for part in parts for v in part.changed}.values())


def with_updates(made: TensorResult, parts: Sequence[SubGraph]) -> tuple[Any, list[Update]]:
    """The results of a call, and assignments that a session runs with them; `made` is (results, new values)."""
    out, values = made
    adding = {id(u.variable): u.adds for part in parts for u in part.updates}
    updates = [Update(v, value, adds=adding[id(v)]) for v, value in zip(changed_by(parts), values, strict=True)]
    for tensor in symbolic_leaves(out):
        tensor.effects = tuple(updates)
    return out, updates


def symbolic_scan(
    function: Callable[[Any, Any], Any], elems: Nested[TensorLike], initial: Nested[TensorLike], reverse: bool = False
) -> TensorResult:
    """The results of state, out = function(state, row) for each row, and the last state: (last, stacked outs)."""
    rows = jax.tree.map(_row, elems, is_leaf=is_box)
    part = SubGraph(function, (initial, rows))

    def scan(arguments: Any, captured: Any) -> Any:
        start, all_rows = arguments
        start, key = jax.tree.map(jnp.asarray, start), prng.loop_key()

        def step(carry: Any, row: Any) -> Any:
            count, state = carry
            new, out = _step(part, key, count, (state, row), captured)
            return (count + 1, _like(new, state)), out

        (_, last), outs = jax.lax.scan(step, (jnp.int32(0), start), all_rows, reverse=reverse)
        return last, outs

    at_once = compiled(part, scan)
    compute = lambda *given: (scan if tracing.is_traced() else at_once)(*given)  # noqa: E731
    return node(compute, [part], (initial, elems))


def _step(part: SubGraph, key: Any, number: Any, arguments: Any, captured: Any) -> Any:
    with tracing.at_step(key, number):
        return part.run(arguments, captured)


def _like(new: Any, state: Any) -> Any:
    return jax.tree.map(lambda n, old: jnp.asarray(n, old.dtype), new, state)


def symbolic_steps(part: SubGraph, start: Nested[TensorLike], limit: TensorLike) -> TensorResult:
    """The results of (number, *state) -> out, state until `state[0]` is True everywhere: (stacked outs, last state).

    A session counts the steps first: their number is a size of the results.
    """

    def count(state: Any, most: Any, captured: Any) -> Any:
        key = prng.loop_key()
        goes_on = lambda carry: jnp.logical_not(jnp.all(carry[1][0])) & (carry[0] < most)  # noqa: E731
        after = lambda i, state: _like(_step(part, key, i, (i, *state), captured)[1], state)  # noqa: E731
        return jax.lax.while_loop(goes_on, lambda carry: (carry[0] + 1, after(*carry)), (jnp.int32(0), state))[0]

    def steps(numbers: Any, state: Any, captured: Any) -> Any:
        key = prng.loop_key()

        def step(state: Any, i: Any) -> Any:
            out, new = _step(part, key, i, (i, *state), captured)
            return _like(new, state), out

        return jax.lax.scan(step, state, numbers)[::-1]

    counted, repeated = compiled(part, count, stops_gradients=True), compiled(part, steps)

    def compute(arguments: Any, captured: Any) -> Any:
        (state, most), key = arguments, prng.loop_key()
        state = jax.tree.map(jnp.asarray, state)
        most = jnp.int32(np.iinfo("int32").max if most is None else most)
        return repeated(jnp.arange(counted(state, most, captured, key=key)), state, captured, key=key)

    out, last = jax.tree.unflatten(part.structure, part.outputs)
    made = (
        jax.tree.map(lambda v: KerasTensor.derived((None, *v.shape), dtype_of(v)), out, is_leaf=is_box),
        jax.tree.map(lambda v: KerasTensor.derived(v.shape, dtype_of(v)), last, is_leaf=is_box),
    )
    return host_part(compute, [part], (start, limit), made)


def host_part(
    compute: Callable[..., Any], parts: Sequence[SubGraph], arguments: tuple[Any, ...], made: TensorResult
) -> TensorResult:
    """Add `compute(arguments, captured of each part...)`, which needs values, to the graph; returns its results."""
    vars(compute)["parts"] = parts
    vars(compute)["graph"] = SimpleNamespace(nodes=[n for part in parts for n in part.nodes])
    operation = Op(compute)
    operation.runs_on_host = True
    Node(operation, (_plain(arguments), *(part.captured for part in parts)), {}, made)
    return made


def compiled(part: SubGraph, function: Callable[..., Any], stops_gradients: bool = False) -> Callable[..., Any]:
    """A function of arrays that runs a part, compiled although a session runs the rest on the host."""
    variables = variables_of(SimpleNamespace(nodes=part.nodes))

    @jax.jit
    def run(key: Any, values: Any, given: Any) -> Any:
        if stops_gradients:
            values, given = jax.tree.map(jax.lax.stop_gradient, (values, given))
        with tracing.at_step(key, 0), tracing.bind_variables({int(number): v for number, v in values.items()}):
            return function(*given)

    def called(*given: Any, key: Any = None) -> Any:
        values = {str(number): v.value for number, v in variables.items()}
        return run(prng.loop_key() if key is None else key, values, given)

    return called


def _row(tensor: Any) -> Any:
    return KerasTensor(tuple(tensor.shape)[1:], dtype_of(tensor))
