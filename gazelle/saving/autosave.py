"""Autosave: periodic checkpoints of one model, written in the background while it trains."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from gazelle.core.errors import message
from gazelle.core.types import PathLike
from gazelle.engine.processes import Disconnected
from gazelle.saving import checkpoint_paths, throttle
from gazelle.saving.atomic import check_space
from gazelle.saving.checkpoint_paths import NoCheckpointError
from gazelle.saving.file_lock import CheckpointLock
from gazelle.saving.rotation import CheckpointRotation, Snapshot, newest_intact, order_of, sharded_folder
from gazelle.saving.safetensors import Array
from gazelle.saving.state_file import metadata_of, read_metadata, read_state, to_json

_PAUSE = 100  # the pause after a save is at least this many times the time that the save took from the training


class Autosave:
    """Periodic checkpoints of one model: `offer` at each step boundary, `finish` at the end.

    The copy is taken in the caller's thread, where the state does not change; a background thread writes it into one of
    two alternating files. Saves take at most 1 % of the time: the next one waits until the time of the copy, during
    which training stops, and the CPU time of the write are that small a fraction. Errors of the disk are warnings at
    the next offer; they never end the training. A second process that trains the same model of the same program has
    files of its own.

    Args:
        model_name: the name of the model, used in the file names.
        every_seconds: minimum time between two writes.
        folder: the folder of the files; by default one for this program in GAZELLE_HOME.

    Attributes:
        active: whether checkpoints are written.
        stem: path of the files without their endings.
        written: whether one was written.
        next_write: the time (of `time.monotonic`) from which the next checkpoint is due.
        saved: whether the last write succeeded.
        collective: whether all processes take part in a write.

    >>> autosave = Autosave("example")
    >>> autosave.finish(lambda: ({"params/w": np.ones(2)}, {"epoch": 1}))
    >>> latest("example") == autosave.path
    True
    """

    def __init__(self, model_name: str, every_seconds: float = 10.0, folder: PathLike | None = None) -> None:
        self.every_seconds = every_seconds
        self.active = True
        self.next_write = time.monotonic() + every_seconds
        self._requested = False  # the next offer is written in any case
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None
        self._key: tuple[str, str] | None = None  # of `throttle`
        self._started = time.monotonic()  # the training
        self.written = self.saved = self.collective = self._waits = False
        folder = checkpoint_paths.program_folder() if folder is None else os.path.abspath(os.fspath(folder))
        name = checkpoint_paths.file_name(model_name)
        metadata = self.entries = {"arguments": checkpoint_paths.arguments_hash()}  # of each header
        self._lock: CheckpointLock | None = None
        self.stem = os.path.join(folder, name)
        self._rotation = CheckpointRotation(self.stem, **metadata)
        try:
            os.makedirs(folder, exist_ok=True)
            self._lock = CheckpointLock(folder, name, lambda stem: _has_arguments(stem, metadata["arguments"]))
            self.stem = self._lock.stem
            self._rotation = CheckpointRotation(self.stem, **metadata)
            check_space(folder, 0)
        except OSError as error:
            self._deactivate(error)

    @classmethod
    def of_training(cls, model_name: str, folder: PathLike | None = None) -> Autosave:
        """Return the autosave of a training; one of an earlier short training continues with its files and times.

        Args:
            model_name: the name of the model.
            folder: the folder of the files; by default one for this program in GAZELLE_HOME.

        Returns:
            The autosave.
        """
        key = checkpoint_paths.program_folder() if folder is None else os.path.abspath(os.fspath(folder)), model_name
        autosave = throttle.resume(key) or cls(model_name, folder=key[0])
        autosave._key, autosave._started, autosave._waits = key, time.monotonic(), False
        return autosave

    def __enter__(self) -> Autosave:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if not self._waits and kind is not Disconnected:  # a write may wait for the process that has ended
            self.close()

    @property
    def path(self) -> str:
        """The file of the checkpoint written last."""
        return self._rotation.newest

    def metadata(self) -> dict[str, Any] | None:
        """Read the metadata of the checkpoint written last, without its arrays.

        Returns:
            The metadata; None if there is none to read.
        """
        return metadata_of(max(self._rotation.paths, key=order_of))

    def reserve(self, size: int) -> bool:
        """Check by a trial allocation that checkpoints of `size` bytes can be written; warn if not.

        Args:
            size: bytes of one checkpoint.

        Returns:
            Whether they can be written.
        """
        if self.active:
            missing = sum(not os.path.exists(path) for path in self._rotation.paths)
            try:
                check_space(os.path.dirname(self.path), (missing + 1) * size)
            except OSError as error:
                self._warn(
                    error,
                    "Training continues, and writing is attempted all the same. Free some space, or set "
                    "GAZELLE_HOME to a folder on another disk.",
                )
                return False
        return self.active

    def newest(self) -> tuple[dict[str, Array], dict[str, Any], str]:
        """Read the newest intact checkpoint of this model.

        Returns:
            The tensors by name, the metadata, and the path.

        Raises:
            NoCheckpointError: there is no checkpoint.
            DamagedFileError: all of them are damaged.
        """
        try:
            (tensors, meta), path = newest_intact(self._rotation.paths, read_state)
        except FileNotFoundError:
            folder = os.path.dirname(self.path)
            raise NoCheckpointError(
                message(f"There is no checkpoint in '{folder}'", hint="Train first: fit() writes checkpoints.")
            ) from None
        return tensors, meta, path

    def write_together(self, rotation: CheckpointRotation) -> None:
        """Write with the rotation of a state that is divided over processes.

        Args:
            rotation: the rotation, whose `prepare` all processes call.
        """
        self._rotation, self.collective = rotation, True
        self._key = None  # the last write is not deferred

    def request_write(self) -> None:
        """Request a write at the next offer, regardless of the time since the last one."""
        self._requested = True

    def due(self) -> bool:
        """Return whether an offer starts a write now.

        Returns:
            Whether it was requested or its time has come, and the one before has ended.
        """
        in_time = self._requested or time.monotonic() >= self.next_write
        return in_time and self.active and not (self._thread is not None and self._thread.is_alive())

    def offer(self, snapshot: Snapshot) -> bool:
        """Start a write in the background if one is due.

        Args:
            snapshot: returns copies of the arrays in host memory and the metadata; called only if a write starts, and
                not again during the write.

        Returns:
            Whether a write was started.
        """
        if self._failure is not None:
            self._report()
        if not self.due():
            return False
        self._requested = False
        start = time.monotonic()
        tensors, meta = self._rotation.prepare(*snapshot())
        meta = copied(meta)
        taken = time.monotonic() - start
        self.next_write = time.monotonic() + max(self.every_seconds, _PAUSE * taken)
        self._thread = threading.Thread(
            target=self._write_in_background, args=(tensors, meta, taken), name="gazelle autosave"
        )
        self._thread.start()
        return True

    def _write_in_background(self, tensors: Mapping[str, Any], meta: Mapping[str, Any], copy_time: float) -> None:
        self._write(tensors, meta)
        cost = copy_time + time.thread_time() / (os.cpu_count() or 1)
        self.next_write = max(self.next_write, time.monotonic() + _PAUSE * cost)

    def finish(self, snapshot: Snapshot) -> None:
        """Wait for a running write, write the last checkpoint, and release the files.

        Args:
            snapshot: returns the arrays and the metadata.
        """
        self._write_last(snapshot)
        self.close()

    def end_training(self, snapshot: Snapshot, later: Callable[[], Snapshot]) -> None:
        """`finish` after a training; a short one that follows another leaves its checkpoint to `throttle`.

        Args:
            snapshot: returns the arrays and the metadata.
            later: makes a snapshot that may be called after the training.
        """
        if self._key is None or not self.active or time.monotonic() > self._started + throttle.SHORT:
            self.finish(snapshot)
            return
        self._waits = True
        if self.written and not self.due():
            throttle.wait(self._key, self, later())
        else:
            self._write_last(snapshot)
            self.next_write = time.monotonic() + self.every_seconds
            throttle.wait(self._key, self, None)

    def _write_last(self, snapshot: Snapshot) -> None:
        if self.active:
            if self._thread is not None:
                self._thread.join()
            self._report()
            self._write(*self._rotation.prepare(*snapshot()))
            self._report()

    def close(self) -> None:
        """Stop writing and release the files."""
        if self._thread is not None:
            self._thread.join()
        self.active = False
        self._report()
        if self._lock is not None:
            self._lock.release()

    def delete(self) -> None:
        """Remove the checkpoints: the training they belong to has ended."""
        if self._thread is not None:
            self._thread.join()
        for path in self._rotation.paths:
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)
        shutil.rmtree(sharded_folder(self.stem), ignore_errors=True)

    def _write(self, tensors: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
        try:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)  # it may have been removed meanwhile
            self._rotation.write(tensors, meta)
            self._failure, self.written, self.saved = None, True, True
        except Exception as error:  # reported at the next offer, in the thread that trains
            self._failure, self.saved = error, False

    def _report(self) -> None:
        if self._failure is not None and not (self._thread is not None and self._thread.is_alive()):
            error, self._failure = self._failure, None
            self._warn(error, "Training continues; the next write is attempted as usual.")

    def _deactivate(self, error: OSError) -> None:
        self.active = False
        self._warn(error, "Training continues without checkpoints. Set GAZELLE_HOME to a folder that is writable.")

    def _warn(self, error: Exception, hint: str) -> None:
        text = message(f"The checkpoint '{self.path}' could not be written ({error})", hint=hint)
        warnings.warn(text, RuntimeWarning, stacklevel=4)


def _has_arguments(stem: str, arguments: str) -> bool:
    """Whether a program with the same command-line arguments wrote the newest checkpoint at a stem."""
    return read_metadata(CheckpointRotation(stem).newest).get("arguments") == arguments


def copied(meta: Mapping[str, Any]) -> Mapping[str, Any]:
    """A copy as of now: the loop appends to the history while the checkpoint is written."""
    copy: Mapping[str, Any] = json.loads(json.dumps(meta, default=to_json))
    return copy
