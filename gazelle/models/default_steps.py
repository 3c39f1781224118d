"""The steps of a model that does not override them, and the loss that they compute."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from gazelle import metrics, ops
from gazelle.core import conventions, tracing
from gazelle.core.gradients import value_and_grad
from gazelle.core.own_code import from_gazelle
from gazelle.core.tensor_wrapper import wrapper_class
from gazelle.data.arrays import unpack_x_y_sample_weight
from gazelle.layers.call_arguments import call_argument_names
from gazelle.models import step_methods
from gazelle.training.total_loss import TotalLoss

if TYPE_CHECKING:
    from gazelle.core.types import Array, Tree
    from gazelle.models.model import Model


def train(model: Model, data: Tree) -> dict[str, Any]:
    """Update the weights by the gradient of the loss of a batch (x, y, sample_weight); return the logs."""
    x, y, weight = unpack_x_y_sample_weight(data)
    variables = model.trainable_variables

    def loss() -> Any:
        y_pred = model(x, **({"training": True} if training_mode(model) else {}))
        value, shown = _loss_and_shown(model, x, y, y_pred, weight, True)
        return model.optimizer.scale_loss(value), (shown, y_pred)

    (_, (shown, y_pred)), grads = value_and_grad(loss, variables)
    step_methods.apply_gradients(model.optimizer, grads, variables)
    for name, one in shown.items():
        track(model, name, one, x)
    return model.compute_metrics(x, y, y_pred, weight)


def training_mode(model: Model) -> bool | None:
    """The mode in which `fit` calls a model; None where its own `call` has no argument `training`, as in Keras 3."""
    own = not from_gazelle(type(model).call)
    if not conventions.active.training_is_an_argument or not own or "training" in call_argument_names(model):
        return True
    return None


def test(model: Model, data: Tree) -> dict[str, Any]:
    """Compute the loss and the metrics of a batch (x, y, sample_weight); return the logs."""
    x, y, weight = unpack_x_y_sample_weight(data)
    y_pred = model(x, training=False)
    for name, one in _loss_and_shown(model, x, y, y_pred, weight, False)[1].items():
        track(model, name, one, x)
    return model.compute_metrics(x, y, y_pred, weight)


def predict(model: Model, data: Tree) -> Tree:
    """Compute the outputs of a batch."""
    return model(unpack_x_y_sample_weight(data)[0], training=False)


def loss_of(model: Model, x: Tree, y: Tree, y_pred: Tree, weight: Tree, training: bool) -> Array:
    """Call `compute_loss`, which may be user-defined without the argument `training`."""
    known = inspect.signature(model.compute_loss).parameters.values()
    takes_training = any(p.name == "training" or p.kind is p.VAR_KEYWORD for p in known)
    options = {"training": training} if takes_training else {}
    return model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight, **options)


def _loss_and_shown(model: Model, x: Tree, y: Tree, y_pred: Tree, weight: Tree, training: bool) -> tuple[Array, Any]:
    """The loss, and {name: value} of what the logs show; without the loss if `compute_loss` has tracked one."""
    assert model._compile_state is not None
    count = model._compile_state.loss_trackers["loss"].count
    before = count.value
    value = loss_of(model, x, y, y_pred, weight, training)
    return value, ({"loss": value} if count.value is before else {}) | _reported()


def compiled_loss(model: Model, y: Tree, y_pred: Tree, weight: Tree, added: Sequence[Any]) -> Array:
    """The loss given to `compile`, plus the sum of the values `added`."""
    wrapper = wrapper_class((y, y_pred, weight, added))
    if wrapper is not None:

        def loss_of_arrays(*arrays: Any) -> Any:
            return compiled_loss(model, *arrays)

        return wrapper.dispatch(loss_of_arrays, (y, y_pred, weight, added), {})
    arguments = {} if model._compile_state is None else model._compile_state.arguments
    if arguments.get("loss") is None:
        return sum((jnp.sum(jnp.asarray(value)) for value in added), jnp.zeros(()))
    names = model._graph.log_names if model._graph is not None else None
    total_loss = TotalLoss(arguments["loss"], arguments.get("loss_weights"), names, {})
    total, parts = total_loss(y, y_pred, weight, {}, [*added])
    for name in [name for name in parts if name != "loss"]:
        track(model, name, parts[name], (y, y_pred))
    return total


def tracked_loss(
    model: Model, y: Tree, y_pred: Tree, sample_weight: Tree = None, regularization_losses: Sequence[Any] = ()
) -> Array:
    """`Model.compiled_loss`, which also updates the mean in the logs."""
    value = compiled_loss(model, y, y_pred, sample_weight, [*(regularization_losses or ())])
    track(model, "loss", value, (y, y_pred))
    return value


def _reported() -> dict[str, Any]:
    """{name: mean} of the values given to `add_metric` in this step."""
    scope = tracing.current()
    reports = {} if scope is None else scope.reports
    return {name: jnp.mean(ops.convert_to_tensor(value)) for name, value in reports.items() if isinstance(name, str)}


def track(model: Model, name: str, value: Array, like: Tree) -> None:
    """Update the mean of a loss, weighted by the number of samples."""
    assert model._compile_state is not None
    trackers = model._compile_state.loss_trackers
    tracker = trackers[name] = trackers.get(name) or metrics.Mean(name)
    counts = (leaf.shape[0] for leaf in jax.tree.leaves(like) if len(getattr(leaf, "shape", ())))  # labels come first
    counts_batches = conventions.active.added_losses_count_batches and model._compile_state.arguments["loss"] is None
    of_output = name != "loss" and conventions.active.output_losses_average_batches
    samples = 1 if counts_batches or of_output else next(counts, 1)
    tracker.update_state(ops.stop_gradient(value), sample_weight=samples)
