"""The callback that keeps a training so that it survives whatever stops it."""

from __future__ import annotations

import os
from typing import Any

from gazelle.core.errors import ArgumentError, message
from gazelle.training.callbacks.base import Callback


class BackupAndRestore(Callback):
    """Keeps the whole state of the training in a folder, and goes on from there when `fit` is called again.

    `fit` finds it among its callbacks: what is kept (weights, slots, position, History, other callbacks) and how it is
    taken up is that of `fit(resume=True)`, in `backup_dir` instead of the folder of the program. Between the backups
    that `save_freq` asks for, the state is also kept when the training is interrupted.

    Args:
        backup_dir: the folder; made if it is not there.
        save_freq: 'epoch', or a number of batches (then it listens to batches).
        double_checkpoint: accepted; there are always two generations.
        delete_checkpoint: remove the backup when the training has come to its end.

    Errors: ArgumentError for an empty folder's name or a `save_freq` that is neither.

    >>> BackupAndRestore("backup").save_freq
    'epoch'
    """

    autosave: Any = None  # given by fit: it writes and reads the states
    _kept = ("_batches", "_last_batch")

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        by_batches = isinstance(save_freq, int) and not isinstance(save_freq, bool) and save_freq > 0
        if save_freq != "epoch" and not by_batches:
            got = repr(save_freq)
            raise ArgumentError(message("BackupAndRestore's save_freq", expected="'epoch' or a number > 0", got=got))
        if not os.fspath(backup_dir):
            raise ArgumentError(message("BackupAndRestore's backup_dir", expected="the name of a folder", got="''"))
        self.backup_dir, self.save_freq = os.fspath(backup_dir), save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self._batches = 0
        self._last_batch: int | None = None
        if by_batches:  # set on the object: a backup by epochs must not listen to batches
            self.on_train_batch_end = self._count_batch  # type: ignore[method-assign]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.save_freq == "epoch" and self.autosave is not None:
            self.autosave.due()

    def _count_batch(self, batch: int, logs: Any = None) -> None:
        fresh = self._last_batch is None or batch <= self._last_batch  # the first event of an epoch
        self._batches += batch + 1 if fresh or self._last_batch is None else batch - self._last_batch
        self._last_batch = batch
        assert isinstance(self.save_freq, int)
        if self._batches >= self.save_freq and self.autosave is not None:
            self._batches = 0
            self.autosave.due()

    def on_train_end(self, logs: Any = None) -> None:
        if self.delete_checkpoint and self.autosave is not None:
            self.autosave.forget()
