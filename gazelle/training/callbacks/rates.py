"""Callbacks that change the learning rate: by a schedule, and when nothing improves any more."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, StateError, message, unknown
from gazelle.training.callbacks.base import Callback
from gazelle.training.callbacks.monitor import Monitor, endured


def _rate(callback: Callback) -> Any:
    """The optimizer's learning rate as a variable that can be read and assigned."""
    rate = getattr(getattr(callback.model, "optimizer", None), "learning_rate", None)
    who = type(callback).__name__
    if rate is None:
        raise StateError(message(f"{who} found no optimizer with a learning rate", hint="Call model.compile first."))
    if not hasattr(rate, "assign"):
        raise ArgumentError(
            message(
                f"{who} cannot set the learning rate",
                expected="an optimizer made with a number",
                got=f"one made with the schedule {type(rate).__name__}",
                hint="Use either the schedule or the callback.",
            )
        )
    return rate


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of every epoch.

    Args:
        schedule: a function (epoch, rate) -> rate or epoch -> rate; epochs count from 0.
        verbose: 1 tells the new rate.

    Errors: ArgumentError when the schedule gives no number.

    >>> LearningRateScheduler(lambda epoch, rate: rate if epoch < 10 else rate * 0.9).verbose
    0
    """

    def __init__(self, schedule: Callable[..., Any], verbose: Any = 0) -> None:
        if not callable(schedule):
            hint = "Give a function such as lambda epoch, rate: 0.9 * rate."
            raise ArgumentError(message("LearningRateScheduler", expected="a function", got=repr(schedule), hint=hint))
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        rate = _rate(self)
        given = self.schedule(epoch, float(rate)) if _takes_two(self.schedule) else self.schedule(epoch)
        array = np.asarray(given)
        if array.size != 1 or array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise ArgumentError(
                message(
                    "The schedule of LearningRateScheduler",
                    expected="a number as result",
                    got=repr(given),
                    hint="Return the learning rate of the epoch.",
                )
            )
        new = float(array.reshape(()))
        rate.assign(new)
        if self.verbose:
            print(f"Epoch {epoch + 1}: LearningRateScheduler setting learning rate to {new:.6g}.")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(_rate(self))


def _takes_two(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # a function of C tells no signature
        return True
    return True


class ReduceLROnPlateau(Monitor):
    """Multiplies the learning rate by `factor` when `monitor` has not become better for `patience` epochs.

        rate <- max(rate * factor, min_lr)

    Args:
        monitor: a name in the logs; any spelling.
        factor: below 1.
        patience: epochs without a better value that are endured.
        verbose: 1 tells the new rate.
        mode: 'min', 'max', or 'auto', which goes by the metric.
        min_delta: the smallest change that counts.
        cooldown: epochs after a reduction in which nothing is counted.
        min_lr: the rate never falls below it.

    Errors: ArgumentError for a factor of 1 or more, and when `monitor` is not in the logs.

    >>> ReduceLROnPlateau("loss", factor=0.5, patience=2).cooldown
    0
    """

    _kept = ("wait", "best", "cooldown_counter")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: Any = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            known = [name for name in inspect.signature(ReduceLROnPlateau).parameters if name != "kwargs"]
            raise unknown("argument of ReduceLROnPlateau", next(iter(kwargs)), known)
        if not 0 < factor < 1:
            wanted = "a number below 1" if factor > 0 else "a number above 0"
            raise ArgumentError(message("ReduceLROnPlateau's factor", expected=wanted, got=factor))
        super().__init__(monitor, mode, min_delta)
        self.factor, self.patience, self.verbose = factor, endured(self, patience), verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self._reset()

    def _reset(self) -> None:
        self.best: float | None = None
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: Any = None) -> None:
        self._reset()

    def in_cooldown(self) -> bool:
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(_rate(self))
        current = self._current(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._better(current, self.best):
            self.best, self.wait = current, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        rate = _rate(self)
        old = float(rate)
        if old <= np.float32(self.min_lr):
            return
        new = max(old * self.factor, self.min_lr)
        rate.assign(new)
        self.wait, self.cooldown_counter = 0, self.cooldown
        if self.verbose:
            print(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new:.6g}.")
