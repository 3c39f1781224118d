"""Builder of ONNX graphs: nodes, constants and nested graphs."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from gazelle.core.types import ArrayLike, DTypeLike, Foreign

OPSET = 18


@dataclasses.dataclass
class Node:
    """One operation: its type, the names of its inputs and outputs, and its attributes, which may contain a `Graph`."""

    kind: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]
    where: str  # the layer to which it belongs


@dataclasses.dataclass
class Graph:
    """A graph: its nodes in order, and the names of inputs and outputs with dtypes and shapes."""

    nodes: list[Node] = dataclasses.field(default_factory=list)
    inputs: list[tuple[str, Any, Any]] = dataclasses.field(default_factory=list)
    outputs: list[tuple[str, Any, Any]] = dataclasses.field(default_factory=list)


class Builder:
    """The target of the interpreter, whose values are names. Constants are stored in the outermost graph."""

    name = "onnx"

    def __init__(self, rules: dict[str, Any], missing: dict[str, str]) -> None:
        self.RULES, self.MISSING = {key: self._telling(rule) for key, rule in rules.items()}, missing
        self.main = self.graph = Graph()
        self.constants: dict[str, np.ndarray] = {}
        self.where = ""
        self._numbers = itertools.count()

    def _telling(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """The rule, whose nodes have the name of the current layer."""

        def located(ctx: Any, *inputs: Any, **params: Any) -> Any:
            before, self.where = self.where, ctx.where
            try:
                return rule(ctx, *inputs, **params)
            finally:
                self.where = before

        return located

    def new(self, kind: str = "v") -> str:
        """A unique name."""
        return f"{kind}_{next(self._numbers)}"

    def constant(self, value: ArrayLike, dtype: DTypeLike | None = None) -> str:
        """Add a constant."""
        name = self.new("c")
        self.constants[name] = np.asarray(value, dtype)
        return name

    def sizes(self, values: Sequence[int]) -> str:
        """A constant vector of sizes or indices, which ONNX requires as int64."""
        return self.constant(np.asarray(values, np.int64).reshape(-1))

    def several(self, kind: str, *inputs: str, count: int = 1, **attributes: Any) -> list[str]:
        """Add an operation with `count` results."""
        outputs = [self.new() for _ in range(count)]
        self.graph.nodes.append(Node(kind, list(inputs), outputs, attributes, self.where))
        return outputs

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add an operation with one result."""
        return self.several(kind, *inputs, **attributes)[0]

    def body(self, inputs: Sequence[Any], make: Callable[..., Sequence[str]], outputs: Sequence[Any]) -> Graph:
        """A nested graph: `make(*names)` returns its results; inputs and outputs are (dtype, shape)."""
        outer, self.graph = self.graph, Graph()
        try:
            names = [self.new("in") for _ in inputs]
            self.graph.inputs = [(name, *spec) for name, spec in zip(names, inputs, strict=True)]
            made = [self.op("Identity", name) for name in make(*names)]  # a result must be computed in this graph
            self.graph.outputs = [(name, *spec) for name, spec in zip(made, outputs, strict=True)]
            return self.graph
        finally:
            self.graph = outer


def write(builder: Builder, name: str) -> Foreign:
    """The builder's graph as an `onnx.ModelProto`."""
    import onnx
    from onnx import helper, numpy_helper

    def info(entry: tuple[str, Any, Any]) -> Any:
        label, dtype, shape = entry
        return helper.make_tensor_value_info(label, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)

    def proto(graph: Graph, title: str, constants: Any = ()) -> Any:
        nodes = []
        for number, node in enumerate(graph.nodes):
            attributes = {
                key: proto(value, key) if isinstance(value, Graph) else value for key, value in node.attributes.items()
            }
            label = f"{node.where or title}/{node.kind}_{number}"
            nodes.append(helper.make_node(node.kind, node.inputs, node.outputs, name=label, **attributes))
        return helper.make_graph(nodes, title, [*map(info, graph.inputs)], [*map(info, graph.outputs)], constants)

    constants = [numpy_helper.from_array(value, label) for label, value in builder.constants.items()]
    model = helper.make_model(
        proto(builder.main, name, constants),
        producer_name="gazelle",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=8,
    )
    onnx.checker.check_model(model)
    return model
