"""Folders that only this user can change, for caches with executable content.

Programs and libraries from a cache are executed, so another user who can write to it could run code as this user. The
owner and mode of every component of the path, of the folder and of each opened file are checked, and symbolic links are
refused. A folder that fails a check is not used; the reason is printed once, and no error is raised.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import itertools
import os
import platform
import secrets
import stat
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

_POSIX = os.name == "posix"  # Windows has no owners and modes here: its user folders are private already
_MIN_FREE = 16 << 20  # bytes; a file system with less counts as full
_DAY = 24 * 3600
_MAX_FILES = 4096  # files that remain after a sweep
_MAX_SWEPT = 20_000  # files that one sweep looks at
_STAMP = ".swept"
_reported: set[tuple[str, str]] = set()


class _RefusedError(Exception):
    """The folder or file may have been changed by another user."""


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
            except (OSError, _RefusedError) as error:
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
            if _POSIX and time.time() - os.fstat(descriptor).st_mtime > _DAY / 24:
                os.utime(descriptor)  # a sweep deletes the least recently used files
            return content
        return None

    def safe_path(self, name: str) -> str | None:
        """Return the path of a file after checking it, for functions that open a path; None as for `read`."""
        descriptor = self._open(name)
        if descriptor is None:
            return None
        os.close(descriptor)
        return str(self.path / name)

    def write(self, name: str, content: bytes) -> None:
        """Write a file that other processes see completely or not at all; without effect if that is impossible."""
        if not self.is_intact():
            return
        temporary = self.path / f"{name}.{secrets.token_hex(8)}.tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        try:
            with open(os.open(temporary, flags, 0o600), "wb") as file:
                file.write(content)
            os.replace(temporary, self.path / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            if _POSIX and error.errno != errno.ENOENT:  # elsewhere a file that is open cannot be replaced
                self._give_up(error)

    def check_files(self) -> bool:
        """Check all files, also those in subfolders, for a reader that opens them without checks; False: not usable.

        Files of this user that others could have changed are deleted.
        """
        try:
            self._check_tree(self.path)
        except (OSError, _RefusedError) as error:
            self._give_up(error)
        return self._usable

    def restrict_files(self) -> None:
        """Withdraw others' permission to write to this user's files, which a umask of 002 or 000 gave them.

        This is called when a process ends; a folder that is not intact then is left alone without a message.
        """
        if not self._is_still_intact():
            return
        for entry, status in self._files():
            if _POSIX and stat.S_IMODE(status.st_mode) & 0o022:
                with contextlib.suppress(OSError):
                    os.chmod(entry, 0o600)

    def sweep(self, max_bytes: int) -> None:
        """Delete the least recently used files that exceed a total size; at most once a day, when a process ends.

        Args:
            max_bytes: Maximum total size of the files that remain.
        """
        with contextlib.suppress(OSError):
            if abs(time.time() - os.lstat(self.path / _STAMP).st_mtime) < _DAY:
                return
        if not self._is_still_intact():
            return
        self.write(_STAMP, b"swept")
        files = list(itertools.islice(self._files(), _MAX_SWEPT))
        files.sort(key=lambda file: max(file[1].st_mtime, file[1].st_atime), reverse=True)
        most = _MAX_FILES if len(files) < _MAX_SWEPT else _MAX_SWEPT // 2
        left, old = max_bytes, time.time() - _DAY
        for number, (path, status) in enumerate(files):
            left -= status.st_size
            abandoned = path.endswith((".tmp", "-atime", ".lockfile")) and status.st_mtime < old
            if left < 0 or number >= most or abandoned:
                with contextlib.suppress(OSError):
                    os.unlink(path)

    def _check(self) -> None:
        status = os.lstat(self.path)
        _check_own(self.path, status, stat.S_ISDIR)
        if (status.st_dev, status.st_ino) != self._identity:
            raise _RefusedError("it was replaced by another folder")
        _check_space(self.path)

    def _is_still_intact(self) -> bool:
        with contextlib.suppress(OSError, _RefusedError):
            self._check()
            return self._usable
        return False

    def _files(self) -> Iterator[tuple[str, os.stat_result]]:
        """The regular files directly in the folder, without following links."""
        with contextlib.suppress(OSError), os.scandir(self.path) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode) and entry.name != _STAMP:
                        yield entry.path, status

    def _check_tree(self, folder: str | Path) -> None:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # another process has just replaced it
                    continue
                if stat.S_ISDIR(status.st_mode):
                    _check_own(entry.path, status, stat.S_ISDIR)
                    self._check_tree(entry.path)
                    continue
                _check_owner(entry.path, status, stat.S_ISREG)
                is_cut = not status.st_size and entry.name.endswith("-cache")  # a full disk; JAX would not replace it
                if is_cut or _others_write(entry.path, status):
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
            self._give_up(_RefusedError(f"{name!r} is a symbolic link") if error.errno == errno.ELOOP else error)
            return None
        try:
            _check_own(self.path / name, os.fstat(descriptor), stat.S_ISREG)
        except _RefusedError as error:
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
            if _POSIX and os.path.islink(part) and os.lstat(part).st_uid not in (0, os.geteuid()):
                raise _RefusedError(f"'{part}' is a symbolic link of user {os.lstat(part).st_uid}")
        absolute = Path(os.path.realpath(absolute.parent)) / absolute.name
        for part in reversed(absolute.parents):
            _make(part)
            _check_ancestor(part, os.lstat(part))
        _make(absolute)
        status = os.lstat(absolute)
        _check_own(absolute, status, stat.S_ISDIR)
        if not os.access(absolute, os.W_OK):
            raise _RefusedError("it cannot be written to")
        if _POSIX and stat.S_IMODE(status.st_mode) != 0o700:
            os.chmod(absolute, 0o700)
        _check_space(absolute)
    except (OSError, _RefusedError) as error:
        _report(absolute, error, hint)
        return None
    return PrivateFolder(absolute, (status.st_dev, status.st_ino), hint)


def user_cache() -> Path:
    """The folder of the system for this user's caches."""
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if platform.system() == "Darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _make(path: Path) -> None:
    with contextlib.suppress(FileExistsError):
        if not os.path.lexists(path):
            os.mkdir(path, 0o700)


