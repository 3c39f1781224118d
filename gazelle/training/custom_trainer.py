"""The trainer of a model that overrides `train_step`, `test_step` or `predict_step`."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from gazelle import data
from gazelle.core.variable import Variable
from gazelle.data.arrays import pack_x_y_sample_weight
from gazelle.training.live_state import LiveState
from gazelle.training.programs import Programs
from gazelle.training.step import ModelSpec, signature
from gazelle.training.trainer import Trainer

if TYPE_CHECKING:
    from gazelle.training.custom_step import CustomStep


class CustomTrainer(Trainer):
    """The trainer of a model with step methods of its own.

    A step may create variables when it runs first, so each kind of batch is traced once, and the state then covers all
    variables that exist.

    Args:
        spec: what the step of the model is made of.
        step: the step methods.
        seed: start of the random numbers of training.
        batch_independent: whether the outputs of a sample depend on that sample only.
    """

    programs: Programs

    def __init__(self, spec: ModelSpec, step: CustomStep, seed: int = 0, batch_independent: bool = False) -> None:
        super().__init__(spec, seed, step.metrics, batch_independent)
        self.step = step
        self._traced: set[Hashable] = set()  # kinds and signatures of batches
        self._use_variables(step.methods.step_variables(), {})

    @property
    def weights(self) -> dict[str, Variable]:
        """{path: variable} of the model; `variables` also contain those of optimizers."""
        ids = set(map(id, self.step.methods.weights()))
        return {path: v for path, v in self.variables.items() if id(v) in ids}

    @property
    def predict(self) -> Callable[..., Any]:
        """(values, key, data (steps, batch, ...), count) -> (outputs (steps, batch, ...), assigned)."""
        return self.programs.predict

    def prepare(self, source: data.Source, kind: str = "train") -> None:
        """Trace a batch of this signature once, and use the variables that the step created, too.

        Args:
            source: the data.
            kind: the step that is to run: "train", "test" or "predict".
        """
        batch = pack_x_y_sample_weight(*(source.sample[:1] if kind == "predict" else source.sample))
        key = kind, signature(batch)
        if key in self._traced:
            return
        assigned = self.step.trace(kind, batch)
        variables = self.step.methods.step_variables()
        if [*map(id, variables.values())] != [*map(id, self.variables.values())]:
            self.live.release()
            self._use_variables(variables, self.live.totals)
        if kind == "test":
            self.assigned = [path for path, v in self.variables.items() if id(v) in assigned]
        self.live.totals = {**self.metrics.start(), **self.live.totals}
        self._traced.add(key)

    def prepare_validation(self, source: data.Source) -> None:
        """Trace the data that `fit` validates on before the training."""
        self.prepare(source, "test")

    def _use_variables(self, variables: dict[str, Variable], totals: dict[str, Any]) -> None:
        """Make a state and programs of these variables."""
        ids = self.step.methods.trainable()
        trainable = {path for path, v in variables.items() if id(v) in ids}
        self.variables = self.step.variables = variables
        self.live = LiveState(variables, trainable, None, self.key, self.step.methods, self.optimizer)
        self.live.totals = totals
        self.programs = Programs(self.spec.run_eagerly)
        self.programs.add(self.step)
