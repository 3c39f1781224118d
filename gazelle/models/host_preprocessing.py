"""The first layers of a model that takes strings, which run on the host before the compiled program."""

from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core import symbolic
from gazelle.core.errors import ArgumentError, message
from gazelle.core.symbolic import KerasTensor, Node
from gazelle.core.text_array import encode
from gazelle.models.graph import Graph, walk
from gazelle.models.graph_inputs import lacks_column, match
from gazelle.models.step_methods import is_customized

if TYPE_CHECKING:
    from gazelle.core.types import Data, Tree
    from gazelle.models.model import Model


def host_preprocessing_of(model: Model) -> HostPreprocessing | None:
    """The layers that run on the host first; None for a model without string inputs, or whose own steps take them."""
    graph = model._extended_graph or model._graph
    if graph is None or not graph.takes_strings or is_customized(model):
        return None
    if model._host_preprocessing is None or model._host_preprocessing.graph is not graph:
        model._host_preprocessing = HostPreprocessing(graph)
    found: HostPreprocessing = model._host_preprocessing
    return found


class HostPreprocessing:
    """Splits a graph after the layers that convert strings to numbers.

    Layers with weights that take strings, and look them up themselves, stay in the second part. It receives the bytes
    of their strings (`core.text_array`).

    Called on user data, it runs the first part layer by layer and returns the inputs of `rest`, the second part.
    Numbers are returned unchanged.

    Raises:
        ArgumentError: a layer that does not work on the host takes strings.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        graph = _expanded(graph)
        input_ids = {id(tensor) for tensor in graph.flat_inputs}
        on_host = {id(tensor): tensor for tensor in graph.flat_inputs}
        self.nodes: list[Node] = []
        later: list[Node] = []
        for node in graph.nodes:
            if any(id(t) in input_ids for t in symbolic.leaves(node.outputs)):
                continue
            on_host_alone = getattr(node.operation, "runs_on_host", False) and not _has_weights(node.operation)
            if on_host_alone and all(id(t) in on_host for t in node.inputs):
                self.nodes.append(node)
                on_host.update((id(t), t) for t in symbolic.leaves(node.outputs))
            else:
                later.append(node)
        outputs = symbolic.leaves(graph.outputs)
        wanted = [*(t for node in later for t in node.inputs), *outputs]
        self.tensors: list[KerasTensor] = list({id(t): t for t in wanted if id(t) in on_host}.values())
        for tensor in self.tensors:
            if tensor.dtype == "string":
                takers = [node.operation for node in later if any(t is tensor for t in node.inputs)]
                if takers and all(map(_has_weights, takers)) and not any(t is tensor for t in outputs):
                    continue  # they look up the strings themselves, in the program
                users = [taker.name for taker in takers]
                raise ArgumentError(
                    message(
                        f"Strings reach '{users[0] if users else 'the output'}'",
                        expected="numbers, made by a StringLookup, TextVectorization, Hashing or HashedCrossing",
                        got="strings",
                        hint="fit and predict compile only the layers after these; model(x) may use strings elsewhere.",
                    )
                )
        self.rest = Graph(_single(self.tensors), graph.outputs, graph.guessed, graph.auxiliary)

    def __call__(self, x: Data) -> Tree:
        given = self._inputs(x)
        if all(array.dtype.kind not in "USO" for array in given):
            return x
        values: dict[int, Any] = {}
        for tensor, array in zip(self.graph.flat_inputs, given, strict=True):
            values[id(tensor)] = array[..., None] if lacks_column(tensor, array.ndim) else array
        walk(self.nodes, values, lambda node, args, kw: symbolic.map_tree(np.asarray, node.operation(*args, **kw)))
        return _single([encode(v) if v.dtype.kind in "USO" else v for v in (values[id(t)] for t in self.tensors)])

    def _inputs(self, x: Any) -> list[np.ndarray[Any, Any]]:
        """x as arrays in the order of the graph's inputs; one list of strings is one array."""
        if len(self.graph.flat_inputs) == 1 and not isinstance(x, dict):
            alone = isinstance(x, (list, tuple)) and len(x) == 1 and getattr(x[0], "ndim", 0) > 0
            return [np.asarray(x[0] if alone else x)]
        each = match(self.graph, x) if isinstance(x, dict) else list(x)
        if len(each) != len(self.graph.flat_inputs):
            return [np.zeros(0)]  # those of `rest`, which reports mismatches
        return [np.asarray(array) for array in each]


def _has_weights(operation: Any) -> bool:
    """Whether a layer has weights that are trained, which gradients reach only in the compiled program."""
    return bool(getattr(operation, "trainable_variables", ()))


def _expanded(graph: Graph) -> Graph:
    """The graph with the layers of nested models that take strings in the place of these models."""
    if not any(_takes_strings(node) for node in graph.nodes):
        return graph
    values = _replay(graph, {id(tensor): tensor for tensor in graph.flat_inputs})
    known = lambda tree: symbolic.map_tree(lambda tensor: values[id(tensor)], tree)  # noqa: E731
    auxiliary = dataclasses.replace(
        graph.auxiliary, losses=known(graph.auxiliary.losses), reports=known(graph.auxiliary.reports)
    )
    return Graph(graph.inputs, known(graph.outputs), graph.guessed, auxiliary)


def _takes_strings(node: Node) -> bool:
    nested = getattr(node.operation, "_graph", None)
    return nested is not None and any(tensor.dtype == "string" for tensor in node.inputs)


def _replay(graph: Graph, values: dict[int, KerasTensor]) -> dict[int, KerasTensor]:
    """Copies of all tensors of a graph, {id(original): copy}, from those of its inputs."""

    def copied(node: Node, args: Any, kwargs: Any) -> Any:
        if _takes_strings(node):
            inner = node.operation._graph
            found = _replay(inner, dict(zip(map(id, inner.flat_inputs), match(inner, args[0]), strict=True)))
            return [found[id(tensor)] for tensor in symbolic.leaves(inner.outputs)]
        outputs = symbolic.map_tree(copy.copy, node.outputs)
        Node(node.operation, args, kwargs, outputs, [values[id(t)] for t in node.closure_inputs])
        node.operation._call_nodes.pop()  # a user sees only the calls of the program
        return outputs

    walk(graph.nodes, values, copied)
    return values


def _single(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values
