"""Replacing a file so that at every moment the old or the new one is there, whole."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import shutil
from collections.abc import Callable
from typing import Any, BinaryIO

from gazelle.core.errors import message

_numbers = itertools.count()
_TEMPORARY = re.compile(r"\.tmp\.(\d+)\.\d+$")


def replace_file(path: Any, write: Callable[[BinaryIO], Any]) -> None:
    """Let `write` fill a new file, bring it safely to the disk, and put it in the place of `path`.

    The steps: a file `name.tmp.<pid>.<n>` in the same folder, `fsync`, `os.replace`, `fsync` of the folder. A failure
    at any of them removes the new file and leaves the old one; a crash leaves a stray file that the next call removes.

    Args:
        path: the file to make or to replace. A symbolic link stays, what it points to is replaced.
        write: receives the new file, open for binary writing and reading.

    Raises:
        OSError: the file could not be written. The message says why, and that the old file is as it was.

    >>> replace_file("note.txt", lambda file: file.write(b"whole"))
    >>> open("note.txt").read()
    'whole'
    """
    target = os.path.realpath(os.fspath(path))
    _remove_stray(target)
    temporary = None
    try:
        with _create(target) as file:
            temporary = file.name
            write(file)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.remove(temporary)
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, _reason(error, target)) from error
        raise
    _sync_folder(os.path.dirname(target))


def _create(target: str) -> Any:
    """A new file beside `target`; the mode "x" never opens a file that exists, nor follows a link."""
    while True:
        try:
            return open(f"{target}.tmp.{os.getpid()}.{next(_numbers)}", "x+b")
        except FileExistsError:  # left by a dead process whose number we now have
            continue


def _sync_folder(folder: str) -> None:
    """Bring the new name itself to the disk. Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems sync no folders
            raise
    finally:
        os.close(handle)


def _remove_stray(target: str) -> None:
    """Remove the temporary files of `target` whose writers are dead."""
    folder, name = os.path.split(target)
    try:
        entries = os.listdir(folder)
    except OSError:
        return  # creating the file will say what is wrong
    for entry in entries:
        found = _TEMPORARY.search(entry)
        if found is not None and entry[: found.start()] == name and not _alive(int(found[1])):
            with contextlib.suppress(OSError):
                os.remove(os.path.join(folder, entry))


def _alive(pid: int) -> bool:
    if os.name == "nt":  # os.kill(pid, 0) would end the process there
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _reason(error: OSError, target: str) -> str:
    folder = os.path.dirname(target)
    if error.errno == errno.ENOENT:
        return message(f"'{target}' cannot be written", expected="an existing folder", got=f"no folder '{folder}'",
                       mend=f"Make it first: os.makedirs({folder!r}, exist_ok=True).")  # fmt: skip
    reason = error.strerror or str(error)
    if error.errno == errno.ENOSPC:
        reason += f", {shutil.disk_usage(folder).free:,} bytes are free"
    old = "The file that was there is as it was." if os.path.exists(target) else "No file was made."
    return message(f"'{target}' could not be written ({reason})", mend=old)
