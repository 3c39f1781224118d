"""Trainings of `tf.contrib`: `slim.learning.train`, and operations that take a step with the value of a loss."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gazelle
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.execution_order import depending
from gazelle.compat.tensorflow.errors import OutOfRangeError
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.v1 import scopes
from gazelle.compat.tensorflow.v1.graph_variables import get_variable
from gazelle.compat.tensorflow.v1.monitored_sessions import ChiefSessionCreator, Scaffold, initialize
from gazelle.compat.tensorflow.v1.sessions import Saver, Session
from gazelle.compat.types import Option, TensorLike, TensorResult
from gazelle.core.variable import Variable


@named("contrib.framework.learning.create_train_op", "contrib.training.create_train_op")
@ignores("summarize_gradients aggregation_method colocate_gradients_with_ops gate_gradients check_numerics")
def create_train_op(
    total_loss: TensorLike,
    optimizer: Option,
    global_step: Option = "default",
    update_ops: Sequence[Option] | None = None,
    variables_to_train: Sequence[Option] | None = None,
    clip_gradient_norm: float = 0,
    transform_grads_fn: Callable[..., Any] | None = None,
) -> TensorResult:
    """`slim.learning.create_train_op`: the loss, with whose value a session takes a step."""
    step = NAMES["train.get_or_create_global_step"]() if isinstance(global_step, str) else global_step
    updates = scopes.get_collection(scopes.GraphKeys.UPDATE_OPS) if update_ops is None else update_ops
    pairs = optimizer.compute_gradients(total_loss, variables_to_train)
    pairs = pairs if transform_grads_fn is None else transform_grads_fn(pairs)
    if clip_gradient_norm:
        pairs = [(g if g is None else NAMES["clip_by_norm"](g, clip_gradient_norm), v) for g, v in pairs]
    with depending([*updates, optimizer.apply_gradients(pairs, global_step=step)]):
        return NAMES["identity"](total_loss)


#: the optimizers of `optimize_loss` by name
_OPTIMIZERS = {"SGD": "GradientDescent"} | {name: name for name in ("Adagrad", "Adam", "Ftrl", "Momentum", "RMSProp")}


@named("contrib.layers.optimize_loss")
@ignores("gradient_noise_scale@4=None summaries colocate_gradients_with_ops")
def optimize_loss(
    loss: TensorLike,
    global_step: TensorLike | None,
    learning_rate: TensorLike | None,
    optimizer: Option,
    gradient_multipliers: Mapping[Any, TensorLike] | None = None,
    clip_gradients: Option = None,
    learning_rate_decay_fn: Callable[..., TensorLike] | None = None,
    update_ops: Sequence[Option] | None = None,
    variables: Sequence[TensorLike] | None = None,
    name: str | None = None,
    increment_global_step: bool = True,
) -> TensorResult:
    """`tf.contrib.layers.optimize_loss`: the loss; a run that computes it takes a step of the optimizer."""
    with scopes.variable_scope(name, "OptimizeLoss"):
        if isinstance(learning_rate, float):
            initializer = gazelle.initializers.Constant(learning_rate)
            learning_rate = get_variable("learning_rate", [], initializer=initializer, trainable=False)
        if learning_rate_decay_fn is not None:
            learning_rate = learning_rate_decay_fn(learning_rate, global_step)
        if isinstance(optimizer, str):
            options = {"momentum": 0.9} if optimizer == "Momentum" else {}
            optimizer = NAMES[f"train.{_OPTIMIZERS[optimizer]}Optimizer"](learning_rate, **options)
        elif callable(optimizer):
            optimizer = optimizer() if learning_rate is None else optimizer(learning_rate)
        pairs = [(g, v) for g, v in optimizer.compute_gradients(loss, variables) if g is not None]
        factors = gradient_multipliers or {}
        factors = {key if isinstance(key, str) else key.op.name: value for key, value in factors.items()}
        pairs = [(g * factors[v.op.name] if v.op.name in factors else g, v) for g, v in pairs]
        if callable(clip_gradients):
            pairs = clip_gradients(pairs)
        elif clip_gradients is not None:
            clipped, _ = NAMES["clip_by_global_norm"]([g for g, _ in pairs], clip_gradients)
            pairs = [(g, v) for g, (_, v) in zip(clipped, pairs, strict=True)]
        if update_ops is None:
            update_ops = scopes.get_collection(scopes.GraphKeys.UPDATE_OPS)
        with depending(list(update_ops)):
            step = optimizer.apply_gradients(pairs, global_step=global_step if increment_global_step else None)
        with depending([step]):
            return NAMES["identity"](loss)


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
    initialize(session, ChiefSessionCreator(Scaffold(init_fn=begin, saver=saver), logdir))
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
