"""Cache folders: used only if no other user can write to them, otherwise skipped with one message."""

import errno
import os
import stat
import threading
import time
import warnings
from pathlib import Path

import pytest

from gazelle.core import cache_cleanup, ownership, private_folder
from gazelle.core.private_folder import open_folder

OTHER = 65534
as_root = pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="only root can create files of other users"
)
posix = pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
HINT = "Choose another folder."


@pytest.fixture(autouse=True)
def _nothing_reported(monkeypatch):
    monkeypatch.setattr(private_folder, "_reported", set())


def _open(path):
    """The folder, and the lines that were printed."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = open_folder(path, HINT)
    return found, [str(warning.message) for warning in told]


def _refused(path, reason):
    found, lines = _open(path)
    assert found is None
    [line] = lines
    assert line.startswith("The cache folder '")
    assert reason in line
    assert line.endswith(HINT)
    assert "\n" not in line
    assert _open(path) == (None, [])  # stated once


def _mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


@posix
@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o077])
def test_a_new_folder_is_private_with_any_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        folder, lines = _open(tmp_path / "a" / "b")
        folder.write("x", b"content")
    finally:
        os.umask(before)
    assert lines == []
    assert [_mode(tmp_path / "a"), _mode(tmp_path / "a" / "b"), _mode(folder.path / "x")] == [0o700, 0o700, 0o600]
    assert folder.read("x") == b"content"
    assert folder.read("y") is None


@posix
def test_a_folder_that_others_can_only_read_becomes_private(tmp_path):
    (tmp_path / "c").mkdir(mode=0o755)
    folder, lines = _open(tmp_path / "c")
    assert folder is not None
    assert lines == []
    assert _mode(tmp_path / "c") == 0o700


@posix
def test_folders_open_to_others_are_refused(tmp_path):
    for name, mode in (("all", 0o777), ("sticky", 0o1777), ("group", 0o775)):
        (tmp_path / name / "sub").mkdir(parents=True)
        os.chown(tmp_path / name, -1, OTHER) if os.geteuid() == 0 else None
        (tmp_path / name).chmod(mode)
    _refused(tmp_path / "all", "other users can write to '")
    _refused(tmp_path / "sticky", "other users can write to '")
    _refused(tmp_path / "all" / "sub", "other users can write to '")
    assert _open(tmp_path / "sticky" / "sub")[0] is not None  # as in /tmp: only the owner can replace an entry
    if os.geteuid() == 0:
        _refused(tmp_path / "group", "other users can write to '")
        _refused(tmp_path / "group" / "sub", "other users can write to '")


@posix
def test_links(tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    _refused(tmp_path / "link", "is not a folder")
    folder, lines = _open(tmp_path / "link" / "sub")  # a home folder may be a link
    assert lines == []
    assert folder.path == tmp_path / "real" / "sub"


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    _refused(tmp_path / "file", "is not a folder")
    _refused(tmp_path / "file" / "sub", "is no folder")


@as_root
def test_folders_and_links_of_another_user(tmp_path):
    (tmp_path / "c" / "d").mkdir(parents=True)
    os.chown(tmp_path / "c", OTHER, -1)
    _refused(tmp_path / "c", f"belongs to user {OTHER}")
    _refused(tmp_path / "c" / "d", f"'{tmp_path / 'c'}' belongs to user {OTHER}")
    (tmp_path / "mine").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    os.chown(tmp_path / "link", OTHER, -1, follow_symlinks=False)
    _refused(tmp_path / "link" / "sub", f"is a symbolic link of user {OTHER}")


def _of_another_user(path):
    path.write_bytes(b"bad")
    os.chown(path, OTHER, -1)


def _writable_by_all(path):
    path.write_bytes(b"bad")
    path.chmod(0o666)


def _symbolic_link(path):
    (path.parent.parent / "elsewhere").write_bytes(b"bad")
    path.symlink_to(path.parent.parent / "elsewhere")


def _hard_link(path):
    _of_another_user(path.parent.parent / "elsewhere")
    os.link(path.parent.parent / "elsewhere", path)


FILES = {
    "of another user": (_of_another_user, "belongs to user"),
    "writable by all": (_writable_by_all, "other users can write to"),
    "a symbolic link": (_symbolic_link, "is a symbolic link"),
    "a hard link": (_hard_link, "belongs to user"),
    "a FIFO": (os.mkfifo if hasattr(os, "mkfifo") else None, "is not a regular file"),
    "a folder": (Path.mkdir, "is not a regular file"),
}


@as_root
@pytest.mark.parametrize("way", ["read", "check_files"])
@pytest.mark.parametrize("name", FILES)
def test_files_that_another_user_may_have_written(tmp_path, name, way):
    make, reason = FILES[name]
    folder, _ = _open(tmp_path / "c")
    make(folder.path / "x")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        if way != "check_files":
            assert getattr(folder, way)("x") is None
        elif name == "writable by all":
            assert folder.check_files()
            assert not (folder.path / "x").exists()
            return
        elif name == "a folder":
            assert folder.check_files()
            return
        else:
            assert not folder.check_files()
            reason = reason.replace("is a symbolic link", "is not a regular file")
        assert not folder.is_intact()
        assert folder.read("y") is None
    [warning] = told
    assert reason in str(warning.message)


@posix
def test_files_in_subfolders_are_checked(tmp_path):
    folder, _ = _open(tmp_path / "c")
    (folder.path / "sub").mkdir(mode=0o700)
    (folder.path / "sub" / "x").symlink_to("/etc/passwd")
    with pytest.warns(RuntimeWarning, match="is not a regular file"):
        assert not folder.check_files()


def _remove(folder, _):
    folder.path.rmdir()


def _replace(folder, _):
    folder.path.rename(folder.path.with_name("old"))
    folder.path.mkdir(mode=0o700)


def _open_to_all(folder, _):
    folder.path.chmod(0o777)


def _hand_over(folder, _):
    os.chown(folder.path, OTHER, -1)


def _fill(_, monkeypatch):
    monkeypatch.setattr(private_folder, "_MIN_FREE", 2**70)


CHANGES = {
    "removed": (_remove, "no such file or directory"),
    "replaced": (_replace, "it was replaced"),
    "opened to all": (_open_to_all, "other users can write"),
    "of another user": (_hand_over, f"belongs to user {OTHER}"),
    "full": (_fill, "no space left on device"),
}


@as_root
@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("way", ["read", "write", "subfolder"])
def test_a_folder_that_changes_while_it_is_used(tmp_path, monkeypatch, name, way):
    change, reason = CHANGES[name]
    folder, _ = _open(tmp_path / "c")
    change(folder, monkeypatch)
    with pytest.warns(RuntimeWarning, match=reason):
        assert getattr(folder, way)(*{"write": ("x", b"content")}.get(way, ("x",))) is None
    assert folder.read("x") is None  # and no further warning, which would be an error here
    folder.write("x", b"content")
    if folder.path.exists():
        assert os.listdir(folder.path) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_writes_that_fail(tmp_path, monkeypatch, code):
    folder, _ = _open(tmp_path / "c")

    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(private_folder.os, "replace", fail)
    with pytest.warns(RuntimeWarning, match="(?i)" + os.strerror(code)):
        folder.write("x", b"content")
    folder.write("x", b"content")
    assert os.listdir(folder.path) == []


def test_the_line_is_no_error_where_warnings_are(tmp_path, capsys):
    (tmp_path / "file").write_bytes(b"")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_folder(tmp_path / "file", HINT) is None
    assert "is not used" in capsys.readouterr().err


def test_a_sweep_leaves_the_most_recently_used(tmp_path, monkeypatch):
    folder, _ = _open(tmp_path / "c")
    now = time.time()
    for number in range(6):
        folder.write(f"{number}", b"x" * 10)
        os.utime(folder.path / f"{number}", (now - number, now - number))
    folder.write("y.tmp", b"x")
    os.utime(folder.path / "y.tmp", (now - 10**6, now - 10**6))
    cache_cleanup.delete_old_files(folder, 35)
    assert sorted(os.listdir(folder.path)) == [".swept", "0", "1", "2"]
    cache_cleanup.delete_old_files(folder, 0)  # not a second time on this day
    assert len(os.listdir(folder.path)) == 4
    os.utime(folder.path / ".swept", (now - 10**6, now - 10**6))
    monkeypatch.setattr(cache_cleanup, "_MAX_FILES", 1)
    cache_cleanup.delete_old_files(folder, 10**6)
    assert sorted(os.listdir(folder.path)) == [".swept", "0"]


def test_a_sweep_looks_at_a_bounded_number_of_files(tmp_path, monkeypatch):
    folder, _ = _open(tmp_path / "c")
    for number in range(9):
        folder.write(f"{number}", b"x")
    monkeypatch.setattr(cache_cleanup, "_MAX_VISITED", 4)
    cache_cleanup.delete_old_files(folder, 10**6)
    assert len(os.listdir(folder.path)) == 9 + 1 - 2


@posix
def test_files_written_with_a_wide_umask_are_restricted(tmp_path):
    folder, _ = _open(tmp_path / "c")
    for name, mode in (("a", 0o666), ("b", 0o664), ("c", 0o644)):
        (folder.path / name).write_bytes(b"x")
        (folder.path / name).chmod(mode)
    cache_cleanup.restrict_files(folder)
    assert [_mode(folder.path / name) for name in "abc"] == [0o600, 0o600, 0o644]


def test_readers_see_complete_files_only(tmp_path):
    folder, _ = _open(tmp_path / "c")
    contents = [bytes([n]) * 100_000 for n in range(2)]
    folder.write("x", contents[0])
    writer = threading.Thread(target=lambda: [folder.write("x", contents[n % 2]) for n in range(100)])
    writer.start()
    while writer.is_alive():
        assert folder.read("x") in contents
    writer.join()


@pytest.mark.skipif(os.name != "posix", reason="another default on Windows")
def test_the_cache_of_a_user_without_a_home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    monkeypatch.setattr(private_folder.platform, "system", lambda: "Linux")
    assert private_folder.user_cache() == tmp_path / "x"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert private_folder.user_cache() == tmp_path / ".cache"
    monkeypatch.setattr(private_folder.os.path, "expanduser", lambda path: path)  # a container's user without a name
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    folder, lines = _open(private_folder.user_cache() / "gazelle")
    assert lines == []
    assert folder.path == tmp_path / f"cache-{os.geteuid()}" / "gazelle"


def test_a_system_without_owners_and_modes(monkeypatch, tmp_path):
    """Windows: modes mean nothing there, and a folder of the user is private already."""
    for module in (private_folder, ownership):
        monkeypatch.setattr(module, "POSIX", False)
    (tmp_path / "c").mkdir(mode=0o777)
    folder, lines = _open(tmp_path / "c")
    folder.write("x", b"content")
    (folder.path / "x").chmod(0o666)
    assert lines == []
    assert folder.read("x") == b"content"
    assert folder.check_files()
    folder.path.rename(tmp_path / "d")
    with pytest.warns(RuntimeWarning, match="no such file"):
        assert folder.read("x") is None
