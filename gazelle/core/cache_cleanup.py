"""Limits on the size of a cache folder, applied at most once a day at the end of a process."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
import time
from collections.abc import Iterator

from gazelle.core.private_folder import PrivateFolder

_DAY = 24 * 3600
_MAX_FILES = 4096  # files that remain
_MAX_VISITED = 20_000  # files that one call looks at
_STAMP = ".swept"  # its time is that of the last call
_TEMPORARY = (".tmp", "-atime", ".lockfile")  # of writers that were killed, and of caches with a lock


def restrict_files(folder: PrivateFolder) -> None:
    """Remove the write permission of other users, which a umask of 002 or 000 grants, from this user's files.

    Args:
        folder: The folder; if it is not intact, nothing happens.
    """
    if os.name == "posix" and folder.is_still_intact():
        for path, status in _files(folder):
            if stat.S_IMODE(status.st_mode) & 0o022:
                with contextlib.suppress(OSError):
                    os.chmod(path, 0o600)


def delete_old_files(folder: PrivateFolder, max_bytes: int) -> None:
    """Delete the least recently used files that exceed a total size or number.

    Args:
        folder: The folder; if it is not intact, or was cleaned within a day, nothing happens.
        max_bytes: Maximum total size of the files that remain.
    """
    with contextlib.suppress(OSError):
        if abs(time.time() - os.lstat(folder.path / _STAMP).st_mtime) < _DAY:
            return
    if not folder.is_still_intact():
        return
    folder.write(_STAMP, b"swept")
    files = list(itertools.islice(_files(folder), _MAX_VISITED))
    files.sort(key=lambda file: max(file[1].st_mtime, file[1].st_atime), reverse=True)
    most = _MAX_FILES if len(files) < _MAX_VISITED else _MAX_VISITED // 2
    left, old = max_bytes, time.time() - _DAY
    for number, (path, status) in enumerate(files):
        left -= status.st_size
        if left < 0 or number >= most or (path.endswith(_TEMPORARY) and status.st_mtime < old):
            with contextlib.suppress(OSError):
                os.unlink(path)


def _files(folder: PrivateFolder) -> Iterator[tuple[str, os.stat_result]]:
    """The regular files directly in the folder, without following links."""
    with contextlib.suppress(OSError), os.scandir(folder.path) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode) and entry.name != _STAMP:
                    yield entry.path, status
