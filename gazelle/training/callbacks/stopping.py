"""Callbacks that end the training: without improvement, and on NaN."""

from __future__ import annotations

from typing import Any

import numpy as np

from gazelle.core.errors import StateError, message
from gazelle.training.callbacks.base import Callback
from gazelle.training.callbacks.monitor import Monitor, check_patience


class EarlyStopping(Monitor):
    """Ends the training when `monitor` has not improved for `patience` epochs.

    Args:
        monitor: a name in the logs, or an alias of one: 'acc' finds 'accuracy'.
        min_delta: the smallest improvement that counts.
        patience: number of epochs without improvement.
        verbose: 1 prints when it stops and restores.
        mode: 'min', 'max', or 'auto', which depends on the metric.
        baseline: a value that must be exceeded too, or epochs count as without improvement.
        restore_best_weights: restore the weights of the best epoch when the training ends, for any reason.
        start_from_epoch: number of first epochs that are ignored.

    Attributes:
        best: the best value so far.
        best_epoch: its epoch, from 0.
        best_weights: the weights after it; None without `restore_best_weights`.
        stopped_epoch: the epoch after which the callback ended the training, otherwise 0.

    Raises:
        ArgumentError: `monitor` is not in the logs; the message lists the names that are.

    >>> EarlyStopping("val_acc", patience=3, restore_best_weights=True).mode
    'auto'
    """

    _state_attributes = ("wait", "best", "best_epoch", "best_weights", "stopped_epoch")
    _compared_attributes = ("monitor", "min_delta", "patience", "baseline", "restore_best_weights", "start_from_epoch")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: float = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: float = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = check_patience(self, patience), verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self._reset()

    def _reset(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: list[np.ndarray[Any, Any]] | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        current = self.get_monitor_value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        better = self._is_improvement(current, self.best)
        if better or (self.restore_best_weights and self.best_weights is None):  # always have weights to restore
            self._remember(epoch)
        if better:
            self.best = current
            if self.baseline is None or self._is_improvement(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _remember(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        self._restore_best_weights()

    def _restore_best_weights(self) -> None:
        if self.best_weights is not None:
            if self.verbose:
                print(f"Restoring the weights of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class TerminateOnNaN(Callback):
    """Ends the training after the batch in which the loss became NaN or infinite; it has batch events.

    Args:
        raise_error: raise an error instead of ending the training regularly.

    Raises:
        StateError: the loss is NaN or infinite and `raise_error` is True.

    >>> TerminateOnNaN().raise_error
    False
    """

    handles_nan = True

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or np.all(np.isfinite(loss)):
            return
        if self.raise_error:
            raise StateError(
                message(
                    f"The loss is {float(np.mean(loss))} at batch {batch}",
                    hint="Try a smaller learning rate, and check the data for NaN.",
                )
            )
        print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
