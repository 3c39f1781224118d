"""Checks whether another user could have changed a file or folder, by its owner and its mode."""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Callable
from pathlib import Path

POSIX = os.name == "posix"  # Windows has no owners and modes here: its user folders are private already


class ForeignFileError(Exception):
    """Another user may have changed a file or folder, or it is of an unexpected kind."""


def check_ancestor(path: Path, status: os.stat_result) -> None:
    """Check that no other user can replace entries of a parent folder of the cache. The sticky bit protects entries.

    Args:
        path: The folder.
        status: Its status.

    Raises:
        ForeignFileError: Another user can.
    """
    if not stat.S_ISDIR(status.st_mode):
        raise ForeignFileError(f"'{path}' is no folder")
    if POSIX and status.st_uid not in (0, os.geteuid()):
        raise ForeignFileError(f"'{path}' belongs to user {status.st_uid}")
    if not status.st_mode & stat.S_ISVTX and others_write(path, status):
        raise ForeignFileError(f"other users can write to '{path}'")


def check_own(path: str | Path, status: os.stat_result, is_kind: Callable[[int], bool]) -> None:
    """Check the kind of a file or folder, that it belongs to this user, and that nobody else can write to it.

    Args:
        path: Its path.
        status: Its status, of the path or of the opened file.
        is_kind: Function of the mode, such as `stat.S_ISREG`.

    Raises:
        ForeignFileError: A check fails.
    """
    check_owner(path, status, is_kind)
    if others_write(path, status):
        raise ForeignFileError(f"other users can write to '{path}'")


def check_owner(path: str | Path, status: os.stat_result, is_kind: Callable[[int], bool]) -> None:
    """Check the kind and the owner of a file or folder, as `check_own` does.

    Args:
        path: Its path.
        status: Its status.
        is_kind: Function of the mode.

    Raises:
        ForeignFileError: A check fails.
    """
    if not is_kind(status.st_mode):
        kind = "a folder" if is_kind is stat.S_ISDIR else "a regular file"
        raise ForeignFileError(f"'{path}' is not {kind}")
    if POSIX and status.st_uid != os.geteuid():
        raise ForeignFileError(f"'{path}' belongs to user {status.st_uid}")


def others_write(path: str | Path, status: os.stat_result) -> bool:
    """Return whether other users can write to a file or folder.

    Args:
        path: Its path.
        status: Its status.

    Returns:
        Whether they can; a group whose only member is the owner does not count.
    """
    mode = stat.S_IMODE(status.st_mode)
    if not POSIX or not mode & 0o022:
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
