"""The totals of the metrics and losses of a training, which are a part of its state, and the logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import config, metrics
from gazelle.core import conventions, tracing
from gazelle.core.variable import Variable

if TYPE_CHECKING:
    from gazelle.core.types import Tree


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
        self.source: Any = source  # only those of `compile` have `choose` and `update_state`
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
