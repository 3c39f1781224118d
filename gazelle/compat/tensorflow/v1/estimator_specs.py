"""What describes the work of a `tf.estimator.Estimator`: modes, the parts of a graph, trainings and evaluations."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

from gazelle.compat.arguments.ignored import methods_ignore
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.v1.session_hooks import SessionRunHook
from gazelle.compat.types import Function, Option
from gazelle.core.errors import ArgumentError, message


@named("estimator.ModeKeys")
class ModeKeys:
    """What a graph is for."""

    TRAIN, EVAL, PREDICT = "train", "eval", "infer"


@named("estimator.RunConfig")
@methods_ignore(
    "train_distribute device_fn protocol eval_distribute experimental_distribute experimental_max_worker_delay_secs"
    " session_creation_timeout_secs"
)
@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Where an estimator writes, and how often."""

    model_dir: str | None = None
    tf_random_seed: int | None = None
    save_summary_steps: int = 100
    save_checkpoints_steps: int | None = None
    save_checkpoints_secs: int | None = None
    session_config: object = None
    keep_checkpoint_max: int = 5
    keep_checkpoint_every_n_hours: int = 10000
    log_step_count_steps: int | None = 100

    is_chief, num_worker_replicas, num_ps_replicas = True, 1, 0
    replace = dataclasses.replace

    def __post_init__(self) -> None:
        if self.save_checkpoints_steps is None and self.save_checkpoints_secs is None:
            vars(self)["save_checkpoints_secs"] = 600


class _Spec(NamedTuple):
    mode: str
    predictions: Any = None
    loss: Any = None
    train_op: Any = None
    eval_metric_ops: Any = None
    export_outputs: Any = None
    training_chief_hooks: Any = None
    training_hooks: Any = None
    scaffold: Any = None
    evaluation_hooks: Any = None
    prediction_hooks: Any = None


@named("estimator.EstimatorSpec")
class EstimatorSpec(_Spec):
    """What the function of an estimator returns.

    Raises:
        ValueError: A part that the mode needs is missing.
    """

    def __new__(cls, mode: str, *args: Option, **kwargs: Option) -> EstimatorSpec:
        made = super().__new__(cls, mode, *args, **kwargs)
        needed = {"train": ("train_op", "loss"), "eval": ("loss",), "infer": ("predictions",)}.get(mode, ())
        for name in needed:
            if getattr(made, name) is None:
                raise ArgumentError(message(f"Missing {name}", expected=f"it in an EstimatorSpec of mode {mode!r}"))
        for name, pair in (made.eval_metric_ops or {}).items():
            if not isinstance(pair, tuple) or len(pair) != 2:
                expected = "(value, operation), as tf.metrics returns them"
                raise TypeError(message(f"eval_metric_ops[{name!r}]", expected=expected, got=type(pair).__name__))
        return made


@named("estimator.TrainSpec")
@dataclasses.dataclass
class TrainSpec:
    """The training of `train_and_evaluate`."""

    input_fn: Function
    max_steps: int | None = None
    hooks: Sequence[SessionRunHook] = ()
    saving_listeners: Sequence[Any] = ()


@named("estimator.EvalSpec")
@methods_ignore("exporters=() start_delay_secs throttle_secs")
@dataclasses.dataclass
class EvalSpec:
    """The evaluation of `train_and_evaluate`."""

    input_fn: Function
    steps: int | None = 100
    name: str | None = None
    hooks: Sequence[SessionRunHook] = ()
