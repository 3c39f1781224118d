"""Atomic replacement of files: after any failure the old or the new file exists, complete."""

import builtins
import errno
import os
import stat
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from gazelle.saving import atomic, temporary_files, write_state
from gazelle.saving.atomic import replace_file

OLD, NEW = b"old" * 1000, b"new!" * 1000


class Trouble:
    """Counts the calls that reach the system and lets the one of number `at` fail."""

    def __init__(self, monkeypatch, at, error):
        self.at, self.error, self.count = at, error, 0
        for name in ("fsync", "replace", "open"):
            monkeypatch.setattr(os, name, self.guarded(getattr(os, name)))
        monkeypatch.setattr(atomic, "open", self.opened, raising=False)

    def tick(self):
        self.count += 1
        if self.count == self.at:
            raise self.error

    def guarded(self, function):
        def call(*args, **kwargs):
            self.tick()
            return function(*args, **kwargs)

        return call

    def opened(self, *args, **kwargs):
        self.tick()
        if "x" not in args[1]:
            return builtins.open(*args, **kwargs)
        return Torn(builtins.open(*args, **kwargs), self)


class Torn:
    """A file whose failing write leaves half of its bytes behind."""

    def __init__(self, file, trouble):
        self.file, self.trouble, self.name = file, trouble, file.name

    def write(self, data):
        try:
            self.trouble.tick()
        except BaseException:
            self.file.write(data[: len(data) // 2])
            self.file.flush()
            raise
        return self.file.write(data)

    def flush(self):
        self.trouble.tick()
        self.file.flush()

    def fileno(self):
        return self.file.fileno()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.file.close()


def _write(file):
    for start in range(0, len(NEW), 1000):
        file.write(NEW[start : start + 1000])


@pytest.mark.parametrize("first", [True, False], ids=["first", "overwrite"])
@pytest.mark.parametrize(
    "make_error",
    [lambda: OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt, MemoryError],
    ids=["disk full", "Ctrl-C", "no memory"],
)
def test_every_point_of_failure(tmp_path, monkeypatch, make_error, first):
    path, failed = tmp_path / "file", 0
    for at in range(1, 100):
        if first:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(OLD)
        with monkeypatch.context() as patch:
            trouble = Trouble(patch, at, make_error())
            try:
                replace_file(path, _write)
            except (OSError, KeyboardInterrupt, MemoryError):
                failed += 1
            else:
                break
        content = path.read_bytes() if path.exists() else None
        assert content in ((None, NEW) if first else (OLD, NEW))
        assert os.listdir(tmp_path) in ([], ["file"])
        assert trouble.count >= at
    assert failed >= 9  # open, 4 writes, flush, fsync, replace, open and fsync of the folder
    assert path.read_bytes() == NEW


def test_kill_at_every_point(tmp_path):
    """A child dies (no handler runs) at each call in turn; what it leaves is whole and its stray file is cleared."""
    script = f"""
    import os, sys
    from gazelle.saving import atomic, temporary_files
    path, old, new = {str(tmp_path / "file")!r}, b"old" * 1000, b"new!" * 1000
    for at in range(1, 30):
        open(path, "wb").write(old)
        if (pid := os.fork()) == 0:
            count = 0
            def guard(function):
                def call(*a, **k):
                    global count
                    count += 1
                    if count == at:
                        os._exit(9)
                    return function(*a, **k)
                return call
            for name in ("fsync", "replace", "open", "close"):
                setattr(os, name, guard(getattr(os, name)))
            def write(file):
                for part in range(4):
                    guard(file.write)(new[part * 1000 : part * 1000 + 1000])
                    guard(file.flush)()
            atomic.replace_file(path, write)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert open(path, "rb").read() in (old, new), at
        if status == 0:
            break
    atomic.replace_file(path, lambda f: f.write(new))
    assert os.listdir(os.path.dirname(path)) == ["file"], os.listdir(os.path.dirname(path))
    print(at)
    """
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)], capture_output=True, text=True, cwd=os.getcwd()
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) >= 13


def test_stray_files_of_the_dead_go_and_of_the_living_stay(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    here, parent = temporary_files._machine_id(), os.getppid()
    began = temporary_files._start_time(parent)
    dead, reused = f"file.tmp.{here}-{child.pid}-0-0", f"file.tmp.{here}-{parent}-{began + 7}-0"
    living, other = f"file.tmp.{here}-{parent}-{began}-3", f"files.tmp.{here}-{child.pid}-0-0"
    elsewhere, forgotten = f"file.tmp.0123abcd-{child.pid}-5-0", f"file.tmp.0123abcd-{child.pid}-5-1"
    for name in (dead, reused, living, other, elsewhere, forgotten):
        (tmp_path / name).write_bytes(b"half")
    os.utime(tmp_path / forgotten, (1, 1))
    replace_file(tmp_path / "file", lambda file: file.write(NEW))
    gone = [reused] if began else []  # the number of a process may have gone to another one
    left = {"file", dead, reused, living, other, elsewhere, forgotten} - {dead, forgotten, *gone}
    assert set(os.listdir(tmp_path)) == left


def _state(path):
    write_state(path, {"w": np.zeros(1000, "float32")}, {"epoch": 1})


@pytest.mark.parametrize("save", [lambda path: replace_file(path, _write), _state], ids=["bytes", "state"])
@pytest.mark.parametrize("place", [5, 130, -2])
def test_what_is_read_back_must_be_what_was_written(tmp_path, monkeypatch, save, place):
    path = tmp_path / "file"
    path.write_bytes(OLD)
    real = os.fsync

    def corrupting(handle):
        real(handle)
        if stat.S_ISREG(os.fstat(handle).st_mode):
            os.pwrite(handle, b"?", place % os.fstat(handle).st_size)

    monkeypatch.setattr(os, "fsync", corrupting)
    with pytest.raises(OSError, match=r"the content read back differs from the content written.*\n.*is unchanged"):
        save(path)
    assert path.read_bytes() == OLD


def test_long_files_are_synced_and_forgotten_in_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "BLOCK", 1000)
    synced = []
    monkeypatch.setattr(atomic, "sync", lambda handle: synced.append(os.fstat(handle).st_size))
    replace_file(tmp_path / "file", lambda file: [file.write(NEW[:700]), file.write(NEW[700:])])
    assert synced == [1700, 2700, 3700]
    assert (tmp_path / "file").read_bytes() == NEW


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "real").write_bytes(OLD)
    (tmp_path / "link").symlink_to("real")
    replace_file(tmp_path / "link", lambda file: file.write(NEW))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == NEW


def test_permissions_stay(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(OLD)
    path.chmod(0o640)
    replace_file(path, lambda file: file.write(NEW))
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_missing_folder_is_named_with_the_mend(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected an existing folder, got no folder '.*no'") as caught:
        replace_file(tmp_path / "no" / "file", lambda file: file.write(NEW))
    assert "os.makedirs" in str(caught.value)


def test_a_full_disk_is_told_with_the_free_bytes(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(OLD)
    Trouble(monkeypatch, 2, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(
        OSError,
        match=r"No space left on device after 0 bytes, [\d,]+ bytes are free.*\nThe existing file is unchanged",
    ):
        replace_file(path, _write)
