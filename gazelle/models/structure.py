"""The structure of a model: its layers by name or index, its shapes, and symbolic inputs for given shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gazelle.core import symbolic
from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.layers.base import Layer
from gazelle.layers.input import Input

if TYPE_CHECKING:
    from gazelle.core.types import Shapes, Symbolic, Tree
    from gazelle.models.model import Model


def get_layer(model: Model, name: str | None, index: int | None) -> Layer:
    """`Model.get_layer`; its docstring describes the arguments."""
    if index is not None:
        count = len(model.layers)
        if not hasattr(index, "__index__") or not -count <= index < count:
            got, wanted = repr(index), f"an index of one of its {count} layers"
            raise ArgumentError(message(f"get_layer of model '{model.name}'", expected=wanted, got=got))
        return model.layers[index]
    for layer in model.layers:
        if layer.name == name:
            return layer
    raise unknown(f"layer of model '{model.name}'", name, [layer.name for layer in model.layers])


def shapes(tensors: Symbolic) -> Shapes:
    """The shapes in the same structure; the shape itself of a single tensor and of [tensor]."""
    flat = symbolic.leaves(tensors)
    return flat[0].shape if len(flat) == 1 else symbolic.map_in_order(lambda t: t.shape, tensors)


def symbolic_inputs(shape: Tree) -> Symbolic:
    """Inputs for a shape, or for a list or dict of shapes."""
    if isinstance(shape, dict):
        return {key: symbolic_inputs(value) for key, value in shape.items()}
    if shape and isinstance(shape[0], (list, tuple)):
        return [symbolic_inputs(value) for value in shape]
    return Input(batch_shape=tuple(shape))
