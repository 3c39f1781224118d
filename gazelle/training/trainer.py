"""The trainer of a compiled model: its step, its live state, and the programs that run it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle import data, engine
from gazelle.core import arrays, forked
from gazelle.core.replaced_methods import connected
from gazelle.core.variable import Variable
from gazelle.data.arrays import inputs_of_step, pack_x_y_sample_weight
from gazelle.losses.label_values import check_labels
from gazelle.training.custom_step import CustomStep
from gazelle.training.live_state import LiveState
from gazelle.training.outputs import flat_outputs, output_names, targets_of
from gazelle.training.programs import Programs, shared
from gazelle.training.step import LossStep, ModelSpec, TraceInfo, signature

if TYPE_CHECKING:
    from gazelle.core.types import Tree

_UNKNOWN = object()


class Trainer:
    """What the loops of `fit`, `evaluate` and `predict` run.

    Args:
        spec: what the step of the model is made of.
        seed: start of the random numbers of training.
        structure: equal for models that are built and compiled alike; None if that cannot be determined.
        batch_independent: whether the outputs of a sample depend on that sample only.
        custom_step: the step of a model that overrides step methods.
    """

    def __init__(
        self,
        spec: ModelSpec,
        seed: int = 0,
        structure: Hashable | None = None,
        batch_independent: bool = False,
        custom_step: CustomStep | None = None,
    ) -> None:
        self.spec, self.seed, self.batch_independent = spec, seed, batch_independent
        self.optimizer = spec.optimizer
        self.key = arrays.key(seed)
        self.steps_per_execution = 1  # between two batch events
        self.custom_step = custom_step
        self.loss_step = LossStep(spec)  # for labels of the first signature
        self.metrics = self.loss_step.metrics if custom_step is None else custom_step.metrics
        self.programs: Programs | None = None  # those for labels of the last signature
        self.assigned: list[str] = []  # paths that layers assign outside of training
        self._checked: dict[Hashable, Hashable] = {}  # kind of batch that passed all checks -> `_labels` then
        self.trainable_flags: list[tuple[Any, bool]] = []  # (layer or variable, `trainable`) that were checked
        self.description: tuple[Any, str] | None = None  # of the model, and its hash, for checkpoints
        self._structure = structure
        self._own: Programs | None = None
        self._labels: Hashable = None  # signature of the labels that `programs` are for
        self._loss_steps: dict[Hashable, LossStep] = {}  # by signature of the labels
        self._traced: set[Hashable] = set()  # kinds and signatures of batches of a custom step
        self._units: dict[str, int] = {}  # size of the last axis of each output
        self._predicted_batches = 0
        self._predict_programs: Programs | None = None
        if custom_step is None:
            self.variables: dict[str, Variable] = dict(spec.variables)
            self.live = LiveState(self.variables, spec.trainable, spec.optimizer, self.key)
        else:
            self._bind_custom(custom_step)

    def is_current(self) -> bool:
        """Return whether the model and its parts have the methods that the programs are traced from."""
        return self.spec.methods.is_current()

    def count(self, steps: int = 1) -> np.uint32:
        """The number of batches predicted so far, from which layers that draw in `predict` get their random numbers."""
        self._predicted_batches, before = self._predicted_batches + steps, self._predicted_batches
        return np.uint32(before % 2**32)

    @property
    def weights(self) -> dict[str, Variable]:
        """{path: variable} of the model; `variables` of a custom step also contain those of metrics and optimizers."""
        if self.custom_step is None:
            return self.variables
        ids = set(map(id, self.custom_step.methods.weights()))
        return {path: v for path, v in self.variables.items() if id(v) in ids}

    def with_read(self, values: dict[str, Any]) -> dict[str, Any]:
        """Add what losses and metrics read of the optimizer to the values of the variables; a custom step has it."""
        read = {} if self.custom_step is not None else self.spec.read
        return {**values, **{key: variable.value for key, variable in read.items()}}

    def reseed(self, seed: int) -> None:
        """Continue with the seed of an earlier training."""
        self.seed, self.key = seed, arrays.key(seed)

    @property
    def predict(self) -> Callable[..., Any]:
        """(values, key, data (steps, batch, ...), count) -> (outputs (steps, batch, ...), assigned)."""
        if self._predict_programs is None:
            self._predict_programs = self.programs if self.custom_step is not None else self._programs("predict")
            assert self._predict_programs is not None
        if self.custom_step is None:
            self._predict_programs.add(self.loss_step)
        return self._predict_programs.predict

    def _programs(self, kind: Hashable) -> Programs:
        """Those of all equal models, or the trainer's own."""
        if self._structure is not None:
            active = engine.active_distribution()
            paths = () if active is None else active.program_key(v.path for v in self.variables.values())
            return shared((self._structure, kind, *paths))
        if self._own is None:
            self._own = Programs(self.spec.run_eagerly)
        return self._own

    def prepare(self, source: data.Source, kind: str = "train") -> None:
        """Check the data against the model before anything is compiled; the first time, choose the metrics.

        Args:
            source: the data.
            kind: the step that is to run: "train", "test" or "predict".
        """
        if self.custom_step is not None:
            batch = inputs_of_step(source.sample[0]) if kind == "predict" else pack_x_y_sample_weight(*source.sample)
            self._trace_custom(self.custom_step, kind, batch)
        elif kind != "predict":
            y = source.sample[1]
            labels = signature(jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype), y))
            if self.programs is None or labels != self._labels:
                self._select_programs(labels, source.sample)
            assert self.programs is not None
            self.programs.add(self._loss_steps[labels])
            self.check_labels(source)

    def mark_checked(self, kind: Hashable) -> None:
        """Note that a batch of this kind (method, shapes, dtypes) passed all checks but those of its values."""
        self._checked[kind] = self._labels

    def was_checked(self, kind: Hashable) -> bool:
        """Whether a batch of this kind was checked, and the present programs are those for it."""
        return self._checked.get(kind, _UNKNOWN) == self._labels and self.is_current() and not forked.without_threads

    def check_labels(self, source: data.Source) -> None:
        """Check labels on the host against the loss: arrays at once, files and streams batch by batch."""
        if self.custom_step is not None:
            self.prepare(source, "test")
        else:
            self.check_label_values(source.data if isinstance(source, data.ArraySource) else source.sample)
            source.inspect["labels"] = self.check_label_values

    def check_label_values(self, batch: Tree) -> None:
        """Check the labels of a batch (x, y, sample_weight) against the loss."""
        if batch[1] is None or self.custom_step is not None:
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

    def _trace_custom(self, step: CustomStep, kind: str, batch: Any) -> None:
        """Trace a batch of this signature once, and use the variables that the step created, too."""
        key = kind, signature(batch)
        if key in self._traced:
            return
        assigned = step.trace(kind, batch)
        self._bind_custom(step)
        if kind == "test":
            self.assigned = [path for path, v in self.variables.items() if id(v) in assigned]
        self.live.totals = {**step.metrics.start(), **self.live.totals}
        self._traced.add(key)

    def _bind_custom(self, step: CustomStep) -> None:
        """Hold all variables that exist by now."""
        variables = step.methods.step_variables()
        if self.programs is not None and [*map(id, variables.values())] == [*map(id, self.variables.values())]:
            return
        totals: dict[str, Any] = {}
        if self.programs is not None:
            self.live.release()
            totals = self.live.totals
        ids = step.methods.trainable()
        self.variables = step.variables = variables
        trainable = {path for path, v in variables.items() if id(v) in ids}
        self.live = LiveState(variables, trainable, None, self.key, step.methods, self.optimizer)
        self.live.totals = totals
        self.programs, self._predict_programs = Programs(self.spec.run_eagerly), None
        self.programs.add(step)
