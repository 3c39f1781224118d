"""Safe extraction of tar and zip archives: every member is checked before the first one is written."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence

from gazelle.core.errors import ArgumentError, DamagedFileError, UnsafeFileError, message

_MAX_MEMBERS = 1_000_000


def unpack(path: str, folder: str, format: str | Sequence[str] | None = "auto", max_bytes: int = 2**35) -> None:
    """Extract an archive into a folder, which is replaced as a whole at the end; after an error nothing remains.

    Args:
        path: the archive.
        folder: the folder to create or to replace.
        format: 'auto', 'tar', 'zip', or a list of these.
        max_bytes: maximum total size of the members.

    Raises:
        UnsafeFileError: a member is outside of the folder, is a link or a device, or the members are too large.
        DamagedFileError: the archive is truncated, or has another format.
        ArgumentError: an unknown format.
    """
    formats = ["tar", "zip"] if format == "auto" else [format] if isinstance(format, str) else list(format or ())
    if any(f not in ("tar", "zip") for f in formats):
        raise ArgumentError(message("archive_format", expected="'auto', 'tar' or 'zip'", got=repr(format)))
    temporary = tempfile.mkdtemp(
        prefix=f"{os.path.basename(folder)}.", suffix=".part", dir=os.path.dirname(folder) or "."
    )
    try:
        if "zip" in formats and zipfile.is_zipfile(path):
            _unzip(path, temporary, max_bytes)
        elif "tar" in formats and tarfile.is_tarfile(path):
            _untar(path, temporary, max_bytes)
        else:
            raise DamagedFileError(
                message(f"'{path}' cannot be extracted", expected=f"a {' or '.join(formats)} archive")
            )
        if os.path.isdir(folder):
            shutil.rmtree(folder)
        os.replace(temporary, folder)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise DamagedFileError(message(f"'{path}' cannot be extracted ({error})", hint="Download it again.")) from error
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(temporary)


def _untar(path: str, folder: str, max_bytes: int) -> None:
    with tarfile.open(path) as archive:
        members = _list_members(archive, path)
        _check(path, [(m.name, m.size, m.isfile() or m.isdir(), m.isdir()) for m in members], max_bytes)
        for member in members:
            archive.extract(member, folder, filter="data")


def _list_members(archive: tarfile.TarFile, path: str) -> list[tarfile.TarInfo]:
    members: list[tarfile.TarInfo] = []
    for member in archive:
        members.append(member)
        if len(members) > _MAX_MEMBERS:
            raise _unsafe(path, f"at most {_MAX_MEMBERS} members", "more")
    return members


def _unzip(path: str, folder: str, max_bytes: int) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > _MAX_MEMBERS:
            raise _unsafe(path, f"at most {_MAX_MEMBERS} members", len(members))
        _check(path, [(m.filename, m.file_size, _is_regular(m), m.is_dir()) for m in members], max_bytes)
        for member in members:
            archive.extract(member, folder)


def _is_regular(member: zipfile.ZipInfo) -> bool:
    mode = stat.S_IFMT(member.external_attr >> 16)
    return mode in (0, stat.S_IFREG, stat.S_IFDIR)


def _check(path: str, members: list[tuple[str, int, bool, bool]], max_bytes: int) -> None:
    """Check (name, size, whether it is a file or folder, whether it is a folder) of all members."""
    total, seen = 0, set()
    for name, size, is_regular, is_folder in members:
        if not is_regular:
            raise _unsafe(path, "files and folders", f"a link or a device, {name!r}")
        components = [s for s in name.replace("\\", "/").split("/") if s not in ("", ".")]
        if name.startswith(("/", "\\")) or ".." in components or ":" in name or "\0" in name:
            raise _unsafe(path, "members inside the folder", repr(name))
        key = "/".join(components).casefold()
        if not is_folder and (key in seen or not components):
            raise _unsafe(path, "unique names", repr(name))
        seen.add(key)
        total += size
        if total > max_bytes or size < 0:
            raise _unsafe(path, f"at most {max_bytes} bytes extracted", "more")
    _check_parents(path, members)


def _check_parents(path: str, members: list[tuple[str, int, bool, bool]]) -> None:
    files = {_key(name) for name, _, _, is_folder in members if not is_folder}
    for name, _, _, _ in members:
        for parent in _parents(_key(name)):
            if parent in files:
                raise _unsafe(path, "folders as parents of members", f"a file, {parent!r}")


def _key(name: str) -> str:
    return "/".join(s for s in name.split("/") if s not in ("", "."))


def _parents(key: str) -> Iterator[str]:
    components = key.split("/")
    for number in range(1, len(components)):
        yield "/".join(components[:number])


def _unsafe(path: str, expected: str, got: object) -> UnsafeFileError:
    return UnsafeFileError(
        message(
            f"The archive '{path}' is refused",
            expected=expected,
            got=str(got)[:120],
            hint="Extract it by hand if you trust it.",
        )
    )
