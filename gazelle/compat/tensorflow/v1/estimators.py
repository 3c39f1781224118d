"""`tf.estimator`: a function of a program builds a graph for training, evaluation or prediction.

Each call has a graph of its own; values of variables are in the checkpoints of a folder.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.checkpoint_files import CheckpointReader
from gazelle.compat.tensorflow.data.dataset import Dataset
from gazelle.compat.tensorflow.eager.recording import is_box
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.v1 import graphs, iterators, placeholders, scopes, session_hooks
from gazelle.compat.tensorflow.v1.default_graphs import Graph
from gazelle.compat.tensorflow.v1.estimator_specs import EstimatorSpec, EvalSpec, ModeKeys, RunConfig, TrainSpec
from gazelle.compat.tensorflow.v1.monitored_sessions import ChiefSessionCreator, MonitoredSession, Scaffold
from gazelle.compat.tensorflow.v1.session_hooks import SessionRunHook
from gazelle.compat.tensorflow.v1.sessions import Saver, Session
from gazelle.compat.types import Function, Nested, Option, PathLike, TensorResult
from gazelle.core.errors import ArgumentError, message


class _StopAfter(SessionRunHook):
    """Stops after a number of runs."""

    def __init__(self, count: int | None) -> None:
        self._count = count

    def after_run(self, run_context: Option, run_values: Option) -> None:
        if self._count is not None:
            self._count -= 1
            if self._count <= 0:
                run_context.request_stop()


def _accepted(function: Function, given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the arguments that a function has."""
    parameters = inspect.signature(function).parameters
    takes_all = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    return {name: value for name, value in given.items() if takes_all or name in parameters}


def _check_steps(**given: int | None) -> None:
    for name, value in given.items():
        if value is not None and value <= 0:
            raise ArgumentError(message(f"{name} of an estimator", expected="a positive number", got=value))


@ignores(
    "export_dir_base serving_input_receiver_fn serving_input_fn name exports_to_keep compare_fn event_file_pattern"
    " assets_extra as_text checkpoint_path strip_default_attrs experimental_mode"
)
def refuse_export(*_: object) -> None:
    """Raise an error: graphs are not written as SavedModels."""
    hint = "Read the weights with get_variable_value, or train a Keras model and call model.export."
    raise ArgumentError(message("A graph of tf.estimator cannot be written as a SavedModel", hint=hint))


for _name in ("Best", "Final", "Latest"):
    named(f"estimator.{_name}Exporter")(refuse_export)
for _name in ("PredictOutput", "ClassificationOutput", "RegressionOutput", "ServingInputReceiver"):
    named(f"estimator.export.{_name}")(lambda *args, **kwargs: (args, kwargs))  # exports alone read them


