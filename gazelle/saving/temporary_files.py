"""Names of temporary files, which show whether the process that writes a file is still running."""

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
#: <machine>-<process number>-<start time of the process>-<number of the file>
_SUFFIX = re.compile(r"\.tmp\.([0-9a-f]{8})-(\d+)-(\d+)-\d+$")
_MAX_AGE = 24 * 3600  # seconds without a write, after which a file of another machine counts as abandoned


def unique_suffix() -> str:
    """A suffix that identifies this process and is used for one file only.

    >>> unique_suffix() != unique_suffix()
    True
    """
    pid = os.getpid()
    return f"{_machine_id()}-{pid}-{_start_time(pid)}-{next(_numbers)}"


def remove_abandoned(target: str) -> None:
    """Remove the temporary files of `target` whose writers have ended.

    Args:
        target: the path that the temporary files were to replace.
    """
    folder, name = os.path.split(target)
    try:
        entries = os.listdir(folder)
    except OSError:
        return  # creating the file raises the error
    for entry in entries:
        found = _SUFFIX.search(entry)
        path = os.path.join(folder, entry)
        if found is not None and entry[: found.start()] == name and not _is_writer_alive(found, path):
            with contextlib.suppress(OSError):
                os.remove(path)


def _is_writer_alive(suffix: re.Match[str], path: str) -> bool:
    machine, pid, started = suffix[1], int(suffix[2]), int(suffix[3])
    if machine != _machine_id():  # another machine or container: its processes are not visible from here
        try:
            return time.time() - os.stat(path).st_mtime < _MAX_AGE
        except OSError:
            return True
    if not _is_running(pid):
        return False
    now = _start_time(pid)  # another process may have the number now
    return not started or not now or now == started


def _is_running(pid: int) -> bool:
    if os.name == "nt":  # os.kill(pid, 0) would end the process there
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _start_time(pid: int) -> int:
    """When a process started, in clock ticks of its machine; 0 where the system does not report it."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


@functools.cache
def _machine_id() -> str:
    """A hash of the machine or container within which process numbers are valid."""
    name = socket.gethostname()
    with contextlib.suppress(OSError):
        name += os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(name.encode()).hexdigest()[:8]
