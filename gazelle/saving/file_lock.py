"""One writer for each file of states: a seat is taken by a lock that ends with its process, however it ends."""

from __future__ import annotations

import errno
import os
import weakref
from collections.abc import Callable

_MOST = 1000


class Seat:
    """A stem `folder/name` that nobody else writes to as long as this object holds it.

    The first seat of a name is `name` itself; who comes while it is taken gets `name~2`, `name~3` ... The lock is one
    of the system on an open file: a killed process leaves none behind.

    >>> first, second = Seat(".", "model"), Seat(".", "model")
    >>> os.path.basename(first.stem), os.path.basename(second.stem)
    ('model', 'model~2')
    >>> first.leave(), second.leave()
    (None, None)
    """

    def __init__(self, folder: str, name: str, mine: Callable[[str], bool] | None = None) -> None:
        """mine: whether a stem's states were written by a program such as this one: of free seats, it is preferred."""
        free: list[tuple[str, int]] = []
        for number in range(1, _MOST):
            stem = os.path.join(folder, name if number == 1 else f"{name}~{number}")
            new = not os.path.exists(f"{stem}.lock")
            handle = _locked(f"{stem}.lock")
            if handle is not None:
                free.append((stem, handle))
                if mine is None or new or mine(stem):
                    break
        liked = [place for place in free if mine is not None and mine(place[0])] or free
        self.stem, handle = liked[0]
        for _, other in free:
            if other != handle:
                os.close(other)
        self.leave = weakref.finalize(self, os.close, handle)


def _locked(path: str) -> int | None:
    """A handle that holds the lock of a file; None: another one holds it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
            os.close(handle)
            return None  # on file systems without locks everyone has the first seat
    return handle
