"""`K.gradients`: gradients of a tensor with respect to tensors and variables of its graph, as symbolic tensors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.compat.backend.execution_order import OrderedGraph
from gazelle.compat.backend.functions import rows_of, variables_of
from gazelle.compat.backend.staged_runs import known_tensors
from gazelle.compat.types import TensorLike
from gazelle.core import tracing
from gazelle.core.errors import message
from gazelle.core.shape_inference import NeedsGraphError
from gazelle.core.symbolic import KerasTensor, Node, Op, is_symbolic
from gazelle.core.variable import Variable
from gazelle.layers.input import InputLayer
from gazelle.models.graph import Graph


@dataclasses.dataclass
class StepLoss:
    """The loss that `get_updates` of a user-defined optimizer receives; its gradients are those of each step."""

    gradients: Callable[[Any], list[Any]]


def gradients(loss: TensorLike, variables: TensorLike) -> list[Any]:
    """Return the gradients of sum(loss) for tensors or variables of its graph; None if it does not depend on one.

    >>> from gazelle.compat import backend as K
    >>> x = K.placeholder((2,))
    >>> (g,) = K.gradients(K.sum(x * x), x)
    >>> K.function([x], [g])([[1.0, 3.0]])[0].tolist()
    [2.0, 6.0]
    """
    if isinstance(loss, StepLoss):
        return loss.gradients(variables)
    loss = sum(loss[1:], loss[0]) if isinstance(loss, list | tuple) else loss
    if not is_symbolic(loss):
        expected = "a loss that is a tensor of a graph"
        hint = "Compute it from model.input, K.placeholder or K.variable; inside of a layer use jax.grad."
        raise NeedsGraphError(message("K.gradients", expected=expected, got=type(loss).__name__, hint=hint))
    return graph_gradients(loss, variables)


def graph_gradients(loss: KerasTensor, variables: TensorLike, constants: Sequence[KerasTensor] = ()) -> list[Any]:
    """The gradients of a tensor of a graph; they do not flow through `constants`."""
    sources = list(variables) if isinstance(variables, list | tuple) else [variables]
    by_variable_sources = [v for v in sources if isinstance(v, Variable)]
    found = _for_variables(loss, by_variable_sources, constants)
    by_variable = dict(zip(map(id, by_variable_sources), found, strict=True))
    return [by_variable[id(v)] if isinstance(v, Variable) else _for_tensor(loss, v, constants) for v in sources]


def roots_of(
    loss: KerasTensor, stop: KerasTensor | None, constants: Sequence[KerasTensor] = ()
) -> tuple[list[KerasTensor], bool]:
    """The inputs other than `stop` on which the loss depends, and whether it depends on `stop`.

    Constants are taken as inputs.
    """
    roots: dict[int, KerasTensor] = {}
    seen: set[int] = set()
    reached = loss is stop
    ends = set(map(id, constants))
    waiting = [loss]
    while waiting:
        tensor = waiting.pop()
        if tensor is stop:
            reached = True
            continue
        if id(tensor) in ends:
            roots[id(tensor)] = tensor
            continue
        node = tensor.node
        if node is not None and isinstance(node.operation, InputLayer):
            node = node.operation._restore(tensor)  # the graph of t continues before Input(tensor=t)
        if node is None:
            roots[id(tensor)] = tensor
        elif id(node) not in seen:
            seen.add(id(node))
            waiting += node.inputs
    return list(roots.values()), reached


def _of_tensorflow(gradient: Any) -> Any:
    """TensorFlow's gradient for complex numbers, which is the conjugate of JAX's."""
    return jnp.conj(gradient) if jnp.iscomplexobj(gradient) else gradient


def _for_tensor(loss: KerasTensor, source: KerasTensor, constants: Sequence[KerasTensor]) -> Any:
    roots, reached = roots_of(loss, source, constants)
    if not reached:
        return None
    graph = OrderedGraph([source, *roots], loss)

    def gradient(source: Any, *roots: Any) -> Any:
        found = jax.grad(lambda x: jnp.sum(_run(gradient.graph, [x, *roots], {})))(jnp.asarray(source))
        return _of_tensorflow(found)

    output = loss.derived(source.shape, source.dtype, name="gradient")
    return _graph_node(gradient, graph, source, (source, *roots), output)


def _for_variables(loss: KerasTensor, sources: list[Variable], constants: Sequence[KerasTensor]) -> list[Any]:
    if not sources:
        return []
    roots, _ = roots_of(loss, None, constants)
    graph = OrderedGraph(roots, loss)
    known = variables_of(graph)
    needed = [v for v in sources if id(v) in known]
    if not needed:
        return [None] * len(sources)
    gathered = rows_of(graph)
    rows = {id(v): gathered[id(v)] for v in needed if id(v) in gathered}

    def gradient(*roots: Any) -> Any:
        values = {id(v): v.value for v in needed}
        squares: list[Any] = []
        if rows:
            grads, squares = _with_squares(gradient.graph, rows, list(roots), values)
        else:
            grads = jax.grad(lambda values: jnp.sum(_run(gradient.graph, list(roots), values)))(values)
        return [*(_of_tensorflow(grads[id(v)]) for v in needed), *squares]

    outputs = [loss.derived(v.shape, v.dtype, name="gradient") for v in needed]
    found = dict(zip(map(id, needed), outputs, strict=True))
    for key in rows:
        outputs.append(loss.derived((), "float32", name="squares_of_rows"))
        found[key].squares_of_rows = outputs[-1]
    _graph_node(gradient, graph, None, tuple(roots), outputs)
    return [found.get(id(v)) for v in sources]


def _with_squares(graph: Graph, rows: dict[int, list[KerasTensor]], roots: list[Any], values: Any) -> tuple[Any, Any]:
    """The gradients for values of variables, and the sums of the squared gradients of the gathered rows of each."""
    parts = OrderedGraph(graph.flat_inputs, list(rows.values()))
    gathered, pull = jax.vjp(lambda of_rows: _run(parts, roots, of_rows), {key: values[key] for key in rows})
    flat = jax.tree.leaves(list(rows.values()), is_leaf=is_symbolic)

    def total(values: Any, gathered: Any) -> Any:
        known = dict(zip(map(id, flat), jax.tree.leaves(gathered), strict=True))
        return jnp.sum(_run(graph, roots, values, known))

    grads, of_gathered = jax.grad(total, argnums=(0, 1))(values, gathered)
    of_each = of_gathered if len(rows) > 1 else [of_gathered]  # a graph returns its only output itself
    squares = [sum(jnp.sum(jnp.square(g)) for g in jax.tree.leaves(each)) for each in of_each]
    return grads | pull(of_gathered)[0], squares


def norm_of(gradient: TensorLike) -> TensorLike:
    """What has the norm that TensorFlow computes of a gradient: it does not add the gradients of a row read twice."""
    squares = getattr(gradient, "squares_of_rows", None)
    return gradient if squares is None else squares**0.5


def _run(graph: Graph, inputs: list[Any], values: Any, known: Mapping[int, Any] = MappingProxyType({})) -> Any:
    """The outputs of a graph for values of variables and tensors, with the random numbers of the first run."""
    outer = tracing.current() or tracing.TraceContext()
    bound = {**(outer.values or {}), **values}
    scope = tracing.TraceContext(
        values=bound, key=outer.key, training=outer.training, names=outer.names, closed=True, guesses=outer.guesses
    )
    with tracing.entered(scope):
        return graph.run(inputs, {**known_tensors.get(), **known})


def _graph_node(function: Any, graph: Graph, source: KerasTensor | None, args: tuple[Any, ...], outputs: Any) -> Any:
    function.graph, function.source = graph, source
    Node(Op(function), args, {}, outputs)
    return outputs


def reconnect(node: Node) -> None:
    """If a call computes gradients, let it depend on all inputs of its loss: calls between have got other arguments."""
    gradient: Any = getattr(node.operation, "function", None)
    if hasattr(gradient, "source"):
        source, loss = gradient.source, gradient.graph.outputs
        roots, _ = roots_of(loss, source, gradient.graph.flat_inputs)
        node.args = tuple(roots) if source is None else (source, *roots)
        gradient.graph = OrderedGraph(list(node.args), loss)
