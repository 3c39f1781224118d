"""Replacing a file so that at every moment the old or the new one is there, whole."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable
from typing import Any

from gazelle.core.errors import ArgumentError, DamagedFileError, message
from gazelle.saving import writers
from gazelle.saving.block_io import BLOCK, blocks, give_up, sync
from gazelle.saving.checksum import Crc32


class CustomOptimizer:
    """The file that is being written: bytes go in one after the other, under a checksum if one is given."""

    def __init__(self, file: Any, checksum: Crc32 | None) -> None:
        self._file, self._checksum = file, checksum
        self.size = self._synced = 0

    def write(self, data: Any) -> int:
        """Append all of `data`."""
        view = memoryview(data).cast("B")
        place = 0
        while place < len(view):  # a raw file may take less than it was given
            taken = self._file.write(view[place : place + BLOCK])
            place, self.size = place + taken, self.size + taken
            if self.size - self._synced >= BLOCK:
                sync(self._file.fileno())
                self._synced = self.size
        if self._checksum is not None:
            self._checksum.update(view)
        return len(view)

    def flush(self) -> None:
        self._file.flush()


def replace_file(
    path: Any, write: Callable[[CustomOptimizer], Any], whole: Callable[[str], bool] | None = None
) -> None:
    """Let `write` fill a new file, bring it safely to the disk, and put it in the place of `path`.

    The steps: a file `name.tmp.<writer>.<n>` in the same folder, `fsync`, reading it back, `os.replace`, `fsync` of the
    folder. A failure at any of them removes the new file and leaves the old one; a crash leaves a stray file, which the
    next call removes.

    Args:
        path: the file to make or to replace. A symbolic link stays, what it points to is replaced.
        write: receives the new file; it has `write(bytes)`.
        whole: tells of the path of the new file, by reading it, whether it is what was to be written; where the format
            has no checksum of its own, one is made of what was written.

    Raises:
        OSError: the file could not be written. The message says why, and that the old file is as it was.

    >>> replace_file("note.txt", lambda file: file.write(b"whole"))
    >>> open("note.txt").read()
    'whole'
    """
    target = os.path.realpath(os.fspath(path))
    writers.remove_stray(target)
    temporary, written = None, None
    checksum = Crc32()
    try:
        with _create(target) as file:
            temporary = file.name
            written = CustomOptimizer(file, checksum if whole is None else None)
            write(written)
            file.flush()
            os.fsync(file.fileno())
            give_up(file.fileno())  # what is read back then comes from the disk
        same = whole or (lambda path: _sum_of(path) == checksum.hexdigest())
        if not same(temporary):
            raise OSError(errno.EIO, "read back, it is not what was written")
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


def _sum_of(path: str) -> str:
    found = Crc32()
    with open(path, "rb", buffering=0) as file:
        for block in blocks(file, forget=True):
            found.update(block)
    return found.hexdigest()


def _reason(error: OSError, target: str, written: CustomOptimizer | None) -> str:
    folder = os.path.dirname(target)
    if error.errno == errno.ENOENT:
        return message(
            f"'{target}' cannot be written",
            expected="an existing folder",
            got=f"no folder '{folder}'",
            hint=f"Make it first: os.makedirs({folder!r}, exist_ok=True).",
        )
    if os.path.isdir(target):
        return message(f"'{target}' cannot be written", expected="the name of a file", got="a folder")
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        needed = f" after {written.size:,} bytes" if written is not None else ""
        reason += f"{needed}, {shutil.disk_usage(folder).free:,} bytes are free"
    old = "The file that was there is as it was." if os.path.exists(target) else "No file was made."
    return message(f"'{target}' could not be written ({reason})", hint=old)
