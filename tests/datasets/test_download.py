"""get_file: cache, verification by hash, size limit; hostile archives are refused completely."""

import hashlib
import io
import os
import stat
import tarfile
import urllib.error
import zipfile

import pytest

from gazelle.core.errors import ArgumentError, DamagedFileError, UnsafeFileError
from gazelle.datasets import get_file


def _source(tmp_path, name, data):
    (tmp_path / "web").mkdir(exist_ok=True)
    path = tmp_path / "web" / name
    path.write_bytes(data)
    return path.as_uri(), hashlib.sha256(data).hexdigest()


def _cached(tmp_path):
    return sorted(os.listdir(tmp_path / "cache" / "datasets"))


def test_a_file_comes_once(tmp_path):
    origin, digest = _source(tmp_path, "a.txt", b"hello")
    path = get_file(origin=origin, file_hash=digest, cache_dir=tmp_path / "cache")
    assert path == str(tmp_path / "cache" / "datasets" / "a.txt")
    os.remove(tmp_path / "web" / "a.txt")
    again = get_file(origin=origin, file_hash=digest, cache_dir=tmp_path / "cache")
    with open(again, "rb") as file:
        assert file.read() == b"hello"


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_another_hash_is_refused_and_nothing_is_left(tmp_path, algorithm):
    origin, _ = _source(tmp_path, "a.txt", b"hello")
    other = hashlib.new(algorithm, b"other").hexdigest()
    with pytest.raises(DamagedFileError, match=f"is not the expected file: expected the hash {other}"):
        get_file(origin=origin, file_hash=other, cache_dir=tmp_path / "cache")
    assert _cached(tmp_path) == []


def test_a_cached_file_of_another_hash_is_replaced(tmp_path):
    origin, digest = _source(tmp_path, "a.txt", b"new")
    (tmp_path / "cache" / "datasets").mkdir(parents=True)
    (tmp_path / "cache" / "datasets" / "a.txt").write_bytes(b"old")
    with open(get_file(origin=origin, file_hash=digest, cache_dir=tmp_path / "cache"), "rb") as file:
        assert file.read() == b"new"


def test_where_the_address_is_out_of_reach_the_cached_file_is_taken_with_a_warning(tmp_path):
    origin, digest = _source(tmp_path, "a.txt", b"hello")
    os.remove(tmp_path / "web" / "a.txt")
    with pytest.raises(urllib.error.URLError):
        get_file(origin=origin, file_hash=digest, cache_dir=tmp_path / "cache")
    mine = tmp_path / "cache" / "datasets" / "a.txt"
    mine.write_bytes(b"a smaller one, put there by hand")
    with pytest.warns(RuntimeWarning, match="cannot be reached: the unverified .*a.txt' is used: expected the hash"):
        assert get_file(origin=origin, file_hash=digest, cache_dir=tmp_path / "cache") == str(mine)


def test_without_a_hash_there_is_a_warning(tmp_path):
    origin, _ = _source(tmp_path, "a.txt", b"hello")
    with pytest.warns(UserWarning, match=r"without file_hash.*\nPass the SHA-256"):
        get_file(origin=origin, cache_dir=tmp_path / "cache")


def test_too_large(tmp_path):
    origin, digest = _source(tmp_path, "a.txt", b"x" * 2000)
    with pytest.raises(UnsafeFileError, match="at most 1000 bytes"):
        get_file(origin=origin, file_hash=digest, cache_dir=tmp_path / "cache", max_bytes=1000)
    assert _cached(tmp_path) == []


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({"fname": "../x"}, "the name of a file, without folders"),
        ({"fname": "a/b"}, "without folders"),
        ({"file_hash": "12"}, "64 digits of SHA-256"),
        ({"origin": "gopher://a/b"}, "https, http, ftp or file"),
        ({"origin": None}, "origin, the URL"),
        ({"extract": True, "archive_format": "rar"}, "'tar' or 'zip'"),
    ],
)
def test_wrong_arguments(tmp_path, kwargs, text):
    origin, digest = _source(tmp_path, "a.txt", b"hello")
    with pytest.raises(ArgumentError, match=text):
        get_file(**{"origin": origin, "file_hash": digest, "cache_dir": tmp_path / "cache", **kwargs})


def _tar(*members):
    """members: (name, data, changes of the TarInfo)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data, changes in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in changes.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def _zip(*members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def _linked():
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return _zip((link, "/etc/passwd"))


GOOD = ("good.txt", b"good", {})
HOSTILE = {
    "a tar member above": _tar(GOOD, ("../../X", b"x", {})),
    "an absolute tar member": _tar(GOOD, ("/tmp/X", b"x", {})),
    "a symbolic link": _tar(GOOD, ("link", b"", {"type": tarfile.SYMTYPE, "linkname": "/etc"})),
    "a link and a member through it": _tar(
        ("link", b"", {"type": tarfile.SYMTYPE, "linkname": "/tmp"}), ("link/X", b"x", {})
    ),
    "a hard link": _tar(GOOD, ("link", b"", {"type": tarfile.LNKTYPE, "linkname": "../../SECRET"})),
    "a device": _tar(GOOD, ("device", b"", {"type": tarfile.CHRTYPE})),
    "a pipe": _tar(GOOD, ("pipe", b"", {"type": tarfile.FIFOTYPE})),
    "a name twice": _tar(GOOD, GOOD),
    "a file as a folder": _tar(GOOD, ("good.txt/X", b"x", {})),
    "a zip member above": _zip(("good.txt", "good"), ("../../X", "x")),
    "a zip member with a drive": _zip(("C:\\X", "x")),
    "a link in a zip": _linked(),
    "a bomb": _zip(("zeros", b"\0" * 2**22)),
    "a tar bomb": _tar(("zeros", b"\0" * 2**22, {})),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_are_refused_whole(tmp_path, name):
    origin, digest = _source(tmp_path, "a.bin", HOSTILE[name])
    with pytest.raises(UnsafeFileError, match=r"The archive '.*' is refused"):
        get_file("a.bin", origin, file_hash=digest, cache_dir=tmp_path / "cache", extract=True, max_bytes=2**20)
    assert _cached(tmp_path) == ["a.bin"]
    assert sorted(os.listdir(tmp_path)) == ["cache", "web"]


@pytest.mark.parametrize("data", [_tar(GOOD, ("d/e.txt", b"e", {})), _zip(("good.txt", "good"), ("d/e.txt", "e"))])
def test_a_good_archive_is_unpacked(tmp_path, data):
    origin, digest = _source(tmp_path, "a.bin", data)
    folder = get_file("a.bin", origin, file_hash=digest, cache_dir=tmp_path / "cache", extract=True)
    assert folder.endswith("a_extracted")
    with open(os.path.join(folder, "d", "e.txt")) as file:
        assert file.read() == "e"


@pytest.mark.parametrize(
    "data", [_tar(GOOD)[:60], _zip(("good.txt", "good" * 100))[:-30], b"no archive"], ids=["tar", "zip", "neither"]
)  # archives hold the time at which they were made
def test_cut_archives(tmp_path, data):
    origin, digest = _source(tmp_path, "a.bin", data)
    with pytest.raises(DamagedFileError, match="cannot be extracted"):
        get_file("a.bin", origin, file_hash=digest, cache_dir=tmp_path / "cache", extract=True)
    assert _cached(tmp_path) == ["a.bin"]