def _check_ancestor(path: Path, status: os.stat_result) -> None:
    """Check that nobody else can replace what is in a folder above the cache. A sticky folder protects its entries."""
    if not stat.S_ISDIR(status.st_mode):
        raise _RefusedError(f"'{path}' is no folder")
    if _POSIX and status.st_uid not in (0, os.geteuid()):
        raise _RefusedError(f"'{path}' belongs to user {status.st_uid}")
    if not status.st_mode & stat.S_ISVTX and _others_write(path, status):
        raise _RefusedError(f"other users can write to '{path}'")


def _check_own(path: str | Path, status: os.stat_result, is_kind: Callable[[int], bool]) -> None:
    _check_owner(path, status, is_kind)
    if _others_write(path, status):
        raise _RefusedError(f"other users can write to '{path}'")


def _check_owner(path: str | Path, status: os.stat_result, is_kind: Callable[[int], bool]) -> None:
    if not is_kind(status.st_mode):
        kind = "a folder" if is_kind is stat.S_ISDIR else "a regular file"
        raise _RefusedError(f"'{path}' is not {kind}")
    if _POSIX and status.st_uid != os.geteuid():
        raise _RefusedError(f"'{path}' belongs to user {status.st_uid}")


def _others_write(path: str | Path, status: os.stat_result) -> bool:
    mode = stat.S_IMODE(status.st_mode)
    if not _POSIX or not mode & 0o022:
        return False
    return bool(mode & 0o002) or not _is_private_group(status.st_uid, status.st_gid) or _has_acl(path)


@functools.cache
def _is_private_group(uid: int, gid: int) -> bool:
    """Whether a group has the user as its only member, as on systems with the umask 002."""
    try:
        import grp
        import pwd

        user, group = pwd.getpwuid(uid), grp.getgrgid(gid)
    except (ImportError, KeyError, OSError):
        return False
    return gid == user.pw_gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}


def _has_acl(path: str | Path) -> bool:
    """Whether further users may have permissions."""
    try:
        return "system.posix_acl_access" in os.listxattr(path, follow_symlinks=False)
    except (AttributeError, OSError):  # another system, or a file system without them
        return False


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
