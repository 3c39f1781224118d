"""Epochs and events: the loop of `fit` around the compiled program."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from gazelle import data, engine
from gazelle.metrics.name_aliases import Logs
from gazelle.training.diagnosis import explain_nan
from gazelle.training.interrupt import Interrupt
from gazelle.training.steps_per_call import Lookahead, StepsPerCall, host_logs, ordered
from gazelle.training.trainer import Trainer
from gazelle.training.training_progress import TrainingProgress

_SLOW_DATA = 0.2  # share of the first epoch from which waiting for data is told


class Fit:
    """One call of `fit`: trains from the position `at` on.

    validate: `(epoch) -> logs` of the validation, empty where none is due; keeper: writes the state now and then;
    stop_on_nan: end before the update whose loss is no number.
    """

    def __init__(
        self,
        trainer: Trainer,
        model: Any,
        source: data.Source,
        events: Any,
        display: Any,
        at: TrainingProgress,
        validate: Callable[[int], dict[str, Any]],
        autosave: Any = None,
        stop_on_nan: bool = True,
    ) -> None:
        assert trainer.programs is not None
        self.trainer, self.model, self.source, self.events, self.display = trainer, model, source, events, display
        self.at, self.validate, self.autosave, self.programs = at, validate, autosave, trainer.programs
        self.force = np.bool_(not stop_on_nan)
        self.single = events.listens("train")
        self.steps_per_call = StepsPerCall()
        self.bad: tuple[data.Chunk, int] | None = None  # the chunk and the step whose loss was no number
        self.interrupt = Interrupt(self._even)
        self._given: int | None = None  # during a step: `live.steps_given` before it
        self._offering = False

    def run(self, epochs: int) -> None:
        """Train until `epochs` are over or somebody stops it."""
        live, at = self.trainer.live, self.at
        with self.interrupt:
            try:
                first = at.epoch
                if self.display.verbose and (told := engine.device_message()):
                    self.display.note(told)
                if self.autosave is not None and first < epochs:
                    self.autosave.reserve(live.size())
                while at.epoch < epochs:
                    began = time.perf_counter()
                    if not self.epoch(epochs):
                        break
                    if at.epoch == first + 1:
                        self._tell_waiting(time.perf_counter() - began)
                    if self.model.stop_training or self.source.exhausted:
                        break
                    self._offer()
                at.finish(stopped=self.model.stop_training and self.bad is None)
                live.finish()
            finally:
                live.flush()
                self._given, self._offering = None, False
                self.interrupt.hold()  # what is kept at the end is kept whole
                if self.autosave is not None and live.state is not None and live.state.alive():
                    self.autosave.finish(at.snapshot)
                live.totals = self.trainer.metrics.start()  # train_on_batch begins its own

    def epoch(self, epochs: int) -> bool:
        """One epoch, or what is left of it. False: there was no data for it."""
        at, trainer, events, display = self.at, self.trainer, self.events, self.display
        if not at.begun:
            trainer.live.totals = trainer.metrics.start()
            with at.events():
                events.on_epoch_begin(at.epoch, {})
                at.begun = True
        display.epoch_begin(at.epoch, epochs, self.source.steps)
        logs: Any = None
        chunks = Lookahead(self.source.chunks(at.epoch, at.done))
        for chunk in chunks:
            logs = self.chunk(chunk, chunks) or logs
            if self.model.stop_training:
                break
        if not at.done and self.bad is None and self.source.exhausted:
            return False
        results = host_logs(trainer, logs or self.programs.report(trainer.live.totals))
        with at.events():
            if self.bad is None:
                results.update(self.validate(at.epoch))
            else:
                self._tell_nan(results.get("loss", np.nan), *self.bad)
            trainer.metrics.show(trainer.live.totals)
            display.clear()  # what callbacks print goes on lines of its own
            events.on_epoch_end(at.epoch, results)
            display.epoch_end(results)
            at.next_epoch()
        return True

    def chunk(self, chunk: data.Chunk, chunks: Lookahead) -> Any:
        """The steps of a chunk; returns the last logs."""
        at, logs, start = self.at, None, 0
        while start < chunk.stop and not self.model.stop_training:
            stop = start + 1 if self.single else min(chunk.stop, start + self.steps_per_call.steps)
            self.interrupt.hold()  # a batch and what is told of it are kept together
            if self.single:
                self.events.on_train_batch_begin(at.done, Logs())
            begun, self._given = time.perf_counter(), self.trainer.live.steps_given
            logs, end = self.trainer.live.step(
                self.programs.train, self.force, chunk.arrays, np.int32(start), np.int32(stop)
            )
            if stop == chunk.stop:
                chunks.fetch()
            end = int(end)
            at.done += end - start
            self._given = None
            self.steps_per_call.took(stop - start, time.perf_counter() - begun)
            if end < stop:
                self.bad, self.model.stop_training = (chunk, end), True
                self.interrupt.release()
                break
            start = end
            if self.single:
                self.events.on_train_batch_end(at.done - 1, host_logs(self.trainer, logs))
            self.interrupt.release()
            self.display.advance(at.done, self.source.steps, ordered(self.trainer, logs))
            self._offer()
        return logs

    def _even(self) -> bool:
        """Whether state and position are of the same step: not while a step that consumed the state is not counted, nor
        while a copy is taken."""
        live, given = self.trainer.live, self._given
        unused = live.state is None or live.state.alive()
        return not self._offering and (given is None or (live.steps_given == given and unused))

    def _offer(self) -> None:
        if self.autosave is not None:
            self.interrupt.hold()
            self._offering = True
            self.autosave.offer(self.at.snapshot)
            self._offering = False
            self.interrupt.release()

    def _tell_nan(self, loss: float, chunk: data.Chunk, index: int) -> None:
        batch = jax.tree.map(lambda array: array[index], chunk.arrays)
        rows = None if chunk.rows is None else chunk.rows[index]
        where = f"step {self.at.done + 1} of epoch {self.at.epoch + 1}"
        explain_nan(self.trainer, self.source, loss, where, batch, rows)

    def _tell_waiting(self, seconds: float) -> None:
        fraction = self.source.waited / seconds
        if fraction > _SLOW_DATA:
            self.display.note(f"The device waited for data {fraction:.0%} of this epoch: the source is what limits.")
