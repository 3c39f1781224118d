"""`evaluate`, `predict` and the methods of one batch: convert the arguments to a source, and run it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle import data
from gazelle.core import conventions, dtypes
from gazelle.core.types import Data, Outputs, Scores
from gazelle.models import checks, model_metrics
from gazelle.models.compiling import require_compiled
from gazelle.models.sources import checked_trainer, make_source, preprocessing_for
from gazelle.models.trainers import get_trainer
from gazelle.training import evaluation_loop, interrupt
from gazelle.training.callbacks import CallbackList, Progress
from gazelle.training.outputs import with_dicts

if TYPE_CHECKING:
    from gazelle.models.model import Model
    from gazelle.training.callbacks.base import Callback


def evaluate(
    model: Model,
    x: Data | None,
    y: Data | None,
    sample_weight: Data | None,
    batch_size: int | None,
    verbose: int | str,
    steps: int | None,
    callbacks: Callback | Sequence[Callback] | None,
) -> dict[str, Any]:
    """The logs of `Model.evaluate`."""
    require_compiled(model, "evaluate")
    endless = bool(callbacks)  # one of them may stop it
    source = make_source(model, x, y, sample_weight, batch_size=batch_size, steps=steps, endless=endless)
    trainer = checked_trainer(model, "evaluate", source)
    trainer.prepare(source, "test")
    display = Progress(verbose)
    events = CallbackList(callbacks or [], model, {"epochs": 1, "steps": source.steps, "verbose": verbose})
    with contextlib.closing(source), display:
        try:
            events.on_test_begin({})
            display.start("Evaluate", source.steps)
            logs = evaluation_loop.evaluate(trainer, source, events, display)
            display.finish(logs)
            events.on_test_end(logs)
        except KeyboardInterrupt as error:
            interrupt.explain(error, f"Stopped in evaluate{display.position()}.")
            raise
    return logs


def predict(
    model: Model,
    x: Data,
    batch_size: int | None,
    verbose: int | str,
    steps: int | None,
    callbacks: Callback | Sequence[Callback] | None,
) -> Outputs:
    """The outputs of `Model.predict`."""
    kind = _kind("predict", x, batch_size)
    trainer = model._trainer
    if kind and trainer and trainer.was_checked(kind) and not verbose and steps is None and not callbacks:
        checks.check_embedding_ids(model._graph, x)
        block = data.block(x, fill=(batch_size or data.BATCH) if trainer.batch_independent else 0)
        return evaluation_loop.predict_block(trainer, block)
    if isinstance(x, tuple) and len(x) > 1 and not hasattr(x, "_fields"):
        x = list(x)
    source = make_source(model, x, batch_size=batch_size, steps=steps, endless=bool(callbacks))
    trainer = checked_trainer(model, "predict", source)
    trainer.prepare(source, "predict")
    display = Progress(verbose)
    events = CallbackList(callbacks or [], model, {"epochs": 1, "steps": source.steps, "verbose": verbose})
    with contextlib.closing(source), display:
        try:
            events.on_predict_begin({})
            display.start("Predict", source.steps)
            outputs = evaluation_loop.predict(trainer, source, events, display)
            display.finish({})
            events.on_predict_end({})
        except KeyboardInterrupt as error:
            interrupt.explain(error, f"Stopped in predict{display.position()}.")
            raise
    if kind and isinstance(source, data.ArraySource) and source.steps == 1 and _is_taken(x, source.data[0]):
        trainer.mark_checked(kind)
    return outputs


def on_batch(
    model: Model, method: str, x: Data, y: Data | None, weight: Data | None, class_weight: Mapping[int, float] | None
) -> dict[str, Any]:
    """The logs of `train_on_batch` or `test_on_batch`."""
    require_compiled(model, method)
    train, kind = method == "train_on_batch", None
    if weight is None and class_weight is None and (y is None or type(y) is np.ndarray):
        kind = _kind(method, x, *(() if y is None else (y.shape, y.dtype)))
    trainer = model._trainer
    if kind and trainer and trainer.was_checked(kind):
        batch = (_narrowed(x), y if y is None else _narrowed(y), None)
        checks.check_embedding_ids(model._graph, x)
        trainer.check_label_values(batch)
        return evaluation_loop.single_batch(trainer, batch, train)
    source = make_source(model, x, y, weight, batch_size=data.ALL, class_weight=class_weight)
    trainer = checked_trainer(model, method, source)
    trainer.prepare(source, "train" if train else "test")
    if kind and isinstance(source, data.ArraySource) and all(map(_is_taken, (x, y), source.data)):
        trainer.mark_checked(kind)
    return evaluation_loop.single_batch(trainer, source.sample, train)


def _kind(method: str, x: Any, *rest: Any) -> tuple[Any, ...] | None:
    """The properties that all checks except those of values depend on, if x is a NumPy array."""
    return (method, x.shape, x.dtype, *rest) if type(x) is np.ndarray else None


def _is_taken(given: Any, array: Any) -> bool:
    """Whether the source contains the given array itself, or a float64 array in the default dtype."""
    return array is given or (type(given) is np.ndarray and given.dtype == np.float64)


def _narrowed(array: Any) -> Any:
    return array.astype(dtypes.floatx()) if array.dtype == np.float64 else array


def predict_on_batch(model: Model, x: Data) -> Outputs:
    """The outputs of `Model.predict_on_batch`."""
    preprocessing = preprocessing_for(model, x)
    arrays = data.as_arrays("x", x if preprocessing is None else preprocessing(x))
    trainer = get_trainer(model, "predict", arrays)
    placed = jax.tree.map(lambda array: array[None], arrays)
    outputs, assigned = trainer.predict(trainer.live.values(), trainer.key, placed, trainer.count())
    trainer.live.put(assigned)
    return with_dicts(jax.tree.map(lambda array: np.array(array[0]), jax.device_get(outputs)))


def scores(model: Model, logs: dict[str, Any], as_dict: bool) -> Scores:
    """Logs as Keras returns them: a dict, or a list of values in the order of `metrics_names`, or a single value."""
    if as_dict:
        return dict(logs)
    metrics = None if model._trainer is None else model._trainer.metrics
    names = list(logs)
    if metrics is not None and (metrics.last_logs or conventions.active.logs_are_sorted):
        known = dict.fromkeys([*model_metrics.names(model), *names])
        names = [name for name in known if name in logs.keys()]  # noqa: SIM118 - no aliases
    values = [logs[name] for name in names]
    return values[0] if len(values) == 1 else values