@named("estimator.Estimator")
class Estimator:
    """`tf.estimator.Estimator`: `model_fn(features, labels, mode, params, config)` returns an `EstimatorSpec`."""

    def __init__(
        self,
        model_fn: Function,
        model_dir: PathLike | None = None,
        config: RunConfig | None = None,
        params: Option = None,
        warm_start_from: PathLike | None = None,
    ) -> None:
        names = list(inspect.signature(model_fn).parameters)
        others = [name for name in names if name not in ("features", "labels", "mode", "params", "config", "self")]
        if "features" not in names or others:
            expected = "a function of features, labels, mode, params and config, or some of these"
            raise ArgumentError(message("model_fn of an estimator", expected=expected, got=f"arguments {names}"))
        if params is not None and "params" not in names:
            raise ArgumentError(message("model_fn of an estimator", expected="an argument 'params'", got=names))
        config = config or RunConfig()
        folder = model_dir or config.model_dir or tempfile.mkdtemp()
        self.model_dir = os.fspath(folder)
        self.config: RunConfig = dataclasses.replace(config, model_dir=self.model_dir)
        self.model_fn, self._params, self._warm_start = model_fn, copy.deepcopy(params or {}), warm_start_from

    params = property(lambda self: copy.deepcopy(self._params))

    def eval_dir(self, name: str | None = None) -> str:
        """Return the folder for files of evaluations."""
        return os.path.join(self.model_dir, f"eval_{name}" if name else "eval")

    def latest_checkpoint(self) -> str | None:
        """Return the path of the newest checkpoint."""
        path: str | None = NAMES["train.latest_checkpoint"](self.model_dir)
        return path

    def get_variable_names(self) -> list[str]:
        """Return the names of the variables in the newest checkpoint."""
        return list(CheckpointReader(self.latest_checkpoint() or self.model_dir).get_variable_to_shape_map())

    def get_variable_value(self, name: str) -> TensorResult:
        """Return a value of the newest checkpoint."""
        return CheckpointReader(self.latest_checkpoint() or self.model_dir).get_tensor(name)

    def _build(self, input_fn: Function, mode: str) -> EstimatorSpec:
        """Build the graph, as the default one."""
        graphs.enter()
        if self.config.tf_random_seed is not None:
            NAMES["set_random_seed"](self.config.tf_random_seed)
        NAMES["train.get_or_create_global_step"]()
        given = {"mode": mode, "params": self.params, "config": self.config}
        data = input_fn(**_accepted(input_fn, given))
        data = iterators.Iterator(data).get_next() if isinstance(data, Dataset) else data
        if isinstance(data, list | tuple) and len(data) != 2:
            raise ArgumentError(message("input_fn", expected="features and labels", got=f"{len(data)} values"))
        data = jax.tree.map(placeholders.as_input, data, is_leaf=is_box)
        features, labels = data if isinstance(data, list | tuple) else (data, None)
        if labels is not None and not _accepted(self.model_fn, {"labels": None}):
            raise ArgumentError(message("model_fn does not take labels, but input_fn returns labels"))
        spec = self.model_fn(features, **_accepted(self.model_fn, given | {"labels": labels}))
        if not isinstance(spec, EstimatorSpec):
            raise ArgumentError(message("model_fn", expected="an EstimatorSpec", got=type(spec).__name__))
        return spec

    def _session(self, spec: EstimatorSpec, hooks: Sequence[Option], path: str | None) -> MonitoredSession:
        """A session with the values of a checkpoint, or those that variables begin with."""
        scaffold = spec.scaffold or Scaffold()
        first = scaffold.init_fn

        def init_fn(scaffold: Scaffold, session: Session) -> None:
            if self._warm_start is not None:
                weights = scopes.get_collection(scopes.GraphKeys.TRAINABLE_VARIABLES)
                Saver(weights).restore(session, _checkpoint(self._warm_start))
            if first is not None:
                first(scaffold, session)

        scaffold = dataclasses.replace(scaffold, init_fn=init_fn)
        return MonitoredSession(ChiefSessionCreator(scaffold, checkpoint_filename_with_path=path), hooks)

    def train(
        self,
        input_fn: Function,
        hooks: Sequence[SessionRunHook] | None = None,
        steps: int | None = None,
        max_steps: int | None = None,
        saving_listeners: Sequence[Option] | None = None,
    ) -> Estimator:
        """Train for `steps` steps, or until there are `max_steps` of all calls, or until the data end."""
        if steps is not None and max_steps is not None:
            raise ArgumentError(message("Estimator.train", expected="either steps or max_steps", got="both"))
        _check_steps(steps=steps, max_steps=max_steps)
        path = self.latest_checkpoint()
        if max_steps is not None and path is not None and self.get_variable_value("global_step") >= max_steps:
            return self
        with Graph().as_default():
            spec = self._build(input_fn, ModeKeys.TRAIN)
            saver = (spec.scaffold and spec.scaffold.saver) or Saver(max_to_keep=self.config.keep_checkpoint_max)
            state = NAMES["train.get_checkpoint_state"](self.model_dir)
            saver.last_checkpoints = list(state.all_model_checkpoint_paths) if state else []
            every = [*(hooks or ()), session_hooks.NanTensorHook(spec.loss)]
            every += [*(spec.training_hooks or ()), *(spec.training_chief_hooks or ())]
            if steps is not None or max_steps is not None:
                every.append(session_hooks.StopAtStepHook(steps, max_steps))
            every.append(
                session_hooks.CheckpointSaverHook(
                    self.model_dir, self.config.save_checkpoints_steps, saver, listeners=saving_listeners
                )
            )
            with self._session(spec, every, path) as session:
                while not session.should_stop():
                    session.run([spec.train_op, spec.loss])
        return self

    def evaluate(
        self,
        input_fn: Function,
        steps: int | None = None,
        hooks: Sequence[SessionRunHook] | None = None,
        checkpoint_path: str | None = None,
        name: str | None = None,
    ) -> dict[str, TensorResult]:
        """Return the metrics, their mean loss and the step of the newest checkpoint, or of another one."""
        _check_steps(steps=steps)
        with Graph().as_default():
            spec = self._build(input_fn, ModeKeys.EVAL)
            metrics = {"loss": NAMES["metrics.mean"](spec.loss)} | (spec.eval_metric_ops or {})
            metrics = dict(sorted(metrics.items()))
            every = [*(hooks or ()), *(spec.evaluation_hooks or ()), _StopAfter(steps)]
            with self._session(spec, every, checkpoint_path or self.latest_checkpoint()) as session:
                while not session.should_stop():
                    session.run([update for _, update in metrics.values()])
            values = [value for value, _ in metrics.values()]
            values.append(NAMES["train.get_or_create_global_step"]())
            found = session.raw_session().run(values)
        return dict(zip((*metrics, "global_step"), (*found[:-1], np.int64(found[-1])), strict=True))

    def predict(
        self,
        input_fn: Function,
        predict_keys: str | Sequence[str] | None = None,
        hooks: Sequence[SessionRunHook] | None = None,
        checkpoint_path: str | None = None,
        yield_single_examples: bool = True,
    ) -> Iterator[Nested[TensorResult]]:
        """Yield the predictions of each sample, or of each batch."""
        with Graph().as_default():
            spec = self._build(input_fn, ModeKeys.PREDICT)
            wanted = spec.predictions
            if predict_keys is not None:
                keys = [predict_keys] if isinstance(predict_keys, str) else list(predict_keys)
                wanted = {key: value for key, value in wanted.items() if key in keys}
                if not wanted:
                    expected = f"some of {', '.join(spec.predictions)}"
                    raise ArgumentError(message("predict_keys", expected=expected, got=", ".join(keys)))
            every = [*(hooks or ()), *(spec.prediction_hooks or ())]
            session = self._session(spec, every, checkpoint_path or self.latest_checkpoint())
        with session:
            while not session.should_stop():
                found = session.run(wanted)
                if not yield_single_examples:
                    yield found
                elif isinstance(found, dict):
                    yield from (dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True))
                else:
                    yield from found

    export_saved_model = export_savedmodel = staticmethod(refuse_export)


def _checkpoint(path: PathLike) -> str:
    """The newest checkpoint in a folder, or the path of a checkpoint itself."""
    found: str = os.fspath(path)
    return NAMES["train.latest_checkpoint"](found) or found if os.path.isdir(found) else found


@named("estimator.train_and_evaluate")
def train_and_evaluate(
    estimator: Estimator, train_spec: TrainSpec, eval_spec: EvalSpec
) -> tuple[dict[str, TensorResult], list[Any]]:
    """`tf.estimator.train_and_evaluate`: train, then evaluate; returns the metrics, and no exports."""
    listeners = train_spec.saving_listeners
    estimator.train(train_spec.input_fn, train_spec.hooks, max_steps=train_spec.max_steps, saving_listeners=listeners)
    return estimator.evaluate(eval_spec.input_fn, eval_spec.steps, eval_spec.hooks, name=eval_spec.name), []
