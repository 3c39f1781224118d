"""Callbacks that end the training: when nothing improves any more, and when the loss is no number."""

from __future__ import annotations

from typing import Any

import numpy as np

from gazelle.core.errors import StateError, message
from gazelle.training.callbacks.base import Callback
from gazelle.training.callbacks.monitor import Monitor, endured


class EarlyStopping(Monitor):
    """Ends the training when `monitor` has not become better for `patience` epochs.

    Args:
        monitor: a name in the logs; any spelling, so 'acc' finds 'accuracy'.
        min_delta: the smallest change that counts.
        patience: epochs without a better value that are endured.
        verbose: 1 tells when it stops and restores.
        mode: 'min', 'max', or 'auto', which goes by the metric.
        baseline: a value that has to be beaten too, or the waiting goes on.
        restore_best_weights: put the weights of the best epoch back when the training ends, whoever ended it.
        start_from_epoch: epochs that are not looked at.

    Attributes:
        best, best_epoch, best_weights: the best value so far, its epoch (from 0) and its weights.
        stopped_epoch: the epoch that was the last, 0 where it did not stop the training.

    Errors: ArgumentError when `monitor` is not in the logs; the message lists the names that are.

    >>> EarlyStopping("val_acc", patience=3, restore_best_weights=True).mode
    'auto'
    """

    _kept = ("wait", "best", "best_epoch", "best_weights", "stopped_epoch")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: Any = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = endured(self, patience), verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self._reset()

    def _reset(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        current = self._current(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        better = self._better(current, self.best)
        if better or (self.restore_best_weights and self.best_weights is None):  # something to restore in any case
            self._remember(epoch)
        if better:
            self.best = current
            if self.baseline is None or self._better(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _remember(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: Any = None) -> None:
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(f"Restoring the weights of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class TerminateOnNaN(Callback):
    """Ends the training after the batch in which the loss became NaN or infinite.

    It listens to batches. Args: raise_error: raise StateError instead of ending the training in good order.
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or np.all(np.isfinite(loss)):
            return
        if self.raise_error:
            raise StateError(
                message(
                    f"The loss is {float(np.mean(loss))} at batch {batch}",
                    hint="Try a smaller learning rate, and look for NaN in the data.",
                )
            )
        print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
