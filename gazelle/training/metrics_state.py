"""The metrics of a model: chosen for its outputs, kept as sums in the state, read as logs."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import engine, metrics
from gazelle.core import arrays, tracing
from gazelle.core.variable import Variable
from gazelle.metrics.base import Metric
from gazelle.training.outputs import flat_outputs, output_names, per_output


class MetricsState:
    """`build` once for the shapes of y and y_pred; then `update` is pure: (totals, ...) -> totals."""

    def __init__(self, given: Any, weighted: Any, outputs: list[str] | None) -> None:
        self.given, self.weighted, self.outputs = given, weighted, outputs
        self.of_output: list[list[tuple[str, Any, bool]]] = []  # per output: (name in logs, metric, weighted?)
        self.parts: list[str] = []
        self.built = False
        self.trackers: dict[str, Any] = {}  # name of a loss -> the `Mean` that shows it
        self._first: dict[str, Any] = {}  # the metrics' variables before any batch

    def build(self, parts: list[str], y: Any, y_pred: Any) -> None:
        """Choose the metrics for arrays (or their specs) of this shape; `parts` are the loss names."""
        self.parts = parts
        names = output_names(y_pred, self.outputs)
        predictions = flat_outputs(y_pred, names)
        targets = per_output("y", y, names, spread=True)
        self.of_output = [[] for _ in names]
        for what, given, weigh in (("metrics", self.given, False), ("weighted_metrics", self.weighted, True)):
            if given is None:
                continue
            if len(names) == 1 and not isinstance(given, dict):
                given = [given]
            for index, entry in enumerate(per_output(f"compile({what}=...)", given, names)):
                entries = entry if isinstance(entry, (list, tuple)) else [entry]
                for one in jax.tree.leaves(entries, is_leaf=lambda v: v is not None and not isinstance(v, list)):
                    if one is None:
                        continue
                    target = targets[index]
                    shape = predictions[index].shape if target is None else target.shape
                    metric = metrics.choose(one, tuple(shape), tuple(predictions[index].shape))
                    label = metric.name if len(names) == 1 else f"{names[index]}_{metric.name}"
                    self.of_output[index].append((self._unique(label, weigh), metric, weigh))
        self._first = {path: np.array(v._value) for path, v in self.variables().items()}
        self.built = True

    def _unique(self, label: str, weighted: bool) -> str:
        taken = {name for entries in self.of_output for name, _, _ in entries}
        if label in taken and weighted:
            label = f"weighted_{label}"
        number, name = 1, label
        while name in taken:
            number, name = number + 1, f"{label}_{number}"
        return name

    @property
    def metrics(self) -> list[Any]:
        return [metric for entries in self.of_output for _, metric, _ in entries]

    @property
    def names(self) -> list[str]:
        """The names in the logs: losses, then metrics as they were compiled."""
        return [*self.parts, *(name for entries in self.of_output for name, _, _ in entries)]

    def variables(self) -> dict[str, Variable]:
        """{path: variable} of the metrics."""
        return {
            f"{name}/{path}": variable
            for entries in self.of_output
            for name, metric, _ in entries
            for path, variable in metric.named_variables().items()
        }

    def start(self) -> dict[str, Any]:
        """Totals before the first batch."""
        sums = {f"part/{name}": np.zeros(2, np.float32) for name in self.parts}
        placed: dict[str, Any] = engine.to_device({**sums, **{path: np.array(v) for path, v in self._first.items()}})
        return placed  # arrays of the device, as the program gives them back: others would compile it twice

    def update(self, totals: Any, parts: Any, y: Any, y_pred: Any, weight: Any, x: Any) -> Any:
        """Totals after one more batch; each loss counts by the batch's number of samples."""
        count = jax.tree.leaves(x)[0].shape[0]
        sums = {f"part/{n}": totals[f"part/{n}"] + jnp.stack([parts[n] * count, jnp.float32(count)]) for n in parts}
        variables = self.variables()
        _, after, _ = tracing.pure(self.update_metrics, variables)(
            {path: totals[path] for path in variables}, y, y_pred, weight
        )
        return sums | after

    def update_metrics(self, y: Any, y_pred: Any, weight: Any) -> None:
        """One more batch for the metric objects."""
        names = output_names(y_pred, self.outputs)
        predictions = flat_outputs(y_pred, names)
        targets = per_output("y", y, names, spread=True)
        weights = per_output("sample_weight", weight, names, spread=True)
        for entries, target, prediction, w in zip(self.of_output, targets, predictions, weights, strict=True):
            for _, metric, weighted in entries:
                if target is not None:
                    metric.update_state(target, prediction, sample_weight=w if weighted else None)

    def report(self, totals: Any) -> dict[str, Any]:
        """The logs that the totals amount to."""
        logs = {n: totals[f"part/{n}"][0] / jnp.maximum(totals[f"part/{n}"][1], 1) for n in self.parts}
        variables = self.variables()
        results, _, _ = tracing.pure(self.results, variables)({path: totals[path] for path in variables})
        return logs | results

    def results(self) -> dict[str, Any]:
        """{name: value} of the metric objects."""
        results = {name: metric.result() for entries in self.of_output for name, metric, _ in entries}
        values: dict[str, Any] = {}
        for name, value in results.items():
            values |= {f"{name}_{k}": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
        return {name: jnp.asarray(value) for name, value in values.items()}  # a Variable is read where it is bound

    def show(self, totals: Any) -> None:
        """Put totals into the metric objects, for those who read them by hand."""
        for path, variable in self.variables().items():
            variable._value = totals[path]
        for name in self.parts:
            tracker = self.trackers.setdefault(name, metrics.Mean(name))
            sums = np.asarray(totals[f"part/{name}"])  # taken apart on the device, they would be a program of their own
            tracker.total._value, tracker.count._value = map(arrays.from_host, sums)


class CompileMetrics(Metric, abstract=True):
    """The metrics given to `compile`, as one metric whose result is {name: value}."""

    def __init__(self, meters: MetricsState) -> None:
        super().__init__(name="compile_metrics")
        self.meters = meters

    @property
    def metrics(self) -> list[Any]:
        """The metrics, once data has shown their shapes."""
        return self.meters.metrics

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        if not self.meters.built:
            self.meters.build([], y_true, y_pred)
        self.meters.update_metrics(y_true, y_pred, sample_weight)

    def result(self) -> dict[str, Any]:
        return self.meters.results()

    def reset_state(self) -> None:
        for metric in self.metrics:
            metric.reset_state()

    def named_variables(self) -> dict[str, Variable]:
        return self.meters.variables()
