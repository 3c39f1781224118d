"""Files from addresses: compared with their hash, limited in size, archives unpacked whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import warnings
from typing import Any

from gazelle.core.errors import ArgumentError, DamagedFileError, UnsafeFileError, message
from gazelle.datasets.archives import unpack

LARGEST = 2**35  # bytes of a download
_ALGORITHMS = {32: "md5", 64: "sha256"}  # by the number of digits


def get_file(
    fname: Any = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: Any = None,
    force_download: bool = False,
    *,
    max_bytes: int = LARGEST,
) -> str:
    """The path of the file at an address, downloaded if the cache does not have it.

    Args:
        fname: its name in the cache; by default that in the address. No path.
        origin: the address: https, http, ftp or file.
        file_hash: its SHA-256 (or MD5) in hexadecimal digits. A cached file with another one is downloaded again;
            without one, nobody can tell what has come: a warning.
        cache_subdir, cache_dir: where the cache is; that of Keras by default, `KERAS_HOME` or `~/.keras`.
        extract, untar: unpack the archive too; the path is then that of its folder.
        archive_format: "auto", "tar", "zip", or a list of these.
        max_bytes: stop at more than so many, packed or unpacked.

    Raises:
        DamagedFileError: the hash is another one, or the archive is cut. UnsafeFileError: too large, or an archive with
            members that lead elsewhere; nothing of it is kept.

    >>> import pathlib, hashlib
    >>> _ = pathlib.Path("words.txt").write_text("hello")
    >>> digest = hashlib.sha256(b"hello").hexdigest()
    >>> path = get_file(origin=pathlib.Path("words.txt").absolute().as_uri(), file_hash=digest, cache_dir="cache")
    >>> open(path).read()
    'hello'
    """
    if not origin:
        raise ArgumentError(message("get_file", expected="origin, the address of the file", got=repr(origin)))
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    folder = os.path.join(_cache(cache_dir), cache_subdir)
    name = _name(fname, origin)
    unpacked = None
    if extract or untar:
        unpacked = os.path.join(folder, f"{name.split('.')[0]}_extracted" if fname and "." in name else name)
        name = name if fname and "." in name else f"{name}_archive"
    target = os.path.join(folder, name)
    os.makedirs(folder, exist_ok=True)
    fresh = force_download or not os.path.exists(target)
    if not fresh and file_hash is not None and not _fits(target, file_hash, hash_algorithm):
        fresh = True
    if file_hash is None:
        warnings.warn(
            message(
                f"get_file({origin!r}) without file_hash: whatever the address gives is taken",
                hint="Give file_hash= the SHA-256 that the publisher tells.",
            ),
            UserWarning,
            stacklevel=2,
        )
    if fresh:
        try:
            _download(origin, target, file_hash, hash_algorithm, max_bytes)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            there = unpacked or target
            if force_download or not os.path.exists(there):
                raise
            warnings.warn(
                message(
                    f"{origin!r} cannot be reached: {there!r} is taken as it is",
                    expected=f"the hash {file_hash}",
                    got="a file with another hash" if os.path.exists(target) else "no archive to compare",
                ),
                RuntimeWarning,
                stacklevel=2,
            )
            return there
    if unpacked is None:
        return target
    if fresh or not os.path.isdir(unpacked):
        unpack(target, unpacked, archive_format, max_bytes)
    return unpacked


def _cache(given: Any) -> str:
    return os.path.expanduser(given or os.environ.get("KERAS_HOME") or os.path.join("~", ".keras"))


def _name(fname: Any, origin: str) -> str:
    """The name in the cache: one component of a path."""
    name = os.fspath(fname) if fname else os.path.basename(urllib.parse.unquote(urllib.parse.urlsplit(origin).path))
    if not name or name in (".", "..") or any(c in name for c in "/\\\0"):
        raise ArgumentError(
            message(
                "get_file's fname",
                expected="the name of a file, without folders",
                got=repr(name),
                hint="cache_dir= and cache_subdir= say where it goes.",
            )
        )
    return name


def _download(origin: str, target: str, digest: str | None, algorithm: str, most: int) -> None:
    scheme = urllib.parse.urlsplit(origin).scheme
    if scheme not in ("https", "http", "ftp", "file"):
        raise ArgumentError(message(f"get_file({origin!r})", expected="https, http, ftp or file", got=scheme or "none"))
    handle, temporary = tempfile.mkstemp(
        prefix=f"{os.path.basename(target)}.", suffix=".part", dir=os.path.dirname(target)
    )
    try:
        with os.fdopen(handle, "wb") as file, urllib.request.urlopen(origin, timeout=60) as source:
            size = 0
            while part := source.read(2**20):
                size += len(part)
                if size > most:
                    raise UnsafeFileError(
                        message(f"{origin!r} is refused", expected=f"at most {most} bytes", got="more")
                    )
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        if digest is not None and not _fits(temporary, digest, algorithm):
            raise DamagedFileError(
                message(
                    f"{origin!r} gave another file",
                    expected=f"the hash {digest}",
                    got=_sum(temporary, _algorithm(digest, algorithm)),
                    hint="Download it again, or ask the publisher for the hash of this version.",
                )
            )
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(temporary)
        raise


def _algorithm(digest: str, given: str) -> str:
    name = _ALGORITHMS.get(len(digest), "") if given == "auto" else given
    if name not in ("md5", "sha256"):
        raise ArgumentError(message("file_hash", expected="64 digits of SHA-256 or 32 of MD5", got=repr(digest)[:80]))
    return name


def _fits(path: str, digest: str, algorithm: str) -> bool:
    return hmac.compare_digest(_sum(path, _algorithm(digest, algorithm)), digest.lower())


def _sum(path: str, algorithm: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
