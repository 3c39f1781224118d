"""The trainer of a model that minimizes the loss given to `compile`."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle import data, engine
from gazelle.core.replaced_methods import connected
from gazelle.core.variable import Variable
from gazelle.losses.label_values import check_labels
from gazelle.training.live_state import LiveState
from gazelle.training.outputs import flat_outputs, output_names, targets_of
from gazelle.training.programs import Programs, shared
from gazelle.training.step import LossStep, ModelSpec, TraceInfo, signature
from gazelle.training.trainer import Trainer

if TYPE_CHECKING:
    from gazelle.core.types import Tree


class LossTrainer(Trainer):
    """The trainer of a model with a compiled loss; its programs are those of all models of equal structure.

    The step depends on the signature of the labels, since the metrics are chosen for it: there is one for each.

    Args:
        spec: what the step of the model is made of.
        seed: start of the random numbers of training.
        structure: equal for models that are built and compiled alike; None if that cannot be determined.
        batch_independent: whether the outputs of a sample depend on that sample only.
    """

    def __init__(
        self, spec: ModelSpec, seed: int = 0, structure: Hashable | None = None, batch_independent: bool = False
    ) -> None:
        self.loss_step = LossStep(spec)  # for labels of the first signature
        super().__init__(spec, seed, self.loss_step.metrics, batch_independent)
        self.variables = dict(spec.variables)
        self.live = LiveState(self.variables, spec.trainable, spec.optimizer, self.key)
        self.structure = structure
        self._own: Programs | None = None
        self._predict_programs: Programs | None = None
        self._loss_steps: dict[Hashable, LossStep] = {}  # by signature of the labels
        self._units: dict[str, int] = {}  # size of the last axis of each output

    @property
    def weights(self) -> dict[str, Variable]:
        """{path: variable} of the model."""
        return self.variables

    def with_read(self, values: dict[str, Any]) -> dict[str, Any]:
        """Add what losses and metrics read of the optimizer to the values of the variables."""
        return (
            values
            if not self.spec.read
            else {**values, **{key: variable.value for key, variable in self.spec.read.items()}}
        )

    @property
    def predict(self) -> Callable[..., Any]:
        """(values, key, data (steps, batch, ...), count) -> (outputs (steps, batch, ...), assigned)."""
        if self._predict_programs is None:
            self._predict_programs = self._programs("predict")
        self._predict_programs.add(self.loss_step)
        return self._predict_programs.predict

    def _programs(self, kind: Hashable) -> Programs:
        """Those of all equal models, or the trainer's own."""
        if self.structure is not None:
            active = engine.active_distribution()
            paths = () if active is None else active.program_key(v.path for v in self.variables.values())
            return shared((self.structure, kind, *paths))
        if self._own is None:
            self._own = Programs(self.spec.run_eagerly)
        return self._own

    def prepare(self, source: data.Source, kind: str = "train") -> None:
        """Check the data against the model before anything is compiled; the first time, choose the metrics.

        Args:
            source: the data.
            kind: the step that is to run: "train", "test" or "predict".
        """
        if kind == "predict":
            return
        y = source.sample[1]
        labels = signature(jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype), y))
        if self.programs is None or labels != self._labels:
            self._select_programs(labels, source.sample)
        assert self.programs is not None
        self.programs.add(self._loss_steps[labels])
        self._check_labels(source)

    def prepare_validation(self, source: data.Source) -> None:
        """Check the data that `fit` validates on before the training."""
        self._check_labels(source)

    def _check_labels(self, source: data.Source) -> None:
        """Check labels on the host against the loss: arrays at once, files and streams batch by batch."""
        self.check_label_values(source.data if isinstance(source, data.ArraySource) else source.sample)
        source.inspect["labels"] = self.check_label_values

    def check_label_values(self, batch: Tree) -> None:
        """Check the labels of a batch (x, y, sample_weight) against the loss."""
        if batch[1] is None:
            return
        names = list(self._units)
        functions = self.loss_step.objective.functions(names)
        for function, target, name in zip(functions, targets_of(batch[1], names, functions), names, strict=True):
            if function is not None and isinstance(target, np.ndarray):
                check_labels(function, target, self._units[name])
        given = self.metrics.source
        if self.metrics.built and (given.given is not None or given.weighted is not None):
            given.check_labels(batch[1], self._units)

    def _select_programs(self, labels: Hashable, sample: Any) -> None:
        """Use the programs for labels of this signature, whose metrics are chosen for them."""
        if labels not in self._loss_steps:
            self._loss_steps[labels] = LossStep(self.spec) if self._loss_steps else self.loss_step
        step = self._loss_steps[labels]
        self.programs, self._labels = self._programs(labels), labels
        info = self.programs.trace(step, sample)
        if len(self.spec.variables) > len(self.variables):
            self.variables.update(self.spec.variables)
            self.live.invalidate()
        if not step.metrics.built:
            step.metrics.build(info.losses, info.reports, sample[1], info.y_pred)
            self.spec.methods.add(connected(step.metrics.source.metrics))
        if step is self.loss_step and not self.live.totals:
            self.live.totals = step.metrics.start()
        self._set_outputs(info)

    def _set_outputs(self, info: TraceInfo) -> None:
        names = output_names(info.y_pred, self.spec.outputs)
        flat = flat_outputs(info.y_pred, names)
        self._units = {name: out.shape[-1] if out.shape else 1 for name, out in zip(names, flat, strict=True)}
        self.assigned = info.assigned
