"""The metrics of a training: their choice for the outputs of a model, their totals in the state, and the logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import config, metrics
from gazelle.core import conventions, logits, tracing
from gazelle.core.errors import message
from gazelle.core.masks import get_mask
from gazelle.core.own_code import from_gazelle
from gazelle.core.traceback import warn
from gazelle.core.variable import Variable
from gazelle.losses.reduction import merge_mask
from gazelle.metrics.base import Metric
from gazelle.metrics.choose import choose
from gazelle.metrics.reduction import MeanMetricWrapper
from gazelle.training.outputs import are_unnamed, flat_outputs, output_names, per_output, targets_of
from gazelle.training.structured_loss import losses_of_outputs

if TYPE_CHECKING:
    from gazelle.core.types import LossLike, MetricLike, Nested, Tree


class MetricSource(Protocol):
    """Metrics whose variables are part of the state."""

    def named_variables(self) -> dict[str, Variable]:
        """{path: variable}."""
        ...

    def initial_values(self) -> dict[str, Any]:
        """{path: array} before the first batch."""
        ...

    def result(self) -> dict[str, Any]:
        """{name: result}."""
        ...

    def metric_names(self) -> list[str]:
        """Names in the order of the logs."""
        ...


class MetricsState:
    """The totals that a pass over the data accumulates: of metrics, of losses, and the last logs of a custom step.

    Totals are {name: array}: "part/<loss>" holds (sum, number of samples) of a loss or (sum, number of values) given to
    `add_metric`, "<metric>/<variable>" a variable of a metric, and "train/<name>" or "test/<name>" the last logs of a
    custom step.

    Args:
        source: the metrics.
        read: other variables that they may read, {key: variable}.
        weights: those of the model, {path: variable}, which they may read, too.
    """

    def __init__(
        self,
        source: MetricSource,
        read: Mapping[str, Variable] | None = None,
        weights: Mapping[str, Variable] | None = None,
    ) -> None:
        self.read, self.weights = read or {}, weights or {}
        self.source: Any = source  # only `CompileMetrics` have `choose` and `update_state`
        self.losses: list[str] = []  # names of the losses that are averaged over samples
        self.reports: list[str] = []  # names of the values of `add_metric`
        self._parts: list[str] = []  # both
        self.trackers: dict[str, Any] = {}  # name of a loss -> the `Mean` that shows it
        self.last_logs: dict[str, dict[str, Any]] = {}  # of custom steps: "train", "test" -> {name: shape and dtype}
        self.reports_metrics: dict[str, bool] = {}  # whether the custom step updates any metric
        self.built = False

    def build(self, losses: list[str], reports: list[str], y: Tree, y_pred: Tree) -> None:
        """Choose the metrics for arrays (or their shapes and dtypes) of labels and outputs."""
        self.losses, self.reports, self._parts = losses, reports, [*losses, *reports]
        self.source.choose(y, y_pred)
        self.built = True

    @property
    def names(self) -> list[str]:
        """The names in the logs: losses, metrics, values of `add_metric`; those of custom steps in their order."""
        if not self.last_logs:
            return list(dict.fromkeys([*self.losses, *self.source.metric_names(), *self.reports]))
        return list(dict.fromkeys(name for kind in ("train", "test") for name in self.last_logs.get(kind, ())))

    def start(self) -> dict[str, Any]:
        """Totals before the first batch."""
        dtype = np.promote_types(jax.dtypes.canonicalize_dtype(config.floatx()), np.float32)
        sums: dict[str, Any] = {f"part/{name}": np.zeros(2, dtype) for name in self._parts}
        for kind, logs in self.last_logs.items():
            sums |= {f"{kind}/{name}": np.zeros(spec.shape, spec.dtype) for name, spec in logs.items()}
        return {**sums, **self.source.initial_values()}

    def update(
        self,
        totals: Mapping[str, Any],
        parts: Mapping[str, Any],
        y: Tree,
        y_pred: Tree,
        weight: Tree,
        x: Tree,
        read: Mapping[str, Any],
        known: Mapping[int, Any],
        weights: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Totals after one more batch; a loss is weighted by the number of samples.

        `read`: values for `self.read`; `known`: those of tensors of the graph, by id; `weights`: the model's, by path.
        """

        def update_state(*batch: Tree) -> None:
            with tracing.bind_symbolic(known):
                self.source.update_state(*batch)

        counts_batches = self.source.loss is None and conventions.active.added_losses_count_batches
        samples = 1 if counts_batches else jax.tree.leaves(x)[0].shape[0]
        sums = {key: totals[key] for key in totals if key.startswith("part/")}  # a layer may report in training only
        for name, value in parts.items():
            of_output = name != "loss" and conventions.active.output_losses_average_batches
            count = value.size if name in self.reports else 1 if of_output else samples
            total = jnp.sum(value) if name in self.reports else value * count
            before = totals[f"part/{name}"]
            sums[f"part/{name}"] = before + jnp.stack([jnp.asarray(n, before.dtype) for n in (total, count)])
        variables = self.source.named_variables()
        of_model = {f"weight/{path}": self.weights[path] for path in weights}
        values = {f"weight/{path}": value for path, value in weights.items()}
        _, after, _ = tracing.functionalize(update_state, {**of_model, **variables, **self.read})(
            {**values, **{path: totals[path] for path in variables}, **read}, y, y_pred, weight
        )
        return sums | {path: after[path] for path in variables}

    def report(self, totals: Mapping[str, Any], kind: str = "train") -> dict[str, Any]:
        """The logs for totals.

        Of a custom step these are the results of the metrics if the step updates some and returns just these, else
        what it returned last.
        """
        last = {name: totals[f"{kind}/{name}"] for name in self.last_logs.get(kind, ())}
        if kind in self.last_logs and not self.reports_metrics[kind]:
            return last
        means = {n: totals[f"part/{n}"][0] / jnp.maximum(totals[f"part/{n}"][1], 1) for n in self._parts}
        variables = self.source.named_variables()
        results, _, _ = tracing.functionalize(lambda: flat_logs(self.source.result()), variables)(
            {path: totals[path] for path in variables}
        )
        if kind in self.last_logs:
            return results if results.keys() == last.keys() else last
        return {name: means[name] for name in self.losses} | results | {name: means[name] for name in self.reports}

    def show(self, totals: Mapping[str, Any]) -> None:
        """Assign totals to the metric objects, so that users can read them."""
        for path, variable in self.source.named_variables().items():
            variable._value = totals[path]
        for name in self._parts:
            if name not in self.trackers:
                self.trackers[name] = metrics.Mean(name)
            tracker = self.trackers[name]
            sums = np.array(totals[f"part/{name}"])  # sliced on the device they would be a program of their own
            tracker.total._value, tracker.count._value = map(np.array, sums)  # placed when they are read


def flat_logs(logs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Logs as {name: array}; the entries of a dict inside are placed among the others."""
    out: dict[str, Any] = {}
    for name, value in (logs or {}).items():
        out |= flat_logs(value) if isinstance(value, Mapping) else {} if value is None else {name: jnp.asarray(value)}
    return out


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
        self._losses = own = losses_of_outputs(self.loss, y_pred, names)
        targets = self._targets(y_true, names)
        self._of_output = [[] for _ in names]
        self._reserved = {"loss", *([f"{name}_loss" for name in names] if len(names) > 1 else [])}
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
                    prefix = "" if unnamed or len(names) == 1 else f"{names[index]}_"
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
