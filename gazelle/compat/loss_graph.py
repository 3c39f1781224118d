"""The loss of a compiled model as a graph, as in Keras 1 and 2: `total_loss`, and the inputs that it needs.

Programs took its gradients: `K.function([*model.inputs, *model.targets, *model.sample_weights], K.gradients(...))`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from gazelle import tree
from gazelle.compat import era, facade
from gazelle.compat.backend.lifting import computes_values
from gazelle.compat.classes import is_generated
from gazelle.compat.graph_views import KnownAttributeError
from gazelle.compat.types import Nested, Option, TensorLike
from gazelle.core import shape_inference, tracing
from gazelle.core.errors import message
from gazelle.layers import Input, weight_tree
from gazelle.losses.base import as_loss
from gazelle.losses.target_shapes import kind_of
from gazelle.training.outputs import per_output


class _Graph(NamedTuple):
    targets: list[Any]
    sample_weights: list[Any]
    total_loss: Any


def part(name: str, model: Option) -> Option:
    """`targets`, `sample_weights` or `total_loss` of a model; they are made again after each `compile`."""
    state = model._compile_state
    if model._graph is None or state is None:
        expected = "a compiled model" if state is None else "a model with known inputs"
        raise KnownAttributeError(message(f"{type(model).__name__}.{name}", expected=expected))
    attributes: dict[str, Any] = model.__dict__
    kept = attributes.get("_loss_graph")
    if kept is None or kept[0] is not state:
        attributes["_loss_graph"] = kept = (state, _graph_of(model, state.arguments))
    return getattr(kept[1], name)


def _graph_of(model: Any, given: Mapping[str, Any]) -> _Graph:
    names = model.output_names
    functions = per_output("compile(loss=...)", given.get("loss"), names, spread=True)
    factors = per_output("compile(loss_weights=...)", given.get("loss_weights"), names, spread=True)
    targets, weights = [], []
    total: Any = 0.0
    for name, output, function, factor in zip(names, model.outputs, functions, factors, strict=True):
        loss = as_loss(function)
        if loss is None:
            continue
        shape = (*output.shape[1:-1], 1) if kind_of(loss) == "classes" else output.shape[1:]
        targets.append(Input(shape, name=f"{name}_target"))
        weight = Input((), name=f"{name}_sample_weights") if era.standalone() else None
        total = total + (1.0 if factor is None else factor) * loss(targets[-1], output, sample_weight=weight)
        weights += [] if weight is None else [weight]  # tf.keras has none for a model that was called without any
    return _Graph(targets, weights, sum(with_penalties(model, [*added(model), *weight_tree.losses(model)]), total))


def builds_graphs() -> bool:
    """Whether what the program computes now are tensors of a graph."""
    if era.number() == 3 or computes_values():
        return False
    return era.standalone() or facade.tensorflow_builds_graphs()


def added(model: Option, inputs: Nested[TensorLike] = None) -> list[Any]:
    """What the calls of the layers of a model with known inputs add to the loss, computed when a graph runs."""
    graph: Any = model._extended_graph or model._graph
    if not any(map(_may_add, weight_tree.named_layers(model).values())):
        return []

    def values(inputs: Any) -> list[Any]:
        scope = dataclasses.replace(tracing.current() or tracing.TraceContext(), losses=[])
        with tracing.entered(scope):
            graph.run(inputs)
        return [value for _, value in scope.losses]

    return shape_inference.call_op(values, (list(model.inputs) if inputs is None else tree.flatten(inputs),), {})


def _may_add(layer: Option) -> bool:
    own_call, extended = not is_generated(type(layer)), getattr(layer, "_extended_graph", None) is not None
    return own_call or extended or layer.activity_regularizer is not None


def with_penalties(layer: Option, values: list[Any]) -> list[Any]:
    """The losses of a layer whose last ones, the penalties of weights, are computed when a graph runs."""
    weights = weight_tree.penalized(layer)
    penalties = [shape_inference.call_op(cast(Any, v.regularizer).__call__, (v,), {}) for v in weights]
    return [*values[: len(values) - len(weights)], *penalties]


def losses_for(layer: Option, inputs: Nested[TensorLike] = None) -> list[Any]:
    """The penalties of weights or, for given inputs, what calls on them add; both where no graph is built."""
    found = layer.losses
    if not builds_graphs():
        return found
    first = len(found) - len(weight_tree.penalized(layer))
    if inputs is None:
        return found[first:]
    return found[:first] if getattr(layer, "_graph", None) is None else added(layer, inputs)
