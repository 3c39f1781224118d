"""The two forms of a model's steps made one: values of variables handed in and out, or variables read and assigned."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core import tracing
from gazelle.core.errors import ArgumentError, message
from gazelle.core.scopes import StatelessScope
from gazelle.core.variable import Variable
from gazelle.data.arrays import unpack_x_y_sample_weight
from gazelle.layers import weight_tree
from gazelle.models import tracking
from gazelle.training.custom_metrics_state import flat_logs

PREDICT = ("trainable_variables", "non_trainable_variables")
TEST = (*PREDICT, "metrics_variables")
TRAIN = (*PREDICT, "optimizer.variables", "metrics_variables")


def as_pure(model: Any, step: Callable[[Any], Any], parts: Sequence[str], state: Any, data: Any) -> Any:
    """`step(data)` as a pure function of the values of its variables."""
    variables = _parts(model, parts)
    pairs = [pair for own, values in zip(variables, state, strict=True) for pair in zip(own, values, strict=True)]
    outer = tracing.current()
    with StatelessScope(pairs) as scope:
        if outer is not None:
            scope._scope.names = outer.names
        out = step(data)
        out = jax.tree.map(jnp.asarray, flat_logs(out) if isinstance(out, Mapping) else out)
    return out, tuple([scope.get_current_value(v) for v in own] for own in variables)


def _parts(model: Any, parts: Sequence[str]) -> list[list[Variable]]:
    if "optimizer.variables" in parts:
        model.optimizer.build(model.trainable_variables)
    return [model.optimizer.variables if p == "optimizer.variables" else getattr(model, p) for p in parts]


def _build_metrics(model: Any, data: Any) -> None:
    """Make the metrics given to `compile`, whose values are part of a state, for outputs of this shape."""
    meters = model._compile_metrics.meters if model._compile_metrics is not None else None
    if meters is not None and not meters.built:
        x, y, _ = unpack_x_y_sample_weight(data)
        meters.build([], y, model(x, training=False))


def with_state(model: Any, name: str, parts: Sequence[str]) -> Callable[[Any], Any]:
    """The pure step of this name as a function of data that reads and assigns variables."""
    step = getattr(model, name)

    def run(data: Any) -> Any:
        if "metrics_variables" in parts:
            _build_metrics(model, data)
        variables = _parts(model, parts)
        given = [[v.value for v in own] for own in variables]
        out, state = step(tuple(map(list, given)), data)
        state = ([None] * len(variables[0]), state) if name == "predict_step" else state
        for part, own, before, values in zip(parts, variables, given, state, strict=True):
            if len(values) != len(own):
                raise ArgumentError(
                    message(
                        f"The state that {type(model).__name__}.{name} returned",
                        expected=f"{len(own)} values of {part}",
                        got=len(values),
                        hint=f"Return (logs, ({', '.join(parts)})), as they came.",
                    )
                )
            for variable, old, value in zip(own, before, values, strict=True):
                if value is not None and value is not old:  # what only went through was not assigned
                    variable.assign(value)
        return out

    return run


def has_two_arguments(step: Callable[..., Any]) -> bool:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p for p in inspect.signature(step).parameters.values() if p.kind in kinds and p.default is p.empty]
    return len(needed) == 2


class ModelSteps:
    """The steps of one model, as `training.custom` asks for them."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.train = model._with_state("train_step", TRAIN)
        self.test = model._with_state("test_step", TEST)
        self.predict = model._with_state("predict_step", PREDICT)

    @property
    def finished(self) -> Any:
        """The number of finished steps since `compile`, from which draws are made."""
        return self.model._finished

    @finished.setter
    def finished(self, count: Any) -> None:
        self.model._finished = count

    def _summed(self) -> dict[int, Variable]:
        return {id(v): v for v in self.model.metrics_variables}

    def variables(self) -> dict[str, Variable]:
        """{path: variable} of all that the steps may read or assign, without `sums`."""
        sums = self._summed()
        return {path: v for path, v in tracking.variables(self.model).items() if id(v) not in sums}

    def sums(self) -> dict[str, Variable]:
        """{path: variable} of the metrics that begin anew with each pass."""
        sums = self._summed()
        return {path: v for path, v in tracking.variables(self.model).items() if id(v) in sums}

    def reset(self) -> None:
        """Begin them anew."""
        for metric in self.model.metrics:
            metric.reset_state()

    def results(self) -> dict[str, Any]:
        """What the metrics amount to."""
        return self.model.get_metrics_result()

    def order(self) -> list[str]:
        """Names of the metrics, in the order in which logs show them."""
        each = (getattr(metric, "meters", None) for metric in self.model.metrics)
        names = [m.names if m is not None else [n.name] for m, n in zip(each, self.model.metrics, strict=True)]
        return [name for group in names for name in group]

    def names(self) -> Mapping[int, str]:
        """{id(layer): path}, for draws."""
        return {id(layer): path for path, layer in weight_tree.named_layers(self.model).items()}

    def weights(self) -> list[Variable]:
        """Those of `variables` that are the model's own."""
        return self.model.variables

    def trainable(self) -> set[int]:
        """ids of the variables that are trained."""
        return weight_tree.trainable_ids(self.model)
