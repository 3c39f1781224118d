"""The run of a `K.function`: its stages one after the other, as a pure function of the values of variables."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import jax.numpy as jnp

from gazelle.compat.backend.execution_order import Order, Run, running
from gazelle.compat.backend.updates import OptimizerState, OptimizerStep, StateUpdate, Update, new_values
from gazelle.compat.types import Array, TensorLike
from gazelle.core import tracing
from gazelle.core.context_variables import assigned
from gazelle.core.symbolic import KerasTensor
from gazelle.models.graph import Graph

#: {id: value} of the inputs of the running function, at which graphs of gradients begin, too
known_tensors: ContextVar[Mapping[int, Any]] = ContextVar("gazelle_known_tensors", default=MappingProxyType({}))


class StagedRun:
    """One run.

    Args:
        order: The stages.
        graph: The graph of what the function returns and assigns.
        inputs: The inputs of the graph, and of the graphs of losses.
        arrays: Their values.
        scope: The values of variables, {id: array}, the key of random numbers and the learning phase. The values
            change with each stage.

    Attributes:
        tensors: {id of a tensor: its value}.
        new: {id of a variable as text: its new value}.
    """

    def __init__(
        self, order: Order, graph: Graph, inputs: list[KerasTensor], arrays: list[Array], scope: tracing.TraceContext
    ) -> None:
        self._order, self._graph, self._arrays, self._scope = order, graph, arrays, scope
        self._known = dict(zip(map(id, inputs), arrays, strict=True))
        self._begun = Run(order, [])
        self._steps: list[tuple[OptimizerStep, Any]] = []
        fitted = graph.fit_inputs(arrays) if graph.outputs else arrays
        self.tensors = dict(zip(map(id, inputs), fitted, strict=True))
        self.new: dict[str, Array] = {}

    @property
    def states(self) -> list[Any]:
        """The states of the optimizer steps, in the order of the steps."""
        return [state for _, state in self._steps]

    def value(self, tensor: TensorLike) -> Array:
        """The value of a tensor of the graph or of a number."""
        return self.tensors[id(tensor)] if isinstance(tensor, KerasTensor) else jnp.asarray(tensor)

    def stage(
        self, number: int, updates: Iterable[Update], steps: Iterable[tuple[OptimizerStep, Graph, OptimizerState]]
    ) -> None:
        """Compute the tensors of a stage; do its assignments and its optimizer steps (step, loss, state)."""
        bound: Any = self._scope.values
        self._begun.before.append(dict(bound))
        with self._computing(), tracing.entered(self._scope):
            self._order.compute(number, self._graph.nodes, self.tensors)
            made = [u for u in updates if self._order.stage(u) == number and not isinstance(u, StateUpdate)]
            changed = new_values(((u, self.value(u.value)) for u in made), bound)
        changed |= self._step(step for step in steps if self._order.stage(step[0]) == number)
        bound.update((int(key), value) for key, value in changed.items())
        self.new |= changed

    def _step(self, steps: Iterable[tuple[OptimizerStep, Graph, OptimizerState]]) -> dict[str, Array]:
        """The weights after the steps of a stage. All start from the weights before it; several changes add up."""
        before = {str(key): value for key, value in self._begun.before[-1].items()}
        new: dict[str, Array] = {}
        key: Any = self._scope.key
        for step, loss, state in steps:
            state = step.after(state, self._steps)
            with self._computing():
                params, after = step.step(loss, self._arrays, before, state, key, bool(self._scope.training))
            self._steps.append((step, after))
            new |= {key: new[key] + (w - before[key]) if key in new else w for key, w in params.items()}
        return new

    @contextlib.contextmanager
    def _computing(self) -> Iterator[None]:
        with assigned(known_tensors, self._known), assigned(running, self._begun):
            yield
