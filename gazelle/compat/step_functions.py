"""`train_function` and `test_function` of Keras 1 and 2, which run one batch, and what programs put in their place.

A program assigned a function to `model.train_function`, or made one in `_make_train_function`: to change the weights
around a step (adversarial training), or to update them by several optimizers. `fit` calls it as a step, uncompiled.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from gazelle.compat import era
from gazelle.compat.types import Option, TensorResult
from gazelle.core import tracing
from gazelle.data.arrays import unpack_x_y_sample_weight
from gazelle.layers import Dropout
from gazelle.metrics import Mean
from gazelle.models import Model, model_metrics
from gazelle.training.compile_metrics import CompileMetrics

STEPS = ("train", "test", "predict")


class StepFunction:
    """The function of a model that replaces none: one step on a batch of an iterator, or on a list of arrays.

    Until TensorFlow 2.2 the batch was a list [*inputs, *labels, *weights], and the result a list.
    """

    def __init__(self, step: str, model: Model) -> None:
        self._step, self._model = step, model

    def __call__(self, data: Option) -> TensorResult:
        if not isinstance(data, list):
            batch = next(data)
            if self._step == "predict":
                return self._run(batch[0] if isinstance(batch, tuple) else batch)
            return self._run(*(batch if isinstance(batch, tuple) else (batch,)), return_dict=True)
        first, second = len(self._model.inputs), len(self._model.inputs) + len(self._model.outputs)
        parts = data[:first], data[first:second], data[second : second + len(self._model.outputs)]
        out = self._run(*(part if len(part) > 1 else part[0] for part in parts if part))
        if isinstance(out, dict):
            return list(out.values())
        return out if isinstance(out, list) else [out]

    def _run(self, *batch: Any, **options: Any) -> Any:
        scope = tracing.current()
        if scope is None:
            return getattr(self._model, f"{self._step}_on_batch")(*batch, **options)
        with tracing.entered(dataclasses.replace(scope, pure=True)):
            vars(self._model)["_logs_of_step"] = logs = _own_step(self._model, self._step, batch)
        return logs


def _own_step(model: Model, step: str, batch: Any) -> Any:
    return getattr(Model, f"{step}_step")(model, batch)


def step_function(step: str, model: Model) -> Callable[..., Any] | None:
    """Return `train_function` and the like; None before `compile`, in Keras 1 and 2 also before it was made."""
    is_made = model.compiled and _maker(model, step) is None and (step == "predict" or not era.is_before_tf_keras_2())
    return StepFunction(step, model) if is_made else None


class Maker:
    """`_make_train_function` of models: the function is the one that replaces none, unless the program has set one."""

    def __init__(self, step: str) -> None:
        self._step = step

    def __get__(self, model: Any, cls: Any = None) -> Callable[..., Any]:
        if era.number() == 3:
            raise AttributeError(f"_make_{self._step}_function")
        return self._make if model is None else functools.partial(self._make, model)

    def _make(self, model: Model, force: bool = False) -> Callable[..., Any]:
        if self._step == "train" and model.compiled and model.built and not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)  # programs then assign its weights
        return _made(model, self._step, force)


def _made(model: Model, step: str, force: bool = False) -> Callable[..., Any]:
    made, name = vars(model), f"{step}_function"
    if force or made.get(name) is None:
        made[name] = StepFunction(step, model)
    found: Callable[..., Any] = made[name]
    return found


def _maker(model: Model, step: str) -> Callable[..., Any] | None:
    """The program's `_make_train_function`."""
    name = f"_make_{step}_function"
    if isinstance(vars(model).get(name) or inspect.getattr_static(type(model), name), Maker):
        return None
    found: Callable[..., Any] = getattr(model, name)
    return found


def forget(model: Model) -> None:
    """Drop the functions of steps, as `compile` does."""
    for step in STEPS:
        vars(model).pop(f"{step}_function", None)


def use(model: Model, step: str) -> None:
    """Before `fit` or `evaluate`: run the function of the program as the step, if there is one."""
    if model.compiled:
        maker = _maker(model, step)
        _made(model, step) if maker is None else maker()
    function, name = vars(model).get(f"{step}_function"), f"{step}_step"
    if function is None or isinstance(function, StepFunction):
        if getattr(vars(model).get(name), "runs_function", False):
            delattr(model, name)
    elif name not in vars(model):
        setattr(model, name, _step_of(model, step))
        model.run_eagerly = True


def _step_of(model: Any, step: str) -> Callable[[Any], dict[str, Any]]:
    """A step that calls the function of the program on the batch; its results are averaged over the epoch."""
    names = list(model.metrics_names)

    def run(data: Any) -> dict[str, Any]:
        scope = tracing.current()
        assert scope is not None
        if scope.seen is not None:  # the first batch only shows which variables there are
            logs = _own_step(model, step, data)
            return {label: logs[label] for label in (*names, *logs) if label in logs}
        vars(model)["_logs_of_step"] = None
        with tracing.entered(dataclasses.replace(scope, pure=False)):  # other variables than the model's, too
            out = vars(model)[f"{step}_function"](_list_of_batch(model, step, data))
        own: dict[str, Any] | None = vars(model)["_logs_of_step"]
        if isinstance(out, dict) or own is not None:  # means over the epoch
            return dict(out if isinstance(out, dict) else own or {})
        values = out if isinstance(out, list | tuple) else [out]
        found = model_metrics.compile_metrics(model)
        metrics = [one.named_metrics() if isinstance(one, CompileMetrics) else [one] for one in found]
        means = {metric.name: metric for part in metrics for metric in part if isinstance(metric, Mean)}
        for label, value in zip(names, values, strict=False):
            if label in means:
                Mean.update_state(means[label], value, sample_weight=len(jax.tree.leaves(data)[0]))
        return {label: means[label].result() for label in names if label in means}

    run.runs_function = True  # type: ignore[attr-defined]
    return run


def _list_of_batch(model: Any, step: str, data: Any) -> Any:
    """The argument of a function: [*inputs, *labels, *weights, learning phase], since TensorFlow 2.2 an iterator."""
    if era.is_tf_keras_2() and not era.is_before_2_3():
        return iter([data])
    x, y, given = unpack_x_y_sample_weight(data)
    labels = [label[:, None] if label.ndim == 1 else label for label in jax.tree.leaves(y)]
    ones = np.ones(len(jax.tree.leaves(x)[0]), "float32")
    weights = jax.tree.leaves(given) or [ones for _ in model.outputs]
    phase = [float(step == "train")] if any(isinstance(layer, Dropout) for layer in model.layers) else []
    return [*(np.asarray(one) for one in (*jax.tree.leaves(x), *labels, *weights)), *phase]


def collected_weights(model: Model) -> list[Any]:
    """`_collected_trainable_weights`: the weights that `compile` found trainable."""
    state = model._compile_state
    if state is None or state.frozen is None:
        return list(model.trainable_weights)
    return [variable for variable in model.weights if id(variable) not in state.frozen]
