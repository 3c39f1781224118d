"""Which tensors, layers and models compute otherwise in training: `uses_learning_phase` of Keras 1 and 2."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from gazelle.compat.backend.phase import LearningPhase
from gazelle.core.closed_over_tensors import uses_name
from gazelle.core.symbolic import KerasTensor, symbolic_leaves
from gazelle.core.types import Nested
from gazelle.layers import Lambda, Layer, weight_tree

if TYPE_CHECKING:
    from gazelle.models import Model

#: a layer with these attributes differs in training if one of them is not 0
_RATES = ("rate", "dropout", "recurrent_dropout", "stddev")
#: functions of the backend that read the phase
_FUNCTIONS = ("learning_phase", "in_train_phase", "in_test_phase")


def of_tensors(tensors: Nested[KerasTensor]) -> bool:
    """Whether the learning phase, or a layer that reads it, is before the tensors in their graph."""
    todo, seen = list(symbolic_leaves(tensors)), set()
    while todo:
        tensor = todo.pop()
        node = tensor.node
        if isinstance(tensor, LearningPhase):
            return True
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        layer, is_fixed = node.operation, node.kwargs.get("training") is not None
        if isinstance(layer, Layer) and not is_fixed and of_layer(layer):
            return True
        todo += node.inputs
    return False


def of_layer(layer: Layer) -> bool:
    """Whether the layer, or one inside of it, reads the learning phase."""
    inner = weight_tree.sublayers(layer)
    return any(map(of_layer, inner)) if inner else _reads_phase(layer)


def of_model(model: Model) -> bool:
    """Whether the outputs of a graph, or the layers of another model, read the learning phase."""
    return of_layer(model) if model._graph is None else of_tensors(model._graph.outputs)


def _reads_phase(layer: Any) -> bool:
    rates = [getattr(layer, name) for name in _RATES if hasattr(layer, name)]
    if rates:
        return any(rates)
    function = layer.function if isinstance(layer, Lambda) else layer.call
    takes_phase = "training" in inspect.signature(function).parameters
    return takes_phase or any(uses_name(function, name) for name in _FUNCTIONS)
