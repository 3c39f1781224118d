"""Gradients of graphs of TensorFlow 1, and the steps of optimizers on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import gazelle
from gazelle.compat import era
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend import functions
from gazelle.compat.backend.gradients import graph_gradients, roots_of
from gazelle.compat.backend.sessions import Operations
from gazelle.compat.backend.updates import GradientStep, OptimizerStep, Update
from gazelle.compat.tensorflow.adapter import all_variables
from gazelle.compat.tensorflow.eager.tape import recorded_gradients, zeros_wanted
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.v1 import graph_variables, graphs, scopes
from gazelle.compat.tensorflow.v1.slots import add_slots
from gazelle.compat.types import TensorLike
from gazelle.core.errors import message
from gazelle.core.shape_inference import NeedsGraphError, infers_shapes
from gazelle.core.symbolic import KerasTensor, is_symbolic
from gazelle.core.variable import Variable
from gazelle.models.graph import Graph
from gazelle.optimizers import Optimizer

_HINTS = "gate_gradients aggregation_method colocate_gradients_with_ops"


@named("gradients")
@ignores(f"name {_HINTS}")
def gradients(
    ys: TensorLike,
    xs: TensorLike,
    grad_ys: TensorLike = None,
    stop_gradients: TensorLike = None,
    unconnected_gradients: object = "none",
) -> list[Any]:
    """`tf.gradients` of tensors of a graph, or in a `tf.function` or step of a model."""
    given = [v if isinstance(v, list | tuple) else [v] for v in (ys, xs, grad_ys, stop_gradients)]
    targets, sources, upstreams, constants = given
    if not any(map(is_symbolic, targets)):
        if infers_shapes.get() and (graphs.active() or era.is_package_before_keras_3()):
            expected = "tensors of a graph"
            raise NeedsGraphError(message("tf.gradients in a layer", expected=expected, got=type(ys).__name__))
        is_constant = graphs.active() and any(map(is_symbolic, sources))  # no gradient flows through values
        found = [None] * len(sources) if is_constant else recorded_gradients(ys, xs, grad_ys, constants=stop_gradients)
    else:
        if grad_ys is not None:
            weighted = zip(targets, upstreams, strict=True)
            targets = [y * gazelle.ops.stop_gradient(upstream) for y, upstream in weighted]
        total = targets[0] if len(targets) == 1 else sum(map(gazelle.ops.sum, targets))
        found = graph_gradients(total, sources, [v for v in constants if is_symbolic(v)])
    if not zeros_wanted(unconnected_gradients):
        return found
    return [gazelle.ops.zeros_like(x) if g is None else g for g, x in zip(found, sources, strict=True)]


def trained(loss: TensorLike) -> list[Variable]:
    """The trained variables from which a tensor of a graph is computed, in the order in which they were made."""
    roots, _ = roots_of(loss, None)
    used = [v for v in functions.variables_of(Graph(roots, loss)).values() if v.trainable]
    order = {key: number for number, key in enumerate(all_variables)}
    return sorted(used, key=lambda v: order.get(id(v), len(order)))


@ignores(f"{_HINTS} grad_loss=None")
def compute_gradients(
    optimizer: Optimizer, loss: KerasTensor, var_list: Iterable[Variable] | None = None
) -> list[tuple[Any, Any]]:
    """The pairs (gradient, variable) of a loss of a graph."""
    variables = list(var_list) if var_list is not None else trained(loss)
    return list(zip(gradients(loss, variables), variables, strict=True))


def apply_gradients(
    optimizer: Optimizer, pairs: Iterable[tuple[Any, Any]], global_step: Variable | None = None, name: str | None = None
) -> Operations:
    """The operation that takes one step with gradients that are tensors of a graph."""
    return _step(GradientStep(optimizer, pairs), global_step, name)


@ignores(f"{_HINTS} grad_loss=None")
def minimize(
    optimizer: Optimizer,
    loss: KerasTensor,
    global_step: Variable | Sequence[Variable] | None = None,
    var_list: Iterable[Variable] | None = None,
    name: str | None = None,
) -> Operations:
    """The operation that takes one step on a loss of a graph."""
    if isinstance(global_step, list | tuple):
        global_step, var_list = None, global_step
    variables = list(var_list) if var_list is not None else trained(loss)
    return _step(OptimizerStep(optimizer, loss, variables), global_step, name)


def _step(step: OptimizerStep, global_step: Any, name: str | None) -> Operations:
    if graphs.active():
        add_slots(step, lambda value, full_name: graph_variables.variable(value, False, full_name=full_name))
    made = Operations((step, *_counted(global_step)))
    if name:
        scopes.remember(name, made)
    return made


def _counted(global_step: Any) -> list[Update]:
    return [] if global_step is None else [Update(global_step, global_step + 1)]
