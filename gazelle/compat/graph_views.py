"""What programs read of the graph of a model: calls, their inputs and outputs, layers by depth, the list of layers."""

from __future__ import annotations

import weakref
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from gazelle.compat import era
from gazelle.core import masks, shape_inference
from gazelle.core.errors import ArgumentIndexError, GazelleError, message
from gazelle.core.symbolic import KerasTensor, Node, map_tree, symbolic_leaves
from gazelle.core.types import Nested, Shape, Tree
from gazelle.layers import Layer
from gazelle.models import Model

if TYPE_CHECKING:
    from gazelle.core.operation import Operation


class KnownAttributeError(GazelleError, AttributeError):
    """An attribute that Keras had and gazelle does not support."""


def shapes(tensors: Nested[KerasTensor]) -> Nested[Shape]:
    return map_tree(lambda t: t.shape, tensors)


def mask_of(tensor: KerasTensor) -> KerasTensor | None:
    """The mask of a symbolic tensor, which is that of its value when the graph runs; None without one."""
    shape, given = tensor.mask, vars(tensor).get("given_mask")
    if shape is None or given is not None:
        return given

    def read(value: Any) -> Any:
        found = masks.get_mask(value)
        return jnp.ones(value.shape[: len(shape)], bool) if found is None else jnp.asarray(found, bool)

    vars(tensor)["given_mask"] = found = shape_inference.call_op(read, (tensor,), {})
    return found


def node_at(layer: Layer, index: int = 0) -> Node:
    if not layer._call_nodes:
        what = f"Layer '{layer.name}' was not called on symbolic tensors, so it has no output yet"
        hint = "Give the first layer an input_shape, or start with Input(shape)."
        raise KnownAttributeError(message(what, hint=hint))
    calls, place = layer._call_nodes, index - (isinstance(layer, Model) and layer._graph is not None)
    if place >= len(calls):
        what = f"Layer '{layer.name}' was called {len(calls)} times on symbolic tensors"
        raise ArgumentIndexError(message(what, expected="the index of one of these calls", got=index))
    return calls[place]


def _is_own(layer: Layer, index: int) -> bool:
    """Whether the call is the model's own graph, which comes before those in other graphs."""
    return index == 0 and isinstance(layer, Model) and layer._graph is not None


def inputs_at(layer: Layer, index: int = 0) -> Nested[KerasTensor]:
    if _is_own(layer, index):
        return layer.input
    node = node_at(layer, index)
    if not node.inputs:
        return node.outputs  # an Input
    return node.inputs[0] if len(node.inputs) == 1 else node.inputs


def outputs_at(layer: Layer, index: int = 0) -> Nested[KerasTensor]:
    if _is_own(layer, index):
        return layer.output
    return node_at(layer, index).outputs


#: the calls that use the outputs of an operation, as long as they exist
_consumers: weakref.WeakKeyDictionary[Operation, weakref.WeakKeyDictionary[Node, None]] = weakref.WeakKeyDictionary()


def note_consumer(node: Node) -> None:
    """Store a call for the operations that made its inputs."""
    for tensor in node.inputs:
        if tensor.node is not None:
            _consumers.setdefault(tensor.node.operation, weakref.WeakKeyDictionary())[node] = None


def outbound_nodes(layer: Layer) -> list[Any]:
    """The calls that use the outputs of a layer; until Keras 3 those of layers only."""
    nodes = list(_consumers.get(layer, ()))
    found = [node for node in nodes if era.number() == 3 or isinstance(node.operation, Layer)]
    for node in found:
        node.__class__ = CompatNode
    return found


