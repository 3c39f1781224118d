"""Tar and zip archives from strangers: every member is looked at before the first one is written."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from gazelle.core.errors import ArgumentError, DamagedFileError, UnsafeFileError, message

_MOST_MEMBERS = 1_000_000


def unpack(path: str, folder: str, form: Any = "auto", most: int = 2**35) -> None:
    """Unpack an archive into `folder`, which is replaced as a whole at the end; on any error nothing is left.

    Raises:
        UnsafeFileError: a member lies outside, is a link or a device, or all of them are too large.
        DamagedFileError: it is cut, or no archive of the format.
    """
    forms = ["tar", "zip"] if form == "auto" else [form] if isinstance(form, str) else list(form or ())
    if any(f not in ("tar", "zip") for f in forms):
        raise ArgumentError(message("archive_format", expected="'auto', 'tar' or 'zip'", got=repr(form)))
    place = tempfile.mkdtemp(prefix=f"{os.path.basename(folder)}.", suffix=".part", dir=os.path.dirname(folder) or ".")
    try:
        if "zip" in forms and zipfile.is_zipfile(path):
            _unzip(path, place, most)
        elif "tar" in forms and tarfile.is_tarfile(path):
            _untar(path, place, most)
        else:
            raise DamagedFileError(message(f"'{path}' cannot be unpacked", expected=f"a {' or '.join(forms)} archive"))
        if os.path.isdir(folder):
            shutil.rmtree(folder)
        os.replace(place, folder)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise DamagedFileError(message(f"'{path}' cannot be unpacked ({error})", hint="Download it again.")) from error
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(place)


def _untar(path: str, place: str, most: int) -> None:
    with tarfile.open(path) as archive:
        members = _counted(archive, path)
        _check(path, [(m.name, m.size, m.isfile() or m.isdir(), m.isdir()) for m in members], most)
        for member in members:
            archive.extract(member, place, filter="data")


def _counted(archive: tarfile.TarFile, path: str) -> list[tarfile.TarInfo]:
    members: list[tarfile.TarInfo] = []
    for member in archive:
        members.append(member)
        if len(members) > _MOST_MEMBERS:
            raise _unsafe(path, f"at most {_MOST_MEMBERS} members", "more")
    return members


def _unzip(path: str, place: str, most: int) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > _MOST_MEMBERS:
            raise _unsafe(path, f"at most {_MOST_MEMBERS} members", len(members))
        _check(path, [(m.filename, m.file_size, _plain(m), m.is_dir()) for m in members], most)
        for member in members:
            archive.extract(member, place)


def _plain(member: zipfile.ZipInfo) -> bool:
    mode = stat.S_IFMT(member.external_attr >> 16)
    return mode in (0, stat.S_IFREG, stat.S_IFDIR)


def _check(path: str, members: list[tuple[str, int, bool, bool]], most: int) -> None:
    """Names that stay inside, once each; files and folders alone; no more bytes than may be."""
    total, seen = 0, set()
    for name, size, plain, is_folder in members:
        if not plain:
            raise _unsafe(path, "files and folders", f"a link or a device, {name!r}")
        steps = [s for s in name.replace("\\", "/").split("/") if s not in ("", ".")]
        if name.startswith(("/", "\\")) or ".." in steps or ":" in name or "\0" in name:
            raise _unsafe(path, "members that stay in the folder", repr(name))
        key = "/".join(steps).casefold()
        if not is_folder and (key in seen or not steps):
            raise _unsafe(path, "each name once", repr(name))
        seen.add(key)
        total += size
        if total > most or size < 0:
            raise _unsafe(path, f"at most {most} bytes unpacked", "more")
    _no_file_as_folder(path, members)


def _no_file_as_folder(path: str, members: list[tuple[str, int, bool, bool]]) -> None:
    files = {_key(name) for name, _, _, is_folder in members if not is_folder}
    for name, _, _, _ in members:
        for above in _above(_key(name)):
            if above in files:
                raise _unsafe(path, "folders above its members", f"a file, {above!r}")


def _key(name: str) -> str:
    return "/".join(s for s in name.split("/") if s not in ("", "."))


def _above(key: str) -> Iterator[str]:
    steps = key.split("/")
    for number in range(1, len(steps)):
        yield "/".join(steps[:number])


def _unsafe(path: str, expected: str, got: Any) -> UnsafeFileError:
    return UnsafeFileError(
        message(
            f"The archive '{path}' is refused",
            expected=expected,
            got=str(got)[:120],
            hint="Unpack it by hand if you trust it.",
        )
    )
