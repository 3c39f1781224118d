"""A model as boxes and arrows: what is drawn, whatever draws it."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Any

from gazelle.core.errors import StateError, message
from gazelle.core.symbolic import symbolic_leaves


@dataclasses.dataclass
class Show:
    """What the boxes tell."""

    shapes: bool = False
    dtype: bool = False
    layer_names: bool = False
    activations: bool = False
    trainable: bool = False
    nested: bool = False


@dataclasses.dataclass(eq=False)
class Box:
    """One layer: a title, rows of text, the models it stands in from the outermost on."""

    title: str
    rows: list[str]
    groups: tuple[str, ...] = ()


@dataclasses.dataclass
class Drawing:
    boxes: list[Box]
    arrows: list[tuple[Box, Box]]


def boxes_of(model: Any, show: Show) -> Drawing:
    """The boxes of a model's layers and the arrows between them.

    Errors: StateError for a model whose layers are not known yet.
    """
    if not getattr(model, "built", True) and not getattr(model, "layers", None):
        raise StateError(
            message(
                f"{type(model).__name__} '{model.name}' cannot be drawn before it is built",
                hint="Call it on data, or model.build((None, ...)).",
            )
        )
    drawing = Drawing([], [])
    _enter(model, show, (), drawing)
    return drawing


def _enter(model: Any, show: Show, groups: tuple[str, ...], drawing: Drawing) -> tuple[list[Box], list[Box]]:
    """Add a model's layers; returns the boxes that arrows into it lead to, and those that leave it start from."""
    graph = getattr(model, "_graph", None)
    if graph is None:  # only the layers are known, not what feeds what
        chain = [_box(layer, show, groups) for layer in model.layers]
        drawing.boxes += chain
        drawing.arrows += list(pairwise(chain)) if type(model).__name__ == "Sequential" else []
        return chain[:1], chain[-1:]
    ends: dict[int, tuple[list[Box], list[Box]]] = {}
    made: set[tuple[int, int]] = set()
    for node in graph.nodes:
        operation = node.operation
        if id(operation) not in ends:
            if show.nested and getattr(operation, "_graph", None) is not None:
                ends[id(operation)] = _enter(operation, show, (*groups, operation.name), drawing)
            else:
                box = _box(operation, show, groups)
                drawing.boxes.append(box)
                ends[id(operation)] = [box], [box]
        if any(operation is tensor.node.operation for tensor in graph.flat_inputs):
            continue  # whatever made the inputs stands outside
        for tensor in node.inputs:
            maker = id(tensor.node.operation)
            for start in ends[maker][1] if maker in ends else []:
                for end in ends[id(operation)][0]:
                    if (id(start), id(end)) not in made:
                        made.add((id(start), id(end)))
                        drawing.arrows.append((start, end))
    made_by = [id(t.node.operation) for t in symbolic_leaves(graph.outputs) if t.node is not None]
    first = [box for t in graph.flat_inputs for box in ends[id(t.node.operation)][0]]
    last = [box for maker in made_by for box in ends[maker][1]]
    return first, last


def _box(operation: Any, show: Show, groups: tuple[str, ...]) -> Box:
    kind = type(operation).__name__ if hasattr(operation, "weights") else str(getattr(operation, "name", operation))
    inner = getattr(operation, "layer", None)  # TimeDistributed(Dense), Bidirectional(LSTM)
    kind = f"{kind}({type(inner).__name__})" if inner is not None and hasattr(inner, "weights") else kind
    name = getattr(operation, "name", kind)
    rows = []
    activation = getattr(operation, "activation", None)
    if show.activations and activation is not None:
        rows.append(f"Activation: {getattr(activation, '__name__', type(activation).__name__)}")
    nodes = getattr(operation, "nodes", None) or []
    if show.shapes:
        if nodes and nodes[0].inputs:
            rows.append(f"Input shape: {_told(nodes[0].inputs, 'shape')}")
        rows.append(f"Output shape: {_told(symbolic_leaves(nodes[0].outputs), 'shape') if nodes else '?'}")
    if show.dtype:
        rows.append(f"Output dtype: {_told(symbolic_leaves(nodes[0].outputs), 'dtype') if nodes else '?'}")
    if show.trainable and getattr(operation, "weights", None):
        rows.append(f"Trainable: {'yes' if operation.trainable else 'no'}")
    return Box(f"{name} ({kind})" if show.layer_names else kind, rows, groups)


def _told(tensors: list[Any], what: str) -> str:
    words = [str(getattr(tensor, what)) for tensor in tensors]
    return words[0] if (len(set(words)) == 1 and what == "dtype") or len(words) == 1 else ", ".join(words)
