"""Callbacks that change the learning rate: by a schedule, and on a plateau."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Never

import numpy as np

from gazelle.core.errors import ArgumentError, ArgumentTypeError, StateError, message, unknown
from gazelle.training.callbacks.base import Callback
from gazelle.training.callbacks.monitor import Monitor, check_patience

if TYPE_CHECKING:
    from gazelle.core.types import Array
    from gazelle.core.variable import Variable


def rates_of(callback: Callback) -> dict[str, Variable]:
    """{name in the logs: learning rate as a variable}; of a `MultiOptimizer` those of its optimizers."""
    return {name: _variable_of(callback, each) for name, each in _optimizers_of(callback).items()}


def rate_of(callback: Callback) -> Variable:
    """The optimizer's learning rate as a variable that can be read and assigned."""
    return _variable_of(callback, getattr(callback.model, "optimizer", None))


def _optimizers_of(callback: Callback) -> dict[str, Any]:
    """{name of the learning rate in the logs: optimizer}."""
    optimizer = getattr(callback.model, "optimizer", None)
    inner = getattr(optimizer, "named_optimizers", None)
    if inner is None:
        return {"learning_rate": optimizer}
    return {f"learning_rate_{name}": each for name, each in inner.items()}


def _log_rates(callback: Callback, logs: dict[str, Any] | None) -> None:
    if logs is not None:
        logs.update({name: float(_rate_of(callback, each)) for name, each in _optimizers_of(callback).items()})


def _owner(name: str) -> str:
    """Text that names the optimizer of a rate of `rates_of`."""
    return "" if name == "learning_rate" else f" of {name.removeprefix('learning_rate_')}"


def _rate_of(callback: Callback, optimizer: Any) -> Variable | Array:
    rate: Variable | Array | None = getattr(optimizer, "learning_rate", None)
    if rate is None:
        name = type(callback).__name__
        raise StateError(message(f"{name} found no optimizer with a learning rate", hint="Call model.compile first."))
    return rate


def _variable_of(callback: Callback, optimizer: Any) -> Variable:
    rate: Any = _rate_of(callback, optimizer)
    if not hasattr(rate, "assign"):
        schedule = getattr(optimizer, "_learning_rate", rate)
        raise ArgumentTypeError(
            message(
                f"{type(callback).__name__} cannot set the learning rate",
                expected="an optimizer with a constant learning rate",
                got=f"one with the schedule {getattr(schedule, '__name__', type(schedule).__name__)}",
                hint="Use either the schedule or the callback.",
            )
        )
    return rate


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of every epoch.

    Args:
        schedule: a function (epoch, rate) -> rate or epoch -> rate; epochs start at 0.
        verbose: 1 prints the new rate.

    Raises:
        ArgumentError: the schedule is not a function, or does not return a number.
        StateError: the model has no optimizer with a learning rate.

    >>> LearningRateScheduler(lambda epoch, rate: rate if epoch < 10 else rate * 0.9).verbose
    0
    """

    _compared_attributes = ("schedule",)

    def __init__(self, schedule: Callable[[int, float], float] | Callable[[int], float], verbose: int = 0) -> None:
        if not callable(schedule):
            hint = "Pass a function such as lambda epoch, rate: 0.9 * rate."
            raise ArgumentError(message("LearningRateScheduler", expected="a function", got=repr(schedule), hint=hint))
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for name, rate in rates_of(self).items():
            self._set(epoch, rate, _owner(name))

    def _set(self, epoch: int, rate: Any, of: str) -> None:
        schedule: Any = self.schedule
        result = schedule(epoch, float(rate)) if _takes_two(schedule) else schedule(epoch)
        array = np.asarray(result)
        if array.size != 1 or array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise ArgumentError(
                message(
                    "The schedule of LearningRateScheduler",
                    expected="a number as result",
                    got=repr(result),
                    hint="Return the learning rate of the epoch.",
                )
            )
        new = float(array.reshape(()))
        rate.assign(new)
        if self.verbose:
            print(f"Epoch {epoch + 1}: LearningRateScheduler setting learning rate{of} to {new:.6g}.")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        _log_rates(self, logs)


def _takes_two(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # functions in C may have no signature
        return True
    return True


class ReduceLROnPlateau(Monitor):
    """Multiplies the learning rate by `factor` when `monitor` has not improved for `patience` epochs.

        rate <- max(rate * factor, min_lr)

    Args:
        monitor: a name in the logs, or an alias of one.
        factor: the factor, between 0 and 1.
        patience: number of epochs without improvement.
        verbose: 1 prints the new rate.
        mode: 'min', 'max', or 'auto', which depends on the metric.
        min_delta: the smallest improvement that counts.
        cooldown: number of epochs after a reduction that are not counted.
        min_lr: the lower limit of the rate.
        **kwargs: further arguments are an error.

    Raises:
        ArgumentError: `factor` is not between 0 and 1, or `monitor` is not in the logs.
        ArgumentTypeError: the learning rate of the optimizer follows a schedule.

    >>> ReduceLROnPlateau("loss", factor=0.5, patience=2).cooldown
    0
    """

    _state_attributes = ("wait", "best", "cooldown_counter")
    _compared_attributes = ("monitor", "min_delta", "factor", "patience", "cooldown", "min_lr")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: float = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: float = 0,
        min_lr: float = 0.0,
        **kwargs: Never,
    ) -> None:
        if kwargs:
            known = [name for name in inspect.signature(ReduceLROnPlateau).parameters if name != "kwargs"]
            raise unknown("argument of ReduceLROnPlateau", next(iter(kwargs)), known)
        if not 0 < factor < 1:
            expected = "a number below 1" if factor > 0 else "a number above 0"
            raise ArgumentError(message("ReduceLROnPlateau's factor", expected=expected, got=factor))
        super().__init__(monitor, mode, min_delta)
        self.factor, self.patience, self.verbose = factor, check_patience(self, patience), verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self._reset()

    def _reset(self) -> None:
        self.best: float | None = None
        self.wait = 0
        self.cooldown_counter: float = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._reset()
        self._check_rates()

    def _check_rates(self) -> None:
        """Raise an error before the first epoch, not on the first plateau, if the rate cannot be set."""
        rates_of(self)

    def in_cooldown(self) -> bool:
        """Whether the callback is in the cooldown after a reduction.

        Returns:
            True while epochs are not counted.
        """
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        _log_rates(self, logs)
        current = self.get_monitor_value(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best, self.wait = current, 0
        elif not self.in_cooldown():
            self._wait(epoch)

    def _wait(self, epoch: int) -> None:
        """Count an epoch without improvement."""
        self.wait += 1
        if self.wait >= self.patience:
            self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        for name, rate in rates_of(self).items():
            old = float(rate)
            if old <= np.float32(self.min_lr):
                continue
            new = max(old * self.factor, self.min_lr)
            rate.assign(new)
            self.wait, self.cooldown_counter = 0, self.cooldown
            if self.verbose:
                print(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing learning rate{_owner(name)} to {new:.6g}.")
