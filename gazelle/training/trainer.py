"""The trainer of a compiled model: its step, its live state, and the programs that run it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle import data
from gazelle.core import arrays, forked
from gazelle.core.variable import Variable

if TYPE_CHECKING:
    from gazelle.core.types import Tree
    from gazelle.training.live_state import LiveState
    from gazelle.training.metrics_state import MetricsState
    from gazelle.training.programs import Programs
    from gazelle.training.step import ModelSpec

_UNKNOWN = object()


class Trainer:
    """What the loops of `fit`, `evaluate` and `predict` run.

    `LossTrainer` is that of a model which is trained by its compiled loss, `CustomTrainer` that of a model with step
    methods of its own.

    Args:
        spec: what the step of the model is made of.
        seed: start of the random numbers of training.
        metrics: those of the step.
        batch_independent: whether the outputs of a sample depend on that sample only.
    """

    variables: dict[str, Variable]  # {path: variable} of all that the step reads or assigns
    live: LiveState  # of these variables
    programs: Programs | None = None  # for the data that was prepared last

    def __init__(self, spec: ModelSpec, seed: int, metrics: MetricsState, batch_independent: bool) -> None:
        self.spec, self.seed, self.metrics, self.batch_independent = spec, seed, metrics, batch_independent
        self.optimizer = spec.optimizer
        self.key = arrays.key(seed)
        self.steps_per_execution = 1  # between two batch events
        self.assigned: list[str] = []  # paths that layers assign outside of training
        self.trainable_flags: list[tuple[Any, bool]] = []  # (layer or variable, `trainable`) that were checked
        self.description: tuple[Any, str] | None = None  # of the model, and its hash, for checkpoints
        self._checked: dict[Hashable, Hashable] = {}  # kind of batch that passed all checks -> `_labels` then
        self._labels: Hashable = None  # signature of the labels that `programs` are for
        self._predicted_batches = 0

    def is_current(self) -> bool:
        """Return whether the model and its parts have the methods that the programs are traced from."""
        return self.spec.methods.is_current()

    def count(self, steps: int = 1) -> np.uint32:
        """The number of batches predicted so far, from which layers that draw in `predict` get their random numbers."""
        self._predicted_batches, before = self._predicted_batches + steps, self._predicted_batches
        return np.uint32(before % 2**32)

    def reseed(self, seed: int) -> None:
        """Continue with the seed of an earlier training."""
        self.seed, self.key = seed, arrays.key(seed)

    def mark_checked(self, kind: Hashable) -> None:
        """Note that a batch of this kind (method, shapes, dtypes) passed all checks but those of its values."""
        self._checked[kind] = self._labels

    def was_checked(self, kind: Hashable) -> bool:
        """Whether a batch of this kind was checked, and the present programs are those for it."""
        return self._checked.get(kind, _UNKNOWN) == self._labels and self.is_current() and not forked.without_threads

    # Of the two kinds of trainers ------------------------------------------------------------------------------------

    @property
    def weights(self) -> Mapping[str, Variable]:
        """{path: variable} of the model."""
        raise NotImplementedError

    @property
    def predict(self) -> Callable[..., Any]:
        """(values, key, data (steps, batch, ...), count) -> (outputs (steps, batch, ...), assigned)."""
        raise NotImplementedError

    def prepare(self, source: data.Source, kind: str = "train") -> None:
        """Check the data against the model before anything is compiled.

        Args:
            source: the data.
            kind: the step that is to run: "train", "test" or "predict".
        """
        raise NotImplementedError

    def prepare_validation(self, source: data.Source) -> None:
        """Check the data that `fit` validates on before the training."""
        raise NotImplementedError

    def with_read(self, values: dict[str, Any]) -> dict[str, Any]:
        """Add what losses and metrics read of the optimizer to the values of the variables."""
        return values

    def check_label_values(self, batch: Tree) -> None:
        """Check the labels of a batch (x, y, sample_weight) against the loss; a custom step has none to check."""
