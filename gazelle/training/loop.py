"""The loop of `fit`: epochs, callbacks and autosaves around the compiled program."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle import data, engine
from gazelle.core import arrays, prng
from gazelle.core.errors import message
from gazelle.core.traceback import warn
from gazelle.engine import processes
from gazelle.metrics.name_aliases import Logs
from gazelle.training.diagnosis import explain_nan
from gazelle.training.interrupt import Interrupt
from gazelle.training.steps_per_call import Prefetched, StepGroups, StepsPerCall, host_logs, ordered
from gazelle.training.trainer import Trainer
from gazelle.training.training_progress import TrainingProgress

if TYPE_CHECKING:
    from gazelle.models.model import Model
    from gazelle.saving.autosave import Autosave
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
        autosave: Autosave | None = None,
        stop_on_nan: bool = True,
    ) -> None:
        assert trainer.programs is not None
        self.trainer, self.model, self.source, self.display = trainer, model, source, display
        self.events: CallbackList | _WatchedEvents = events
        self.progress, self.validate, self.autosave, self.programs = progress, validate, autosave, trainer.programs
        self.force = engine.number(np.bool_(not stop_on_nan))
        self._several, self._due = processes.count() > 1, False
        self.single = processes.largest(events.listens("train"), "the start of fit")
        self.steps_per_call = StepsPerCall()
        self.groups = StepGroups("train", trainer.steps_per_execution)
        self.bad: tuple[data.Chunk, int] | None = None  # the chunk and the step whose loss was not finite
        # callbacks that decide what a loss that is not finite means: bad data ends the training then without an error
        self.judges = [each for each in getattr(events, "callbacks", ()) if getattr(each, "handles_nan", False)]
        self.interrupt = Interrupt(self._is_consistent, self._several)
        self._steps_before: int | None = None  # during a step: `live.steps_given` before it
        self._saving = False  # a copy of the state is taken
        self._alike = not self._several  # whether all processes are at the same step and leave together

    def run(self, epochs: int) -> None:
        """Train up to epoch `epochs`, or until a callback or a NaN stops it."""
        live, progress = self.trainer.live, self.progress
        complete = False
        with self.interrupt:
            try:
                first = progress.epoch
                if self.display.verbose and (text := engine.device_message()):
                    self.display.note(text)
                if self.autosave is not None and not self.autosave.written and first < epochs:
                    self.autosave.reserve(live.size())
                if progress.resumed and not getattr(self.source, "draws", False):
                    self.events = _WatchedEvents(self.events)
                while progress.epoch < epochs:
                    began = time.perf_counter()
                    if not self.epoch(epochs):
                        break
                    if progress.epoch == first + 1:
                        self._report_waiting(time.perf_counter() - began)
                        if isinstance(self.events, _WatchedEvents):
                            self.events = self.events.events
                    if self._several:
                        self._agree()
                    if self.model.stop_training or self.source.exhausted:
                        break
                    self._offer_save()
                progress.finish(stopped=self.model.stop_training and self.bad is None)
                live.finish()
                complete = self._alike = True
            finally:
                self._steps_before, self._saving = None, False
                self.interrupt.hold()  # the last save is complete
                saves = self.autosave is not None if progress.save_arrays is None else self._alike
                if saves and live.state is not None and live.state.alive():
                    if self.autosave is None:  # the main process writes the rest
                        progress.snapshot()
                    elif complete:
                        self.autosave.end_training(progress.snapshot, progress.later_snapshot)
                    else:
                        self.autosave.finish(progress.snapshot)
                live.totals = self.trainer.metrics.start()  # train_on_batch starts its own

    def epoch(self, epochs: int) -> bool:
        """Train one epoch or the rest of it; return whether there was data for it."""
        progress, trainer, events, display = self.progress, self.trainer, self.events, self.display
        if not progress.begun:
            trainer.live.totals = trainer.metrics.start()
            with progress.events():
                events.on_epoch_begin(progress.epoch, {})
                progress.begun = True
            if self._several:
                self._agree()
        display.epoch_begin(progress.epoch, epochs, self.source.steps, progress.done)
        logs: Any = None
        chunks = Prefetched(self.source, progress.epoch, progress.done)
        for chunk in chunks:
            logs = self.chunk(chunk, chunks) or logs
            if self.model.stop_training:
                break
        if self.bad is None:
            self.groups.end(events, progress.done, lambda: host_logs(trainer, logs), last=True)
        if not progress.done and self.bad is None and self.source.exhausted:
            return False
        results = host_logs(trainer, logs or self.programs.report(trainer.live.totals))
        with progress.events():
            if self.bad is None:
                results.update(self.validate(progress.epoch))
            else:
                self._explain_nan(results.get("loss", np.nan), *self.bad)
            trainer.metrics.show(trainer.live.totals)
            display.clear()  # callbacks print on lines of their own
            events.on_epoch_end(progress.epoch, results)
            display.epoch_end(results)
            progress.next_epoch()
        return True

    def chunk(self, chunk: data.Chunk, chunks: Prefetched) -> Mapping[str, Any] | None:
        """Run the steps of a chunk; return the last logs."""
        progress, logs, start = self.progress, None, 0
        alone = self.groups.size == 1  # without the calls of groups
        while start < chunk.stop and not self.model.stop_training:
            stop = min(chunk.stop, start + self.steps_per_call.steps)
            if self.single:
                stop = start + 1 if alone else self.groups.stop(start, chunk.stop, progress.done)
            self.interrupt.hold()  # a batch and its events belong together in a save
            if self.single and alone:
                self.events.on_train_batch_begin(progress.done, Logs())
            elif self.single:
                self.groups.begin(self.events, progress.done)
            elif stop == chunk.stop:
                chunks.gather()
            steps, began = stop - start, time.perf_counter()
            self._steps_before = self.trainer.live.steps_given
            logs, end = self.trainer.live.step(
                self.programs.train, self.force, chunk.arrays, *map(engine.number, (np.int32(start), np.int32(stop)))
            )
            if stop == chunk.stop:
                chunks.fetch()
            end = int(np.asarray(end))  # int(end) makes several checks of JAX first
            progress.done += end - start
            self._steps_before, seconds = None, time.perf_counter() - began
            if end < stop:
                self.bad, self.model.stop_training = (chunk, end), True
                for callback in self.judges:
                    callback.on_train_batch_end(progress.done, host_logs(self.trainer, logs))
                self.interrupt.release()
                break
            start = end
            if self.single and alone:
                self.events.on_train_batch_end(progress.done - 1, host_logs(self.trainer, logs))
            elif self.single:
                self.groups.end(self.events, progress.done, functools.partial(host_logs, self.trainer, logs))
            self.steps_per_call.adapt(steps, self._agree(seconds) if self._several else seconds)
            self.interrupt.release()
            if self.display.verbose:
                self.display.advance(progress.done, self.source.steps, ordered(self.trainer, logs))
            self._offer_save()
        return logs

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
            self._alike = True
            self.interrupt.raise_signal(max(numbers))
        return max(times)

    def _is_consistent(self) -> bool:
        """Whether state and progress belong to the same step.

        They do not while a step that consumed the state is not counted yet, nor while a copy is taken.
        """
        live, before = self.trainer.live, self._steps_before
        unused = live.state is None or live.state.alive()
        return not self._saving and (before is None or (live.steps_given == before and unused))

    def _offer_save(self) -> None:
        if self.autosave is not None if self.progress.save_arrays is None else self._due:
            self.interrupt.hold()
            self._saving = True
            if self.autosave is None:
                self.progress.snapshot()
            else:
                self.autosave.offer(self.progress.snapshot)
            self._saving = False
            self.interrupt.release()

    def _explain_nan(self, loss: Any, chunk: data.Chunk, index: int) -> None:
        batch = jax.tree.map(lambda array: array[index], chunk.arrays)
        if self._several:
            batch = jax.tree.map(arrays.to_host, batch)
        rows = None if chunk.rows is None else chunk.rows[index]
        where = f"step {self.progress.done + 1} of epoch {self.progress.epoch + 1}"
        explain_nan(self.trainer, self.source, loss, where, batch, rows, warns=bool(self.judges))

    def _report_waiting(self, seconds: float) -> None:
        fraction = self.source.waited / seconds
        if fraction > _SLOW_DATA:
            text = f"The device waited for data {fraction:.0%} of this epoch: the data source is the bottleneck."
            self.display.note(text + self.source.advice)


class _WatchedEvents:
    """The events of a resumed training, with a warning if a callback draws from a global generator.

    Its position is not restored. Other parts of a program and libraries may draw from it meanwhile.
    """

    def __init__(self, events: Any) -> None:
        self.events = events

    def __getattr__(self, name: str) -> Any:
        event = getattr(self.events, name)
        if not name.startswith("on_"):
            return event

        def call(*args: Any) -> None:
            before = prng.global_generators()
            event(*args)
            if prng.global_generators() != before:
                warn_inexact("a callback")

        return call


def warn_inexact(what: str) -> None:
    """Warn that a resumed training is not exactly the one that was interrupted.

    Args:
        what: what draws random numbers.
    """
    text = f"fit resumed, but not exactly: {what} draws from the global generator of random or numpy.random"
    hint = "Draw from a separate generator, return its position from state() and set it in restore(state)."
    warn(message(text, expected="random numbers from a generator whose position is restored", hint=hint))
