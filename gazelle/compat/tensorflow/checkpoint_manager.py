"""`tf.train.CheckpointManager`: the checkpoints in a folder."""

from __future__ import annotations

import glob
import os
import re
import time
from collections.abc import Callable

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.checkpoint_files import write_index
from gazelle.compat.tensorflow.checkpoints import Checkpoint
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.files import text
from gazelle.compat.tensorflow.names import named
from gazelle.compat.types import PathLike, TensorLike
from gazelle.core.variable import Variable


@named("train.CheckpointManager")
class CheckpointManager:
    """`tf.train.CheckpointManager`: keeps the newest `max_to_keep` checkpoints in a folder."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        directory: PathLike | TensorLike,
        max_to_keep: int | None = None,
        keep_checkpoint_every_n_hours: float | None = None,
        checkpoint_name: str = "ckpt",
        step_counter: Variable | None = None,
        checkpoint_interval: int | None = None,
        init_fn: Callable[[], object] | None = None,
    ) -> None:
        self._checkpoint, self.directory, self._most = checkpoint, text(directory), max_to_keep
        self._hours, self._kept_at = keep_checkpoint_every_n_hours, time.time()
        self._step, self.checkpoint_interval, self._init_fn = step_counter, checkpoint_interval, init_fn
        self._saved_at: int | None = None
        self._prefix = os.path.join(self.directory, checkpoint_name)
        numbered = [
            (int(found.group(1)), path.removesuffix(".npz"))
            for path in glob.glob(glob.escape(self._prefix) + "-*.npz")
            if (found := re.search(r"-(\d+)\.npz$", path))
        ]
        self.checkpoints = [path for _, path in sorted(numbered)]

    latest_checkpoint = property(lambda self: self.checkpoints[-1] if self.checkpoints else None)
    checkpoint = property(lambda self: self._checkpoint)

    @ignores("options")
    def save(self, checkpoint_number: TensorLike = None, check_interval: bool = True) -> str | None:
        """Write a checkpoint; None if `step_counter` rose by less than `checkpoint_interval` since the last one."""
        if check_interval and self._step is not None and self.checkpoint_interval is not None:
            step = int(np.asarray(unboxed(self._step)))
            if self._saved_at is not None and step - self._saved_at < self.checkpoint_interval:
                return None
            self._saved_at = step
        if checkpoint_number is None:
            self._checkpoint.save_counter.assign_add(1)
            number = int(self._checkpoint.save_counter)
        else:
            number = int(unboxed(checkpoint_number))
        path = self._checkpoint.write(f"{self._prefix}-{number}")
        self.checkpoints = [p for p in self.checkpoints if p != path] + [path]
        while self._most and len(self.checkpoints) > self._most:
            oldest = self.checkpoints.pop(0)
            if self._hours is not None and os.path.getmtime(f"{oldest}.npz") >= self._kept_at + 3600 * self._hours:
                self._kept_at = os.path.getmtime(f"{oldest}.npz")
            else:
                os.remove(f"{oldest}.npz")
        write_index(path, self.checkpoints)
        return path

    def restore_or_initialize(self) -> str | None:
        if self.latest_checkpoint:
            self._checkpoint.restore(self.latest_checkpoint)
        elif self._init_fn is not None:
            self._init_fn()
        return self.latest_checkpoint
