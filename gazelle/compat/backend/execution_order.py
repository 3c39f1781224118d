"""The order within a run of a session: what `tf.control_dependencies` of TensorFlow 1 states.

A run has stages. What is made in a context is in a later stage than the assignments and optimizer steps on which it
depends: it reads variables as these left them. All else reads the values before the run. Nothing is done twice.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import jax

from gazelle.compat.types import Array, Option, TensorLike, TensorResult
from gazelle.core import tracing
from gazelle.core.context_variables import pushed
from gazelle.core.masks import with_masks
from gazelle.core.symbolic import KerasTensor, Node
from gazelle.core.types import Tree
from gazelle.layers.input import InputLayer
from gazelle.models.graph import Graph, compute

_open: list[tuple[Any, ...]] = [()]


def open_dependencies() -> tuple[Any, ...]:
    """What an operation that is made now depends on."""
    return _open[-1]


@contextlib.contextmanager
def depending(control_inputs: Option) -> Iterator[None]:
    """A context whose operations run after the given ones; None: after none, not those of outer contexts either."""
    given = [one for one in jax.tree.leaves(control_inputs) if hasattr(one, "control")]
    with pushed(_open, () if control_inputs is None else (*_open[-1], *given)):
        yield


class Fetch:
    """What a session computes from tensors: `result(values of fetched)`."""

    fetched: Any = None
    control: tuple[Any, ...] = ()

    def __new__(cls, *_: Any, **__: Any) -> Fetch:
        made = object.__new__(cls)
        made.control = open_dependencies()
        return made

    @property
    def needs(self) -> tuple[Any, ...]:
        return tuple(jax.tree.leaves(self.fetched))

    def result(self, value: TensorResult) -> object:
        """Return what `Session.run` returns."""
        return value

    def run(self, feed_dict: Mapping[Any, TensorLike] | None = None, session: Option = None) -> object:
        """Run it in a session; by default in that of Keras."""
        from gazelle.compat.backend.sessions import get_session  # which imports this module

        return (session or get_session()).run(self, feed_dict)


class Assertion(Fetch):
    """A condition: `check(its value)` raises an error before a run assigns anything."""

    def __init__(self, condition: TensorResult, check: Callable[[Any], None]) -> None:
        self.fetched, self._check = condition, check

    op = property(lambda self: self)

    def result(self, value: TensorResult) -> None:
        self._check(value)


class Order:
    """The stages of what a run needs.

    Attributes:
        needed: The assignments, optimizer steps and fetches, and the tensors on which others depend in this way.
        roots: The inputs of the graph.
        nodes: The calls.
        count: Number of stages.
    """

    def __init__(self, wanted: Iterable[Any]) -> None:
        self._stages: dict[int, int] = {}
        self.needed: list[Any] = []
        self.roots: list[KerasTensor] = []
        self.nodes: list[Node] = []
        ends: dict[int, int] = {}  # the first stage of what depends on it
        waiting: list[Any] = [(one, None) for one in wanted if _is_part(one)]
        while waiting:
            one, parents = waiting.pop()
            if id(one) in ends:
                continue
            if parents is None:
                parents = self._parents(one)
                more = [(each, None) for part in parents for each in part if id(each) not in ends]
                if more:
                    waiting += [(one, parents), *more]
                    continue
            data, control, effects = parents
            start = max([*(self._stages[id(v)] for v in data), *(ends[id(v)] for v in control)], default=0)
            end = start if isinstance(one, KerasTensor | Fetch) else start + 1
            ends[id(one)] = max([end, *(ends[id(v)] for v in (*data, *effects))])
            self._stages[id(one)] = start
            node = getattr(one, "node", None)
            if node is not None:
                self._stages[id(node)] = start
                self.nodes.append(node)
            if not isinstance(one, KerasTensor):
                self.needed.append(one)
            self.needed += [v for v in control if isinstance(v, KerasTensor)]
        self.count = 1 + max(self._stages.values(), default=0)

    def _parents(self, one: Any) -> tuple[Any, Any, Any]:
        """What something is computed from, depends on, and lets run, too."""
        control = getattr(one, "control", ())
        if not isinstance(one, KerasTensor):
            return list(filter(_is_part, one.needs)), control, ()
        node: Any = one.node
        if node is not None and isinstance(node.operation, InputLayer):
            node = node.operation._restore(one)  # the graph of t continues before Input(tensor=t)
        if node is None:
            self.roots.append(one)
            return (), control, ()
        data = [*node.inputs, *jax.tree.leaves(getattr(inner_graph(node), "outputs", ()))]
        return data, control, getattr(one, "effects", ())

    def stage(self, one: object, default: int = 0) -> int:
        """The stage of an operation or of a call in a graph."""
        return self._stages.get(id(one), default)

    def compute(self, stage: int, nodes: Iterable[Node], tensors: dict[int, Array]) -> None:
        """Add the values of what calls of a stage return, {id(tensor): array}."""
        compute([node for node in nodes if self.stage(node) == stage], tensors)


def inner_graph(node: Node) -> Graph | None:
    """The graph that the operation of a call runs, such as that of a loss for its gradients; None if it runs none."""
    return getattr(getattr(node.operation, "function", None), "graph", None)


def _is_part(value: object) -> bool:
    return isinstance(value, KerasTensor) or hasattr(value, "needs")


@dataclasses.dataclass
class Run:
    """A run at one of its stages; `before` are the values of variables before each stage so far, {id: array}."""

    order: Order
    before: list[dict[int, Array]]

    def values_at(self, stage: int, current: Mapping[int, Array]) -> dict[int, Array]:
        """The values as they were at a stage; those for which gradients are computed now move by the difference."""
        out = dict(current)
        for key, old in self.before[stage].items():
            new = self.before[-1][key]
            if new is not old:
                out[key] = old if current[key] is new else current[key] + (old - new)
        return out


running: ContextVar[Run | None] = ContextVar("gazelle_run", default=None)


class OrderedGraph(Graph):
    """A graph that gradients run again: each call reads variables as it did in its stage."""

    def run(self, inputs: Tree, known: Mapping[int, Any] = MappingProxyType({}), mask: Tree | None = None) -> Tree:
        run, scope = running.get(), tracing.current()
        if run is None or len(run.before) == 1 or scope is None or scope.values is None:
            return super().run(inputs, known, mask)
        last = len(run.before) - 1
        arrays = with_masks(self.fit_inputs(inputs), mask)
        tensors = {**known, **dict(zip(map(id, self.flat_inputs), arrays, strict=True))}
        stage_of = lambda node: min(run.order.stage(node, last), last)  # noqa: E731
        for stage, nodes in itertools.groupby(sorted(self.nodes, key=stage_of), stage_of):
            with tracing.entered(dataclasses.replace(scope, values=run.values_at(stage, scope.values))):
                compute(nodes, tensors)
        return self._outputs(tensors)
