"""The metrics given to `compile`, chosen for the outputs of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import conventions, logits, tracing
from gazelle.core.errors import message
from gazelle.core.masks import get_mask
from gazelle.core.own_code import from_gazelle
from gazelle.core.traceback import warn
from gazelle.losses.reduction import merge_mask
from gazelle.metrics.base import Metric
from gazelle.metrics.choose import choose
from gazelle.metrics.reduction import MeanMetricWrapper
from gazelle.training.outputs import are_unnamed, flat_outputs, log_names, output_names, per_output, targets_of
from gazelle.training.structured_loss import losses_of_outputs

if TYPE_CHECKING:
    from gazelle.core.types import LossLike, MetricLike, Nested, Tree
    from gazelle.core.variable import Variable


def for_every_output(given: Nested[MetricLike], count: int) -> Nested[MetricLike]:
    """A metric, or a list of metrics without lists in it, for each output; an object counts for one, others get copies.

    Args:
        given: the argument of `compile`.
        count: the number of outputs.
    """
    if given is None or isinstance(given, Mapping):
        return given
    listed = given if isinstance(given, (list, tuple)) else [given]
    if any(isinstance(metric, (list, tuple)) for metric in listed):
        return given
    return [list(listed), *([_copied(metric) for metric in listed] for _ in range(count - 1))]


def _copied(metric: Any) -> Any:
    """A metric of its own for another output; names and functions are the same for all."""
    return type(metric).from_config(metric.get_config()) if isinstance(metric, Metric) else metric


def _is_metric(entry: Any) -> bool:
    return entry is not None and not isinstance(entry, (list, tuple))


def is_reset_to_zeros(metric: Metric) -> bool:
    """Whether the values of a metric after `reset_state` are zeros: of a class of gazelle without its own method."""
    if isinstance(metric, CompileMetrics):
        return not metric._own_reset
    own = getattr(metric.reset_state, "__func__", None) is Metric.reset_state
    return own and from_gazelle(type(metric))


class CompileMetrics(Metric, abstract=True):
    """The metrics given to `compile`, as one metric whose result is {name: value}.

    Args:
        metrics: the argument of `compile`.
        weighted_metrics: the argument of `compile`.
        outputs: names of the outputs, if the model has a graph.
        loss: the argument of `compile`, which states whether outputs are logits.
    """

    def __init__(
        self,
        metrics: Nested[MetricLike],
        weighted_metrics: Nested[MetricLike],
        outputs: list[str] | None,
        loss: Nested[LossLike] = None,
    ) -> None:
        super().__init__(name="compile_metrics")
        self.given, self.weighted, self.outputs, self.loss = metrics, weighted_metrics, outputs, loss
        self.metrics_built = False
        self._of_output: list[list[tuple[str, Any, bool]]] = []  # per output: (name in logs, metric, weighted?)
        self._losses: list[Any] = []  # the loss of each output, once labels and outputs are known
        self._reserved: set[str] = set()  # names of losses in the logs
        self._own_reset = False  # whether a metric has a `reset_state` of its own
        self._initial: dict[str, Any] = {}  # values of the variables before any batch

    def named_metrics(self) -> list[Metric]:
        """Give the metrics the names that they have in the logs, and return them."""
        chosen = [(name, metric) for entries in self._of_output for name, metric, _ in entries]
        for name, metric in chosen:
            metric.name = name
        return [metric for _, metric in chosen] or self.metrics

    def choose(self, y_true: Tree, y_pred: Tree) -> None:
        """Choose the metrics for labels and outputs of these shapes."""
        names = output_names(y_pred, self.outputs)
        predictions, unnamed = flat_outputs(y_pred, names), are_unnamed(y_pred, self.outputs)
        shown = log_names(names, self.outputs) if len(names) > 1 else names
        self._losses = own = losses_of_outputs(self.loss, y_pred, names)
        targets = self._targets(y_true, names)
        self._of_output = [[] for _ in names]
        self._reserved = {"loss", *([f"{name}_loss" for name in shown] if len(names) > 1 else [])}
        for what, given, weighted in (("metrics", self.given, False), ("weighted_metrics", self.weighted, True)):
            if given is None:
                continue
            if len(names) == 1 and not isinstance(given, dict):
                given = [given]
            elif conventions.active.metrics_are_of_every_output:
                given = for_every_output(given, len(names))
            for index, entry in enumerate(per_output(f"compile({what}=...)", given, names)):
                entries = entry if isinstance(entry, (list, tuple)) else [entry]
                for item in jax.tree.leaves(entries, is_leaf=_is_metric):
                    target = targets[index]
                    if item is None or (target is None and self.loss is not None and own[index] is None):
                        continue  # no labels are expected for the output
                    shape = predictions[index].shape if target is None else target.shape
                    metric = choose(item, tuple(shape), tuple(predictions[index].shape), own[index])
                    if isinstance(metric, CompileMetrics):  # of `model.metrics`
                        metric.choose(target, predictions[index])
                    prefix = "" if unnamed or len(names) == 1 else f"{shown[index]}_"
                    self._of_output[index].append((self._unique(prefix, metric.name, weighted), metric, weighted))
        self._initial = {path: np.array(v._value) for path, v in self.named_variables().items()}
        fresh = all(not value.any() for value in self._initial.values())  # else a metric was used before
        self._own_reset = not all(map(is_reset_to_zeros, self.metrics))
        if not fresh or self._own_reset:
            self._initial = self._reset(self._initial)
        self.metrics_built = True

    def _targets(self, y_true: Tree, names: list[str]) -> list[Any]:
        """The labels of each output; None for an output without a loss, for which none were given."""
        functions = self._losses or per_output("compile(loss=...)", self.loss, names, spread=True)
        if all(function is None for function in functions):
            return per_output("y", y_true, names, spread=True)
        return targets_of(y_true, names, functions)

    def check_labels(self, y_true: Tree, units: Mapping[str, int]) -> None:
        """Raise an error for labels that a metric cannot count.

        Args:
            y_true: the labels of all outputs, on the host.
            units: size of the last axis of each output.
        """
        targets = self._targets(y_true, list(units))
        for entries, target, size in zip(self._of_output, targets, units.values(), strict=True):
            for _, metric, _ in entries:
                if isinstance(target, np.ndarray):
                    metric._check_labels(target, size)

    def initial_values(self) -> dict[str, Any]:
        """Return {path: array} of the variables before the first batch."""
        if self._own_reset:  # it may keep what an earlier epoch counted
            self._initial = self._reset({path: np.array(v._value) for path, v in self.named_variables().items()})
        return {path: np.array(value) for path, value in self._initial.items()}

    def _reset(self, values: dict[str, Any]) -> dict[str, Any]:
        """The values of the variables after `reset_state`."""
        _, after, _ = tracing.functionalize(self.reset_state, self.named_variables())(values)
        return {path: np.array(value) for path, value in after.items()}

    def _unique(self, prefix: str, metric_name: str, weighted: bool) -> str:
        label = prefix + metric_name
        taken = {*self.metric_names(), *self._reserved}
        reserved = label in self._reserved
        if weighted and (label in taken or conventions.active.metrics_average_batches):
            label = f"{prefix}weighted_{metric_name}"
        number, name = 1, label
        while name in taken:
            number, name = number + 1, f"{label}_{number}"
        if reserved:
            hint = f"The metric is '{name}' in the logs. Give it a name of its own."
            warn(message(f"A metric named '{label}'", expected="another name than that of a loss", hint=hint))
        return name

    @property
    def metrics(self) -> list[Any]:
        """The metrics, once data has shown their shapes."""
        return [metric for entries in self._of_output for _, metric, _ in entries]

    def metric_names(self) -> list[str]:
        """The names in the logs."""
        found = [name for entries in self._of_output for name, _, _ in entries]
        return found if len(self._of_output) == 1 or conventions.active.scores_follow_outputs else sorted(found)

    def update_state(self, y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> None:
        """Update all metrics by one batch.

        Args:
            y_true: the labels of all outputs.
            y_pred: the outputs.
            sample_weight: one weight per sample.
        """
        if not self.metrics_built:
            self.choose(y_true, y_pred)
        names = output_names(y_pred, self.outputs)
        predictions = flat_outputs(y_pred, names)
        targets = self._targets(y_true, names)
        weights = per_output("sample_weight", sample_weight, names, spread=True)
        for entries, target, prediction, w in zip(self._of_output, targets, predictions, weights, strict=True):
            found = logits.of(prediction)
            mask = get_mask(prediction) if conventions.active.masks_weigh_metrics else None
            for _, metric, weighted in entries:
                if target is not None:
                    predicted = found if metric._takes_logits and found is not None else prediction
                    own = w if weighted else None
                    if mask is not None and not isinstance(metric, MeanMetricWrapper | CompileMetrics):  # which read it
                        own = merge_mask(own, mask, "float32", f"'{metric.name}'")
                    metric.update_state(target, predicted, sample_weight=own)

    def result(self) -> dict[str, Any]:  # type: ignore[override]
        """Return {name: result}; a result with several values has its own names, or name_key where that is taken."""
        values: dict[str, Any] = {}
        taken = {*self.metric_names(), *self._reserved}
        for name, metric in [(name, metric) for entries in self._of_output for name, metric, _ in entries]:
            value = metric.result()
            several = value if isinstance(value, dict) else {}
            values |= {f"{name}_{k}" if k in taken else k: v for k, v in several.items()} or {name: value}
            taken |= several.keys()
        by_name = len(self._of_output) > 1 and not conventions.active.scores_follow_outputs
        names = sorted(values) if by_name else values
        return {name: jnp.asarray(values[name]) for name in names}  # a Variable is read where it is bound

    def reset_state(self) -> None:
        """Reset all metrics."""
        for metric in self.metrics:
            metric.reset_state()

    def named_variables(self) -> dict[str, Variable]:
        """Return {path: variable} of all metrics."""
        return {
            f"{name}/{path}": variable
            for entries in self._of_output
            for name, metric, _ in entries
            for path, variable in (metric.named_variables() | metric.extra_variables()).items()
        }
