"""Diagrams of models: boxes and arrows, independent of the output format."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from gazelle.core.errors import StateError, message
from gazelle.core.printable import printable
from gazelle.core.symbolic import symbolic_leaves

if TYPE_CHECKING:
    from gazelle.models import Model


@dataclasses.dataclass
class Options:
    """Content of the boxes.

    Attributes:
        shapes: shapes of inputs and outputs.
        dtype: dtypes of outputs.
        layer_names: names of layers.
        activations: activations of layers.
        trainable: whether layers are trainable.
        nested: show the layers of nested models.
    """

    shapes: bool = False
    dtype: bool = False
    layer_names: bool = False
    activations: bool = False
    trainable: bool = False
    nested: bool = False


@dataclasses.dataclass(eq=False)
class Box:
    """Box of one layer.

    Attributes:
        title: the first row.
        rows: further rows.
        groups: names of the models that contain the layer, the outermost first.
    """

    title: str
    rows: list[str]
    groups: tuple[str, ...] = ()


@dataclasses.dataclass
class Diagram:
    """Boxes, and arrows between them."""

    boxes: list[Box]
    arrows: list[tuple[Box, Box]]


def diagram_of(model: Model, options: Options) -> Diagram:
    """Create the diagram of a model.

    Args:
        model: the model.
        options: the content of the boxes.

    Raises:
        StateError: the model is not built and has no layers.
    """
    if not getattr(model, "built", True) and not getattr(model, "layers", None):
        raise StateError(
            message(
                f"{type(model).__name__} '{model.name}' cannot be plotted before it is built",
                hint="Call it on data, or model.build((None, ...)).",
            )
        )
    diagram = Diagram([], [])
    _add_model(model, options, (), diagram)
    return diagram


def _add_model(model: Any, options: Options, groups: tuple[str, ...], diagram: Diagram) -> tuple[list[Box], list[Box]]:
    """Add the layers of a model; returns its first boxes, where arrows into it end, and its last boxes."""
    graph = getattr(model, "_graph", None)
    if graph is None:  # the layers are known, but not their connections
        chain = [_box(layer, options, groups) for layer in model.layers]
        diagram.boxes += chain
        diagram.arrows += list(pairwise(chain)) if type(model).__name__ == "Sequential" else []
        return chain[:1], chain[-1:]
    ends: dict[int, tuple[list[Box], list[Box]]] = {}
    arrows: set[tuple[int, int]] = set()
    for own in filter(None, graph.own_inputs):
        box = _box(own, options, groups)
        diagram.boxes.append(box)
        ends[id(own)] = [box], [box]
    for node in graph.nodes:
        operation = node.operation
        if id(operation) not in ends:
            if options.nested and getattr(operation, "_graph", None) is not None:
                ends[id(operation)] = _add_model(operation, options, (*groups, printable(operation.name)), diagram)
            else:
                box = _box(operation, options, groups)
                diagram.boxes.append(box)
                ends[id(operation)] = [box], [box]
        for tensor in node.inputs:
            producer = id(graph.producer(tensor))
            for start in ends[producer][1] if producer in ends else []:
                for end in ends[id(operation)][0]:
                    if (id(start), id(end)) not in arrows:
                        arrows.add((id(start), id(end)))
                        diagram.arrows.append((start, end))
    first, last = (
        [box for t in tensors for box in ends[id(graph.producer(t))][side]]
        for side, tensors in enumerate((graph.flat_inputs, symbolic_leaves(graph.outputs)))
    )
    return first, last


def _box(operation: Any, options: Options, groups: tuple[str, ...]) -> Box:
    kind = type(operation).__name__ if hasattr(operation, "weights") else str(getattr(operation, "name", operation))
    inner = getattr(operation, "layer", None)  # TimeDistributed(Dense), Bidirectional(LSTM)
    kind = f"{kind}({type(inner).__name__})" if inner is not None and hasattr(inner, "weights") else kind
    name = getattr(operation, "name", kind)
    rows = []
    activation = getattr(operation, "activation", None)
    if options.activations and activation is not None:
        rows.append(f"Activation: {getattr(activation, '__name__', type(activation).__name__)}")
    nodes = getattr(operation, "_call_nodes", None) or []
    if options.shapes:
        if nodes and nodes[0].inputs:
            rows.append(f"Input shape: {_join(nodes[0].inputs, 'shape')}")
        rows.append(f"Output shape: {_join(symbolic_leaves(nodes[0].outputs), 'shape') if nodes else '?'}")
    if options.dtype:
        rows.append(f"Output dtype: {_join(symbolic_leaves(nodes[0].outputs), 'dtype') if nodes else '?'}")
    if options.trainable and getattr(operation, "weights", None):
        rows.append(f"Trainable: {'yes' if operation.trainable else 'no'}")
    title = printable(f"{name} ({kind})" if options.layer_names else kind)
    return Box(title, [printable(row) for row in rows], groups)


def _join(tensors: list[Any], attribute: str) -> str:
    values = [str(getattr(tensor, attribute)) for tensor in tensors]
    if len(values) == 1 or (len(set(values)) == 1 and attribute == "dtype"):
        return values[0]
    return ", ".join(values)
