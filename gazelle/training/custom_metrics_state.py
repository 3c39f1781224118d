"""What a model with steps of its own says of them, and the sums of its metrics beside the logs of its last step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import jax.numpy as jnp
import numpy as np

from gazelle import engine
from gazelle.core import tracing
from gazelle.core.variable import Variable


class Steps(Protocol):
    """What such a model gives: functions of a batch that read and assign its variables."""

    train: Callable[[Any], Mapping[str, Any]]  # data -> logs
    test: Callable[[Any], Mapping[str, Any]]
    predict: Callable[[Any], Any]  # data -> outputs
    finished: Any  # the number of finished steps, from which draws are made

    def variables(self) -> dict[str, Variable]:
        """{path: variable} of all that the steps may read or assign, without `sums`."""
        ...

    def sums(self) -> dict[str, Variable]:
        """{path: variable} of the metrics that begin anew with each pass."""
        ...

    def reset(self) -> None:
        """Begin them anew."""
        ...

    def results(self) -> dict[str, Any]:
        """What the metrics amount to."""
        ...

    def order(self) -> list[str]:
        """Names of the metrics, in the order in which logs show them."""
        ...

    def names(self) -> Mapping[int, str]:
        """{id(layer): path}, for draws."""
        ...

    def weights(self) -> list[Variable]:
        """Those of `variables` that are the model's own."""
        ...

    def trainable(self) -> set[int]:
        """ids of the variables that are trained."""
        ...


def flat_logs(logs: Any) -> dict[str, Any]:
    """Logs as {name: array}: a dict inside, as of a metric with several results, stands among the others."""
    out: dict[str, Any] = {}
    for name, value in (logs or {}).items():
        out |= flat_logs(value) if isinstance(value, Mapping) else {} if value is None else {name: jnp.asarray(value)}
    return out


class CustomMetricsState:
    """Takes the place of `Meters`: the metrics' sums, and beside them the logs of the last step."""

    built = True

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.logs: dict[str, dict[str, Any]] = {}  # "train", "test" -> {name: shape and dtype}
        self.counts: dict[str, bool] = {}  # whether the step updates any metric

    @property
    def names(self) -> list[str]:
        """Names in the logs: those of metrics in their order, then the others by the alphabet."""
        known = {name for logs in self.logs.values() for name in logs}
        first = [name for name in self.steps.order() if name in known]
        return list(dict.fromkeys([*first, *sorted(known)]))

    def start(self) -> dict[str, Any]:
        """Totals before the first batch."""
        sums = self.steps.sums()
        _, after, _ = tracing.pure(self.steps.reset, sums)({path: v.value for path, v in sums.items()})
        last = {f"{k}/{n}": np.zeros(s.shape, s.dtype) for k, logs in self.logs.items() for n, s in logs.items()}
        placed: dict[str, Any] = engine.to_device({**{path: np.array(v) for path, v in after.items()}, **last})
        return placed

    def report(self, kind: str) -> Callable[[Any], dict[str, Any]]:
        """totals -> logs: what the metrics say, where the step counts and returns just these; else the last it said."""

        def read(totals: Any) -> dict[str, Any]:
            last = {name: totals[f"{kind}/{name}"] for name in self.logs[kind]}
            if not self.counts[kind]:
                return last
            sums = self.steps.sums()
            results, _, _ = tracing.pure(lambda: flat_logs(self.steps.results()), sums)({p: totals[p] for p in sums})
            return results if results.keys() == last.keys() else last

        return read

    def show(self, totals: Any) -> None:
        """Put totals into the metric objects, for those who read them by hand."""
        for path, variable in self.steps.sums().items():
            variable._value = totals[path]
