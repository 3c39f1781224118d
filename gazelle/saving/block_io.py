"""Long files in blocks, through little of the system's cache.

Pages that are new to the system cost it several times what the copy costs, and whoever trains has better use for them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

BLOCK = 2**25  # bytes that may lie in the cache


def blocks(file: Any, forget: bool = False) -> Iterator[memoryview]:
    """The rest of a file, piece after piece, all of them in one place in memory; forget: its pages in the cache go."""
    place, done = memoryview(bytearray(2**20)), 0
    while size := file.readinto(place):
        yield place[:size]
        done += size
        if forget:
            give_up(file.fileno(), done)


def give_up(handle: int, size: int = 0) -> None:
    """Let the cache forget the first `size` bytes of a file, by default all: they come from the disk again."""
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):
            os.posix_fadvise(handle, 0, size, os.POSIX_FADV_DONTNEED)


def sync(handle: int) -> None:
    """Bring what was written so far to the disk, and let the cache forget it."""
    if hasattr(os, "posix_fadvise"):  # elsewhere nothing could be forgotten, and the file is synced at its end
        os.fdatasync(handle)
        give_up(handle)
