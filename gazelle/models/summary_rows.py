"""The rows of a summary, one per layer: name, class, output shape, number of weights, source of the input."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from gazelle.core import symbolic
from gazelle.core.errors import ArgumentError, message
from gazelle.core.names import pascal
from gazelle.core.printable import printable
from gazelle.core.symbolic import KerasTensor, Node
from gazelle.layers.base import Layer
from gazelle.models.layer_costs import costs

if TYPE_CHECKING:
    from gazelle.models.model import Model


@dataclasses.dataclass
class Row:
    name: str
    kind: str
    shape: str
    params: str
    connected: str
    trainable: str
    time: str = ""
    memory: str = ""
    level: int = 0  # 0: a layer of the model itself, 1: of a model inside it ...


def rows(
    model: Model, expand_nested: bool = False, layer_range: Sequence[str] | None = None, batch_size: int | None = None
) -> list[Row]:
    """The rows of a model; with `expand_nested` followed by those of the models inside it."""
    listed = _operations(model)
    if layer_range is not None:
        listed = listed[_between(listed, layer_range)]
    return [
        row
        for operation in listed
        for row in _rows_of(operation, model, expand_nested, 0, not model.trainable, batch_size)
    ]


def is_chain(model: Model) -> bool:
    """Whether every layer's only input is the output of the one before it, so that connections need not be shown."""
    nodes = _nodes(model)
    if nodes is None or _is_stack(model):
        return True
    readers = Counter(id(tensor.node) for node in nodes for tensor in _inputs(node, model))
    once = Counter(id(node.operation) for node in nodes)
    return (
        all(len(_inputs(node, model)) <= 1 for node in nodes)
        and max(readers.values(), default=0) <= 1
        and max(once.values(), default=0) <= 1
        and len(model.inputs) == len(model.outputs) == 1
    )


def _nodes(model: Model) -> list[Node] | None:
    graph = getattr(model, "_graph", None)
    return None if graph is None else graph.nodes


def _inputs(node: Node, model: Model) -> list[KerasTensor]:
    """The tensors that a call reads inside this model; none if it creates an input of the model."""
    input_ids = {id(tensor.node) for tensor in model.inputs}
    return [] if id(node) in input_ids else node.inputs


def _calls(operation: Any, model: Model) -> list[Node]:
    """The calls of a layer that belong to this model: it may be shared with others."""
    inside = {id(node) for node in _nodes(model) or ()}
    return [node for node in operation._call_nodes if id(node) in inside]


def _operations(model: Model) -> list[Any]:
    """Layers, and in a graph the array functions between them."""
    graph = getattr(model, "_graph", None)
    return list(model.layers if graph is None or _is_stack(model) else graph.operations)


def _is_stack(model: Model) -> bool:
    from gazelle.models.sequential import Sequential  # it prints summaries itself

    return isinstance(model, Sequential)


def _rows_of(
    operation: Any, model: Model, expand_nested: bool, level: int, frozen: bool, batch_size: int | None
) -> Iterator[Row]:
    calls = _calls(operation, model)
    frozen = frozen or not getattr(operation, "trainable", True)
    read = [] if _is_stack(model) else [t for node in calls for t in _inputs(node, model)]
    weights = getattr(operation, "weights", [])
    last = (calls or operation._call_nodes or [None])[-1]
    time, memory = ("", "") if batch_size is None else costs(operation, last, batch_size)
    yield Row(
        name=printable(operation.name),
        kind=printable(type(operation).__name__ if isinstance(operation, Layer) else pascal(operation.name)),
        shape=printable(
            _shape((calls or operation._call_nodes)[-1].outputs) if operation._call_nodes else _traced_shape(operation)
        ),
        params=_params(operation),
        connected=printable(", ".join(_source(tensor, model) for tensor in read)) or "-",
        trainable="-" if not weights else "N" if frozen else "Y",
        time=time,
        memory=memory,
        level=level,
    )
    if expand_nested and hasattr(operation, "layers"):
        for inner in _operations(operation):
            yield from _rows_of(inner, operation, expand_nested, level + 1, frozen, batch_size)


def _params(operation: Any) -> str:
    if not hasattr(operation, "count_params"):
        return "0"
    return f"{operation.count_params():,}" if operation.built else "unbuilt"


def _source(tensor: KerasTensor, model: Model) -> str:
    """The layer a tensor comes from; with the call and the output if there are several."""
    own = None if model._graph is None else model._graph.own_input(tensor)
    if own is not None:
        return str(own.name)
    assert tensor.node is not None
    operation = tensor.node.operation
    calls = _calls(operation, model)
    several = len(calls) > 1 or len(symbolic.leaves(tensor.node.outputs)) > 1
    return f"{operation.name}[{calls.index(tensor.node)}][{tensor.index}]" if several else str(operation.name)


def _shape(outputs: Any) -> str:
    if isinstance(outputs, dict):
        return f"{{{', '.join(f'{key}: {_shape(value)}' for key, value in outputs.items())}}}"
    if isinstance(outputs, (list, tuple)) and not all(n is None or isinstance(n, int) for n in outputs):
        return f"[{', '.join(map(_shape, outputs))}]"
    return str(tuple(getattr(outputs, "shape", outputs)))


def _traced_shape(layer: Any) -> str:
    """The output shape of a layer that was called on data only, traced for the shape it was built on."""
    built_on = getattr(layer, "_build_shapes", None)
    if not layer.built or not isinstance(built_on, tuple) or not built_on:
        return "?"
    try:
        return _shape(layer.compute_output_shape((None, *built_on[1:])))  # any number of samples
    except (TypeError, ValueError, RuntimeError, NotImplementedError):  # its call takes more than one input
        return "?"


def _between(listed: list[Any], layer_range: Any) -> slice:
    """The indices from the first layer that matches one pattern to the last that matches the other."""
    ends = list(layer_range)
    if len(ends) != 2 or not all(isinstance(end, str) for end in ends):
        raise ArgumentError(message("summary's layer_range", expected="two names of layers", got=repr(layer_range)))
    first, last = ([i for i, op in enumerate(listed) if re.match(end, op.name)] for end in ends)
    if not first or not last:
        names = ", ".join(op.name for op in listed)
        raise ArgumentError(message("summary's layer_range", expected=f"names among {names}", got=repr(layer_range)))
    if first[0] > last[-1]:
        first, last = last, first
    return slice(first[0], last[-1] + 1)
