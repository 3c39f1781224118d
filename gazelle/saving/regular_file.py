"""Opening of files to read: regular files only."""

from __future__ import annotations

import os
import stat
from io import BufferedReader

from gazelle.core.errors import DamagedFileError, message
from gazelle.core.types import PathLike

_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}


def open_file(path: PathLike) -> BufferedReader:
    """Open a regular file to read its bytes.

    Opening a FIFO would wait for a writer, and a device may never end or may act on being read.

    Args:
        path: the file.

    Raises:
        DamagedFileError: it is a folder, a FIFO, a socket or a device.
        OSError: it cannot be opened.

    >>> with open("f.txt", "w") as file:
    ...     _ = file.write("text")
    >>> with open_file("f.txt") as file:
    ...     file.read()
    b'text'
    """
    check_regular(path, os.stat(path).st_mode)  # before opening, which has side effects on some devices
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags)
    try:
        check_regular(path, os.fstat(descriptor).st_mode)
        return open(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def check_regular(path: PathLike, mode: int) -> None:
    """Raise an error if the mode is not that of a regular file.

    Raises:
        DamagedFileError: it is that of a folder, a FIFO, a socket or a device.
    """
    if not stat.S_ISREG(mode):
        got = _KINDS.get(stat.S_IFMT(mode), "a device")
        raise DamagedFileError(message(f"'{os.fspath(path)}'", expected="a file", got=got))
