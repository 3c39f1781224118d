"""The cache of executables: programs are found by their key without tracing, and only if that is safe."""

import os
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gazelle as keras
from gazelle.core import ownership, private_folder
from gazelle.core.private_folder import open_folder
from gazelle.engine import compilation_cache, executable_cache
from gazelle.training import programs


@pytest.fixture
def folder(tmp_path, monkeypatch):
    opened = open_folder(tmp_path / "cache", "")
    monkeypatch.setattr(compilation_cache, "folder", lambda: opened)
    monkeypatch.setattr(private_folder, "_reported", set())
    return opened.path


class Counted:
    """A function that counts how often it is traced."""

    def __init__(self, function):
        self.function, self.traces = function, 0

    def __call__(self, *args):
        self.traces += 1
        return self.function(*args)

    def kept(self, key="a", donate=()):
        return executable_cache.CachedProgram(self, donate, key)


def _files(folder):
    return sorted((folder / "programs").glob("*"))


def _double(tree, x):
    return {"sum": tree["a"] + x}, x * 2


def test_a_later_process_traces_nothing(folder):
    function, args = Counted(_double), ({"a": np.ones(3, np.float32)}, np.arange(3, dtype=np.float32))
    first = function.kept()(*args)
    again = function.kept()(*args)  # as a new process would
    assert function.traces == 1
    assert jax.tree.structure(first) == jax.tree.structure(again)
    np.testing.assert_array_equal(again[0]["sum"], [1, 2, 3])


@pytest.mark.parametrize("change", ["key", "shape", "dtype", "setting", "source"])
def test_whatever_a_program_is_made_of_is_in_its_key(folder, monkeypatch, change):
    function, x = Counted(lambda x: x + x), np.ones(2, np.float32)
    function.kept()(x)
    if change == "setting":
        with jax.default_matmul_precision("float32"):
            function.kept()(x)
    else:
        if change == "source":
            monkeypatch.setattr(executable_cache, "_sources", lambda: "newer")
        x = {"shape": np.ones(3, np.float32), "dtype": np.ones(2, np.int32)}.get(change, x)
        function.kept("b" if change == "key" else "a")(x)
    assert function.traces == 2


def test_a_file_that_is_not_whole_is_made_anew(folder):
    function, x = Counted(lambda x: x + 1), np.ones(2, np.float32)
    function.kept()(x)
    [file] = _files(folder)
    whole = file.read_bytes()
    for broken in (whole[:-1], b"", whole[:99] + b"?" + whole[100:]):
        file.write_bytes(broken)
        np.testing.assert_array_equal(function.kept()(x), [2, 2])
    assert function.traces == 4
    assert file.stat().st_size == len(whole)


def test_donated_arrays_are_consumed(folder):
    function = Counted(lambda x: x + 1)
    for _ in range(2):
        x = jnp.ones(1000)
        function.kept(donate=(0,))(x)
        assert x.is_deleted()
    assert function.traces == 1


def test_what_calls_back_into_this_process_is_not_kept(folder):
    function = Counted(lambda x: jax.pure_callback(lambda v: v, x, x))
    np.testing.assert_array_equal(function.kept()(np.ones(2, np.float32)), [1, 1])
    assert not _files(folder)


@pytest.mark.parametrize("mode", [0o777, 0o720])
def test_only_in_a_folder_that_nobody_else_writes(folder, monkeypatch, mode):
    assert executable_cache.usable()
    monkeypatch.setattr(ownership, "_is_private_group", lambda uid, gid: False)
    (folder / "programs").chmod(mode)
    with pytest.warns(RuntimeWarning, match="other users can write"):
        assert not executable_cache.usable()


def test_a_folder_that_is_removed_while_programs_run(folder):
    function, x = Counted(lambda x: x + 1), np.ones(2, np.float32)
    program = function.kept()
    program(x)
    shutil.rmtree(folder)
    with pytest.warns(RuntimeWarning, match="is not used: no such file"):
        np.testing.assert_array_equal(program(np.ones(3, np.float32)), [2, 2, 2])
    np.testing.assert_array_equal(function.kept("b")(x), [2, 2])
    executable_cache.save_metadata("c", 1)
    assert executable_cache.load_metadata("c") is None
    assert not folder.exists()


def test_a_write_does_not_look_at_the_other_files(folder, monkeypatch):
    executable_cache._sources()  # once in a process it looks at the files of gazelle
    monkeypatch.setattr(os, "scandir", lambda *args: pytest.fail("files were listed"))
    for key in "abc":
        Counted(lambda x: x + 1).kept(key)(np.ones(2, np.float32))
    assert len(_files(folder)) == 3


def test_a_training_from_kept_programs_is_the_same(folder, monkeypatch):
    x, y = np.random.default_rng(0).normal(size=(64, 4)).astype("float32"), np.arange(64) % 2

    def train(size=32):
        programs._shared.clear()  # as in a new process
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2), keras.layers.Dropout(0.3)])
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        return model.fit(x, y, batch_size=size, epochs=2, verbose=0, keep=False, validation_split=0.25).history

    first = train()
    assert len(_files(folder)) >= 2  # the step, and the measuring
    monkeypatch.setattr(executable_cache.CachedProgram, "_compile", lambda *args: pytest.fail("something was compiled"))
    for name in ("train", "test", "trace"):
        monkeypatch.setattr(programs.LossStep, name, lambda *args: pytest.fail("something was traced"))
    assert train() == first
    monkeypatch.undo()
    opened = open_folder(folder, "")
    monkeypatch.setattr(compilation_cache, "folder", lambda: opened)
    train(16)  # a size that is not kept
    programs._shared.clear()
