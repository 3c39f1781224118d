"""`tfa.callbacks`: what `keras.callbacks` has not."""

from __future__ import annotations

import datetime
import time
from typing import Any

from gazelle.compat.addons.optimizer_wrappers import AveragedOptimizerWrapper
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.namespaces import names_of
from gazelle.compat.types import Option
from gazelle.core.errors import ArgumentTypeError, message
from gazelle.core.types import PathLike
from gazelle.training.callbacks import Callback, ModelCheckpoint, Progress

__all__ = ["AverageModelCheckpoint", "TQDMProgressBar", "TimeStopping"]
__getattr__ = names_of("gazelle.callbacks")


class TQDMProgressBar(Callback):
    """One line for each epoch, and for an evaluation outside of `fit`, as `Progress` prints them."""

    @ignores(
        "metrics_separator@1 overall_bar_format@2 epoch_bar_format@3 metrics_format@4 update_per_second@5"
        " leave_epoch_progress@6 leave_overall_progress@7 show_overall_progress"
    )
    def __init__(self, show_epoch_progress: bool = True) -> None:
        self.show_epoch_progress = show_epoch_progress
        self._progress = Progress(verbose=2 if show_epoch_progress else 0)
        self._trains = False

    def _finish(self, logs: dict[str, Any] | None) -> None:
        steps = (self.params or {}).get("steps")
        if steps:
            self._progress.advance(steps, steps, logs or {})
        self._progress.finish(logs)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._trains = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._trains = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        params = self.params or {}
        self._progress.epoch_begin(epoch, params.get("epochs", 1), params.get("steps"))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._finish(logs)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        if not self._trains:
            self._progress.start("Evaluating", (self.params or {}).get("steps"))

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        if not self._trains:
            self._finish(logs)


class TimeStopping(Callback):
    """Ends the training after the epoch in which `seconds` have passed."""

    def __init__(self, seconds: int = 86400, verbose: int = 0) -> None:
        self.seconds, self.verbose = seconds, verbose
        self.stopped_epoch: int | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.stopping_time = time.time() + self.seconds

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if time.time() >= self.stopping_time:
            self.model.stop_training = True
            self.stopped_epoch = epoch

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.stopped_epoch is not None and self.verbose:
            duration = datetime.timedelta(seconds=self.seconds)
            print(f"Epoch {self.stopped_epoch + 1}: the training ends after {duration}")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {"seconds": self.seconds, "verbose": self.verbose}


class AverageModelCheckpoint(ModelCheckpoint):
    """Saves the model with the averages of `MovingAverage` or `SWA` as its weights.

    With `update_weights` the training continues from them, too.
    """

    def __init__(self, update_weights: bool, filepath: PathLike, *args: Option, **kwargs: Option) -> None:
        super().__init__(filepath, *args, **kwargs)
        self.update_weights = update_weights

    def _optimizer(self) -> AveragedOptimizerWrapper:
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        if not isinstance(optimizer, AveragedOptimizerWrapper):
            hint = "For example tfa.optimizers.MovingAverage(optimizer)."
            what = "AverageModelCheckpoint found no averages"
            raise ArgumentTypeError(message(what, expected="MovingAverage or SWA", got=repr(optimizer), hint=hint))
        return optimizer

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._optimizer()
        super().on_train_begin(logs)

    def _save_model(self, epoch: int, batch: int | None, logs: dict[str, Any] | None) -> None:
        weights = self.model.get_weights()
        self._optimizer().assign_average_vars(self.model.trainable_weights)
        super()._save_model(epoch, batch, logs)
        if not self.update_weights:
            self.model.set_weights(weights)
