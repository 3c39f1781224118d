"""The loops of `evaluate` and `predict`, and single batches."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle import data, engine
from gazelle.core import arrays
from gazelle.data.batching import rows_of
from gazelle.engine import processes
from gazelle.metrics.name_aliases import Logs
from gazelle.training.diagnosis import warn_not_finite, warn_skipped
from gazelle.training.outputs import with_dicts
from gazelle.training.steps_per_call import Prefetched, StepGroups, StepsPerCall, host_logs, ordered
from gazelle.training.trainer import Trainer

if TYPE_CHECKING:
    from gazelle.core.types import Outputs, Tree
    from gazelle.training.callbacks.callback_list import CallbackList
    from gazelle.training.callbacks.progress import Progress

_BATCHES_PER_CALL = 16  # of predict
#: if it is not None, `single_batch` continues with the totals of the call before whose names it is true for
kept_totals: ContextVar[Callable[[str], bool] | None] = ContextVar("kept_totals", default=None)
#: if it is not None, `predict` joins outputs (batch, time, ...) with it whose batches differ in time
joins_lengths: ContextVar[Callable[[tuple[Any, ...]], Any] | None] = ContextVar("joins_lengths", default=None)


def evaluate(
    trainer: Trainer, source: data.Source, events: CallbackList | None = None, display: Progress | None = None
) -> Logs:
    """Compute the loss and metrics over one pass of the source.

    Args:
        trainer: the trainer of the model.
        source: the batches.
        events: the callbacks.
        display: the progress display.

    Returns:
        The logs.
    """
    assert trainer.programs is not None
    values, logs = trainer.with_read(trainer.live.values()), {}
    fixed = values, trainer.key
    start_totals, count = engine.replicate((trainer.metrics.start(), np.uint32(0)))
    carry: Any = (start_totals, {path: values[path] for path in trainer.assigned}, count)
    steps_per_call, done = StepsPerCall(), 0
    single = events is not None and events.listens("test")
    if single and events is not None:
        events.model.stop_evaluating = False
    single = processes.largest(single, "the start of evaluate")
    chunks, finite = Prefetched(source, 0), True
    groups = StepGroups("test", trainer.steps_per_execution)
    for chunk in chunks:
        start = 0
        while start < chunk.stop:
            steps = steps_per_call.steps
            if single and events is not None:
                steps = groups.begin(events, done)
            stop = min(chunk.stop, start + steps)
            if stop == chunk.stop and not single:
                chunks.gather()
            began, bounds = time.perf_counter(), map(engine.number, (np.int32(start), np.int32(stop)))
            carry, logs, end = trainer.programs.test(carry, fixed, chunk.arrays, *bounds)
            if stop == chunk.stop:
                chunks.fetch()
            jax.block_until_ready(end)
            done += stop - start
            if stop < chunk.stop:
                seconds = processes.largest(time.perf_counter() - began, f"batch {done} of evaluate")
                steps_per_call.adapt(stop - start, seconds)
            if finite and not np.isfinite(logs.get("loss", 0.0)).all():
                finite = False
                _warn_not_finite(source, chunk, start, stop, logs)
            start = stop
            if single and events is not None:
                groups.end(events, done, functools.partial(host_logs, trainer, logs))
            if display is not None:
                display.advance(done, source.steps, ordered(trainer, logs))
            if single and _is_stopped(events, "stop_evaluating"):
                break
        else:
            continue
        break  # a callback stopped it
    if events is not None:
        groups.end(events, done, functools.partial(host_logs, trainer, logs), last=True)
    trainer.metrics.show(carry[0])
    trainer.live.put(carry[1])
    return host_logs(trainer, logs)


def _is_stopped(events: CallbackList | None, attribute: str) -> bool:
    """Whether a callback of any process set this attribute of the model."""
    return bool(processes.largest(getattr(events.model, attribute, False), attribute)) if events is not None else False


def _warn_not_finite(source: data.Source, chunk: data.Chunk, start: int, stop: int, logs: Any) -> None:
    """Warn if the data of these steps is what made the loss infinite or NaN."""
    if isinstance(source, data.ArraySource):
        batch = source.data
    else:
        batch = jax.tree.map(lambda a: rows_of(arrays.to_host(a[start:stop])), chunk.arrays)
    warn_not_finite(float(logs["loss"]), batch, source.names)


def predict(
    trainer: Trainer, source: data.Source, events: CallbackList | None = None, display: Progress | None = None
) -> Outputs:
    """Compute the outputs for all samples.

    Args:
        trainer: the trainer of the model.
        source: the batches.
        events: the callbacks.
        display: the progress display.

    Returns:
        NumPy arrays in the structure of the outputs.
    """
    values, assigned = trainer.live.values(), {}
    single = events is not None and events.listens("predict")
    if single and events is not None:
        events.model.stop_predicting = False
    single = processes.largest(single, "the start of predict")
    parts: list[Any] = []
    pending: list[Any] = []  # outputs that the device may still compute
    done = 0

    def fetch() -> None:
        out, count = pending.pop(0)
        parts.append(jax.tree.map(lambda leaf: _flat(leaf, count), out))

    groups, reported = StepGroups("predict", trainer.steps_per_execution), 0

    def outputs() -> Logs:
        return Logs({"outputs": _joined(parts[reported:])})

    for block in source.blocks(1 if single else _BATCHES_PER_CALL, trainer.batch_independent):
        if single and events is not None:
            reported = len(parts) if done % groups.size == 0 else reported
            groups.begin(events, done)
        out, changed = _outputs(trainer, values, block)
        pending.append((out, _kept(block)))
        done += block.stop
        if changed:
            assigned, values = changed, values | changed
        if single or len(pending) > 1:
            fetch()
        if single and events is not None:
            groups.end(events, done, outputs)
        if display is not None:
            display.advance(done, source.steps, {})
        if single and _is_stopped(events, "stop_predicting"):
            break
    while pending:
        fetch()
    if events is not None:
        groups.end(events, done, outputs, last=True)
    trainer.live.put(assigned)
    return _joined(parts)


def _joined(parts: list[Any]) -> Any:
    return with_dicts(parts[0] if len(parts) == 1 else jax.tree.map(lambda *all: _concatenated(all), *parts))


def _concatenated(batches: tuple[Any, ...]) -> Any:
    join, shapes = joins_lengths.get(), {batch.shape[1:] for batch in batches}
    differ_in_time = len(shapes) > 1 and all(shapes) and len({shape[1:] for shape in shapes}) == 1
    return join(batches) if join is not None and differ_in_time else np.concatenate(batches)


def predict_block(trainer: Trainer, block: data.Block) -> Outputs:
    """Compute the outputs for the samples of one batch; no callbacks are called."""
    processes.largest(False, "the start of predict")
    out, assigned = _outputs(trainer, trainer.live.values(), block)
    if assigned:
        trainer.live.put(assigned)
    count = _kept(block)
    return with_dicts(jax.tree.map(lambda leaf: _flat(leaf, count), out))


def _outputs(trainer: Trainer, values: Any, block: data.Block) -> Any:
    """(outputs (steps, batch, ...), {path: array} of what layers assigned)."""
    batches = engine.shard_batches(block.arrays, block.batch)
    return trainer.predict(values, trainer.key, batches, trainer.count(block.stop))


def _kept(block: data.Block) -> int | None:
    """The number of samples if others are padding; None: outputs may have more rows or fewer than there are samples."""
    steps, batch = jax.tree.leaves(block.arrays)[0].shape[:2]
    return None if steps * (block.batch or batch) == block.count else block.count


def _flat(leaf: Any, count: int | None) -> Any:
    """A copy of (steps, batch, ...) as (rows, ...), the first `count` rows."""
    array = np.array(leaf)
    return rows_of(array)[:count] if array.ndim > 1 else array


def single_batch(trainer: Trainer, given: Tree, train: bool) -> Logs:
    """Run one step on a batch (x, y, weight) for `train_on_batch` and `test_on_batch`, on new totals, as in Keras."""
    live, programs, kept = trainer.live, trainer.programs, kept_totals.get()
    assert programs is not None
    processes.largest(False, "train_on_batch" if train else "test_on_batch")
    before = {name: total for name, total in live.totals.items() if kept(name)} if kept else {}
    live.totals = {**trainer.metrics.start(), **before}
    batch = engine.batches_to_device(jax.tree.map(lambda array: array[None], given))
    arguments = batch, engine.number(np.int32(0)), engine.number(np.int32(1))
    if train:
        logs, end = live.step(programs.train, engine.number(np.bool_(False)), *arguments)
        if not np.asarray(end):
            warn_skipped(trainer, float(logs.get("loss", np.nan)), given)
    else:
        values = trainer.with_read(live.values())
        carry = live.totals, {path: values[path] for path in trainer.assigned}, trainer.count()
        (live.totals, assigned, _), logs, _ = programs.test(carry, (values, trainer.key), *arguments)
        live.put(assigned)
        if not np.isfinite(logs.get("loss", 0.0)).all():
            warn_not_finite(float(logs["loss"]), given)
    trainer.metrics.show(live.totals)
    return host_logs(trainer, logs)
