"""Functions that run a graph of symbolic tensors: `K.function`, `K.eval`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, ValuesView
from typing import Any

import jax
import numpy as np

from gazelle.compat import era
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.execution_order import Assertion, Order, inner_graph
from gazelle.compat.backend.phase import LearningPhase, fixed_phase
from gazelle.compat.backend.staged_runs import StagedRun
from gazelle.compat.backend.updates import OptimizerStep, StateUpdate, Update
from gazelle.compat.types import Nested, TensorLike, TensorResult
from gazelle.core import prng, tracing
from gazelle.core.errors import ArgumentError, message
from gazelle.core.symbolic import KerasTensor, Node, Op
from gazelle.core.variable import Variable
from gazelle.layers.base import Layer
from gazelle.models.graph import Graph


def variables_of(graph: Graph) -> dict[int, Variable]:
    """The variables that the nodes of a graph read: in layers, in arguments, and in gradients."""
    return {id(v): v for node in graph.nodes for v in variables_of_node(node)}


def variables_of_node(node: Node) -> Iterator[Variable]:
    """The variables that a node reads: of its layer, its arguments and the graph inside of its operation."""
    is_leaf = lambda v: isinstance(v, Variable | KerasTensor)  # noqa: E731
    yield from (v for v in jax.tree.leaves((node.args, node.kwargs), is_leaf=is_leaf) if isinstance(v, Variable))
    operation = node.operation
    if isinstance(operation, Layer):
        yield from operation.variables
    elif isinstance(operation, Op) and (inner := inner_graph(node)) is not None:
        yield from variables_of(inner).values()


#: operations of graphs whose gradient in TensorFlow consists of the rows that they read
_GATHERS = ("gather", "_rows_of")


def gathered(graph: Graph) -> set[str]:
    """The ids of the variables of which a graph, and the graphs inside of its operations, only gather rows."""
    found, others = set[str](), set[str]()
    for node in graph.nodes:
        inner = inner_graph(node)
        if inner is not None:
            found |= gathered(inner)
            others |= {str(number) for number in variables_of(inner)} - gathered(inner)
        else:
            of_node = {str(id(v)) for v in variables_of_node(node)}
            (found if node.operation.name in _GATHERS else others).update(of_node)
    return found - others


def rows_of(graph: Graph) -> dict[int, list[KerasTensor]]:
    """{id of a variable: the rows that a graph gathers of it}, of the variables that it does not read otherwise."""
    found: dict[int, list[KerasTensor]] = {}
    others = set[int]()
    for node in graph.nodes:
        read = {id(v) for v in variables_of_node(node)}
        of_first_axis = not any((*node.args[3:], *map(node.kwargs.get, ("axis", "batch_dims"))))
        if node.operation.name in _GATHERS and of_first_axis:
            for key in read:
                found.setdefault(key, []).append(node.outputs)
        else:
            others |= read
    return {key: rows for key, rows in found.items() if key not in others}


class Function:
    """A compiled function from tensors of a graph: called on a list of arrays, it returns a list of arrays."""

    @ignores("options run_metadata on_unused_input mode allow_input_downcast profile feed_dict={} fetches=[] givens=()")
    def __init__(
        self,
        inputs: TensorLike,
        outputs: Nested[TensorLike] = (),
        updates: Sequence[Any] = (),
        name: str | None = None,
        order: Order | None = None,
    ) -> None:
        self.inputs = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        self.outputs = list(outputs) if isinstance(outputs, ValuesView) else outputs
        self._order = order or Order(())  # without one there is a single stage
        needed = self._order.needed
        flat = list({id(v): v for v in all_updates((*updates, *needed))}.values())
        self._checks = [v for v in needed if isinstance(v, Assertion)]
        self._more = [v for v in needed if isinstance(v, KerasTensor)]  # what functions of Python in them do
        self.updates = [u for u in flat if isinstance(u, Update)]
        self._states = [
            v for u in self.updates if isinstance(u, StateUpdate) for v in u.layer.variables if not v.trainable
        ]
        steps = [u for u in flat if isinstance(u, OptimizerStep)]
        self.optimizer_steps = sorted(steps, key=self._order.stage)
        self.name = name or "function"
        self._fed = [t for t in self.inputs if isinstance(t, KerasTensor) and not isinstance(t, LearningPhase)]
        self._graph = Graph(self._fed, self._symbolic_outputs())
        losses = [d.graph(self._fed) for d in self.optimizer_steps]
        graphs = [self._graph, *losses]
        self.variables = {key: v for graph in graphs for key, v in variables_of(graph).items()}
        self.variables |= {id(v): v for v in self._all_outputs() if isinstance(v, Variable)}
        self.variables |= {id(u.variable): u.variable for u in self.updates}
        self.variables |= {id(v): v for step in self.optimizer_steps for v in step.params.values()}
        self._losses = losses
        self._compiled: dict[tuple[int, tuple[bool | None, ...]], Any] = {}

    def _all_outputs(self) -> list[Any]:
        return [*jax.tree.leaves(self.outputs, is_leaf=_is_leaf), *(u.value for u in self.updates)]

    def _symbolic_outputs(self) -> list[KerasTensor]:
        outputs = [*self._all_outputs(), *self._more, *(check.fetched for check in self._checks)]
        return [t for t in outputs if isinstance(t, KerasTensor)]

    def __call__(self, *given_inputs: TensorLike, inputs: Sequence[TensorLike] | None = None) -> TensorResult:
        own = given_inputs if inputs is None else (inputs,)
        given = list(own[0]) if len(own) == 1 and isinstance(own[0], list | tuple) else list(own)
        in_tensorflow_1 = era.is_before_tf_keras_2() and not era.standalone()
        while len(given) > len(self.inputs) and (in_tensorflow_1 or np.ndim(given[-1]) == 0):
            given.pop()  # a learning phase that is no input was ignored, in TensorFlow 1 also weights of samples
        given += [fixed_phase() or 0 for tensor in self.inputs[len(given) :] if isinstance(tensor, LearningPhase)]
        if len(given) != len(self.inputs):
            expected = f"{len(self.inputs)} inputs"
            hint = "Call it on a list with one array for each input."
            raise ArgumentError(message(f"K.function '{self.name}'", expected=expected, got=f"{len(given)}", hint=hint))
        phase = fixed_phase() or 0
        arrays = []
        for tensor, value in zip(self.inputs, given, strict=True):
            if isinstance(tensor, LearningPhase) or not hasattr(tensor, "shape"):
                phase = phase if value is None else int(np.asarray(value))
            else:
                arrays.append(np.asarray(value) if not hasattr(value, "dtype") else value)
        values = {str(key): v.value for key, v in self.variables.items()}
        slots = [d.state() for d in self.optimizer_steps]
        flags = tuple(_flag(array) for array in arrays)
        program = self._program(phase, flags)
        if not hasattr(program, "lower"):  # it is not compiled
            arrays = [jax.numpy.asarray(a) if a.dtype.kind in "iufc" else a for a in arrays]
        outputs, assigned, after, checks = program(values, slots, arrays, np.uint32(prng.next_seed()))
        for check, value in zip(self._checks, checks, strict=True):
            check.result(value)
        for key, value in assigned.items():
            self.variables[int(key)].assign(value)
        for optimizer_step, state in zip(self.optimizer_steps, after, strict=True):
            optimizer_step.store_state(state)
        found = iter(outputs)
        # a number is no array: `+=` would change it wherever it is
        out = jax.tree.map(lambda _: np.array(next(found))[()], self.outputs, is_leaf=_is_leaf)
        return list(out) if isinstance(out, tuple) else out

    def _program(self, phase: int, flags: tuple[bool | None, ...]) -> Any:
        """The compiled function, for each value of the inputs that are flags: layers look at `training`."""
        if (phase, flags) not in self._compiled:
            flat_outputs = jax.tree.leaves(self.outputs, is_leaf=_is_leaf)

            def run(values: Any, slots: Any, arrays: Any, seed: Any) -> Any:
                arrays = [a if flag is None else np.bool_(flag) for a, flag in zip(arrays, flags, strict=True)]
                bound = {int(k): v for k, v in values.items()}
                key = jax.random.key(seed)
                scope = tracing.TraceContext(values=bound, key=key, training=bool(phase), closed=True)
                staged = StagedRun(self._order, self._graph, self._fed, arrays, scope)
                steps = list(zip(self.optimizer_steps, self._losses, slots, strict=True))
                for number in range(self._order.count):
                    staged.stage(number, self.updates, steps)
                new = staged.new | {str(id(v)): bound[id(v)] for v in self._states}
                found = [values[str(id(v))] if isinstance(v, Variable) else staged.value(v) for v in flat_outputs]
                return found, new, staged.states, [staged.value(v.fetched) for v in self._checks]

            has_text = any(t.dtype == "string" for t in self._fed)
            on_host = has_text or _needs_values([self._graph, *self._losses])
            self._compiled[phase, flags] = run if on_host else jax.jit(run)
        return self._compiled[phase, flags]


def _needs_values(graphs: Iterable[Graph]) -> bool:
    """Whether a graph, or one inside of its operations, contains an operation that JAX cannot trace."""
    for node in (node for graph in graphs for node in graph.nodes):
        inner = inner_graph(node)
        on_host = isinstance(node.operation, Op) and node.operation.runs_on_host
        if on_host or (isinstance(inner, Graph) and _needs_values([inner])):
            return True
    return False


def _flag(array: Any) -> bool | None:
    """The value of an input that is a single boolean."""
    return (
        bool(array) if array.ndim == 0 and array.dtype == bool and isinstance(array, np.ndarray | np.generic) else None
    )


def _is_leaf(value: Any) -> bool:
    return isinstance(value, KerasTensor | Variable)


def all_updates(given: Iterable[Any] | None) -> Iterator[Any]:
    """The assignments and optimizer steps in nested lists; a pair (variable, value) is an assignment."""
    for one in given or ():
        if isinstance(one, Update | OptimizerStep):
            yield one
            yield from all_updates(getattr(one, "others", ()))
        elif isinstance(one, tuple) and len(one) == 2 and isinstance(one[0], Variable):
            yield Update(*one)
        elif isinstance(one, list | tuple):
            yield from all_updates(one)


function = Function


def eval(x: TensorLike) -> TensorResult:
    """Return the value of a tensor that depends on variables only.

    >>> from gazelle.compat import backend as K
    >>> K.eval(K.ones((2,)) + K.variable([1.0, 2.0])).tolist()
    [2.0, 3.0]
    """
    if isinstance(x, Update):  # an assignment has the value that it assigns
        Function([], (), [x])([])
        x = x.variable
    if isinstance(x, KerasTensor):
        return Function([], x)([])
    return np.asarray(x.value if isinstance(x, Variable) else x)[()]
