"""The latest state of each model of each program, kept in the background while it trains."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from gazelle.core.errors import StateError, message
from gazelle.saving.state_file import plain, write_state

_SHARE = 50  # the pause after a copy is at least this many times as long as the copy took


class NothingKeptError(StateError, FileNotFoundError):
    """There is no kept state to go on from."""


class Keeper:
    """Writes the state of one model to disk now and then: `offer` at each step boundary, `finish` at the end.

    The copy is taken on the caller's thread, where the state is at rest; writing happens in the background. Trouble
    with the disk is a warning, never the end of a training.

    Args:
        model_name: the name of the model, part of the file's name.
        every_seconds: least time between two writes.

    >>> keeper = Keeper("example")
    >>> keeper.finish(lambda: {"params/w": np.ones(2)}, lambda: {"epoch": 1})
    >>> latest("example") == keeper.path
    True
    """

    def __init__(self, model_name: str, every_seconds: float = 10.0) -> None:
        self.path = path_of(model_name)
        self.every_seconds = every_seconds
        self.active = True
        self._due = time.monotonic() + every_seconds
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None
        self._warned = False
        try:
            folder = os.path.dirname(self.path)
            os.makedirs(folder, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            self.active = False
            self._warn(error, "Training goes on and nothing is kept. Set GAZELLE_HOME to a folder that can be written.")

    def offer(self, make_tensors: Callable[[], Mapping[str, Any]], make_meta: Callable[[], Mapping[str, Any]]) -> bool:
        """Start a write if it is time for one. True if it was started.

        Args:
            make_tensors: returns copies on the host, {name: NumPy array}; called at once or not at all.
            make_meta: returns words about the state, as JSON can hold them; called likewise.
        """
        if not self.active or time.monotonic() < self._due:
            return False
        if self._thread is not None and self._thread.is_alive():
            return False
        self._report()
        start = time.monotonic()
        tensors, words = make_tensors(), _copied(make_meta())
        now = time.monotonic()
        self._due = now + max(self.every_seconds, _SHARE * (now - start))
        self._thread = threading.Thread(target=self._write, args=(tensors, words), name="gazelle keeps the state")
        self._thread.start()
        return True

    def finish(self, make_tensors: Callable[[], Mapping[str, Any]], make_meta: Callable[[], Mapping[str, Any]]) -> None:
        """Wait for the write that runs, then write the last state before returning."""
        if not self.active:
            return
        if self._thread is not None:
            self._thread.join()
        self._write(make_tensors(), _copied(make_meta()))
        self._report()

    def _write(self, tensors: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
        try:
            write_state(self.path, tensors, meta)
            self._failure = None
        except Exception as error:  # told at the next offer, on the thread that trains
            self._failure = error

    def _report(self) -> None:
        if self._failure is not None:
            error, self._failure = self._failure, None
            self._warn(error, "Training goes on; keeping the state is tried again.")

    def _warn(self, error: Exception, mend: str) -> None:
        if not self._warned:
            self._warned = True
            text = message(f"The state of the training could not be kept in '{self.path}' ({error})", mend=mend)
            warnings.warn(text, RuntimeWarning, stacklevel=3)


def latest(model_name: str | None = None) -> str:
    """The path of the newest kept state of this program; if it has none, the newest of any program.

    Args:
        model_name: only states of the model of this name.

    Raises:
        NothingKeptError: no state is kept.
    """
    name = "*" if model_name is None else glob.escape(_file_name(model_name))
    own = os.path.dirname(path_of(""))
    for folder in (glob.escape(own), os.path.join(glob.escape(os.path.dirname(own)), "*")):
        found = glob.glob(os.path.join(folder, f"{name}.state"))
        if found:
            return max(found, key=os.path.getmtime)
    of = f" of model {model_name!r}" if model_name is not None else ""
    raise NothingKeptError(
        message(f"No state{of} is kept in '{os.path.dirname(own)}'",
                mend="fit() keeps it: train first, or set GAZELLE_HOME to the folder where it was kept.")
    )  # fmt: skip


def path_of(model_name: str) -> str:
    """Where the state of a model of this program is kept."""
    home = os.environ.get("GAZELLE_HOME") or os.path.join(os.path.expanduser("~"), ".gazelle")
    program = _program()
    stem = _file_name(os.path.splitext(os.path.basename(program))[0])
    mark = hashlib.sha256(program.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return os.path.join(os.path.abspath(home), "latest", f"{stem}-{mark}", f"{_file_name(model_name)}.state")


def _program() -> str:
    """The absolute path of the running program; `notebook` in the working folder for an interactive session."""
    script = sys.argv[0] if sys.argv else ""
    session = hasattr(sys, "ps1") or "ipykernel" in sys.modules or script in ("", "-", "-c")
    return os.path.abspath("notebook" if session else script)


def _file_name(name: str) -> str:
    """A name that is one component of a path whatever the user wrote."""
    return re.sub(r"[^\w.-]", "_", name).strip(".")[:100] or "model"


def _copied(meta: Mapping[str, Any]) -> Mapping[str, Any]:
    """A copy at this moment: the loop goes on adding to History while the state is written."""
    copy: Mapping[str, Any] = json.loads(json.dumps(meta, default=plain))
    return copy
