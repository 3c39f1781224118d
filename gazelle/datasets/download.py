"""Downloads: verified by a hash, limited in size, archives extracted completely or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import os
import pathlib
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence

from gazelle.core.errors import ArgumentError, DamagedFileError, DataError, UnsafeFileError, message
from gazelle.core.traceback import warn
from gazelle.core.types import PathLike
from gazelle.datasets.archives import unpack

MAX_BYTES = 2**35  # bytes of a download
MIRROR = "GAZELLE_DATA_MIRROR"
_TIMEOUT = 60  # seconds without data
_ALGORITHMS = {32: "md5", 64: "sha256"}  # by the number of digits


class DownloadError(DataError, urllib.error.URLError):
    """A file cannot be downloaded."""


def get_file(
    fname: PathLike | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | Sequence[str] | None = "auto",
    cache_dir: PathLike | None = None,
    force_download: bool = False,
    *,
    max_bytes: int = MAX_BYTES,
) -> str:
    """Download a file if the cache does not contain it.

    If the environment variable `GAZELLE_DATA_MIRROR` is set to a URL or a folder, that is tried first; it contains
    `https://host/path` as `host/path`.

    Args:
        fname: the name in the cache, without folders; by default that in the URL.
        origin: the URL: https, http, ftp or file.
        untar: the same as `extract`.
        md5_hash: the MD5 of the file; use `file_hash` instead.
        file_hash: the SHA-256 (or MD5) of the file in hexadecimal digits. A cached file with another hash is downloaded
            again. Without it the content cannot be verified, and a warning is issued.
        cache_subdir: a folder in the cache.
        hash_algorithm: 'sha256', 'md5', or 'auto', which depends on the length of the hash.
        extract: extract the archive too.
        archive_format: 'auto', 'tar', 'zip', or a list of these.
        cache_dir: the cache; by default that of Keras, `KERAS_HOME` or `~/.keras`.
        force_download: download also if the cache contains the file.
        max_bytes: maximum size of the file, and of the extracted archive.

    Returns:
        The path of the file, or of the folder with the extracted members.

    Raises:
        DownloadError: the file cannot be downloaded; the message has the path to save it at.
        DamagedFileError: the hash is another one, or the archive is truncated.
        UnsafeFileError: the file is too large, or a member of the archive is outside of its folder; nothing is kept.
        ArgumentError: `origin` is missing, or an argument is invalid.

    >>> import pathlib, hashlib
    >>> _ = pathlib.Path("words.txt").write_text("hello")
    >>> digest = hashlib.sha256(b"hello").hexdigest()
    >>> path = get_file(origin=pathlib.Path("words.txt").absolute().as_uri(), file_hash=digest, cache_dir="cache")
    >>> open(path).read()
    'hello'
    """
    if not origin:
        raise ArgumentError(message("get_file", expected="origin, the URL of the file", got=repr(origin)))
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
    if not fresh and file_hash is not None and not _has_hash(target, file_hash, hash_algorithm):
        fresh = True
    if file_hash is None:
        text = f"get_file({origin!r}) without file_hash: the content is not verified"
        warn(message(text, hint="Pass the SHA-256 of the publisher as file_hash."))
    if fresh:
        try:
            _download(origin, target, file_hash, hash_algorithm, max_bytes)
        except DownloadError:
            cached = unpacked or target
            if force_download or not os.path.exists(cached):
                raise
            text = message(
                f"{origin!r} cannot be reached: the unverified {cached!r} is used",
                expected=f"the hash {file_hash}",
                got="a file with another hash" if os.path.exists(target) else "no archive to verify",
            )
            warn(text, RuntimeWarning)
            return cached
    if unpacked is None:
        return target
    if fresh or not os.path.isdir(unpacked):
        unpack(target, unpacked, archive_format, max_bytes)
    return unpacked


def _cache(given: PathLike | None) -> str:
    folder = given or os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    return os.path.expanduser(os.fspath(folder))


def _name(fname: PathLike | None, origin: str) -> str:
    """The name in the cache: one component of a path."""
    name = os.fspath(fname) if fname else os.path.basename(urllib.parse.unquote(urllib.parse.urlsplit(origin).path))
    if not name or name in (".", "..") or any(c in name for c in "/\\\0"):
        raise ArgumentError(
            message(
                "get_file's fname",
                expected="the name of a file, without folders",
                got=repr(name),
                hint="Use cache_dir and cache_subdir for folders.",
            )
        )
    return name


def _download(origin: str, target: str, digest: str | None, algorithm: str, max_bytes: int) -> None:
    scheme = urllib.parse.urlsplit(origin).scheme
    if scheme not in ("https", "http", "ftp", "file"):
        raise ArgumentError(message(f"get_file({origin!r})", expected="https, http, ftp or file", got=scheme or "none"))
    failed = []
    for address in _addresses(origin):
        try:
            _download_from(address, target, digest, algorithm, max_bytes)
            return
        except (OSError, http.client.HTTPException) as error:
            if not getattr(error, "is_remote", False):  # a full disk, or a file with another hash
                raise
            reason = error if isinstance(error, urllib.error.HTTPError) else getattr(error, "reason", error)
            failed.append(f"{reason}" if address == origin else f"{reason} from {address}")
    mirror = "" if scheme == "file" or os.environ.get(MIRROR) else f", or set {MIRROR} to a mirror"
    hint = f"Download it elsewhere and save it as {target}{mirror}."
    raise DownloadError(
        message(f"{os.path.basename(target)} cannot be downloaded from {origin}", got="; ".join(failed), hint=hint)
    ) from None


def _addresses(origin: str) -> list[str]:
    """The URL, after that in the mirror."""
    mirror, parts = os.environ.get(MIRROR), urllib.parse.urlsplit(origin)
    if not mirror or parts.scheme == "file":
        return [origin]
    if "://" not in mirror:
        mirror = pathlib.Path(mirror).expanduser().absolute().as_uri()
    return [f"{mirror.rstrip('/')}/{parts.netloc}{parts.path}", origin]


def _parts(address: str) -> Iterator[bytes]:
    """The content of a file; errors of the network, not those of its reader, have the attribute `is_remote`."""
    try:
        with urllib.request.urlopen(address, timeout=_TIMEOUT) as source:
            while part := source.read(2**20):
                yield part
            if getattr(source, "length", None):
                raise ConnectionError(f"the connection ended {source.length} bytes early")
    except (OSError, http.client.HTTPException) as error:
        error.is_remote = True  # type: ignore[union-attr]
        raise


def _download_from(address: str, target: str, digest: str | None, algorithm: str, max_bytes: int) -> None:
    handle, temporary = tempfile.mkstemp(
        prefix=f"{os.path.basename(target)}.", suffix=".part", dir=os.path.dirname(target)
    )
    try:
        with os.fdopen(handle, "wb") as file:
            size = 0
            for part in _parts(address):
                size += len(part)
                if size > max_bytes:
                    raise UnsafeFileError(
                        message(f"{address!r} is refused", expected=f"at most {max_bytes} bytes", got="more")
                    )
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        if digest is not None and not _has_hash(temporary, digest, algorithm):
            raise DamagedFileError(
                message(
                    f"The file from {address!r} is not the expected file",
                    expected=f"the hash {digest}",
                    got=_hash(temporary, _algorithm(digest, algorithm)),
                    hint="Download it again, or look up the hash of this version.",
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


def _has_hash(path: str, digest: str, algorithm: str) -> bool:
    return hmac.compare_digest(_hash(path, _algorithm(digest, algorithm)), digest.lower())


def _hash(path: str, algorithm: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
