"""What callbacks that watch one number share: finding it in the logs, and telling better from worse."""

from __future__ import annotations

from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, message, nearest, unknown
from gazelle.metrics.name_aliases import Logs, spellings
from gazelle.training.callbacks.base import Callback

#: words in a metric's name that tell which way is better, where the metric itself does not say.
_UP = ("acc", "auc", "precision", "recall", "f1", "fbeta", "iou", "similarity", "r2", "sensitivity", "specificity")
_DOWN = (
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
    """A callback that follows `monitor` through the epochs and keeps the best value.

    Better means: current < best - min_delta in mode "min", current > best + min_delta in mode "max", in float32, as
    Keras compares. A NaN is never better.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0, best: float | None = None) -> None:
        if mode not in ("auto", "min", "max"):
            raise unknown(f"mode of {type(self).__name__}", mode, ("auto", "min", "max"))
        self.monitor, self.mode, self.min_delta, self.best = monitor, mode, abs(min_delta), best
        self._seen = False

    def _current(self, logs: Any) -> float | None:
        """The monitored number; None in an epoch that was not validated; an error where no such name exists."""
        found = Logs(logs or {})
        if self.monitor in found:
            self._seen = True
            return _scalar(found[self.monitor], self.monitor)
        validated = any(name.startswith("val_") for name in found)
        sometimes = self._seen or (self.params or {}).get("validation_freq", 1) != 1
        if self.monitor.startswith("val_") and not validated and sometimes:
            return None
        hint = "Choose one of these names for monitor=."
        if self.monitor.startswith("val_") and not validated:
            near = nearest(self.monitor.removeprefix("val_"), found)
            hint = f"Give fit validation data, or watch the training: monitor={(near or ['loss'])[0]!r}."
        raise ArgumentError(
            message(
                f"{type(self).__name__} monitors '{self.monitor}', which is not in the logs",
                expected=f"one of {', '.join(found) or '(no names: the logs are empty)'}",
                hint=hint,
            )
        )

    def _better(self, current: float, than: float | None) -> bool:
        if np.isnan(current):
            return False
        if than is None:
            return True
        if self._upwards():
            return bool(np.float32(current - self.min_delta) > np.float32(than))
        return bool(np.float32(current + self.min_delta) < np.float32(than))

    def _upwards(self) -> bool:
        """Whether a higher value is better."""
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        if name == "loss" or name.endswith("_loss"):
            return False
        for metric in getattr(self.model, "metrics", None) or ():
            direction = getattr(metric, "_direction", None)
            ours = any(s == metric.name or s.endswith(f"_{metric.name}") for s in spellings(name))
            if direction is not None and ours:
                return bool(direction == "up")
        parts = "_".join(spellings(name)).lower().split("_")
        for words, up in ((_DOWN, False), (_UP, True)):
            if any(part.startswith(words) for part in parts):
                return up
        raise ArgumentError(
            message(
                f"{type(self).__name__} cannot tell whether a high or a low '{self.monitor}' is better",
                hint="Say mode='max' or mode='min'.",
            )
        )


def _scalar(value: Any, name: str) -> float:
    array = np.asarray(value)
    if array.size != 1:
        raise ArgumentError(
            message(f"The monitored '{name}'", expected="one number", got=f"an array of shape {array.shape}")
        )
    return float(array.reshape(()))


def endured(owner: Any, patience: Any) -> Any:
    """`patience`, which has to be a number from 0 on."""
    if isinstance(patience, (bool, str)) or not patience >= 0:
        who = type(owner).__name__
        raise ArgumentError(message(f"{who}'s patience", expected="a number of epochs from 0 on", got=repr(patience)))
    return patience
