"""Checkpoints of a state that is divided over processes: each of them writes its own part, in the format of orbax.

The arrays are in a folder of orbax, `stem.sharded/ORDER`. When it is complete, the main process writes everything else
and ORDER into one of the alternating files.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import warnings
from collections.abc import Mapping
from typing import Any, cast

import jax
import numpy as np

from gazelle.core.errors import english, message
from gazelle.engine import orbax, processes
from gazelle.saving.rotation import CheckpointRotation, Snapshot, sharded_folder
from gazelle.saving.safetensors import Array
from gazelle.saving.state_file import metadata_of

_WHAT = "A checkpoint of weights that are divided over processes"
_OF_MAIN = "callbacks/"  # begin of the names of arrays that only the main process has and writes


class ShardedRotation(CheckpointRotation):
    """The checkpoints of a training whose state is divided over processes.

    All of them call `prepare` and `close`; the main one also writes the files, by `write`.

    Args:
        stem: path without the endings.
        metadata: further entries of the files' headers.
    """

    def __init__(self, stem: str, **metadata: str) -> None:
        super().__init__(stem, **metadata)
        self._folder, self._error = sharded_folder(stem), cast("Exception | None", None)
        self._manager = _manager(self._folder)

    def prepare(
        self, tensors: Mapping[str, Any], meta: Mapping[str, Any]
    ) -> tuple[Mapping[str, Array], Mapping[str, Any]]:
        """Copy the parts of this process, which are written in the background.

        Args:
            tensors: {name: array}, the same names in all processes but for the arrays of callbacks.
            meta: values that JSON can hold.

        Returns:
            (the arrays of callbacks, meta with the name of the folder of the others).
        """
        state = {name: array for name, array in tensors.items() if not name.startswith(_OF_MAIN)}
        rest = {name: array for name, array in tensors.items() if name.startswith(_OF_MAIN)}
        return rest, {**meta, "sharded": self._save(state)}

    def _save(self, arrays: Mapping[str, Any]) -> str:
        order = processes.gather(time.time_ns(), "the saving of a checkpoint")[0]
        # orbax takes arrays of all processes, and of the host
        arrays = {n: a if not getattr(a, "is_fully_addressable", True) else np.asarray(a) for n, a in arrays.items()}
        self._error = None
        try:
            self._manager.save(order, args=orbax.load(_WHAT).args.StandardSave(arrays), force=True)
        except (OSError, ValueError) as error:  # also of the write before
            self._error = error
        return str(order)

    def write(self, tensors: Mapping[str, Array], meta: Mapping[str, Any]) -> None:
        self._manager.wait_until_finished()
        if self._error is not None:
            raise self._error
        super().write(tensors, meta)
        kept = [(metadata_of(path) or {}).get("sharded") for path in self.paths]
        for name in set(os.listdir(self._folder)).difference(kept):
            shutil.rmtree(os.path.join(self._folder, name), ignore_errors=True)

    def close(self) -> None:
        """Wait for the last write."""
        self._manager.close()


class PartAutosave:
    """The autosave of a process other than the main one: it writes its part of the state when the main one saves.

    Args:
        rotation: the checkpoints.
    """

    collective, written = True, False

    def __init__(self, rotation: ShardedRotation) -> None:
        self._rotation = rotation

    def reserve(self, size: int) -> bool:
        """Return True: the main process checks the space on the disk."""
        return True

    def due(self) -> bool:
        """Return False: the main process decides."""
        return False

    def offer(self, snapshot: Snapshot) -> bool:
        """Write the parts of this process."""
        self._rotation.prepare(*snapshot())
        return True

    def finish(self, snapshot: Snapshot) -> None:
        """Write the parts of this process."""
        self.offer(snapshot)

    def end_training(self, snapshot: Snapshot, later: object) -> None:
        """Write the parts of this process."""
        self.offer(snapshot)


def load(folder: str, like: Mapping[str, Any]) -> dict[str, Any] | None:
    """Read the arrays of a checkpoint, each process only the parts that it needs.

    Args:
        folder: the folder of the arrays.
        like: {name: array}, whose shardings the result has.

    Returns:
        {name: array}; None if some process cannot read it.
    """
    parent, order = os.path.split(folder)
    found, problem = None, " (in another process)"
    try:
        with contextlib.closing(_manager(parent)) as manager:
            saved = manager.item_metadata(int(order)).items()
            target = {name: _target(entry, like.get(name)) for name, entry in saved}
            found = dict(manager.restore(int(order), args=orbax.load(_WHAT).args.StandardRestore(target)))
    except Exception as error:  # orbax and tensorstore raise many kinds
        problem = f": {english(error).splitlines()[0]}" if english(error) else ""
    if not processes.largest(found is None, "the restoring of a checkpoint"):
        return found
    if processes.is_main():
        text = f"The checkpoint '{folder}' is damaged{problem}"
        warnings.warn(message(text, hint="The one before it is used."), RuntimeWarning, stacklevel=2)
    return None


def _manager(folder: str) -> Any:
    return orbax.manager(_WHAT, folder, None, item_handlers=orbax.load(_WHAT).StandardCheckpointHandler())


def _target(entry: Any, like: Any) -> Any:
    """What describes an array to orbax: with the sharding of `like`, or on the host if there is no such array."""
    if isinstance(like, jax.Array) and like.shape == tuple(entry.shape):
        return jax.ShapeDtypeStruct(like.shape, entry.dtype, sharding=like.sharding)
    return np.empty(entry.shape, entry.dtype)
