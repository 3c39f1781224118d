"""Hooks of `tf.train.MonitoredSession`: they are called before, between and after its runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.v1.sessions import Saver, Session
from gazelle.compat.types import Nested, Option, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message


@named("train.SessionRunArgs", "estimator.SessionRunArgs")
class SessionRunArgs(NamedTuple):
    """What a hook adds to a run."""

    fetches: Any
    feed_dict: Any = None
    options: Any = None


@named("train.SessionRunValues")
class SessionRunValues(NamedTuple):
    """What a hook gets after a run."""

    results: Any
    options: Any = None
    run_metadata: Any = None


@named("train.SessionRunContext")
class SessionRunContext:
    """A run of a session with hooks."""

    def __init__(self, original_args: SessionRunArgs, session: Session) -> None:
        self.original_args, self.session, self.stop_requested = original_args, session, False

    def request_stop(self) -> None:
        """Let `should_stop` return True after this run."""
        self.stop_requested = True


@named("train.SessionRunHook", "estimator.SessionRunHook")
class SessionRunHook:
    """A hook of a session: its methods are called around runs."""

    def begin(self) -> None:
        """Called before the session is made."""

    def after_create_session(self, session: Session, coord: Option) -> None:
        """Called once, after variables have values."""

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs | None:
        """Return what the run also computes."""

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Called with what the run computed."""

    def end(self, session: Session) -> None:
        """Called after the last run."""


def _step(session: Session) -> int:
    return int(session.run(NAMES["train.get_or_create_global_step"]()))


@named("train.StopAtStepHook")
class StopAtStepHook(SessionRunHook):
    """Stops after a number of steps, or at the last one."""

    def __init__(self, num_steps: int | None = None, last_step: int | None = None) -> None:
        if (num_steps is None) == (last_step is None):
            raise ArgumentError(message("StopAtStepHook", expected="either num_steps or last_step", got="both or none"))
        self._count, self._last = num_steps, last_step

    def begin(self) -> None:
        NAMES["train.get_or_create_global_step"]()

    def after_create_session(self, session: Session, coord: Option) -> None:
        self._last = _step(session) + self._count if self._last is None and self._count is not None else self._last

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        if self._last is not None and _step(run_context.session) >= self._last:
            run_context.request_stop()


@named("train.NanLossDuringTrainingError")
class NanLossDuringTrainingError(RuntimeError):
    """The loss is NaN."""


@named("train.NanTensorHook")
class NanTensorHook(SessionRunHook):
    """Stops where the loss is NaN, by default with an error."""

    def __init__(self, loss_tensor: TensorResult, fail_on_nan_loss: bool = True) -> None:
        self._loss, self._fails = loss_tensor, fail_on_nan_loss

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        return SessionRunArgs(self._loss)

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        if np.isnan(run_values.results).any():
            if self._fails:
                raise NanLossDuringTrainingError("NaN loss during training.")
            run_context.request_stop()


@named("train.FeedFnHook")
class FeedFnHook(SessionRunHook):
    """Feeds what a function returns to each run."""

    def __init__(self, feed_fn: Callable[[], Mapping[Any, TensorLike]]) -> None:
        self._feed_fn = feed_fn

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        return SessionRunArgs([], self._feed_fn())


@named("train.FinalOpsHook")
class FinalOpsHook(SessionRunHook):
    """Computes values after the last run: `final_ops_values`."""

    def __init__(
        self, final_ops: Nested[TensorLike], final_ops_feed_dict: Mapping[Any, TensorLike] | None = None
    ) -> None:
        self._wanted, self._fed, self.final_ops_values = final_ops, final_ops_feed_dict, None

    def end(self, session: Session) -> None:
        self.final_ops_values = session.run(self._wanted, self._fed)


@named("train.CheckpointSaverListener")
class CheckpointSaverListener:
    """Its methods are called around the writing of checkpoints, but for `begin` with the session and the step."""

    def begin(self) -> None:
        """Called before the session is made."""

    def before_save(self, *_: object) -> None:
        """Called before a checkpoint is written."""

    def after_save(self, *_: object) -> bool | None:
        """Called after a checkpoint was written; True ends the training."""

    def end(self, *_: object) -> None:
        """Called after the last run."""


@named("train.CheckpointSaverHook")
class CheckpointSaverHook(SessionRunHook):
    """Writes the variables every `save_steps` steps, and at the end."""

    @ignores("save_secs scaffold save_graph_def")
    def __init__(
        self,
        checkpoint_dir: str,
        save_steps: int | None = None,
        saver: Saver | None = None,
        checkpoint_basename: str = "model.ckpt",
        *,
        listeners: Sequence[CheckpointSaverListener] | None = None,
    ) -> None:
        self._path, self._every, self._saver = os.path.join(checkpoint_dir, checkpoint_basename), save_steps, saver
        self._listeners, self._last = list(listeners or ()), -1

    def begin(self) -> None:
        for listener in self._listeners:
            listener.begin()

    def _save(self, session: Session) -> bool:
        """Write a checkpoint; whether a listener ends the training."""
        self._saver, self._last = self._saver or Saver(), _step(session)
        for listener in self._listeners:
            listener.before_save(session, self._last)
        self._saver.save(session, self._path, self._last)
        requests = [listener.after_save(session, self._last) for listener in self._listeners]
        return any(requests)

    def after_create_session(self, session: Session, coord: Option) -> None:
        self._save(session)

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        step = _step(run_context.session)
        if self._every and step >= self._last + self._every and self._save(run_context.session):
            run_context.request_stop()

    def end(self, session: Session) -> None:
        if _step(session) != self._last:
            self._save(session)
        for listener in self._listeners:
            listener.end(session, self._last)


_OF_LOGS = "tensors every_n_iter every_n_secs every_n_steps at_end formatter save_steps save_secs output_dir"
_OF_LOGS += " summary_writer scaffold summary_op show_dataflow show_memory"
for _name in ("LoggingTensorHook", "StepCounterHook", "SummarySaverHook", "ProfilerHook"):  # logs and files alone
    named(f"train.{_name}")(ignores(_OF_LOGS)(lambda *_: SessionRunHook()))
