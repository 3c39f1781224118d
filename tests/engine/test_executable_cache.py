"""Programs that are kept whole: found by their key, never traced again, and only where that is safe."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gazelle as keras
from gazelle.engine import compilation_cache, executable_cache
from gazelle.training import programs


@pytest.fixture
def folder(tmp_path, monkeypatch):
    tmp_path.chmod(0o700)
    monkeypatch.setattr(compilation_cache, "folder", lambda: tmp_path)
    return tmp_path


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


def test_only_in_a_folder_that_nobody_else_writes(folder):
    assert executable_cache.usable()
    folder.chmod(0o777)
    assert not executable_cache.usable()


def test_the_oldest_make_room(folder, monkeypatch):
    for key in "abc":
        Counted(lambda x: x + 1).kept(key)(np.ones(2, np.float32))
    assert len(_files(folder)) == 3
    monkeypatch.setattr(
        executable_cache, "_MAX_BYTES", sum(file.stat().st_size for file in _files(folder)[:1]) * 2 + 100
    )
    Counted(lambda x: x + 1).kept("d")(np.ones(2, np.float32))
    assert len(_files(folder)) == 2


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
    monkeypatch.setattr(compilation_cache, "folder", lambda: folder)
    train(16)  # a size that is not kept
    programs._shared.clear()
