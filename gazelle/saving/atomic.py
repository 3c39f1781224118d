"""Atomic replacement of files: at every moment the old or the new file exists, complete."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from typing import IO, Any, BinaryIO

from gazelle.core.errors import ArgumentError, DamagedFileError, message
from gazelle.core.types import PathLike
from gazelle.engine import processes
from gazelle.saving import temporary_files
from gazelle.saving.checksum import Crc32

BLOCK = 2**25  # bytes of a file that may stay in the page cache


class FileWriter:
    """File that is being written, with a running checksum.

    Args:
        file: an unbuffered binary file.
        checksum: updated with every byte written; None for none.

    Attributes:
        size: bytes written so far.
    """

    def __init__(self, file: IO[bytes], checksum: Crc32 | None) -> None:
        self._file, self._checksum = file, checksum
        self.size = self._synced = 0

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Append all of `data`; returns the number of bytes."""
        view = memoryview(data).cast("B")
        position = 0
        while position < len(view):  # a raw file may write less than it is given
            written = self._file.write(view[position : position + BLOCK])
            position, self.size = position + written, self.size + written
            if self.size - self._synced >= BLOCK:
                sync(self._file.fileno())
                self._synced = self.size
        if self._checksum is not None:
            self._checksum.update(view)
        return len(view)

    def flush(self) -> None:
        """Flush the underlying file."""
        self._file.flush()


def replace_file(
    path: PathLike, write: Callable[[FileWriter], object], verify: Callable[[str], bool] | None = None
) -> None:
    """Write a new file and move it to `path` atomically.

    The steps: create `name.tmp.<writer>.<n>` in the same folder, write, `fsync`, read back, `os.replace`, `fsync` of
    the folder. If any of them fails, the new file is removed and the old one is unchanged; after a crash, the next call
    removes the abandoned temporary file.

    Args:
        path: the file to create or to replace. A symbolic link stays; its target is replaced.
        write: called with a `FileWriter`; writes the content.
        verify: called with the path of the new file; returns whether its content is correct. By default a checksum of
            the written bytes is compared with the file's content.

    Raises:
        OSError: the file could not be written. The message gives the reason; the old file is unchanged.

    >>> replace_file("note.txt", lambda file: file.write(b"complete"))
    >>> open("note.txt").read()
    'complete'
    """
    if not processes.writes_files:
        return
    target = os.path.realpath(os.fspath(path))
    temporary_files.remove_abandoned(target)
    temporary, writer = None, None
    checksum = Crc32()
    try:
        with _create(target) as file:
            temporary = file.name
            writer = FileWriter(file, checksum if verify is None else None)
            write(writer)
            file.flush()
            os.fsync(file.fileno())
            drop_cache(file.fileno())  # so that the file is read back from the disk
        is_correct = verify or (lambda path: _checksum_of(path) == checksum.hexdigest())
        if not is_correct(temporary):
            raise OSError(errno.EIO, "the content read back differs from the content written")
        with contextlib.suppress(FileNotFoundError):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.remove(temporary)
        if isinstance(error, OSError) and not isinstance(error, DamagedFileError) and error.errno is not None:
            raise OSError(error.errno, _reason(error, target, writer)) from error
        raise
    sync_folder(os.path.dirname(target))


def path_of(filepath: PathLike) -> str:
    """Convert a path to `str`.

    Raises:
        ArgumentError: `filepath` is not a path.
    """
    try:
        return os.fsdecode(filepath)
    except TypeError:
        raise ArgumentError(message("filepath", expected="the path of a file", got=repr(filepath)[:80])) from None


def _create(target: str) -> Any:
    """A new file next to `target`; the mode "x" never opens an existing file and never follows a link."""
    while True:
        try:
            return open(f"{target}.tmp.{temporary_files.unique_suffix()}", "xb", buffering=0)
        except FileExistsError:  # abandoned by a dead process that had the same process number
            continue


def sync_folder(folder: str) -> None:
    """Write a folder's entries to the disk. Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with _where_supported():  # some network file systems cannot sync folders
            os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _where_supported() -> Iterator[None]:
    """A block whose call a file system may not have."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def check_space(folder: str, size: int) -> None:
    """Check by a trial allocation that `size` bytes can be written into a folder; no file remains.

    Raises:
        OSError: they cannot be written.
    """
    path = os.path.join(folder, f"probe.tmp.{temporary_files.unique_suffix()}")
    temporary_files.remove_abandoned(os.path.join(folder, "probe"))
    try:
        with open(path, "xb", buffering=0) as file:
            if size > 0 and hasattr(os, "posix_fallocate"):
                with _where_supported():
                    os.posix_fallocate(file.fileno(), 0, size)  # allocates the blocks without writing them
            for _ in range(0, min(size, 2**16) + 1, 4096):  # random bytes: no file system can compress them
                file.write(os.urandom(4096))
            os.fsync(file.fileno())
    finally:
        with contextlib.suppress(OSError):
            os.remove(path)


def read_blocks(file: BinaryIO, drop: bool) -> Iterator[memoryview]:
    """Yield the rest of a file in blocks, all in the same buffer.

    Args:
        file: an open binary file.
        drop: remove what was read from the page cache; training has better use for the memory.
    """
    buffer, done = memoryview(bytearray(2**20)), 0
    while size := file.readinto(buffer):  # type: ignore[attr-defined]
        yield buffer[:size]
        done += size
        if drop:
            drop_cache(file.fileno(), done)


def drop_cache(handle: int, size: int = 0) -> None:
    """Remove the first `size` bytes of a file from the page cache, by default all of them."""
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):
            os.posix_fadvise(handle, 0, size, os.POSIX_FADV_DONTNEED)


def sync(handle: int) -> None:
    """Write to the disk what was written so far, and remove it from the page cache."""
    if hasattr(os, "posix_fadvise"):  # elsewhere the cache cannot be dropped, and the file is synced at its end
        os.fdatasync(handle)
        drop_cache(handle)


def _checksum_of(path: str) -> str:
    checksum = Crc32()
    with open(path, "rb", buffering=0) as file:
        for block in read_blocks(file, drop=True):
            checksum.update(block)
    return checksum.hexdigest()


def _reason(error: OSError, target: str, writer: FileWriter | None) -> str:
    folder = os.path.dirname(target)
    if error.errno == errno.ENOENT:
        return message(
            f"'{target}' cannot be written",
            expected="an existing folder",
            got=f"no folder '{folder}'",
            hint=f"Create it first: os.makedirs({folder!r}, exist_ok=True).",
        )
    if os.path.isdir(target):
        return message(f"'{target}' cannot be written", expected="the name of a file", got="a folder")
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        done = f" after {writer.size:,} bytes" if writer is not None else ""
        reason += f"{done}, {shutil.disk_usage(folder).free:,} bytes are free"
    state = "The existing file is unchanged." if os.path.exists(target) else "No file was created."
    return message(f"'{target}' could not be written ({reason})", hint=state)
