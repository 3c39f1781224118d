"""Epochs and events: the loops of fit, evaluate and predict around the compiled programs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import data
from gazelle.metrics.names import Logs
from gazelle.training.diagnosis import explain_nan
from gazelle.training.interrupt import Interrupt
from gazelle.training.trainer import Trainer

_TICK = 0.1  # seconds between two looks at the progress, at Ctrl-C and at the clock of the keeper


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


def _chunks(segments: Iterator[data.source.Segment], pace: Pace, single: bool) -> Iterator[tuple[Any, Any, int, int]]:
    """(data, order, start, stop) of each call of the program."""
    for arrays, order, start, last in segments:
        placed = jnp.asarray(order)
        while start < last:
            stop = start + 1 if single else min(last, start + pace.steps)
            yield arrays, placed, start, stop
            start = stop


def fit(
    trainer: Trainer, model: Any, source: data.Source, events: Any, display: Any, *, epochs: int,
    initial_epoch: int = 0, validate: Callable[[int], dict[str, Any]] | None = None, keeper: Any = None,
    history: Any = None,
) -> None:  # fmt: skip
    """Train for `epochs - initial_epoch` epochs. `validate(epoch)` gives the logs of the validation, if it is due."""
    live, meters = trainer.live, trainer.meters
    pace, single = Pace(), events.listens("train")
    epoch, done = initial_epoch, 0

    def meta() -> dict[str, Any]:
        layout = [[path, list(v.shape), v.dtype] for path, v in live.variables.items()]
        past = {k: list(v) for k, v in history.history.items()} if history is not None else {}
        return {"model": layout, "epoch": epoch, "batch": done, "history": past, "seed": trainer.seed}

    with Interrupt() as interrupt:
        try:
            for epoch in range(initial_epoch, epochs):
                live.totals, logs, done = meters.start(), {}, 0
                events.on_epoch_begin(epoch, {})
                display.epoch_begin(epoch, epochs, source.steps)
                for arrays, order, start, stop in _chunks(source.segments(epoch), pace, single):
                    if single:
                        events.on_train_batch_begin(done, Logs())
                    begun = time.perf_counter()
                    interrupt.hold()
                    state, logs = trainer.train(live.take(), None, arrays, order, np.int32(start), np.int32(stop))
                    live.give(state)
                    jax.block_until_ready(logs)
                    done += stop - start
                    interrupt.release()
                    pace.took(stop - start, time.perf_counter() - begun)
                    if single:
                        events.on_train_batch_end(done - 1, _host(trainer, logs))
                    display.advance(done, source.steps, _ordered(trainer, logs))
                    if keeper is not None:
                        keeper.offer(live.tensors, meta)
                    if model.stop_training:
                        break
                if not done and source.exhausted:
                    break
                results = _host(trainer, logs)
                explain_nan(results, source)
                if validate is not None:
                    results.update(validate(epoch))
                meters.show(live.totals)
                display.clear()  # what callbacks print goes on lines of its own
                events.on_epoch_end(epoch, results)
                display.epoch_end(results)
                if model.stop_training or source.exhausted:
                    break
            if initial_epoch < epochs:
                epoch, done = epoch + 1, 0
            live.finish()
        finally:
            live.settle()
            if keeper is not None and live.state is not None:
                keeper.finish(live.tensors, meta)
            live.totals = meters.start()  # train_on_batch begins its own


def evaluate(trainer: Trainer, source: data.Source, events: Any = None, display: Any = None) -> Logs:
    """The loss and metrics over one pass of the source."""
    values, logs = trainer.live.values(), {}
    carry = trainer.meters.start(), {path: values[path] for path in trainer.assigned}, np.uint32(0)
    pace, single, done = Pace(), events is not None and events.listens("test"), 0
    for arrays, order, start, stop in _chunks(source.segments(0), pace, single):
        if single:
            events.on_test_batch_begin(done, Logs())
        begun = time.perf_counter()
        carry, logs = trainer.test(carry, values, arrays, order, np.int32(start), np.int32(stop))
        jax.block_until_ready(logs)
        done += stop - start
        pace.took(stop - start, time.perf_counter() - begun)
        if single:
            events.on_test_batch_end(done - 1, _host(trainer, logs))
        if display is not None:
            display.advance(done, source.steps, _ordered(trainer, logs))
    trainer.meters.show(carry[0])
    trainer.live.put(carry[1])
    return _host(trainer, logs)


def predict(trainer: Trainer, source: data.Source, events: Any = None, display: Any = None) -> Any:
    """The model's outputs for all samples, as NumPy arrays."""
    values = trainer.live.values()
    outputs, assigned, single = [], {}, events is not None and events.listens("predict")
    for index, batch in enumerate(source.batches()):
        if single:
            events.on_predict_batch_begin(index, Logs())
        out, assigned = trainer.predict(values, batch, trainer.count())
        outputs.append(out)
        values = values | assigned
        if single:
            events.on_predict_batch_end(index, Logs({"outputs": jax.device_get(outputs[-1])}))
        if display is not None:
            display.advance(index + 1, source.steps, {})
    trainer.live.put({path: values[path] for path in assigned})
    host = [jax.device_get(out) for out in outputs]
    if len(host) == 1:
        return host[0]
    return jax.tree.map(lambda *parts: np.concatenate(parts), *host)


def single_batch(trainer: Trainer, source: data.Source, train: bool) -> Logs:
    """One step on one batch, for train_on_batch and test_on_batch; totals go on from the last call."""
    live = trainer.live
    arrays, order, _, _ = next(iter(source.segments(0)))
    one = (arrays, jnp.asarray(order), np.int32(0), np.int32(1))
    if train:
        state, logs = trainer.train(live.take(), None, *one)
        live.give(state)
    else:
        values = live.values()
        carry = live.totals, {path: values[path] for path in trainer.assigned}, trainer.count()
        (live.totals, assigned, _), logs = trainer.test(carry, values, *one)
        live.put(assigned)
    return _host(trainer, logs)
