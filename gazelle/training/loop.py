"""Epochs and events: the loops of fit, evaluate and predict around the compiled programs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from gazelle import data, engine
from gazelle.metrics.names import Logs
from gazelle.training.diagnosis import explain_nan, warn_left_out
from gazelle.training.interrupt import Interrupt
from gazelle.training.position import Position
from gazelle.training.trainer import Trainer

_TICK = 0.1  # seconds between two looks at the progress, at Ctrl-C and at the clock of the keeper
_SLOW_DATA = 0.2  # share of the first epoch from which waiting for data is told
_PREDICT = 16  # batches that predict goes at once


class Pace:
    """How many steps to go at once, so that about `_TICK` seconds pass."""

    def __init__(self) -> None:
        self.steps = 1

    def took(self, steps: int, seconds: float) -> None:
        """Learn from a call; the first ones, which compile, only slow it down for a moment."""
        wanted = steps * _TICK / max(seconds, 1e-6)
        self.steps = int(min(max(wanted, 1), self.steps * 8))


def _ordered(trainer: Trainer, logs: dict[str, Any]) -> dict[str, Any]:
    """Logs with the loss first: a compiled program gives dicts back in alphabetical order."""
    return {name: logs[name] for name in dict.fromkeys([*trainer.meters.names, *logs]) if name in logs}


def _host(trainer: Trainer, logs: Any) -> Logs:
    """Logs as Python numbers."""
    numbers = _ordered(trainer, jax.device_get(logs))
    return Logs({k: float(v) if np.ndim(v) == 0 else np.asarray(v) for k, v in numbers.items()})


class Ahead:
    """The chunks of a pass, the next one fetched while the device still computes."""

    def __init__(self, chunks: Iterator[data.Chunk]) -> None:
        self._chunks, self._next = chunks, next(chunks, None)

    def __iter__(self) -> Iterator[data.Chunk]:
        while self._next is not None:
            chunk, self._next = self._next, None
            yield chunk
            self.fetch()

    def fetch(self) -> None:
        if self._next is None:
            self._next = next(self._chunks, None)


def fit(
    trainer: Trainer, model: Any, source: data.Source, events: Any, display: Any, at: Position, *, epochs: int,
    validate: Callable[[int], dict[str, Any]] | None = None, keeper: Any = None, stop_on_nan: bool = True,
) -> None:  # fmt: skip
    """Train from the position `at` up to `epochs`. `validate(epoch)` gives the logs of the validation, if it is due."""
    live, meters, programs = trainer.live, trainer.meters, trainer.programs
    assert programs is not None
    pace, single, whatever, told = Pace(), events.listens("train"), np.bool_(not stop_on_nan), False
    bad: Any = None  # the chunk and the step whose loss was no number
    with Interrupt() as interrupt:
        try:
            for at.epoch in range(at.epoch, epochs):
                if not at.begun:
                    live.totals = meters.start()
                    events.on_epoch_begin(at.epoch, {})
                    at.begun = True
                display.epoch_begin(at.epoch, epochs, source.steps)
                began, logs = time.perf_counter(), {}
                chunks = Ahead(source.chunks(at.epoch, at.done))
                for chunk in chunks:
                    start = 0
                    while start < chunk.stop and not model.stop_training:
                        stop = start + 1 if single else min(chunk.stop, start + pace.steps)
                        if single:
                            events.on_train_batch_begin(at.done, Logs())
                        begun = time.perf_counter()
                        interrupt.hold()
                        logs, end = live.step(
                            lambda state, go=(whatever, chunk.arrays, np.int32(start), np.int32(stop)):
                            programs.train(state, *go)
                        )  # fmt: skip
                        if stop == chunk.stop:
                            chunks.fetch()
                        end = int(end)
                        at.done += end - start
                        interrupt.release()
                        pace.took(stop - start, time.perf_counter() - begun)
                        if end < stop:
                            bad = (chunk, end)
                            model.stop_training = True
                            break
                        start = end
                        if single:
                            events.on_train_batch_end(at.done - 1, _host(trainer, logs))
                        display.advance(at.done, source.steps, _ordered(trainer, logs))
                        if keeper is not None:
                            keeper.offer(at.tensors, at.words)
                    if model.stop_training:
                        break
                if not at.done and bad is None and source.exhausted:
                    break
                results = _host(trainer, logs or programs.report(live.totals))
                if bad is not None:
                    _tell_nan(trainer, source, results["loss"], at, *bad)
                if validate is not None and bad is None:
                    results.update(validate(at.epoch))
                meters.show(live.totals)
                display.clear()  # what callbacks print goes on lines of its own
                events.on_epoch_end(at.epoch, results)
                display.epoch_end(results)
                if not told and source.waited > _SLOW_DATA * (time.perf_counter() - began):
                    share = source.waited / (time.perf_counter() - began)
                    display.note(f"The device waited for data {share:.0%} of this epoch: the source is what limits.")
                told = True
                if model.stop_training or source.exhausted:
                    break
                at.next_epoch()
            at.finish(stopped=model.stop_training and bad is None)
            live.finish()
        finally:
            live.settle()
            if keeper is not None and live.state is not None:
                keeper.finish(at.tensors, at.words)
            live.totals = meters.start()  # train_on_batch begins its own


def _tell_nan(trainer: Trainer, source: data.Source, loss: float, at: Position, chunk: data.Chunk, index: int) -> None:
    batch = jax.tree.map(lambda array: array[index], chunk.arrays)
    rows = None if chunk.rows is None else chunk.rows[index]
    explain_nan(trainer, source, loss, f"step {at.done + 1} of epoch {at.epoch + 1}", batch, rows)


def evaluate(trainer: Trainer, source: data.Source, events: Any = None, display: Any = None) -> Logs:
    """The loss and metrics over one pass of the source."""
    assert trainer.programs is not None
    values, logs = trainer.live.values(), {}
    fixed = values, trainer.key
    carry: Any = (trainer.meters.start(), {path: values[path] for path in trainer.assigned}, np.uint32(0))
    pace, single, done = Pace(), events is not None and events.listens("test"), 0
    chunks = Ahead(source.chunks(0))
    for chunk in chunks:
        start = 0
        while start < chunk.stop:
            stop = start + 1 if single else min(chunk.stop, start + pace.steps)
            if single:
                events.on_test_batch_begin(done, Logs())
            begun = time.perf_counter()
            carry, logs, end = trainer.programs.test(carry, fixed, chunk.arrays, np.int32(start), np.int32(stop))
            if stop == chunk.stop:
                chunks.fetch()
            jax.block_until_ready(end)
            done += stop - start
            pace.took(stop - start, time.perf_counter() - begun)
            start = stop
            if single:
                events.on_test_batch_end(done - 1, _host(trainer, logs))
            if display is not None:
                display.advance(done, source.steps, _ordered(trainer, logs))
    trainer.meters.show(carry[0])
    trainer.live.put(carry[1])
    return _host(trainer, logs)


def predict(trainer: Trainer, source: data.Source, events: Any = None, display: Any = None) -> Any:
    """The model's outputs for all samples, as NumPy arrays."""
    values, assigned = trainer.live.values(), {}
    single = events is not None and events.listens("predict")
    parts: list[Any] = []
    waiting: list[Any] = []  # outputs that the device may still compute
    done = 0

    def fetch() -> None:
        out, count = waiting.pop(0)
        parts.append(jax.tree.map(lambda leaf: _flat(leaf, count), jax.device_get(out)))

    for block in source.blocks(1 if single else _PREDICT, trainer.alone):
        if single:
            events.on_predict_batch_begin(done, Logs())
        out, changed = trainer.predict(values, trainer.key, block.arrays, trainer.count(block.stop))
        waiting.append((out, block.count))
        done += block.stop
        if changed:
            assigned, values = changed, values | changed
        if single or len(waiting) > 1:
            fetch()
        if single:
            events.on_predict_batch_end(done - 1, Logs({"outputs": parts[-1]}))
        if display is not None:
            display.advance(done, source.steps, {})
    while waiting:
        fetch()
    trainer.live.put(assigned)
    return parts[0] if len(parts) == 1 else jax.tree.map(lambda *all: np.concatenate(all), *parts)


def _flat(leaf: Any, count: int) -> Any:
    """(steps, batch, ...) as (count, ...): an array of the caller's own."""
    array = np.array(leaf)
    return array.reshape(-1, *array.shape[2:])[:count] if array.ndim > 1 else array


def single_batch(trainer: Trainer, arrays: Any, train: bool) -> Logs:
    """One step on one batch (x, y, weight), for train_on_batch and test_on_batch; totals go on from the last call."""
    live, programs = trainer.live, trainer.programs
    assert programs is not None
    one = (engine.place(jax.tree.map(lambda array: array[None], arrays)), np.int32(0), np.int32(1))
    if train:
        logs, end = live.step(lambda state: programs.train(state, np.bool_(False), *one))
        if not int(end):
            warn_left_out(trainer, float(logs["loss"]), arrays)
    else:
        values = live.values()
        carry = live.totals, {path: values[path] for path in trainer.assigned}, trainer.count()
        (live.totals, assigned, _), logs, _ = programs.test(carry, (values, trainer.key), *one)
        live.put(assigned)
    return _host(trainer, logs)
