"""Base class of callbacks that monitor one number in the logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, message, nearest, unknown
from gazelle.metrics.name_aliases import Logs, spellings
from gazelle.training.callbacks.base import Callback

#: beginnings of parts of a metric's name that determine the direction, where the metric itself does not
_HIGHER_IS_BETTER = (
    "acc",
    "auc",
    "precision",
    "recall",
    "f1",
    "fbeta",
    "iou",
    "similarity",
    "r2",
    "sensitivity",
    "specificity",
)
_LOWER_IS_BETTER = (
    "loss",
    "error",
    "mse",
    "mae",
    "mape",
    "msle",
    "rmse",
    "crossentropy",
    "divergence",
    "hinge",
    "logcosh",
    "poisson",
)


class Monitor(Callback):
    """Base class of callbacks that follow `monitor` through the epochs and store the best value.

    A value is better if  current < best - min_delta  in mode 'min', or  current > best + min_delta  in mode 'max', in
    float32 as in Keras. NaN is never better.

    Args:
        monitor: a name in the logs, or an alias of one.
        mode: 'min', 'max', or 'auto', which depends on the metric.
        min_delta: the smallest improvement that counts.
        best: the value that the first one must improve on.

    Raises:
        ArgumentError: an unknown mode; at the end of an epoch, `monitor` is not in the logs.
    """

    _given_op: Callable[..., Any] | None = None

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0, best: float | None = None) -> None:
        if mode not in ("auto", "min", "max"):
            raise unknown(f"mode of {type(self).__name__}", mode, ("auto", "min", "max"))
        self.monitor, self.mode, self.min_delta, self.best = monitor, mode, min_delta, best
        self._seen = False

    @property
    def min_delta(self) -> float:
        """The smallest improvement that counts; negative if lower values are better, as in Keras."""
        return self._signed_delta

    @min_delta.setter
    def min_delta(self, value: float) -> None:
        self._min_delta = abs(value)

    @property
    def _signed_delta(self) -> float:
        return -self._min_delta if self._direction() is False else self._min_delta

    def get_monitor_value(self, logs: dict[str, Any] | None) -> float | None:
        """Read the monitored number from the logs.

        Args:
            logs: the logs of an epoch.

        Returns:
            The number; None in an epoch without validation.

        Raises:
            ArgumentError: `monitor` is not in the logs.
        """
        found = Logs(logs or {})
        if self.monitor in found:
            self._seen = True
            return _scalar(found[self.monitor], self.monitor)
        validated = any(name.startswith("val_") for name in found)
        sometimes = self._seen or (self.params or {}).get("validation_freq", 1) != 1
        if self.monitor.startswith("val_") and not validated and sometimes:
            return None
        hint = "Use one of these names for monitor."
        if self.monitor.startswith("val_") and not validated:
            near = nearest(self.monitor.removeprefix("val_"), found)
            hint = f"Pass validation data to fit, or monitor the training: monitor={(near or ['loss'])[0]!r}."
        raise ArgumentError(
            message(
                f"{type(self).__name__} monitors '{self.monitor}', which is not in the logs",
                expected=f"one of {', '.join(found) or '(no names: the logs are empty)'}",
                hint=hint,
            )
        )

    def _is_improvement(self, monitor_value: float, reference_value: float | None) -> bool:
        if np.isnan(monitor_value):
            return False
        if reference_value is None:
            return True
        value, reference = np.float32(monitor_value - self._signed_delta), np.float32(reference_value)
        if self._given_op is not None:
            return bool(self._given_op(value, reference))
        return bool(value > reference if self._higher_is_better() else value < reference)

    @property
    def monitor_op(self) -> Callable[..., Any]:
        """`ops.greater` if higher values are better, else `ops.less`; known when training begins. May be set."""
        from gazelle import ops

        return self._given_op or (ops.greater if self._higher_is_better() else ops.less)

    @monitor_op.setter
    def monitor_op(self, value: Callable[..., Any]) -> None:
        self._given_op = value

    def _higher_is_better(self) -> bool:
        higher = self._direction()
        if higher is None:
            raise ArgumentError(
                message(
                    f"{type(self).__name__} cannot determine whether a high or a low '{self.monitor}' is better",
                    hint="Pass mode='max' or mode='min'.",
                )
            )
        return higher

    def _direction(self) -> bool | None:
        """Whether higher values are better; None if unknown from mode, metric and name."""
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        if name == "loss" or name.endswith("_loss"):
            return False
        for metric in getattr(self.model, "metrics", None) or ():
            direction = getattr(metric, "_direction", None)
            is_monitored = any(s == metric.name or s.endswith(f"_{metric.name}") for s in spellings(name))
            if direction is not None and is_monitored:
                return bool(direction == "up")
        parts = "_".join(spellings(name)).lower().split("_")
        for beginnings, higher in ((_LOWER_IS_BETTER, False), (_HIGHER_IS_BETTER, True)):
            if any(part.startswith(beginnings) for part in parts):
                return higher
        return None


def _scalar(value: Any, name: str) -> float:
    array = np.asarray(value)
    if array.size != 1:
        raise ArgumentError(
            message(f"The monitored '{name}'", expected="one number", got=f"an array of shape {array.shape}")
        )
    return float(array.reshape(()))


def check_patience(owner: Callback, patience: float) -> float:
    """`patience` if it is a number >= 0, else an ArgumentError."""
    if isinstance(patience, (bool, str)) or not patience >= 0:
        name = type(owner).__name__
        raise ArgumentError(message(f"{name}'s patience", expected="a number of epochs >= 0", got=repr(patience)))
    return patience
