"""Custom steps of a model: their two forms, the variables they use, and the metrics and optimizers in attributes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import conventions, replaced_methods, tracing
from gazelle.core.errors import ArgumentError, message
from gazelle.core.scopes import StatelessScope
from gazelle.core.variable import Variable
from gazelle.data.arrays import unpack_x_y_sample_weight
from gazelle.layers import weight_tree
from gazelle.metrics.base import Metric
from gazelle.models.model_metrics import attached_metrics, compile_metrics, objects_in
from gazelle.optimizers.base import Optimizer
from gazelle.training.compile_metrics import CompileMetrics, is_reset_to_zeros
from gazelle.training.metrics_state import flat_logs

if TYPE_CHECKING:
    from gazelle.core.types import Array, ArrayLike, Tree
    from gazelle.models.model import Model

#: methods by which a subclass of Model changes the step
STEP_METHODS = ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics")
PREDICT = ("trainable_variables", "non_trainable_variables")
TEST = (*PREDICT, "metrics_variables")
TRAIN = (*PREDICT, "optimizer.variables", "metrics_variables")


def as_pure(
    model: Model, step: Callable[[Any], Any], parts: Sequence[str], state: Sequence[Sequence[ArrayLike]], data: Tree
) -> tuple[Any, tuple[list[Any], ...]]:
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


def _parts(model: Model, parts: Sequence[str]) -> list[list[Variable]]:
    if "optimizer.variables" in parts:
        model.optimizer.build(model.trainable_variables)
    return [model.optimizer.variables if p == "optimizer.variables" else getattr(model, p) for p in parts]


def _build_metrics(model: Model, data: Any) -> None:
    """Choose the metrics given to `compile` for outputs of this shape, since their values are part of the state."""
    assert model._compile_state is not None
    metrics = model._compile_state.compile_metrics
    if metrics is not None and not metrics.metrics_built:
        x, y, _ = unpack_x_y_sample_weight(data)
        metrics.choose(y, model(x, training=False))


def with_state(model: Model, name: str, parts: Sequence[str]) -> Callable[[Any], Any]:
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
                if value is not None and value is not old:  # values that were returned unchanged are not assigned
                    variable.assign(value)
        return out

    return run


def has_two_arguments(step: Callable[..., Any]) -> bool:
    """Whether a step takes (state, data), or passes all arguments, `*args`, to a function that does."""
    parameters = inspect.signature(step).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p for p in parameters if p.kind in kinds and p.default is p.empty]
    if str(step.__module__).startswith("gazelle."):  # gazelle's own steps take either
        return len(needed) == 2
    return len(needed) == 2 or (not needed and any(p.kind is p.VAR_POSITIONAL for p in parameters))


def _of_strings(model: Model, step: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The step for batches in which strings are bytes."""
    return lambda batch: step(model._text_inputs.strings_of_batch(batch))


