"""Throttling over the process: trainings shorter than a second write their checkpoint together, not one by one.

A loop that calls `fit` thousands of times would otherwise write as many files. The first short training of a model
writes at its end. What later ones leave waits until ten seconds after that, until a checkpoint is read, or until the
program exits.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gazelle.saving.autosave import Autosave
    from gazelle.saving.rotation import Snapshot

SHORT = 1.0  # seconds; longer trainings write at their end
_MAX_WAITING = 8  # models; beyond that the oldest is written

#: the lock is held during a write, so that a training that begins meanwhile waits for it
_lock = threading.RLock()
_waiting: dict[tuple[str, str], tuple[Autosave, Snapshot | None]] = {}
_timer: threading.Thread | None = None
_process = os.getpid()


def resume(key: tuple[str, str]) -> Autosave | None:
    """Take back the autosave of an earlier short training, with its files still open; what waited is replaced.

    Args:
        key: (folder, model name).
    """
    with _lock:
        autosave, _ = _waiting.pop(key, (None, None)) if _process == os.getpid() else (None, None)
        return autosave


def wait(key: tuple[str, str], autosave: Autosave, snapshot: Snapshot | None) -> None:
    """Write the snapshot when the autosave is due, and release its files then.

    Args:
        key: (folder, model name).
        autosave: the autosave.
        snapshot: what is to be written; None if the newest checkpoint is complete.
    """
    global _timer, _process
    with _lock:
        if _process != os.getpid():  # after a fork the parent writes what waited there
            _waiting.clear()
            _timer, _process = None, os.getpid()
        _waiting[key] = autosave, snapshot
        while len(_waiting) > _MAX_WAITING:
            _write(next(iter(_waiting)))
        if _timer is None:
            _timer = threading.Thread(target=_write_when_due, name="gazelle autosave timer", daemon=True)
            _timer.start()


def flush() -> None:
    """Write everything that waits."""
    with _lock:
        for key in list(_waiting) if _process == os.getpid() else ():
            _write(key)


def _write(key: tuple[str, str]) -> None:
    autosave, snapshot = _waiting.pop(key)
    if snapshot is None:
        autosave.close()
    else:
        autosave.finish(snapshot)


def _write_when_due() -> None:
    global _timer
    while True:
        with _lock:
            try:
                for key in [key for key, (autosave, _) in _waiting.items() if autosave.due()]:
                    _write(key)
            except Exception:  # a warning that the program made an error: the next training starts a timer again
                _timer = None
                raise
            if not _waiting:
                _timer = None
                return
            pause = min(autosave.next_write for autosave, _ in _waiting.values()) - time.monotonic()
        time.sleep(max(pause, 0.05))


atexit.register(flush)
