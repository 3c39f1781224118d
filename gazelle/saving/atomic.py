"""Replacing a file so that at every moment the old or the new one is there, whole."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import zlib
from collections.abc import Callable
from typing import Any

from gazelle.core.errors import ArgumentError, DamagedFileError, message
from gazelle.saving import writers


class Written:
    """The file that is being written: bytes go in one after the other, under a checksum."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._sum = 0  # CRC-32: against a disk's errors, and half the price of a checksum against people
        self.size = 0

    def write(self, data: Any) -> int:
        """Append all of `data`."""
        view = memoryview(data).cast("B")
        place = 0
        while place < len(view):  # a raw file may take less than it was given
            place += self._file.write(view[place:])
        self._sum = zlib.crc32(view, self._sum)
        self.size += len(view)
        return len(view)

    def flush(self) -> None:
        self._file.flush()

    def check(self, path: str) -> None:
        """Read the file back, from the disk where the system can be asked for that, and compare."""
        found = size = 0
        with open(path, "rb", buffering=0) as file:
            _forget_cache(file.fileno())
            while part := file.read(2**20):
                found = zlib.crc32(part, found)
                size += len(part)
        if size != self.size or found != self._sum:
            raise OSError(errno.EIO, f"read back, it is not what was written: {size} of {self.size} bytes")


def replace_file(path: Any, write: Callable[[Written], Any]) -> None:
    """Let `write` fill a new file, bring it safely to the disk, and put it in the place of `path`.

    The steps: a file `name.tmp.<writer>.<n>` in the same folder, `fsync`, reading it back, `os.replace`, `fsync` of the
    folder. A failure at any of them removes the new file and leaves the old one; a crash leaves a stray file, which the
    next call removes.

    Args:
        path: the file to make or to replace. A symbolic link stays, what it points to is replaced.
        write: receives the new file; it has `write(bytes)`.

    Raises:
        OSError: the file could not be written. The message says why, and that the old file is as it was.

    >>> replace_file("note.txt", lambda file: file.write(b"whole"))
    >>> open("note.txt").read()
    'whole'
    """
    target = os.path.realpath(os.fspath(path))
    writers.remove_stray(target)
    temporary, written = None, None
    try:
        with _create(target) as file:
            temporary = file.name
            written = Written(file)
            write(written)
            file.flush()
            os.fsync(file.fileno())
        written.check(temporary)
        with contextlib.suppress(FileNotFoundError):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.remove(temporary)
        if isinstance(error, OSError) and not isinstance(error, DamagedFileError) and error.errno is not None:
            raise OSError(error.errno, _reason(error, target, written)) from error
        raise
    sync_folder(os.path.dirname(target))


def path_of(filepath: Any) -> str:
    """A path as text."""
    try:
        return os.fsdecode(filepath)
    except TypeError:
        raise ArgumentError(message("filepath", expected="the path of a file", got=repr(filepath)[:80])) from None


def _create(target: str) -> Any:
    """A new file beside `target`; the mode "x" never opens a file that exists, nor follows a link."""
    while True:
        try:
            return open(f"{target}.tmp.{writers.new_mark()}", "xb", buffering=0)
        except FileExistsError:  # left by a dead process whose number we now have
            continue


def sync_folder(folder: str) -> None:
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


def probe(folder: str, size: int) -> None:
    """Find out, by doing it, whether `size` bytes can be written in a folder.

    Raises:
        OSError: they cannot; nothing is left behind.
    """
    path = os.path.join(folder, f"probe.tmp.{writers.new_mark()}")
    writers.remove_stray(os.path.join(folder, "probe"))
    try:
        with open(path, "xb", buffering=0) as file:
            if size > 0 and hasattr(os, "posix_fallocate"):
                try:
                    os.posix_fallocate(file.fileno(), 0, size)  # takes the blocks without writing them
                except OSError as error:
                    if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                        raise
            for _ in range(0, min(size, 2**16) + 1, 4096):  # numbers that no file system can compress
                file.write(os.urandom(4096))
            os.fsync(file.fileno())
    finally:
        with contextlib.suppress(OSError):
            os.remove(path)


def _forget_cache(handle: int) -> None:
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)


def _reason(error: OSError, target: str, written: Written | None) -> str:
    folder = os.path.dirname(target)
    if error.errno == errno.ENOENT:
        return message(f"'{target}' cannot be written", expected="an existing folder", got=f"no folder '{folder}'",
                       mend=f"Make it first: os.makedirs({folder!r}, exist_ok=True).")  # fmt: skip
    if os.path.isdir(target):
        return message(f"'{target}' cannot be written", expected="the name of a file", got="a folder")
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        needed = f" after {written.size:,} bytes" if written is not None else ""
        reason += f"{needed}, {shutil.disk_usage(folder).free:,} bytes are free"
    old = "The file that was there is as it was." if os.path.exists(target) else "No file was made."
    return message(f"'{target}' could not be written ({reason})", mend=old)
