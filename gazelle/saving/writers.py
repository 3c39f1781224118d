"""Who writes a temporary file: a mark in its name that tells later whether its writer is still alive."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import os
import re
import socket
import time

_numbers = itertools.count()
#: <place of the process>-<its number>-<when it started>-<number of the file>
_MARK = re.compile(r"\.tmp\.([0-9a-f]{8})-(\d+)-(\d+)-\d+$")
_FORGOTTEN = 24 * 3600  # seconds without a write, after which a file of another machine counts as left behind


def new_mark() -> str:
    """A mark of this process that no other file has.

    >>> mark = new_mark()
    >>> mark != new_mark()
    True
    """
    pid = os.getpid()
    return f"{_place()}-{pid}-{_started(pid)}-{next(_numbers)}"


def remove_stray(target: str) -> None:
    """Remove the temporary files of `target` whose writers are dead."""
    folder, name = os.path.split(target)
    try:
        entries = os.listdir(folder)
    except OSError:
        return  # creating the file will say what is wrong
    for entry in entries:
        found = _MARK.search(entry)
        path = os.path.join(folder, entry)
        if found is not None and entry[: found.start()] == name and not _lives(found, path):
            with contextlib.suppress(OSError):
                os.remove(path)


def _lives(mark: re.Match[str], path: str) -> bool:
    place, pid, started = mark[1], int(mark[2]), int(mark[3])
    if place != _place():  # another machine or container: its processes are not seen from here
        try:
            return time.time() - os.stat(path).st_mtime < _FORGOTTEN
        except OSError:
            return True
    if not _runs(pid):
        return False
    now = _started(pid)  # the number may have gone to another process
    return not started or not now or now == started


def _runs(pid: int) -> bool:
    if os.name == "nt":  # os.kill(pid, 0) would end the process there
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _started(pid: int) -> int:
    """When a process began, in ticks of its machine's clock; 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


@functools.cache
def _place() -> str:
    """A short name for the machine, or the container, within which process numbers mean something."""
    name = socket.gethostname()
    with contextlib.suppress(OSError):
        name += os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(name.encode()).hexdigest()[:8]
