"""Callbacks that save the model or the whole training state."""

from __future__ import annotations

import contextlib
import os
import string
import tempfile
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.core.types import PathLike
from gazelle.engine import processes
from gazelle.metrics.name_aliases import Logs
from gazelle.training.callbacks.base import Callback
from gazelle.training.callbacks.batch_counter import BatchCounter
from gazelle.training.callbacks.monitor import Monitor

if TYPE_CHECKING:
    from gazelle.saving import Autosave


class ModelCheckpoint(Monitor):
    """Saves the model, or its weights, after every epoch or after a number of batches.

    Files are replaced atomically. After a loss that is NaN or infinite nothing is saved, and a warning is issued.

    Args:
        filepath: the file to write; `{epoch:02d}` (from 1), `{batch}` and names in the logs such as `{val_loss:.2f}`
            are replaced. The extension determines the format as in `model.save` and `model.save_weights`.
        monitor: a name in the logs, or an alias of one.
        verbose: 1 prints what is saved and why.
        save_best_only: save only when `monitor` is better than ever before.
        save_weights_only: call `model.save_weights` instead of `model.save`.
        mode: 'min', 'max', or 'auto', which depends on the metric.
        save_freq: 'epoch', or a number of batches (the callback then has batch events).
        initial_value_threshold: the value that the first save must improve on.
        keep: number of files written in this run that are kept; older ones are deleted. None keeps all.

    Raises:
        ArgumentError: a name is not in the logs, or the path is a folder.
        OSError: the folder cannot be written; raised before the first epoch.

    >>> ModelCheckpoint("run/{epoch:02d}-{val_loss:.2f}.keras").save_freq
    'epoch'
    """

    writes_files = reads_weights = True

    _state_attributes = ("best", "_saved")

    def __init__(
        self,
        filepath: PathLike,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        *,
        keep: int | None = None,
    ) -> None:
        super().__init__(monitor, mode, best=initial_value_threshold)
        self._counter = BatchCounter(save_freq, "ModelCheckpoint")
        if keep is not None and keep < 1:
            raise ArgumentError(message("ModelCheckpoint's keep", expected="None or a number > 0", got=keep))
        if self._counter.every and save_best_only:
            self._check_batches()
        self.filepath, self.verbose, self.keep = os.fspath(filepath), verbose, keep
        self.save_best_only, self.save_weights_only, self.save_freq = save_best_only, save_weights_only, save_freq
        self._saved: list[str] = []  # files of this run, oldest first
        self._epoch = 0
        if self._counter.every:  # set on the object: with save_freq='epoch' it must have no batch events
            self.on_train_batch_end = self._save_if_due  # type: ignore[method-assign]

    def _check_batches(self) -> None:
        """Raise an error if `monitor` is a result of validation, which the logs of batches do not have."""
        if self.monitor.startswith("val_"):
            where = f"every {self._counter.every} batches, where '{self.monitor}' is not available"
            hint = f"Use save_freq='epoch', or monitor='{self.monitor.removeprefix('val_')}'."
            raise ArgumentError(message(f"ModelCheckpoint saves {where}", hint=hint))

    def state(self) -> dict[str, Any]:
        return super().state() | self._counter.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self._counter.restore(state)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Check that the folder can be written.

        Args:
            logs: unused.

        Raises:
            OSError: it cannot be written.
        """
        folder = os.path.dirname(self.filepath) or "."
        if "{" not in self.filepath:
            _check_file(self.filepath)
        if "{" not in folder:
            try:
                os.makedirs(folder, exist_ok=True)
                tempfile.TemporaryFile(dir=folder).close()
            except OSError as error:
                text = f"ModelCheckpoint cannot write into '{folder}' ({error.strerror})"
                raise OSError(error.errno, message(text, hint="Use a filepath in a writable folder.")) from None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.save_freq == "epoch":
            self._save_model(epoch, None, logs)

    def _save_if_due(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._counter.update(batch):
            self._save_model(self._epoch, batch, logs)

    def _save_model(self, epoch: int, batch: int | None, logs: dict[str, Any] | None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if np.ndim(loss) == 0 and not np.isfinite(loss):
            text = (
                f"ModelCheckpoint does not save after epoch {epoch + 1}, with loss {loss}; the previous file is kept."
            )
            warnings.warn(text, UserWarning, stacklevel=2)
            return
        path = self._get_file_path(epoch, batch, logs)
        if not self._should_save(epoch, logs, path):
            return
        _check_file(path)
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with processes.without_files():  # in several processes the main one writes
            if self.save_weights_only:
                self.model.save_weights(path)
            else:
                self.model.save(path)
        if processes.is_main():
            self._remove_old(path)

    def _get_file_path(self, epoch: int, batch: int | None, logs: dict[str, Any] | None) -> str:
        """`filepath` with its fields replaced."""
        numbers = {"epoch": epoch + 1} | ({} if batch is None else {"batch": batch + 1})
        fields = Logs({**numbers, **(logs or {})})
        try:
            for _, field, _, _ in string.Formatter().parse(self.filepath):
                if field is not None and field not in fields:
                    raise unknown("field in ModelCheckpoint's filepath", field, fields)
            return self.filepath.format_map(fields)
        except (TypeError, ValueError) as error:
            if isinstance(error, ArgumentError):
                raise
            raise ArgumentError(
                message(f"ModelCheckpoint's filepath '{self.filepath}' has a bad field ({error})")
            ) from None

    def _should_save(self, epoch: int, logs: dict[str, Any] | None, path: str) -> bool:
        text = f"saving model to {path}"
        save = True
        if self.save_best_only:
            current = self.get_monitor_value(logs)
            if current is None:
                return False
            best = "None" if self.best is None else f"{self.best:.5f}"
            save = self._is_improvement(current, self.best)
            text = f"{self.monitor} improved from {best} to {current:.5f}, {text}"
            if save:
                self.best = current
            else:
                text = f"{self.monitor} did not improve from {best}"
        if self.verbose and processes.is_main():
            print(f"Epoch {epoch + 1}: {text}")
        return save

    def _remove_old(self, path: str) -> None:
        self._saved = [*(old for old in self._saved if old != path), path]
        while self.keep is not None and len(self._saved) > self.keep:
            oldest = self._saved.pop(0)
            if os.path.isfile(oldest):
                os.remove(oldest)


def _check_file(path: str) -> None:
    if os.path.isdir(path):
        hint = "Use the name of a file, such as 'folder/model.keras'."
        raise ArgumentError(
            message("ModelCheckpoint's filepath", expected="a file", got=f"the folder {path}", hint=hint)
        )


class BackupAndRestore(Callback):
    """Writes checkpoints of the whole training state into a folder, and resumes when `fit` is called again.

    A checkpoint contains the weights, the optimizer's state, the position in the epoch, the history and the state of
    other callbacks. Resuming is that of `fit(resume=True)`, from `backup_dir` instead of the folder of the program. A
    checkpoint is also written when the training is interrupted.

    Args:
        backup_dir: the folder; created if it does not exist.
        save_freq: 'epoch', or a number of batches (the callback then has batch events).
        double_checkpoint: accepted for compatibility; the last two checkpoints are always kept.
        delete_checkpoint: remove the checkpoints when the training has ended.

    Raises:
        ArgumentError: `backup_dir` is empty, or `save_freq` is neither 'epoch' nor a number.

    >>> BackupAndRestore("backup").save_freq
    'epoch'
    """

    writes_files = True

    autosave: Autosave | None = None  # set by fit; writes and reads the checkpoints

    def __init__(
        self,
        backup_dir: PathLike,
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        self._counter = BatchCounter(save_freq, "BackupAndRestore")
        if backup_dir is None or not os.fspath(backup_dir):
            got = repr(backup_dir)
            raise ArgumentError(message("BackupAndRestore's backup_dir", expected="the name of a folder", got=got))
        self.backup_dir, self.save_freq = os.fspath(backup_dir), save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        if self._counter.every:  # set on the object: with save_freq='epoch' it must have no batch events
            self.on_train_batch_end = self._save_if_due  # type: ignore[method-assign]

    def state(self) -> dict[str, Any]:
        return self._counter.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        self._counter.restore(state)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.save_freq == "epoch" and self.autosave is not None:
            self.autosave.request_write()

    def _save_if_due(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._counter.update(batch) and self.autosave is not None:
            self.autosave.request_write()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.delete_checkpoint and self.autosave is not None:
            self.autosave.delete()
            with contextlib.suppress(OSError):  # the folder may contain other files
                os.remove(f"{self.autosave.stem}.lock")
                os.rmdir(self.backup_dir)
