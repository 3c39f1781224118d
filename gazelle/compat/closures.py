"""Losses and metrics that find tensors of the graph by private attributes of their arguments, or take gradients."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from gazelle.core import symbolic, tracing
from gazelle.core.closed_over_tensors import uses_name
from gazelle.core.symbolic import KerasTensor
from gazelle.layers import Input
from gazelle.models.closures import ClosedLoss, Closures, roots
from gazelle.models.graph import Graph

if TYPE_CHECKING:
    from gazelle.compat.types import Function


T = TypeVar("T")


class GraphLoss(ClosedLoss):
    """A loss with gradients for its tensors, which is added to the graph completely, starting from the labels."""

    def __init__(self, function: Callable[..., Any], output: KerasTensor) -> None:
        target = Input(batch_shape=output.shape)
        target.accepts_other_sizes = True  # labels (batch, 1) may be broadcast to outputs (batch, n)
        value = function(target, output)
        super().__init__(function, list(dict.fromkeys(_independent(value, target))))
        self._graph = Graph([target, *self.tensors], value)

    def given(self, reports: Mapping[Any, Any]) -> Callable[..., Any]:
        """The loss as a function of (y_true, y_pred), where `tensors` have these values."""
        return lambda y_true, y_pred: self._graph.run([y_true, *(reports[tensor] for tensor in self.tensors)])


class ClosuresOfPrograms(Closures):
    """Finds also what programs for earlier versions of Keras look up in tensors and layers."""

    #: attributes of tensors and layers; `K.gradients` is for `model.input`
    lookups = (*Closures.lookups, "_keras_history", "_inbound_nodes", "inbound_nodes", "gradients")

    def closed(self, loss: Function, output: KerasTensor, tensors: list[KerasTensor]) -> ClosedLoss:
        """A loss with the tensors that it uses; one with gradients becomes a part of the graph."""
        return GraphLoss(loss, output) if uses_name(loss, "gradients") else super().closed(loss, output, tensors)

    def of_output(self, function: T, output: KerasTensor) -> T:
        """The function; if it reads `y_pred._keras_history`, with the output of the graph as y_pred."""
        if not isinstance(function, FunctionType) or not uses_name(function, "_keras_history"):
            return function

        @functools.wraps(function)
        def of_output(y_true: Any, y_pred: Any) -> Any:
            with tracing.bind_symbolic({id(output): y_pred}):
                return function(y_true, output)

        return cast(T, of_output)

    def with_mask(self, tensor: KerasTensor) -> Iterator[KerasTensor]:
        """A tensor of the graph, and its mask if a program has read or set it."""
        yield tensor
        if "given_mask" in vars(tensor):
            yield vars(tensor)["given_mask"]


def _independent(value: Any, target: KerasTensor) -> Iterator[KerasTensor]:
    """The last tensors before `value` that do not depend on `target`; `value` follows from them and `target`."""
    seen: set[int] = set()
    waiting = symbolic.symbolic_leaves(value)
    while waiting:
        tensor = waiting.pop()
        if tensor is target:
            continue
        if not any(root is target for root in roots(tensor)):
            yield tensor
        elif id(tensor.node) not in seen:
            seen.add(id(tensor.node))
            assert tensor.node is not None
            waiting += tensor.node.inputs
