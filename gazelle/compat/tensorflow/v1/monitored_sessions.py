"""`tf.train.MonitoredTrainingSession`, `tf.train.SessionManager` and `tf.train.Supervisor`, in one process."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.errors import OutOfRangeError
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.v1.graphs import build_graphs
from gazelle.compat.tensorflow.v1.session_hooks import (
    CheckpointSaverHook,
    SessionRunArgs,
    SessionRunContext,
    SessionRunHook,
    SessionRunValues,
)
from gazelle.compat.tensorflow.v1.sessions import Saver, Session
from gazelle.compat.types import Nested, Option, TensorLike, TensorResult


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


def initialize(session: Session, made: ChiefSessionCreator) -> None:
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
        initialize(self._session, session_creator or ChiefSessionCreator())
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


@named("train.SessionManager")
class SessionManager:
    """`tf.train.SessionManager`: makes sessions whose variables have the values of a checkpoint, or first values."""

    @ignores("ready_op graph recovery_wait_secs local_init_run_options ready_for_local_init_op local_init_feed_dict")
    def __init__(self, local_init_op: Option = None) -> None:
        build_graphs()
        self._local_init_op = local_init_op

    @ignores("master wait_for_checkpoint max_wait_secs config")
    def prepare_session(
        self,
        master: str = "",
        init_op: Option = None,
        saver: Saver | None = None,
        checkpoint_dir: str | None = None,
        checkpoint_filename_with_path: str | None = None,
        wait_for_checkpoint: bool = False,
        max_wait_secs: int = 7200,
        config: Option = None,
        init_feed_dict: Mapping[Any, Any] | None = None,
        init_fn: Callable[[Session], Any] | None = None,
    ) -> Session:
        """Return a session; without a checkpoint, `init_op` runs in it and `init_fn` is called with it."""
        call = init_fn and (lambda _, session: init_fn(session))
        scaffold = Scaffold(init_op, init_feed_dict, call, self._local_init_op, saver)
        session = Session()
        initialize(session, ChiefSessionCreator(scaffold, checkpoint_dir, checkpoint_filename_with_path))
        return session

    @ignores("master wait_for_checkpoint max_wait_secs config")
    def recover_session(
        self,
        master: str = "",
        saver: Saver | None = None,
        checkpoint_dir: str | None = None,
        checkpoint_filename_with_path: str | None = None,
    ) -> tuple[Session, bool]:
        """Return a session, and whether its variables have the values of a checkpoint."""
        path = checkpoint_filename_with_path or (checkpoint_dir and NAMES["train.latest_checkpoint"](checkpoint_dir))
        return self.prepare_session(master, None, saver, None, path), bool(path)

    @ignores("master config max_wait_secs")
    def wait_for_session(self, master: str = "") -> Session:
        """Return a session whose variables have values: there is one process."""
        return self.prepare_session(master)


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
        initialize(session, ChiefSessionCreator(checkpoint_dir=self._folder))
        return session

    def should_stop(self) -> bool:
        """Return whether `request_stop` or `stop` was called."""
        return self._stops

    @ignores("ex threads close_summary_writer ignore_live_threads")
    def request_stop(self) -> None:
        """Let `should_stop` return True."""
        self._stops = True

    stop = request_stop
