"""`tf.train.MonitoredTrainingSession` with its hooks, and `tf.train.Supervisor`, in one process."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.errors import OutOfRangeError
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.v1.graphs import build_graphs
from gazelle.compat.tensorflow.v1.sessions import Saver, Session
from gazelle.compat.types import Nested, Option, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.core.variable import Variable


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


@named("train.Scaffold")
@ignores("ready_op ready_for_local_init_op summary_op copy_from_scaffold")
@dataclasses.dataclass
class Scaffold:
    """`tf.train.Scaffold`: what initializes variables; `init_fn(scaffold, session)` is called without a checkpoint."""

    init_op: Any = None
    init_feed_dict: Mapping[Any, Any] | None = None
    init_fn: Callable[..., Any] | None = None
    local_init_op: Any = None
    saver: Saver | None = None


@named("train.ChiefSessionCreator")
@ignores("master config")
@dataclasses.dataclass
class ChiefSessionCreator:
    """`tf.train.ChiefSessionCreator`: the arguments of a session with hooks."""

    scaffold: Scaffold | None = None
    checkpoint_dir: str | None = None
    checkpoint_filename_with_path: str | None = None


def _initialized(session: Session, made: ChiefSessionCreator) -> None:
    """Set the first values of variables, or those of a checkpoint, or of the last one in a folder."""
    scaffold = made.scaffold or Scaffold()
    session.run([NAMES["global_variables_initializer"](), NAMES["local_variables_initializer"]()])
    path = made.checkpoint_filename_with_path
    path = NAMES["train.latest_checkpoint"](made.checkpoint_dir) if path is None and made.checkpoint_dir else path
    if path:
        (scaffold.saver or Saver()).restore(session, path)
    else:
        session.run([] if scaffold.init_op is None else scaffold.init_op, scaffold.init_feed_dict)
        if scaffold.init_fn is not None:
            scaffold.init_fn(scaffold, session)
    session.run([] if scaffold.local_init_op is None else scaffold.local_init_op)


@named("train.MonitoredSession")
class MonitoredSession:
    """A session whose runs call hooks; the end of the data ends its `with` block."""

    @ignores("stop_grace_period_secs")
    def __init__(
        self, session_creator: ChiefSessionCreator | None = None, hooks: Sequence[SessionRunHook] | None = None
    ) -> None:
        build_graphs()
        self._hooks, self._stops = list(hooks or ()), False
        for hook in self._hooks:
            hook.begin()
        self._session = Session()
        self.graph = self._session.graph
        _initialized(self._session, session_creator or ChiefSessionCreator())
        for hook in self._hooks:
            hook.after_create_session(self._session, None)

    def should_stop(self) -> bool:
        """Return whether a hook requested a stop."""
        return self._stops

    def raw_session(self) -> Session:
        """Return the session without hooks."""
        return self._session

    @ignores("options run_metadata")
    def run(self, fetches: Nested[TensorLike], feed_dict: Mapping[Any, TensorLike] | None = None) -> TensorResult:
        """Return the values of `fetches`, and call the hooks."""
        context = SessionRunContext(SessionRunArgs(fetches, feed_dict), self._session)
        added = [hook.before_run(context) or SessionRunArgs([]) for hook in self._hooks]
        given = dict(feed_dict or {})
        for one in added:
            given |= one.feed_dict or {}
        wanted: list[Any] = [fetches, *(one.fetches for one in added)]
        found, *results = self._session.run(wanted, given)
        for hook, result in zip(self._hooks, results, strict=True):
            hook.after_run(context, SessionRunValues(result))
        self._stops = self._stops or context.stop_requested
        return found

    def run_step_fn(self, step_fn: Callable[..., Any]) -> TensorResult:
        """Call a function of a context with `session` and `run_with_hooks`."""
        return step_fn(SimpleNamespace(session=self._session, run_with_hooks=self.run))

    def close(self) -> None:
        """Call `end` of the hooks."""
        self._stops = True
        for hook in self._hooks:
            hook.end(self._session)
        self._hooks = []

    def __enter__(self) -> MonitoredSession:
        return self

    def __exit__(self, kind: Any, *_: object) -> bool:
        ends = kind is not None and issubclass(kind, OutOfRangeError | StopIteration)
        if kind is None or ends:
            self.close()
        return ends


@named("train.MonitoredTrainingSession")
@ignores(
    "master is_chief=True save_checkpoint_secs save_summaries_steps save_summaries_secs config"
    " stop_grace_period_secs log_step_count_steps max_wait_secs summary_dir"
)
def monitored_training_session(
    checkpoint_dir: str | None = None,
    scaffold: Scaffold | None = None,
    hooks: Sequence[SessionRunHook] | None = None,
    chief_only_hooks: Sequence[SessionRunHook] | None = None,
    *,
    save_checkpoint_steps: int | None = None,
) -> MonitoredSession:
    """`tf.train.MonitoredTrainingSession`: a session that restores and writes checkpoints."""
    every = [*(hooks or ()), *(chief_only_hooks or ())]
    if checkpoint_dir:
        saver = None if scaffold is None else scaffold.saver
        every.append(CheckpointSaverHook(checkpoint_dir, save_steps=save_checkpoint_steps, saver=saver))
    return MonitoredSession(ChiefSessionCreator(scaffold, checkpoint_dir), every)


@named("train.SingularMonitoredSession")
@ignores("master config stop_grace_period_secs")
def singular_monitored_session(
    hooks: Sequence[SessionRunHook] | None = None,
    scaffold: Scaffold | None = None,
    *,
    checkpoint_dir: str | None = None,
    checkpoint_filename_with_path: str | None = None,
) -> MonitoredSession:
    """`tf.train.SingularMonitoredSession`: a session with hooks."""
    return MonitoredSession(ChiefSessionCreator(scaffold, checkpoint_dir, checkpoint_filename_with_path), hooks)


@named("train.Supervisor")
class Supervisor:
    """`tf.train.Supervisor`: restores the last checkpoint in `logdir`, and writes one at the end."""

    @ignores(
        "graph ready_op ready_for_local_init_op is_chief=True init_op init_feed_dict local_init_op summary_op"
        " recovery_wait_secs save_summaries_secs session_manager summary_writer init_fn local_init_run_options"
    )
    def __init__(
        self,
        logdir: str | None = None,
        saver: Saver | None = None,
        global_step: Option = None,
        save_model_secs: int = 600,
        checkpoint_basename: str = "model.ckpt",
    ) -> None:
        build_graphs()
        self.saver = saver or Saver()
        self.global_step, self.save_path = global_step, os.path.join(logdir or "", checkpoint_basename)
        self._folder, self._saves, self._stops = logdir, bool(save_model_secs), False

    @ignores("master config start_standard_services close_summary_writer")
    @contextlib.contextmanager
    def managed_session(self) -> Iterator[Session]:
        """Return a context manager of a session whose variables have values."""
        session = self.prepare_or_wait_for_session()
        with contextlib.suppress(OutOfRangeError):
            yield session
        if self._folder and self._saves:
            self.saver.save(
                session, self.save_path, None if self.global_step is None else session.run(self.global_step)
            )

    @ignores("master config wait_for_checkpoint max_wait_secs start_standard_services")
    def prepare_or_wait_for_session(self) -> Session:
        """Return a session whose variables have values."""
        session = Session()
        _initialized(session, ChiefSessionCreator(checkpoint_dir=self._folder))
        return session

    def should_stop(self) -> bool:
        """Return whether `request_stop` or `stop` was called."""
        return self._stops

    @ignores("ex threads close_summary_writer ignore_live_threads")
    def request_stop(self) -> None:
        """Let `should_stop` return True."""
        self._stops = True

    stop = request_stop


@named("contrib.framework.learning.train_step")
def train_step(
    sess: Session, train_op: TensorLike, global_step: Variable, train_step_kwargs: Mapping[str, Any]
) -> tuple[TensorResult, bool]:
    """`slim.learning.train_step`: take a step; returns the loss, and whether the training ends."""
    loss = sess.run([train_op, global_step])[0]
    stops = train_step_kwargs.get("should_stop")
    return loss, stops is not None and bool(sess.run(stops))


@named("contrib.framework.learning.train")
@ignores(
    "log_every_n_steps graph=None master is_chief=True init_op=None init_feed_dict=None local_init_op=None ready_op"
    " summary_op save_summaries_secs summary_writer startup_delay_steps save_interval_secs sync_optimizer=None"
    " session_config session_wrapper=None trace_every_n_steps ignore_live_threads"
)
def train(
    train_op: TensorLike,
    logdir: str | None,
    train_step_fn: Callable[..., Any] = train_step,
    train_step_kwargs: Mapping[str, Any] | None = None,
    *,
    global_step: Variable | None = None,
    number_of_steps: int | None = None,
    init_fn: Callable[[Session], object] | None = None,
    saver: Saver | None = None,
) -> TensorResult:
    """`slim.learning.train`: take steps from the last checkpoint in `logdir` on, and write one; the last loss."""
    step = NAMES["train.get_or_create_global_step"]() if global_step is None else global_step
    saver, session = saver or Saver(), Session()
    begin = None if init_fn is None else lambda _, session: init_fn(session)
    _initialized(session, ChiefSessionCreator(Scaffold(init_fn=begin, saver=saver), logdir))
    if train_step_kwargs is None:
        stops = None if number_of_steps is None else NAMES["greater_equal"](step, number_of_steps)
        train_step_kwargs = {"should_stop": stops}
    loss, stopped = None, False
    with contextlib.suppress(OutOfRangeError):
        while not stopped:
            loss, stopped = train_step_fn(session, train_op, step, train_step_kwargs)
    if logdir:
        saver.save(session, os.path.join(logdir, "model.ckpt"), session.run(step))
    return loss
