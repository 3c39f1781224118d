"""Steps of models on tensors of PyTorch, uncompiled."""

from __future__ import annotations

from types import MethodType
from typing import Any

from gazelle.compat.pytorch import modules, parameters, recorded_calls
from gazelle.compat.pytorch.tensors import boxed, is_traced, unbox
from gazelle.compat.types import Function
from gazelle.core.replaced_methods import overrides
from gazelle.core.types import Tree
from gazelle.data.arrays import unpack_x_y_sample_weight
from gazelle.models import Model, default_steps


def run_step(step: Function, model: Model, data: Tree) -> Tree:
    """Run a user-defined step: on tensors, unless it is being traced."""
    if is_traced(data):
        return step(model, data)
    out = unbox(step(model, boxed(data)))
    modules.update_weights(model)  # an optimizer of PyTorch may have changed them, or a callback reads the parameters
    return out


def train_with_torch(model: Model) -> None:
    """Let `fit` differentiate with PyTorch, for a model whose layers use its functions."""
    if not overrides(model, Model, "train_step"):
        model.train_step = MethodType(_train_step, model)  # type: ignore[method-assign]


def _train_step(model: Any, data: Tree) -> dict[str, Any]:
    return run_step(_train, model, data)


def _train(model: Any, data: Tree) -> dict[str, Any]:
    x, y, weight = unpack_x_y_sample_weight(data)
    variables = model.trainable_variables
    model.zero_grad()
    y_pred = model(x, **({"training": True} if default_steps.training_mode(model) else {}))
    loss = model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weight)
    default_steps.track(model, "loss", unbox(loss), unbox(x))
    recorded_calls.call(model.optimizer.scale_loss, (loss,), {}, is_compiled=False).backward()
    model.optimizer.apply(unbox([parameters.parameter(v).grad for v in variables]), variables)
    return model.compute_metrics(unbox(x), unbox(y), unbox(y_pred), unbox(weight))