class ModelSteps:
    """The step methods of one model, as `training.custom_step` uses them.

    Args:
        model: a model that overrides step methods.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._read: dict[int, Variable] = {}
        self._metrics: list[Metric] = []  # those of the model when a batch was last traced
        self._of_metrics: dict[str, Variable] = {}
        self.updated: set[int] = set()
        self.train = _of_strings(model, model._with_state("train_step", TRAIN))
        self.test = _of_strings(model, model._with_state("test_step", TEST))
        self.predict = _of_strings(model, model._with_state("predict_step", PREDICT))

    @property
    def finished(self) -> int | Array:
        """The number of finished steps since `compile`, from which random numbers are drawn."""
        state = self.model._compile_state
        return 0 if state is None else state.finished_steps

    @finished.setter
    def finished(self, count: int | Array) -> None:
        if self.model._compile_state is not None:
            self.model._compile_state.finished_steps = count

    def step_variables(self) -> dict[str, Variable]:
        """{path: variable} of all that the steps may read or assign, without the variables of metrics."""
        self._metrics = self.model.metrics
        ids = {id(variable) for metric in self._metrics for variable in metric.variables}
        mine = step_variables(self.model)
        self._of_metrics = {path: v for path, v in mine.items() if id(v) in ids}
        known = set(map(id, mine.values()))
        for variable in self._read.values():
            if id(variable) not in known:
                mine[_free(f"read/{variable.path or variable.name}", mine)] = variable
        return {path: v for path, v in mine.items() if id(v) not in ids}

    def include(self, variables: Iterable[Variable]) -> None:
        """Count variables that a step has read among `step_variables`, wherever they are stored."""
        self._read.update((id(variable), variable) for variable in variables)

    def named_variables(self) -> dict[str, Variable]:
        """{path: variable} of the metrics, which are reset before each pass; found by `step_variables`."""
        return self._of_metrics

    def initial_values(self) -> dict[str, Any]:
        """{path: array} of the metrics before the first batch."""
        variables, metrics = self._of_metrics, self._metrics
        if all(map(is_reset_to_zeros, metrics)):
            return {path: np.zeros(v.shape, v.dtype) for path, v in variables.items()}
        known = set(map(id, variables.values()))

        def reset() -> None:
            for metric in metrics:
                if known.issuperset(map(id, metric.variables)):
                    metric.reset_state()

        _, after, _ = tracing.functionalize(reset, variables)({path: v.value for path, v in variables.items()})
        return {path: np.array(value) for path, value in after.items()}

    def result(self) -> dict[str, Any]:
        """{name: result} of the metrics."""
        return self.model.get_metrics_result()

    def metric_names(self) -> list[str]:
        """Names of the metrics in the order of the logs."""
        metrics = self._metrics
        if conventions.active.only_updated_metrics_are_first:
            unused = {id(m) for m in compile_metrics(self.model) if self.updated.isdisjoint(map(id, m.variables))}
            metrics = [metric for metric in metrics if id(metric) not in unused]
        names = [m.metric_names() if isinstance(m, CompileMetrics) else [m.name] for m in metrics]
        return [name for group in names for name in group]

    @property
    def names(self) -> Mapping[int, str]:
        """{id(layer): path}, from which random numbers are drawn."""
        return {id(layer): path for path, layer in weight_tree.named_layers(self.model).items()}

    def weights(self) -> list[Variable]:
        """The variables of the model."""
        return self.model.variables

    def trainable(self) -> set[int]:
        """ids of the variables that are trained."""
        return weight_tree.trainable_ids(self.model)


def overrides(model: Model, name: str) -> bool:
    """Whether the model has its own method of this name."""
    from gazelle.models.model import Model as Base

    return replaced_methods.overrides(model, Base, name)


def is_customized(model: Model) -> bool:
    """Whether the model has a step of its own, an optimizer with its own `apply`, or metrics that its layers update."""
    if any(overrides(model, name) for name in STEP_METHODS) or attached_metrics(model):
        return True
    optimizer = model.optimizer
    return optimizer is not None and any(_applies_itself(optimizer, name) for name in ("apply", "apply_gradients"))


def decides_inputs(model: Model, method: str) -> bool:
    """Whether the step of a method is user-defined and reads the data itself, so `call` may take other inputs."""
    step = {"fit": "train_step", "train_on_batch": "train_step", "predict": "predict_step"}.get(method, "test_step")
    return overrides(model, step) and not has_two_arguments(getattr(model, step))


def _applies_itself(optimizer: Optimizer, name: str) -> bool:
    """Whether an optimizer has a user's `apply` or `apply_gradients`: the step of a compiled loss calls neither."""
    return not replaced_methods.is_own_code(getattr(optimizer, name))


def apply_gradients(optimizer: Optimizer, gradients: Sequence[Any], variables: Sequence[Variable]) -> None:
    """Update variables by the optimizer's `apply`, or by its own `apply_gradients` if it has one."""
    if _applies_itself(optimizer, "apply_gradients"):
        optimizer.apply_gradients(list(zip(gradients, variables, strict=True)))  # which user code may read twice
    else:
        optimizer.apply(gradients, variables)


def attached_optimizers(model: Model) -> dict[str, Optimizer]:
    """{attribute: optimizer}; those in lists and dicts are numbered."""
    out: dict[str, Optimizer] = {}
    for key, optimizer in objects_in(model.__dict__.items(), Optimizer):
        if all(optimizer is not other for other in out.values()):
            out[_free(key, out)] = optimizer
    return out


def step_variables(model: Model) -> dict[str, Variable]:
    """{path: variable} of all that a step of the model may read or assign: weights, seeds, metrics, optimizers."""
    out = dict(weight_tree.named_variables(model))
    own = [v for v in model.non_trainable_variables if all(v is not other for other in out.values())]
    groups = [("seed", own)]
    groups += [
        (f"metrics/{metric.name}", metric.variables) for metric in [*compile_metrics(model), *attached_metrics(model)]
    ]
    groups += [(name, optimizer.held_variables()) for name, optimizer in attached_optimizers(model).items()]
    seen = {id(v) for v in out.values()}
    for group, members in groups:
        for variable in members:
            if id(variable) not in seen:
                seen.add(id(variable))
                out[_free(f"{group}/{variable.name}", out)] = variable
    return out


def restore_variables(model: Model, values: Mapping[str, Any], step: int | Array) -> list[str]:
    """Assign saved values of `step_variables` other than weights; return the paths that the model does not have."""
    if model.optimizer is not None:
        model.optimizer.build(model.trainable_variables)
        assert model._compile_state is not None  # it has the optimizer
        model._compile_state.finished_steps = step
    mine = step_variables(model)
    fitting = [path for path, value in values.items() if path in mine and mine[path].shape == value.shape]
    for path in fitting:
        mine[path].assign(values[path])
    return [path for path in values if path not in fitting]


def _free(name: str, taken: Any) -> str:
    free, number = name, 1
    while free in taken:
        number, free = number + 1, f"{name}_{number}"
    return free
