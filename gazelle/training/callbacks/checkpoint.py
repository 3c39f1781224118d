"""The callback that writes the model to a file while it trains."""

from __future__ import annotations

import os
import string
import tempfile
import warnings
from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.metrics.name_aliases import Logs
from gazelle.training.callbacks.monitor import Monitor


class ModelCheckpoint(Monitor):
    """Saves the model, or its weights, after every epoch or every so many batches.

    Args:
        filepath: where to; `{epoch:02d}` (from 1), `{batch}` and names in the logs such as `{val_loss:.2f}` are filled
            in. The extension is free: it tells the format to `model.save` and `model.save_weights`.
        monitor: a name in the logs; any spelling.
        verbose: 1 tells what is saved and why.
        save_best_only: save only when `monitor` is better than ever before.
        save_weights_only: call `model.save_weights` instead of `model.save`.
        mode: 'min', 'max', or 'auto', which goes by the metric.
        save_freq: 'epoch', or a number of batches (then it listens to batches).
        initial_value_threshold: the value that the first save has to beat.
        keep: how many of the files written in this run stay; older ones are deleted. None: all.

    A file is replaced in one step: a crash leaves the old one or the new one. After a loss that is NaN or infinite
    nothing is saved, with a warning.

    Errors: ArgumentError for a name that is not in the logs (listing those that are), and for a path that is a folder;
    OSError, before any work, for a folder that cannot be written.

    >>> ModelCheckpoint("run/{epoch:02d}-{val_loss:.2f}.keras").save_freq
    'epoch'
    """

    _kept = ("best", "saved", "_batches", "_last_batch")

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: Any = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        *,
        keep: int | None = None,
    ) -> None:
        super().__init__(monitor, mode, best=initial_value_threshold)
        by_batches = isinstance(save_freq, int) and not isinstance(save_freq, bool) and save_freq > 0
        if save_freq != "epoch" and not by_batches:
            got = repr(save_freq)
            raise ArgumentError(message("ModelCheckpoint's save_freq", expected="'epoch' or a number > 0", got=got))
        if keep is not None and keep < 1:
            raise ArgumentError(message("ModelCheckpoint's keep", expected="None or a number > 0", got=keep))
        if by_batches and save_best_only and monitor.startswith("val_"):
            raise ArgumentError(
                message(
                    f"ModelCheckpoint saves every {save_freq} batches, where '{monitor}' is not known yet",
                    hint=f"Use save_freq='epoch', or monitor='{monitor.removeprefix('val_')}'.",
                )
            )
        self.filepath, self.verbose, self.keep = os.fspath(filepath), verbose, keep
        self.save_best_only, self.save_weights_only, self.save_freq = save_best_only, save_weights_only, save_freq
        self.saved: list[str] = []  # files of this run, oldest first
        self._epoch = self._batches = 0
        self._last_batch: int | None = None
        if by_batches:  # set on the object: a checkpoint by epochs must not listen to batches
            self.on_train_batch_end = self._count_batch  # type: ignore[method-assign]

    def on_train_begin(self, logs: Any = None) -> None:
        """A place that cannot be written is found before any work is done."""
        folder = os.path.dirname(self.filepath) or "."
        if "{" not in self.filepath:
            _check_file(self.filepath)
        if "{" not in folder:
            try:
                os.makedirs(folder, exist_ok=True)
                tempfile.TemporaryFile(dir=folder).close()
            except OSError as error:
                text = f"ModelCheckpoint cannot write into '{folder}' ({error.strerror})"
                raise OSError(error.errno, message(text, hint="Give filepath a folder that can be written.")) from None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)

    def _count_batch(self, batch: int, logs: Any = None) -> None:
        fresh = self._last_batch is None or batch <= self._last_batch  # the first event of an epoch
        self._batches += batch + 1 if fresh or self._last_batch is None else batch - self._last_batch
        self._last_batch = batch
        assert isinstance(self.save_freq, int)
        if self._batches >= self.save_freq:
            self._batches = 0
            self._save(self._epoch, batch, logs)

    def _save(self, epoch: int, batch: int | None, logs: Any) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if np.ndim(loss) == 0 and not np.isfinite(loss):
            text = f"ModelCheckpoint saves nothing after epoch {epoch + 1}, with loss {loss}; the file before it stays."
            warnings.warn(text, UserWarning, stacklevel=2)
            return
        path = self._path(epoch, batch, logs)
        if not self._wanted(epoch, logs, path):
            return
        _check_file(path)
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
        self._forget_old(path)

    def _path(self, epoch: int, batch: int | None, logs: Any) -> str:
        """`filepath` with its fields filled in, names in any spelling."""
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

    def _wanted(self, epoch: int, logs: Any, path: str) -> bool:
        said = f"saving model to {path}"
        wanted = True
        if self.save_best_only:
            current = self._current(logs)
            if current is None:
                return False
            best = "None" if self.best is None else f"{self.best:.5f}"
            wanted = self._better(current, self.best)
            said = f"{self.monitor} improved from {best} to {current:.5f}, {said}"
            if wanted:
                self.best = current
            else:
                said = f"{self.monitor} did not improve from {best}"
        if self.verbose:
            print(f"Epoch {epoch + 1}: {said}")
        return wanted

    def _forget_old(self, path: str) -> None:
        self.saved = [*(old for old in self.saved if old != path), path]
        while self.keep is not None and len(self.saved) > self.keep:
            oldest = self.saved.pop(0)
            if os.path.isfile(oldest):
                os.remove(oldest)


def _check_file(path: str) -> None:
    if os.path.isdir(path):
        hint = "Give the name of a file, such as 'folder/model.keras'."
        raise ArgumentError(
            message("ModelCheckpoint's filepath", expected="a file", got=f"the folder {path}", hint=hint)
        )
