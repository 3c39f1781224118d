"""A compiled model: its live state, its metrics, and the programs that run it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import jax
import numpy as np

from gazelle import data, losses
from gazelle.core import arrays
from gazelle.core.variable import Variable
from gazelle.training.metrics_state import MetricsState
from gazelle.training.outputs import flat_outputs, output_names, targets_of
from gazelle.training.programs import ModelSpec, Programs, TraceInfo, shared, signature
from gazelle.training.state import Live
from gazelle.training.total_loss import TotalLoss


class Trainer:
    """What `compile` makes: everything that the loops of `fit`, `evaluate` and `predict` run.

    Args:
        model: what it trains.
        seed: where the random numbers of the training begin.
        structure: equal for models that are built and compiled alike; None where that cannot be known.
        skeleton: a second model of the same structure without values, which programs that are shared hold on to.
        alone: whether the outputs of a sample depend on that sample only.
    """

    own_steps = False  # whether the model's methods compute the steps

    def __init__(
        self,
        model: ModelSpec,
        seed: int = 0,
        structure: Hashable | None = None,
        abstract_clone: Callable[[], ModelSpec | None] = lambda: None,
        alone: bool = False,
    ) -> None:
        self.model, self.variables, self.seed, self.alone = model, dict(model.variables), seed, alone
        self.optimizer, self.outputs = model.optimizer, model.outputs
        self.objective = TotalLoss(model.loss, model.loss_weights, model.outputs, {})
        self.meters = MetricsState(model.metrics, model.weighted_metrics, model.outputs)
        self.key = arrays.key(seed)
        self.live = Live(self.variables, model.trainable, model.optimizer, self.key)
        self.programs: Programs | None = None  # those for labels of the last shape seen
        self.assigned: list[str] = []  # paths that layers assign outside of training
        self._structure, self._abstract_clone = structure, abstract_clone
        self._own: Programs | None = None
        self._labels: Hashable = None  # the shape of labels that `programs` are for
        self._units: dict[str, int] = {}  # size of the last axis of each output
        self.predicted: Any = None  # shape, type and batch size of an array that `predict` found to fit
        self._predicted = 0
        self._predict: Callable[..., Any] | None = None

    def count(self, steps: int = 1) -> np.uint32:
        """How many batches were predicted so far: what a layer that draws in `predict` makes its numbers from."""
        self._predicted, before = self._predicted + steps, self._predicted
        return np.uint32(before % 2**32)

    @property
    def weights(self) -> dict[str, Variable]:
        """{path: variable} of the model; its metrics and optimizers may be among `variables` too."""
        return self.variables

    def reseed(self, seed: int) -> None:
        """Go on with the seed of an earlier training."""
        self.seed, self.key = seed, arrays.key(seed)

    def _programs(self, kind: Hashable) -> Programs:
        found = shared((self._structure, kind), self._abstract_clone) if self._structure is not None else None
        if found is None:
            found = self._own = self._own or Programs(self.model)
        return found

    @property
    def predict(self) -> Callable[..., Any]:
        """(values, key, data (steps, batch, ...), count) -> (outputs (steps, batch, ...), assigned)."""
        if self._predict is None:
            self._predict = self._programs("predict").predict
        return self._predict

    def prepare(self, source: data.Source, kind: str = "train") -> None:
        """Hold the data against the model before anything is compiled; the first time, choose the metrics.

        kind: the step that is to run: "train", "test" or "predict".
        """
        if kind == "predict":
            return
        y = source.sample[1]
        labels = signature(jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype), y))
        if self.programs is None or labels != self._labels:
            self.programs, self._labels = self._programs(labels), labels
            self._adopt(self.programs.look(source.sample), y)
        self.check_labels(source)

    def _adopt(self, look: TraceInfo, y: Any) -> None:
        names = output_names(look.y_pred, self.outputs)
        flat = flat_outputs(look.y_pred, names)
        self._units = {name: out.shape[-1] if out.shape else 1 for name, out in zip(names, flat, strict=True)}
        self.assigned = look.assigned
        if not self.meters.built:
            self.meters.build(look.parts, y, look.y_pred)
            self.live.totals = self.meters.start()

    def check_labels(self, source: data.Source) -> None:
        """Labels that the loss cannot mean, found on the host: of arrays at once, of a stream batch by batch."""
        if isinstance(source, data.ArraySource):
            self._check(source.data)
        elif isinstance(source, data.StreamSource):
            self._check(source.sample)
            source.inspect["labels"] = self._check

    def _check(self, batch: Any) -> None:
        if batch[1] is None:
            return
        names = list(self._units)
        functions = self.objective.functions(names)
        for function, target, name in zip(functions, targets_of(batch[1], names, functions), names, strict=True):
            if function is not None and isinstance(target, np.ndarray):
                losses.check_labels(function, target, self._units[name])
