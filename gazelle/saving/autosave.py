"""The autosave: writes the state of one model to disk now and then, while it trains."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from gazelle.core.errors import message
from gazelle.saving import checkpoint_paths
from gazelle.saving.atomic import probe
from gazelle.saving.checkpoint_paths import NothingKeptError
from gazelle.saving.file_lock import Seat
from gazelle.saving.rotation import Generations, newest_whole
from gazelle.saving.safetensors import Array
from gazelle.saving.state_file import marks_of, plain, read_state

_SHARE = 100  # the pause after a save is at least this many times as long as what the save took from the training

#: () -> (copies of the arrays on the host, words about the state as JSON can hold them); not called again while they
#: are written
Snapshot = Callable[[], tuple[Mapping[str, Any], Mapping[str, Any]]]


class Autosave:
    """Writes the state of one model to disk now and then: `offer` at each step boundary, `finish` at the end.

    The copy is taken on the caller's thread, where the state is at rest; writing happens in the background. Two
    generations are kept. Saves take at most 1 % of the time: the next one waits until the copy, during which training
    stands still, and the writer's share of the processors are that small a part. Trouble with the disk is a warning at
    the next offer, never the end of a training. A second process that trains the same model of the same program has
    files of its own.

    Args:
        model_name: the name of the model, part of the file's name.
        every_seconds: least time between two writes.
        folder: where to; by default a folder of this program below GAZELLE_HOME.

    >>> autosave = Autosave("example")
    >>> autosave.finish(lambda: ({"params/w": np.ones(2)}, {"epoch": 1}))
    >>> latest("example") == autosave.path
    True
    """

    def __init__(self, model_name: str, every_seconds: float = 10.0, folder: Any = None) -> None:
        self.every_seconds = every_seconds
        self.active = True
        self._due = time.monotonic() + every_seconds
        self._asked = False  # somebody wants the next offer to be written
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None
        where = checkpoint_paths.folder() if folder is None else os.path.abspath(os.fspath(folder))
        name = checkpoint_paths.file_name(model_name)
        marks = {"arguments": checkpoint_paths.arguments()}
        self._seat: Seat | None = None
        self._kept = Generations(os.path.join(where, name), **marks)
        try:
            os.makedirs(where, exist_ok=True)
            self._seat = Seat(where, name, lambda stem: _same(Generations(stem), marks))
            self._kept = Generations(self._seat.stem, **marks)
            probe(where, 0)
        except OSError as error:
            self._give_up(error)

    @property
    def path(self) -> str:
        """The file of the state written last."""
        return self._kept.newest

    def reserve(self, size: int) -> bool:
        """Find out now, by taking the space for a moment, whether states of `size` bytes have room; warn if not."""
        if self.active:
            missing = sum(not os.path.exists(path) for path in self._kept.paths)
            try:
                probe(os.path.dirname(self.path), (missing + 1) * size)
            except OSError as error:
                self._warn(
                    error,
                    "Training goes on, keeping the state is tried all the same. Make room, or set "
                    "GAZELLE_HOME to a folder on another disk.",
                )
                return False
        return self.active

    def newest(self) -> tuple[dict[str, Array], dict[str, Any], str]:
        """(tensors, words, path) of the newest whole state that a program such as this one kept.

        Raises:
            NothingKeptError: there is none. DamagedFileError: no generation is whole.
        """
        try:
            (tensors, meta), path = newest_whole(self._kept.paths, read_state)
        except FileNotFoundError:
            raise NothingKeptError(
                message(f"No state is kept in '{os.path.dirname(self.path)}'", hint="Train first: fit() keeps it.")
            ) from None
        return tensors, meta, path

    def due(self) -> None:
        """Let the next offer be written, however short ago the last one was."""
        self._asked = True

    def offer(self, snapshot: Snapshot) -> bool:
        """Start a write of what `snapshot()` gives, if it is time for one: else it is not called. True if started."""
        self._report()
        waits = time.monotonic() < self._due and not self._asked
        if not self.active or waits or (self._thread is not None and self._thread.is_alive()):
            return False
        self._asked = False
        start = time.monotonic()
        tensors, words = snapshot()
        words = _copied(words)
        now = time.monotonic()
        self._due = now + max(self.every_seconds, _SHARE * (now - start))
        self._thread = threading.Thread(
            target=self._write_behind, args=(tensors, words, now - start), name="gazelle keeps the state"
        )
        self._thread.start()
        return True

    def _write_behind(self, tensors: Mapping[str, Any], words: Mapping[str, Any], copied: float) -> None:
        self._write(tensors, words)
        cost = copied + time.thread_time() / (os.cpu_count() or 1)
        self._due = max(self._due, time.monotonic() + _SHARE * cost)

    def finish(self, snapshot: Snapshot) -> None:
        """Wait for the write that runs, then write the last state before returning; the files are free for others."""
        if self.active:
            if self._thread is not None:
                self._thread.join()
            self._report()
            self._write(*snapshot())
            self._report()
        self.close()

    def close(self) -> None:
        """Write no more, and let others have the files."""
        if self._thread is not None:
            self._thread.join()
        self.active = False
        self._report()
        if self._seat is not None:
            self._seat.leave()

    def forget(self) -> None:
        """Remove what was kept: the training it belonged to is over."""
        if self._thread is not None:
            self._thread.join()
        for path in self._kept.paths:
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)

    def _write(self, tensors: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
        try:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)  # somebody may have cleaned up meanwhile
            self._kept.write(tensors, meta)
            self._failure = None
        except Exception as error:  # told at the next offer, on the thread that trains
            self._failure = error

    def _report(self) -> None:
        if self._failure is not None and not (self._thread is not None and self._thread.is_alive()):
            error, self._failure = self._failure, None
            self._warn(error, "Training goes on; keeping the state is tried again.")

    def _give_up(self, error: OSError) -> None:
        self.active = False
        self._warn(error, "Training goes on and nothing is kept. Set GAZELLE_HOME to a folder that can be written.")

    def _warn(self, error: Exception, hint: str) -> None:
        text = message(f"The state of the training could not be kept in '{self.path}' ({error})", hint=hint)
        warnings.warn(text, RuntimeWarning, stacklevel=4)


def _same(kept: Generations, marks: Mapping[str, str]) -> bool:
    """Whether a program that was started with the same arguments wrote the newest of two states."""
    return marks_of(kept.newest).get("arguments") == marks["arguments"]


def _copied(meta: Mapping[str, Any]) -> Mapping[str, Any]:
    """A copy at this moment: the loop goes on adding to History while the state is written."""
    copy: Mapping[str, Any] = json.loads(json.dumps(meta, default=plain))
    return copy
