"""Exclusive use of checkpoint files: only one running process writes to each."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import BaseFileLock

_MAX_LOCKS = 1000
_UNSUPPORTED = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)  # the file system has no locks


class CheckpointLock:
    """Lock on a path stem `folder/name`, whose checkpoint files no other process writes while it is held.

    The first lock of a name has the stem `name`; while it is held, further ones get `name~2`, `name~3` ... The
    operating system releases the lock when the process ends, also when it is killed.

    Args:
        folder: the folder of the checkpoints.
        name: the name of the model.
        is_own: returns whether the checkpoint files at a stem were written by a program with the same arguments; such
            a stem is preferred among the free ones.

    Attributes:
        stem: the path without the endings of the files.

    >>> first, second = CheckpointLock(".", "model"), CheckpointLock(".", "model")
    >>> os.path.basename(first.stem), os.path.basename(second.stem)
    ('model', 'model~2')
    >>> first.release(), second.release()
    (None, None)
    """

    def __init__(self, folder: str, name: str, is_own: Callable[[str], bool] | None = None) -> None:
        free: list[tuple[str, BaseFileLock | None]] = []
        preferred = 0
        for number in range(1, _MAX_LOCKS):
            stem = os.path.join(folder, name if number == 1 else f"{name}~{number}")
            unused = not any(os.path.exists(f"{stem}.{end}") for end in ("lock", "a.state", "b.state"))
            is_locked, lock = _acquire(f"{stem}.lock")
            if is_locked:
                continue
            free.append((stem, lock))
            if is_own is not None and is_own(stem):
                preferred = len(free) - 1
                break
            if is_own is None or unused:
                break
        self.stem, self._lock = free[preferred]
        for stem, lock in free:
            if stem != self.stem and lock is not None:
                lock.release()

    def release(self) -> None:
        """Release the lock; a second call has no effect."""
        if self._lock is not None:
            self._lock.release()


def _acquire(path: str) -> tuple[bool, BaseFileLock | None]:
    """(whether another holder has the lock, the lock); None where the file system has no locks."""
    from filelock import FileLock, Timeout  # takes longer to import than the rest of this package

    lock = FileLock(path, timeout=0, thread_local=False)  # acquired and released by different threads
    try:
        lock.acquire()
    except Timeout:
        return True, None
    except NotImplementedError:
        return False, None
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        return False, None
    return False, lock
