"""JAX's cache in a folder of ours: nothing of another user is executed, and no process waits for another."""

import fcntl
import hashlib
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache as of_jax

from gazelle.core import ownership, private_folder
from gazelle.engine import compilation_cache, executable_cache

OTHER = 65534
SETTINGS = (
    "jax_compilation_cache_dir",
    "jax_compilation_cache_max_size",
    "jax_persistent_cache_min_compile_time_secs",
)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can create files of other users")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The cache as in a new process; its folder."""
    before = {name: getattr(jax.config, name) for name in SETTINGS}
    monkeypatch.setattr(private_folder, "_reported", set())
    monkeypatch.setattr(compilation_cache, "_MIN_SECONDS", 0)
    monkeypatch.setenv("GAZELLE_COMPILE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    jax.config.update("jax_compilation_cache_dir", None)
    _forget()
    yield tmp_path / "cache" / compilation_cache._machine()
    for name, value in before.items():
        jax.config.update(name, value)
    _forget()


def _forget():
    of_jax.reset_cache()
    compilation_cache._folder.cache_clear()
    compilation_cache._state.update(on=False, written=False)


def _compile(offset, enable=True):
    """Compile a new program and check its result; returns the warnings."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        if enable:
            compilation_cache.enable_compilation_cache()
        result = jax.jit(lambda x: x * 2 + offset)(np.ones(3, np.float32))
    np.testing.assert_allclose(result, 2 + offset)
    return [str(warning.message) for warning in told]


def _entries(folder):
    return sorted(folder.glob("*-cache"))


def test_programs_are_found_by_a_later_process(cache):
    _compile(0.5)
    assert _entries(cache)
    assert cache.stat().st_mode & 0o777 == 0o700
    written = {entry: entry.read_bytes() for entry in _entries(cache)}
    _forget()
    jax.clear_caches()
    hits = []
    jax.monitoring.register_event_listener(lambda event, **_: hits.append(event) if "cache_hits" in event else None)
    _compile(0.5)
    assert hits
    assert {entry: entry.read_bytes() for entry in _entries(cache)} == written


HOLDER = """
import fcntl, os, signal, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("locked", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_a_suspended_process_with_the_lock_makes_nobody_wait(cache):
    _compile(1.5)
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(cache / ".lockfile")], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"locked\n"
        with open(cache / ".lockfile") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        begun = time.monotonic()
        assert _compile(2.5) == []
        assert time.monotonic() - begun < 5  # JAX waits 10 s
    finally:
        process.kill()
        process.communicate()
    assert len(_entries(cache)) >= 2


def test_a_write_looks_at_no_other_entry(cache, monkeypatch):
    _compile(3.5)
    for number in range(50):
        (cache / f"{number}-cache").write_bytes(b"x")
    monkeypatch.setattr(os, "scandir", lambda *args: pytest.fail("entries were listed"))
    monkeypatch.setattr(Path, "glob", lambda *args: pytest.fail("entries were listed"))
    begun = len(os.listdir(cache))
    _compile(4.5)
    assert len(os.listdir(cache)) > begun


@pytest.mark.parametrize("change", ["removed", "opened", "full"])
def test_a_folder_that_changes_in_a_living_session(cache, monkeypatch, change):
    _compile(5.5)
    if change == "removed":
        shutil.rmtree(cache)
    elif change == "opened":
        cache.chmod(0o777)
    else:
        monkeypatch.setattr(private_folder, "_MIN_FREE", 2**70)
    entries = _entries(cache)
    [line] = _compile(6.5, enable=False)  # in the user's own program
    assert line.startswith(f"The cache folder '{cache}' is not used: ")
    assert jax.config.jax_compilation_cache_dir is None
    assert _compile(7.5) == []
    assert _entries(cache) == entries


@pytest.mark.parametrize("content", [b"", b"\0" * 100])
def test_entries_that_are_cut(cache, content):
    _compile(8.5)
    for entry in _entries(cache):
        entry.write_bytes(content)
    _forget()
    jax.clear_caches()
    jax.config.update("jax_compilation_cache_dir", None)
    compilation_cache.enable_compilation_cache()
    assert len(_entries(cache)) == (0 if not content else len(_entries(cache)))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Error (reading|writing) persistent compilation cache entry")
        np.testing.assert_allclose(jax.jit(lambda x: x * 2 + 8.5)(np.ones(3, np.float32)), 10.5)


@pytest.mark.parametrize("ends", [True, False], ids=["ends", "is killed"])
def test_a_wide_umask_does_not_switch_the_cache_off(cache, monkeypatch, ends):
    """JAX's files are private when the process ends; those of a process that was killed are compiled again."""
    monkeypatch.setattr(ownership, "_is_private_group", lambda uid, gid: False)
    before = os.umask(0o002)
    try:
        _compile(12.5)
    finally:
        os.umask(before)
    [entry] = _entries(cache)
    assert entry.stat().st_mode & 0o777 == 0o664
    if ends:
        compilation_cache._close()
        assert entry.stat().st_mode & 0o777 == 0o600
    _forget()
    jax.config.update("jax_compilation_cache_dir", None)
    assert _compile(13.5) == []
    assert entry.exists() == ends


class Payload:
    """A pickle that runs code."""

    def __reduce__(self):
        return exec, ("import os; os.environ['GAZELLE_PAYLOAD'] = 'ran'",)


def _plant(path):
    """What another user has put in the place of a cached program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = pickle.dumps(Payload())
    path.write_bytes(hashlib.sha256(content).digest() + content)
    os.chown(path, OTHER, OTHER)


def _foreign_folder(cache, _):
    os.chown(cache / "programs", OTHER, -1)
    os.chown(cache, OTHER, -1)


def _opened_to_all(cache, _):
    cache.chmod(0o777)


def _opened_to_a_group(cache, _):
    os.chown(cache, -1, OTHER)
    cache.chmod(0o770)


def _foreign_parent(cache, _):
    os.chown(cache.parent, OTHER, -1)


def _open_parent(cache, _):
    cache.parent.chmod(0o777)


def _foreign_link_above(cache, _):
    real = cache.parent.rename(cache.parent.with_name("real"))
    cache.parent.symlink_to(real)
    os.chown(cache.parent, OTHER, -1, follow_symlinks=False)


def _link_to_a_folder(cache, _):
    cache.symlink_to(cache.rename(cache.with_name("real")))


def _once_open(cache, _):
    """Nothing is left of it but the planted file."""


def _once_open_to_writers(cache, name):
    os.chown(cache / "programs" / name, 0, 0)
    (cache / "programs" / name).chmod(0o666)


def _link_to_a_file(cache, name):
    path = cache / "programs" / name
    path.symlink_to(path.rename(cache.parent.parent / "elsewhere"))


def _hard_link_to_a_file(cache, name):
    path = cache / "programs" / name
    os.link(path.rename(cache.parent.parent / "elsewhere"), path)


def _foreign_programs(cache, _):
    os.chown(cache / "programs", OTHER, -1)


def _open_programs(cache, _):
    (cache / "programs").chmod(0o777)


ATTACKS = [
    _foreign_folder,
    _opened_to_all,
    _opened_to_a_group,
    _foreign_parent,
    _open_parent,
    _foreign_link_above,
    _link_to_a_folder,
    _once_open,
    _once_open_to_writers,
    _link_to_a_file,
    _hard_link_to_a_file,
    _foreign_programs,
    _open_programs,
]


@as_root
@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("living", [False, True], ids=["before", "while it runs"])
def test_code_of_another_user_is_not_run(cache, monkeypatch, attack, living):
    monkeypatch.setenv("GAZELLE_PAYLOAD", "")
    monkeypatch.setattr(executable_cache, "_environment", list)
    executable_cache.save_metadata("mine", 1)  # creates the folders
    name = executable_cache._name("key")
    _plant(cache / "programs" / name)
    attack(cache, name)
    if not living:
        _forget()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        executable_cache.load_metadata("key")
        executable_cache._load(name)
        np.testing.assert_array_equal(_compiled_like_xla(), [2, 2])
    assert os.environ["GAZELLE_PAYLOAD"] == ""
    if living and attack in (_foreign_parent, _open_parent, _foreign_link_above):
        return  # the folder itself is still the one that was checked
    assert len(told) in (1, 2)  # the folder, or the programs in it and JAX's
    assert all("is not used" in str(warning.message) for warning in told)


def _compiled_like_xla():
    program = executable_cache.CachedProgram(lambda x: x + 1, (), "key")
    compilation_cache.enable_compilation_cache()
    return (program if executable_cache.usable() else jax.jit(program.function))(np.ones(2, np.float32))


@as_root
def test_the_payload_would_run(cache, monkeypatch):
    """Without the check of the owner the planted code is executed: the attacks above are real."""
    monkeypatch.setenv("GAZELLE_PAYLOAD", "")
    for name in ("check_owner", "check_own"):
        monkeypatch.setattr(private_folder, name, lambda *args: None)
    name = executable_cache._name("key")
    _plant(cache / "programs" / name)
    executable_cache._load(name)
    assert os.environ["GAZELLE_PAYLOAD"] == "ran"


@as_root
@pytest.mark.parametrize("attack", ["entry", "link", "folder"])
def test_entries_of_another_user_switch_jax_cache_off(cache, attack):
    _compile(9.5)
    _forget()
    jax.config.update("jax_compilation_cache_dir", None)
    if attack == "entry":
        os.chown(_entries(cache)[0], OTHER, -1)
    elif attack == "link":
        (cache / "x-cache").symlink_to("/etc/passwd")
    else:
        os.chown(cache, OTHER, -1)
    with pytest.warns(RuntimeWarning, match="is not used"):
        compilation_cache.enable_compilation_cache()
    assert jax.config.jax_compilation_cache_dir is None
    assert _compile(10.5) == []


AS_OTHER = """
import os, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
import numpy as np, gazelle
model = gazelle.Sequential([gazelle.Input((3,)), gazelle.layers.Dense(2)])
model.compile("sgd", "mse")
model.fit(np.ones((8, 3)), np.ones((8, 2)), verbose=0, keep=False)
"""


@as_root
def test_two_users_on_one_folder(cache, monkeypatch):
    """The second user is told once, and trains without the first one's cache."""
    with tempfile.TemporaryDirectory() as shared:  # unlike tmp_path, below folders that every user can enter
        os.chmod(shared, 0o1777)
        monkeypatch.setenv("GAZELLE_COMPILE_CACHE", shared)
        _forget()
        _compile(11.5)
        environment = {"PATH": os.environ["PATH"], "GAZELLE_COMPILE_CACHE": shared, "JAX_PLATFORMS": "cpu"}
        environment |= {"PYTHONPATH": str(Path(compilation_cache.__file__).parents[2]), "HOME": "/nowhere"}
        command = [sys.executable, "-B", "-c", AS_OTHER]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("is not used") == 1
    assert "belongs to user 0" in done.stderr
