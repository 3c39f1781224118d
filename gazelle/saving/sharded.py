"""Checkpoints of a state that is divided over processes: each of them writes its own part, in the format of orbax.

A checkpoint is a folder of orbax, `stem.sharded/ORDER`, which appears at its final name when it is complete, and the
file `stem.sharded/ORDER.state` with everything else.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from gazelle.core.errors import english, message
from gazelle.engine import orbax, processes
from gazelle.saving.autosave import Autosave, Snapshot, copied
from gazelle.saving.rotation import sharded_files, sharded_folder
from gazelle.saving.state_file import write_state

_WHAT = "A checkpoint of weights that are divided over processes"
_KEPT = 2  # complete checkpoints
_CALLBACKS = "callbacks/"  # prefix of the arrays that only the main process has


class ShardedAutosave(Autosave):
    """The checkpoints of a training whose state is divided over processes; all of them call each method but `due`.

    Args:
        main: the autosave of the main process, which determines paths and times; None in the others.
        stem: path of the files without their endings.
    """

    by_all_processes = True

    def __init__(self, main: Autosave | None, stem: str) -> None:
        self._main, self.stem, self._manager = main, stem, None
        self._lock = self._thread = self._failure = None
        self.active, self.written, self.saved, self._waits = True, False, False, False

    @classmethod
    def open(cls, main: Autosave | None) -> ShardedAutosave | None:
        """Return the checkpoints of all processes at the place that the main process has chosen; None if it has none.

        Args:
            main: the autosave of the main process; None in the others.
        """
        stem = processes.of_process(main.stem if main is not None and main.active else None)
        return None if stem is None else cls(main, stem)

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self.close()
        elif self._main is not None:  # others may have ended, so that a write never ends
            self._main.close()

    @property
    def path(self) -> str:
        return sharded_folder(self.stem)

    def reserve(self, size: int) -> bool:
        return self._main is None or self._main.reserve(size)

    def newest(self) -> tuple[dict[str, Any], dict[str, Any], str]:
        assert self._main is not None
        return self._main.newest()

    def due(self) -> bool:
        return self._main is not None and self._main.due()

    def offer(self, snapshot: Snapshot) -> bool:
        began = time.monotonic()
        self._save(snapshot)
        if self._main is not None:
            self._main.postpone(began)
        return True

    def finish(self, snapshot: Snapshot) -> None:
        self._save(snapshot)
        self.close()

    def end_training(self, snapshot: Snapshot, later: Any) -> None:
        self.finish(snapshot)

    def close(self) -> None:
        manager, self._manager, self.active = self._manager, None, False
        if manager is not None:
            with self._reported():
                manager.close()  # waits for the last write
        if self._main is not None:
            self._main.close()

    def _save(self, snapshot: Snapshot) -> None:
        """Copy the parts of this process; they are written in the background."""
        with self._reported():
            self._opened().wait_until_finished()
        tensors, meta = snapshot()
        own = {name: array for name, array in tensors.items() if name.startswith(_CALLBACKS)}
        order, problem = time.time_ns(), ""
        if self._main is not None:
            try:
                os.makedirs(self.path, exist_ok=True)
                complete = sharded_files(self.stem)
                for name in os.listdir(self.path):
                    path = os.path.join(self.path, name)
                    if name.endswith(".state") and path not in complete:
                        os.remove(path)  # of a checkpoint that was replaced, or never completed
                entries = {"order": f"{order:020}", **self._main.entries}
                write_state(os.path.join(self.path, f"{order}.state"), own, copied(meta), **entries)
            except OSError as error:
                problem = english(error)
        order, problem = processes.of_process([order, problem])
        with self._reported():
            if problem:
                raise OSError(problem)
            arrays = {name: _saved(array) for name, array in tensors.items() if name not in own}
            args = orbax.load(_WHAT).args.StandardSave(arrays)
            self._opened().save(order, args=args, force=True)
            self.written = self.saved = True

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        """A block whose errors of the disk are warnings, as in `Autosave`."""
        try:
            yield
        except (OSError, ValueError) as error:
            self.saved = False
            self._warn(error, "Training continues; the next write is attempted as usual.")

    def _opened(self) -> Any:
        if self._manager is None:
            self._manager = _manager(self.path)
        return self._manager


def load(folder: str, like: Mapping[str, Any]) -> dict[str, Any] | None:
    """Read a checkpoint, each process only the parts that it needs.

    Args:
        folder: the folder of the checkpoint.
        like: {name: array}, whose shardings the result has.

    Returns:
        {name: array}; None if some process cannot read it.
    """
    parent, order = os.path.split(folder)
    found, problem = None, " (in another process)"
    try:
        with contextlib.closing(_manager(parent)) as manager:
            args = orbax.load(_WHAT).args
            saved = manager.item_metadata(int(order)).items()
            target = {name: _target(entry, like.get(name)) for name, entry in saved}
            found = dict(manager.restore(int(order), args=args.StandardRestore(target)))
    except Exception as error:  # orbax and tensorstore raise many kinds
        problem = f": {english(error).splitlines()[0]}" if english(error) else ""
    if processes.any_process(found is None, "the restoring of a checkpoint"):
        if processes.is_main():
            text = f"The checkpoint '{folder}' is damaged{problem}"
            warnings.warn(message(text, hint="The one before it is used."), RuntimeWarning, stacklevel=2)
            shutil.rmtree(folder, ignore_errors=True)
        processes.any_process(False, "the removal of a damaged checkpoint")  # it is removed
        return None
    return found


def _manager(folder: str) -> Any:
    handler = orbax.load(_WHAT).StandardCheckpointHandler()
    return orbax.manager(_WHAT, folder, _KEPT, item_handlers=handler)


def _saved(array: Any) -> Any:
    """An array as orbax takes it: one of all processes as it is, any other on the host."""
    is_global = isinstance(array, jax.Array) and not array.is_fully_addressable
    return array if is_global else np.asarray(array)


def _target(entry: Any, like: Any) -> Any:
    """What describes an array to orbax: with the sharding of `like`, or on the host if there is no such array."""
    if isinstance(like, jax.Array) and like.shape == tuple(entry.shape):
        return jax.ShapeDtypeStruct(like.shape, entry.dtype, sharding=like.sharding)
    return np.empty(entry.shape, entry.dtype)
