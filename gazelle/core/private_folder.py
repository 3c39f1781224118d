"""Folders that only this user can change, for caches with executable content.

Programs from a cache are executed, so another user who can write to it could run code as this user. The
owner and mode of every component of the path, of the folder and of each opened file are checked, and symbolic links are
refused. A folder that fails a check is not used; the reason is printed once, and no error is raised.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import stat
import sys
import time
import warnings
from pathlib import Path

from gazelle.core.ownership import POSIX, ForeignFileError, check_ancestor, check_own, check_owner, others_write

_MIN_FREE = 16 << 20  # bytes; a file system with less counts as full
_MIN_AGE = 3600  # seconds after which the time of the last use is updated
_reported: set[tuple[str, str]] = set()


class PrivateFolder:
    """A folder that belongs to this user and that nobody else can write to; see `open_folder`.

    Args:
        path: The folder, already checked.
        identity: Device and inode of the folder.
        hint: What to do if it cannot be used.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: Path, identity: tuple[int, int], hint: str) -> None:
        self.path, self._identity, self._hint = path, identity, hint
        self._usable = True
        self._subfolders: dict[str, PrivateFolder | None] = {}

    def is_intact(self) -> bool:
        """Return whether it is still the same folder, private, and on a file system with free space.

        A folder that was not intact once is not used again by this process.
        """
        if self._usable:
            try:
                self._check()
            except (OSError, ForeignFileError) as error:
                self._give_up(error)
        return self._usable

    def subfolder(self, name: str) -> PrivateFolder | None:
        """Open a folder inside this one; None if it cannot be used."""
        if name not in self._subfolders:
            self._subfolders[name] = open_folder(self.path / name, self._hint) if self.is_intact() else None
        found = self._subfolders[name]
        return found if found is not None and found.is_intact() else None

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None if there is none, or if another user could have written it."""
        descriptor = self._open(name)
        if descriptor is None:
            return None
        with contextlib.suppress(OSError), open(descriptor, "rb") as file:
            content = file.read()
            if POSIX and time.time() - os.fstat(descriptor).st_mtime > _MIN_AGE:
                os.utime(descriptor)  # a sweep deletes the least recently used files
            return content
        return None

    def write(self, name: str, content: bytes) -> None:
        """Write a file that other processes see completely or not at all; without effect if that is impossible."""
        if not self.is_intact():
            return
        temporary = self.path / f"{name}.{os.urandom(8).hex()}.tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        try:
            with open(os.open(temporary, flags, 0o600), "wb") as file:
                file.write(content)
            os.replace(temporary, self.path / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            if POSIX and error.errno != errno.ENOENT:  # elsewhere a file that is open cannot be replaced
                self._give_up(error)

    def check_files(self) -> bool:
        """Check all files, also those in subfolders, for a reader that opens them without checks; False: not usable.

        Files of this user that others could have changed are deleted.
        """
        try:
            self._check_tree(self.path)
        except (OSError, ForeignFileError) as error:
            self._give_up(error)
        return self._usable

    def _check(self) -> None:
        status = os.lstat(self.path)
        check_own(self.path, status, stat.S_ISDIR)
        if (status.st_dev, status.st_ino) != self._identity:
            raise ForeignFileError("it was replaced by another folder")
        _check_space(self.path)

    def is_still_intact(self) -> bool:
        """Return the same as `is_intact`, without a message: for work that may be left out."""
        with contextlib.suppress(OSError, ForeignFileError):
            self._check()
            return self._usable
        return False

    def _check_tree(self, folder: str | Path) -> None:
        user = os.geteuid() if POSIX else 0
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # another process has just replaced it
                    continue
                if status.st_mode & 0o170022 == stat.S_IFREG and status.st_uid == user and status.st_size:
                    continue  # most of thousands of files need no closer look
                if stat.S_ISDIR(status.st_mode):
                    check_own(entry.path, status, stat.S_ISDIR)
                    self._check_tree(entry.path)
                    continue
                check_owner(entry.path, status, stat.S_ISREG)
                is_cut = not status.st_size and entry.name.endswith("-cache")  # a full disk; JAX would not replace it
                if is_cut or others_write(entry.path, status):
                    os.unlink(entry.path)

    def _open(self, name: str) -> int | None:
        """The descriptor of a file that only this user can have written."""
        if not self.is_intact():
            return None
        # O_NONBLOCK: opening a FIFO would wait for a writer
        extra = [getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")]
        try:
            descriptor = os.open(self.path / name, os.O_RDONLY | sum(extra))
        except FileNotFoundError:
            return None
        except OSError as error:
            self._give_up(ForeignFileError(f"{name!r} is a symbolic link") if error.errno == errno.ELOOP else error)
            return None
        try:
            check_own(self.path / name, os.fstat(descriptor), stat.S_ISREG)
        except ForeignFileError as error:
            os.close(descriptor)
            self._give_up(error)
            return None
        return descriptor

    def _give_up(self, error: Exception) -> None:
        self._usable = False
        _report(self.path, error, self._hint)


def open_folder(path: Path, hint: str) -> PrivateFolder | None:
    """Open a cache folder, created with mode 0700 if it is missing.

    Args:
        path: The folder. Its last component must not be a symbolic link.
        hint: What to do if it cannot be used: the last sentence of the line that states the reason.

    Returns:
        The folder; None if another user can write to it or to a folder above it, or if this user cannot.

    >>> folder = open_folder(Path("cache"), "Choose another folder.")
    >>> folder.write("name", b"content")
    >>> folder.read("name")
    b'content'
    """
    absolute = Path(os.path.abspath(path))
    try:
        for part in (*reversed(absolute.parents), absolute):
            if POSIX and os.path.islink(part) and os.lstat(part).st_uid not in (0, os.geteuid()):
                raise ForeignFileError(f"'{part}' is a symbolic link of user {os.lstat(part).st_uid}")
        absolute = Path(os.path.realpath(absolute.parent)) / absolute.name
        for part in reversed(absolute.parents):
            _make(part)
            check_ancestor(part, os.lstat(part))
        _make(absolute)
        status = os.lstat(absolute)
        check_own(absolute, status, stat.S_ISDIR)
        if not os.access(absolute, os.W_OK):
            raise ForeignFileError("it cannot be written to")
        if POSIX and stat.S_IMODE(status.st_mode) != 0o700:
            os.chmod(absolute, 0o700)
        _check_space(absolute)
    except (OSError, ForeignFileError) as error:
        _report(absolute, error, hint)
        return None
    return PrivateFolder(absolute, (status.st_dev, status.st_ino), hint)


def user_cache() -> Path:
    """Return the folder of the system for this user's caches; a folder for temporary files if there is no home."""
    home = Path(os.path.expanduser("~"))
    if not home.is_absolute():
        return Path(os.environ.get("TMPDIR", "/tmp")) / f"cache-{os.geteuid()}"
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if platform.system() == "Darwin":
        return home / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")


def _make(path: Path) -> None:
    with contextlib.suppress(FileExistsError):
        if not os.path.lexists(path):
            os.mkdir(path, 0o700)


def _check_space(path: Path) -> None:
    if hasattr(os, "statvfs"):
        space = os.statvfs(path)
        if space.f_flag & getattr(os, "ST_RDONLY", 0):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        if space.f_blocks and space.f_bavail * space.f_frsize < _MIN_FREE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _report(path: Path, error: Exception, hint: str) -> None:
    """Print once per process why a folder is not used, without a warning, which could be turned into an error."""
    reason = str(error)
    if isinstance(error, OSError):
        reason = (error.strerror or reason)[:1].lower() + (error.strerror or reason)[1:]
    if (str(path), hint) in _reported:
        return
    _reported.add((str(path), hint))
    line = f"The cache folder '{path}' is not used: {reason}. {hint}"
    try:
        warnings.warn(line, RuntimeWarning, stacklevel=2)
    except Warning:
        print(line, file=sys.stderr)
