"""The loop of `fit`: epochs, callbacks and autosaves around the compiled program."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import jax
import numpy as np

from gazelle import data, engine
from gazelle.core import arrays, conventions
from gazelle.engine import processes
from gazelle.metrics.name_aliases import Logs
from gazelle.training.diagnosis import explain_nan
from gazelle.training.inexact_resume import WatchedEvents
from gazelle.training.interrupt import Interrupt
from gazelle.training.steps_per_call import Prefetched, StepGroups, StepsPerCall, host_logs, ordered
from gazelle.training.trainer import Trainer
from gazelle.training.training_progress import TrainingProgress

if TYPE_CHECKING:
    from gazelle.models.model import Model
    from gazelle.saving.autosave import Autosave
    from gazelle.saving.sharded import PartAutosave
    from gazelle.training.callbacks.callback_list import CallbackList
    from gazelle.training.callbacks.progress import Progress

_SLOW_DATA = 0.2  # fraction of the first epoch spent waiting for data from which it is reported


class Fit:
    """One call of `fit`: trains from `progress` on.

    Args:
        trainer: the trainer of the model.
        model: the model, whose `stop_training` callbacks set.
        source: the batches.
        events: the callbacks.
        display: the progress display.
        progress: the epoch and the step to start from.
        validate: `(epoch) -> logs` of the validation, empty if none is due.
        autosave: writes the state to disk from time to time.
        stop_on_nan: end before an update whose loss is NaN or infinite.
    """

    def __init__(
        self,
        trainer: Trainer,
        model: Model,
        source: data.Source,
        events: CallbackList,
        display: Progress,
        progress: TrainingProgress,
        validate: Callable[[int], dict[str, Any]],
        autosave: Autosave | PartAutosave | None = None,
        stop_on_nan: bool = True,
    ) -> None:
        assert trainer.programs is not None
        self.trainer, self.model, self.source, self.display = trainer, model, source, display
        self.events: CallbackList | WatchedEvents = events
        self.progress, self.validate, self.autosave, self.programs = progress, validate, autosave, trainer.programs
        self.force = engine.number(np.bool_(not stop_on_nan))
        self._several = processes.count() > 1
        self.single = processes.largest(events.listens("train"), "the start of fit")
        self.steps_per_call = StepsPerCall()
        self.groups = StepGroups("train", trainer.steps_per_execution)
        self.bad: tuple[data.Chunk, int] | None = None  # the chunk and the step whose loss was not finite
        # callbacks that decide what a loss that is not finite means: bad data ends the training then without an error
        self.nan_callbacks = [each for each in getattr(events, "callbacks", ()) if getattr(each, "handles_nan", False)]
        self.interrupt = Interrupt(self._is_consistent, self._several)
        self._steps_before: int | None = None  # during a step: `live.steps_given` before it
        self._saving = False  # a copy of the state is taken
        self._due = not self._several  # whether to offer a save; several processes agree on it
        self._synchronized = not self._several  # whether all processes are at the same step and leave together

    # Epochs and batches ----------------------------------------------------------------------------------------------

    def run(self, epochs: int) -> None:
        """Train up to epoch `epochs`, or until a callback or a NaN stops it."""
        progress, complete = self.progress, False
        with self.interrupt:
            try:
                self._prepare(epochs)
                first, began = progress.epoch, time.perf_counter()
                while progress.epoch < epochs and self.epoch(epochs):
                    if progress.epoch == first + 1:
                        self._after_first_epoch(time.perf_counter() - began)
                    if self._several:
                        self._agree()
                    if self.model.stop_training or self.source.exhausted:
                        break
                    self.interrupt.hold()
                    self._offer_save()
                    self.interrupt.release()
                progress.finish(stopped=self.model.stop_training and self.bad is None)
                self.trainer.live.finish()
                complete = self._synchronized = True
            finally:
                self._save_last(complete)
                self.trainer.live.totals = self.trainer.metrics.start()  # train_on_batch starts its own

    def epoch(self, epochs: int) -> bool:
        """Train one epoch or the rest of it; return whether there was data for it."""
        progress, trainer, events = self.progress, self.trainer, self.events
        if not progress.begun:
            trainer.live.totals = trainer.metrics.start()
            with progress.events():
                events.on_epoch_begin(progress.epoch, {})
                progress.begun = True
            if self._several:
                self._agree()
        self.display.epoch_begin(progress.epoch, epochs, self.source.steps, progress.done)
        logs = self._train()
        if not progress.done and self.bad is None and self.source.exhausted:
            return False
        results = host_logs(trainer, logs or self.programs.report(trainer.live.totals))
        trainer.metrics.show(trainer.live.totals)
        with progress.events():
            if self.bad is None:
                results = self._with_validation(results)
            else:
                self._explain_nan(results.get("loss", np.nan), *self.bad)
            self.display.clear()  # callbacks print on lines of their own
            events.on_epoch_end(progress.epoch, results)
            self.display.epoch_end(results)
            progress.next_epoch()
        return True

    def _with_validation(self, results: Logs) -> Logs:
        of_validation = self.validate(self.progress.epoch)
        if conventions.active.validation_logs_are_first:
            return Logs({**of_validation, **results})
        return Logs({**results, **of_validation})

    def _train(self) -> Any:
        """Run the steps of the epoch, chunk by chunk; return the last logs."""
        progress, logs = self.progress, cast("Any", None)
        chunks = Prefetched(self.source, progress.epoch, progress.done)
        leaves = not conventions.active.epochs_are_completed  # whether `stop_training` ends the epoch
        for chunk in chunks:
            start = 0
            while start < chunk.stop and not (self.model.stop_training and (leaves or self.bad is not None)):
                start, logs = self._call(chunk, chunks, start)
            if self.model.stop_training and (leaves or self.bad is not None):
                break
        if self.bad is None:
            self.groups.end(self.events, progress.done, functools.partial(host_logs, self.trainer, logs), last=True)
        return logs

    def _call(self, chunk: data.Chunk, chunks: Prefetched, start: int) -> tuple[int, Any]:
        """Call the program for steps of a chunk, from `start` on: (the step where it ended, logs).

        One step if a callback has batch events, else as many as take a tenth of a second.
        """
        progress = self.progress
        self.interrupt.hold()  # a step, its events and a save belong together
        steps = self.groups.begin(self.events, progress.done) if self.single else self.steps_per_call.steps
        stop = min(chunk.stop, start + steps)
        logs, end, seconds = self._run_program(chunk, chunks, start, stop)
        if end < stop:  # the loss was not finite
            self.bad, self.model.stop_training = (chunk, end), True
            for callback in self.nan_callbacks:
                callback.on_train_batch_end(progress.done, host_logs(self.trainer, logs))
            self.interrupt.release()
            return end, logs
        if self.single:
            self.groups.end(self.events, progress.done, functools.partial(host_logs, self.trainer, logs))
        if self._several:
            seconds = self._agree(seconds)
        if not self.single:
            self.steps_per_call.adapt(end - start, seconds)
        self._offer_save()
        self.interrupt.release()
        if self.display.verbose:
            self.display.advance(progress.done, self.source.steps, ordered(self.trainer, logs))
        return end, logs

    def _run_program(self, chunk: data.Chunk, chunks: Prefetched, start: int, stop: int) -> tuple[Any, int, float]:
        """Run steps of a chunk while the next one is read: (logs, the step where it ended, seconds)."""
        if stop == chunk.stop and not self.single:
            chunks.gather()
        began = time.perf_counter()
        self._steps_before = self.trainer.live.steps_given
        bounds = map(engine.number, (np.int32(start), np.int32(stop)))
        logs, last = self.trainer.live.step(self.programs.train, self.force, chunk.arrays, *bounds)
        if stop == chunk.stop:
            chunks.fetch()
        end = int(np.asarray(last))  # waits for the program; int(last) makes several checks of JAX first
        self.progress.done += end - start
        self._steps_before = None
        return logs, end, time.perf_counter() - began

    # Before the first epoch and after it -----------------------------------------------------------------------------

    def _prepare(self, epochs: int) -> None:
        if self.display.verbose and (text := engine.device_message()):
            self.display.note(text)
        if self.autosave is not None and not self.autosave.written and self.progress.epoch < epochs:
            self.autosave.reserve(self.trainer.live.size())
        if self.progress.resumed and not getattr(self.source, "draws", False):
            self.events = WatchedEvents(self.events)

    def _after_first_epoch(self, seconds: float) -> None:
        if isinstance(self.events, WatchedEvents):
            self.events = self.events.events
        fraction = self.source.waited / seconds
        if fraction > _SLOW_DATA:
            text = f"The device waited for data {fraction:.0%} of this epoch: the data source is the bottleneck."
            self.display.note(text + self.source.advice)

    # Saves -----------------------------------------------------------------------------------------------------------

    def _offer_save(self) -> None:
        """Save if it is time. The caller holds signals: a copy of the state is always complete."""
        if self.autosave is not None and self._due:
            self._saving = True
            self.autosave.offer(self.progress.snapshot)
            self._saving = False

    def _save_last(self, complete: bool) -> None:
        """Save at the end of the training, also after an error or a signal."""
        self._steps_before, self._saving = None, False
        self.interrupt.hold()  # the last save is complete
        autosave, progress, state = self.autosave, self.progress, self.trainer.live.state
        if autosave is None or state is None or not state.alive() or (autosave.collective and not self._synchronized):
            return
        if complete:
            autosave.end_training(progress.snapshot, progress.later_snapshot)
        else:
            autosave.finish(progress.snapshot)

    def _is_consistent(self) -> bool:
        """Whether state and progress belong to the same step: not before a step is counted, nor during a copy."""
        live, before = self.trainer.live, self._steps_before
        unused = live.state is None or live.state.alive()
        return not self._saving and (before is None or (live.steps_given == before and unused))

    # Several processes, and data that is not finite -----------------------------------------------------------------

    def _agree(self, seconds: float = 0.0) -> float:
        """Stop, save and continue as all processes do, with the rate of the main one; return the longest time."""
        due = self.autosave is not None and self.autosave.due()
        rate = getattr(self.trainer.optimizer, "current_rate", lambda: None)()
        mine = self.interrupt.number, bool(self.model.stop_training), due, seconds, rate
        found = processes.gather(mine, f"step {self.progress.done} of epoch {self.progress.epoch + 1}")
        numbers, stops, dues, times, rates = zip(*found, strict=True)
        self.model.stop_training = any(stops)
        if rates[0] not in (rate, None):  # a callback has set another one in this process
            self.trainer.optimizer.learning_rate = rates[0]
        self._due = any(dues)
        if any(numbers):
            self._synchronized = True
            self.interrupt.raise_signal(max(numbers))
        return max(times)

    def _explain_nan(self, loss: Any, chunk: data.Chunk, index: int) -> None:
        batch = jax.tree.map(lambda array: array[index], chunk.arrays)
        if self._several:
            batch = jax.tree.map(arrays.to_host, batch)
        rows = None if chunk.rows is None else chunk.rows[index]
        where = f"step {self.progress.done + 1} of epoch {self.progress.epoch + 1}"
        explain_nan(self.trainer, self.source, loss, where, batch, rows, warns=bool(self.nan_callbacks))
