"""Losses and metrics that use tensors of the model's graph without having them as arguments, as those of a VAE do.

    def vae_loss(x, x_decoded):
        return mse(x, x_decoded) - 0.5 * K.sum(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1)

The model computes these tensors in the same pass as its outputs, and the function finds their values.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import jax

from gazelle.core import symbolic, tracing
from gazelle.core.closed_over_tensors import find_tensors, uses_name
from gazelle.core.symbolic import KerasTensor
from gazelle.layers.input import Input, InputLayer
from gazelle.models.graph import Graph
from gazelle.models.step_methods import overrides
from gazelle.training.outputs import per_output
from gazelle.training.structured_loss import is_structured

if TYPE_CHECKING:
    from gazelle.core.types import Array, ArrayLike, LossLike, MetricLike, Nested
    from gazelle.models.model import Model


T = TypeVar("T")


class ClosedLoss:
    """`function` of (y_true, y_pred) and the `tensors` of the graph whose values it uses."""

    def __init__(self, function: Callable[..., Any], tensors: list[KerasTensor]) -> None:
        self.__name__, self.__module__ = getattr(function, "__name__", "loss"), function.__module__
        self.function, self.tensors = function, tensors

    def given(self, reports: Mapping[Any, Any]) -> Callable[..., Any]:
        """The loss as a function of (y_true, y_pred), where `tensors` have these values."""
        known = {id(tensor): reports[tensor] for tensor in self.tensors}

        def loss(y_true: Any, y_pred: Any) -> Any:
            with tracing.bind_symbolic(known):
                return tracing.known_value(self.function(y_true, y_pred))

        return loss

    def __call__(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        raise NotImplementedError(f"Loss {self.__name__!r} uses tensors of the model: it is computed only in fit.")


def graph_of_losses(model: Model) -> Graph | None:
    """The graph whose outputs the losses are for; None if `compute_loss` of the model chooses what they compare."""
    return None if overrides(model, "compute_loss") else model._graph


class Closures:
    """Makes losses and metrics that use tensors of a model's graph ready for its training.

    Args:
        model: The model, which computes the tensors in the same pass as its outputs from then on.
    """

    #: names by which a function finds tensors when it is called
    lookups: ClassVar[tuple[str, ...]] = ("get_layer",)

    def __init__(self, model: Model) -> None:
        self._model = model

    def close(self, loss: Nested[LossLike]) -> Nested[LossLike]:
        """What `compile` was given as loss, functions that use tensors of the model's graph made ready."""
        graph: Graph | None = graph_of_losses(self._model)
        if graph is None or loss is None:
            return loss
        outputs = symbolic.leaves(graph.outputs)
        closed: Any
        if is_structured(loss, graph.outputs, graph.output_names):
            closed = self._closed(loss, outputs[0], graph)
        else:
            losses = per_output("compile(loss=...)", loss, graph.output_names, spread=True)
            closed = [self._closed(f, t, graph) for f, t in zip(losses, outputs, strict=True)]
            if isinstance(loss, Mapping):
                closed = dict(zip(graph.output_names, closed, strict=True))
            elif isinstance(loss, tuple):
                closed = tuple(closed)
        tensors = [tensor for one in jax.tree.leaves(closed) if isinstance(one, ClosedLoss) for tensor in one.tensors]
        if not tensors:
            return loss
        self._model._compute_too(reports={tensor: tensor for tensor in tensors})
        return closed

    def compute_tensors_of(self, metrics: list[Nested[MetricLike]]) -> list[Nested[MetricLike]]:
        """Have the model compute the tensors of its graph that metrics use: the step binds their values.

        Returns:
            The metrics, each as `of_output` returns it if the model has one output.
        """
        graph = self._model._graph
        if graph is None:
            return metrics
        outputs = symbolic.leaves(graph.outputs)
        functions = [one for one in jax.tree.leaves(metrics) if isinstance(one, FunctionType | functools.partial)]
        tensors = {tensor: tensor for one in functions for tensor in self._used(one, outputs[0], graph)}
        if not tensors:
            return metrics
        self._model._compute_too(reports=tensors)
        return jax.tree.map(lambda one: self.of_output(one, outputs[0]), metrics) if len(outputs) == 1 else metrics

    def closed(self, loss: Callable[..., Any], output: KerasTensor, tensors: list[KerasTensor]) -> ClosedLoss:
        """A loss with the tensors that it uses."""
        return ClosedLoss(self.of_output(loss, output), tensors)

    def of_output(self, function: T, output: KerasTensor) -> T:
        """A loss or metric that needs more of an output than its value; others as they are."""
        return function

    def with_mask(self, tensor: KerasTensor) -> Iterator[KerasTensor]:
        """A tensor of the graph and others that belong to it."""
        yield tensor

    def _closed(self, loss: Any, output: KerasTensor, graph: Graph) -> Any:
        if isinstance(loss, (list, tuple, Mapping)):  # several losses, or the config of one
            return jax.tree.map(lambda one: self._closed(one, output, graph), loss)
        tensors = self._used(loss, output, graph)
        return self.closed(loss, output, tensors) if tensors else loss

    def _used(self, function: Callable[..., Any], output: KerasTensor, graph: Graph) -> list[KerasTensor]:
        """The tensors of the graph that a loss or metric uses."""
        found = {id(t): t for t in _of_graph(function, graph)}
        if not found and any(uses_name(function, name) for name in self.lookups):
            found = {id(t): t for t in self._looked_up(function, output, graph)}
        return list(found.values())

    def _looked_up(self, function: Callable[..., Any], output: KerasTensor, graph: Graph) -> Iterator[KerasTensor]:
        """The tensors of the graph that a function uses: found by calling it on symbolic tensors."""
        waiting = symbolic.symbolic_leaves(function(Input(batch_shape=output.shape), output))
        tensors = [tensor for node in graph.nodes for tensor in symbolic.leaves(node.outputs)]
        known = {id(each) for tensor in tensors for each in self.with_mask(tensor)}
        seen: set[int] = set()
        while waiting:
            tensor = waiting.pop()
            if id(tensor) in known:
                yield tensor
            elif tensor.node is not None and id(tensor.node) not in seen:
                seen.add(id(tensor.node))
                waiting += tensor.node.inputs


def _of_graph(function: object, graph: Graph) -> Iterator[KerasTensor]:
    """The tensors that a function uses and that depend on inputs of the graph only."""
    inputs = set(map(id, graph.flat_inputs))
    return (t for t in find_tensors(function) if all(id(root) in inputs for root in roots(t)))


def roots(tensor: KerasTensor) -> Iterator[KerasTensor]:
    """The inputs that a tensor depends on."""
    seen: set[int] = set()
    waiting = [tensor]
    while waiting:
        one = waiting.pop()
        node = one.node
        if node is None or isinstance(node.operation, InputLayer):
            yield one
        elif id(node) not in seen:
            seen.add(id(node))
            waiting += node.inputs