class CompatNode(Node):
    """A call in the graph, with the attributes that programs read."""

    @property
    def outputs(self) -> Tree:
        """The results: for gazelle in their structure, for programs as a list."""
        own = self.__dict__["outputs"]
        return own if era.called_by_gazelle(1) else symbolic_leaves(own)

    @property
    def parent_nodes(self) -> list[Node]:
        """The calls that made the inputs."""
        return list(dict.fromkeys(tensor.node for tensor in self.inputs if tensor.node is not None))

    @property
    def input_tensors(self) -> list[KerasTensor]:
        """The inputs."""
        return self.inputs or self.output_tensors

    @property
    def keras_inputs(self) -> list[KerasTensor]:
        """The inputs, as tf.keras names them; none of an `Input`."""
        return list(self.inputs)

    @property
    def output_tensors(self) -> list[KerasTensor]:
        """The outputs."""
        return symbolic_leaves(self.outputs)

    @property
    def input_masks(self) -> list[KerasTensor | None]:
        """The masks of the inputs."""
        return [mask_of(tensor) for tensor in self.input_tensors]

    @property
    def output_masks(self) -> list[KerasTensor | None]:
        """The masks of the outputs."""
        return [mask_of(tensor) for tensor in self.output_tensors]

    @property
    def input_shapes(self) -> Shape | list[Shape]:
        """The shapes of the inputs: in a list, but for a single one of tf.keras."""
        return _shapes(self.input_tensors)

    @property
    def output_shapes(self) -> Shape | list[Shape]:
        """The shapes of the outputs: in a list, but for a single one of tf.keras."""
        return _shapes(self.output_tensors)

    @property
    def arguments(self) -> SimpleNamespace:
        """What the operation was called with, as Keras 3 stores it."""
        return SimpleNamespace(args=self.args, kwargs=self.kwargs, keras_tensors=self.inputs)

    @property
    def outbound_layer(self) -> Operation:
        """The layer that was called."""
        return self.operation

    layer = outbound_layer  # its name in nodes of tensors of Keras 2

    @property
    def inbound_layers(self) -> Operation | list[Operation]:
        """The layers that made the inputs; a single one is not in a list."""
        found = [node.operation for node in self.parent_nodes]
        return found[0] if len(found) == 1 else found

    @property
    def node_indices(self) -> int | list[int]:
        """The numbers of the calls that made the inputs, among those of their layers."""
        found = [_number(node) for node in self.parent_nodes]
        return found[0] if len(found) == 1 else found


def _number(node: Node) -> int:
    layer: Any = node.operation
    calls = layer._call_nodes if isinstance(layer, Layer) else [node]
    return next(i for i, call in enumerate(calls) if call is node)


def _shapes(tensors: list[KerasTensor]) -> Shape | list[Shape]:
    shapes: list[Shape] = [tuple(tensor.shape) for tensor in tensors]
    return shapes[0] if len(shapes) == 1 and not era.is_package_before_keras_3() else shapes


def nodes_of(layer: Layer) -> list[Any]:
    """The calls of a layer."""
    for node in (
        *layer._call_nodes,
        *(parent for one in layer._call_nodes for tensor in one.inputs if (parent := tensor.node)),
    ):
        node.__class__ = CompatNode
    return layer._call_nodes


def nodes_by_depth(model: Model) -> dict[int, list[Any]]:
    """{distance from the outputs: calls of the graph}."""
    depths: dict[int, int] = {}
    found: dict[int, list[Any]] = {}
    nodes: list[Any] = model._the_graph("_nodes_by_depth").nodes
    for node in reversed(nodes):
        node.__class__ = CompatNode
        deep = depths.get(id(node), 0)
        found.setdefault(deep, []).insert(0, node)
        for parent in node.parent_nodes:
            depths[id(parent)] = max(depths.get(id(parent), 0), deep + 1)
    return found


def layers_by_depth(model: Model) -> dict[int, list[Any]]:
    return {depth: [node.operation for node in nodes] for depth, nodes in nodes_by_depth(model).items()}


def network_nodes(model: Model) -> set[str]:
    """The names of the calls of the graph, as Keras 2 made them of the layer and the number of its call."""
    return {f"{node.operation.name}_ib-{_number(node)}" for nodes in nodes_by_depth(model).values() for node in nodes}


def input_layers(model: Model) -> list[Any]:
    """The layers of the inputs of the graph."""
    return _layers_of(model, "inputs")


def output_layers(model: Model) -> list[Any]:
    """The layers that made the outputs of the graph."""
    return _layers_of(model, "outputs")


def _layers_of(model: Model, side: str) -> list[Any]:
    graph = model._the_graph(f"_{side[:-1]}_layers")
    return [graph.producer(tensor) for tensor in symbolic_leaves(getattr(graph, side))]


class _Layers(list[Any]):
    """The layers of a model as a list; `pop` removes the layer from the model, too."""

    def __init__(self, model: Any, layers: list[Any]) -> None:
        super().__init__(layers)
        self._model = model

    def pop(self, index: Any = -1) -> Any:
        layer = super().pop(index)
        self._model._layers.remove(layer)
        return layer


def layers(model: Model, now: list[Any]) -> list[Any]:
    """`model.layers`; in Keras 1 and 2 it was the model's own list, in the package `keras` without unused inputs."""
    if era.number() > 2:
        return now
    graph = model._graph
    if era.standalone() and graph is not None and len(graph.flat_inputs) > 1:
        read = {id(tensor) for node in graph.nodes for tensor in node.inputs}
        read |= {id(tensor) for tensor in symbolic_leaves(graph.outputs)}
        unused = [graph.producer(tensor) for tensor in graph.flat_inputs if id(tensor) not in read]
        now = [layer for layer in now if layer not in unused]
    return _Layers(model, now)
