"""The files of checkpoints that all processes write, here by one process."""

import logging
import os

import jax
import numpy as np
import pytest

from gazelle.engine import orbax, processes
from gazelle.saving import sharded
from gazelle.saving.autosave import Autosave

STATE = {"params/w": jax.numpy.arange(6.0).reshape(2, 3), "key": np.zeros(2, np.uint32)}


def _save(folder, *epochs):
    autosave = sharded.ShardedAutosave.open(Autosave("model", folder=folder))
    for epoch in epochs:
        arrays = {name: array + epoch for name, array in STATE.items()} | {"callbacks/best": np.array([epoch])}
        assert autosave.offer(lambda arrays=arrays, epoch=epoch: (arrays, {"epoch": epoch}))
        assert autosave.written
        assert autosave.saved
        assert not autosave.due()
    autosave.close()


def _newest(folder):
    with Autosave("model", folder=folder) as autosave:
        tensors, metadata, path = autosave.newest()
        assert autosave.metadata() == metadata
    return tensors, metadata, path.removesuffix(".state")


def test_the_last_two_are_kept_and_the_one_before_replaces_a_damaged_one(tmp_path):
    _save(tmp_path, 1, 2, 3)
    tensors, metadata, path = _newest(tmp_path)
    assert (metadata, tensors) == ({"epoch": 3}, {"callbacks/best": np.array([3])})
    assert len([name for name in os.listdir(os.path.dirname(path)) if name.isdigit()]) == 2
    like = {"params/w": jax.numpy.zeros((2, 3))}
    read = sharded.load(path, like)
    assert read["params/w"].sharding == like["params/w"].sharding
    np.testing.assert_array_equal(read["params/w"], STATE["params/w"] + 3)
    np.testing.assert_array_equal(read["key"], STATE["key"] + 3)
    for folder, _, names in os.walk(path):
        for name in names if os.path.basename(folder) == "d" else ():
            os.truncate(os.path.join(folder, name), 1)
    with pytest.warns(RuntimeWarning, match=f"The checkpoint '{path}' is damaged"):
        assert sharded.load(path, like) is None
    assert _newest(tmp_path)[1] == {"epoch": 2}
    np.testing.assert_array_equal(sharded.load(_newest(tmp_path)[2], like)["params/w"], STATE["params/w"] + 2)


def test_a_checkpoint_that_was_never_completed_is_ignored_and_removed(tmp_path):
    _save(tmp_path, 1)
    path = _newest(tmp_path)[2]
    later = os.path.join(os.path.dirname(path), "9999999999999999999")
    os.rename(f"{path}.state", f"{later}.state")  # its arrays are missing, those of `path` have no metadata
    os.mkdir(f"{later}.orbax-checkpoint-tmp")
    _save(tmp_path, 2)
    assert _newest(tmp_path)[1] == {"epoch": 2}
    assert not os.path.exists(f"{later}.state")


def test_without_orbax_the_error_states_the_fix(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "orbax.checkpoint", None)
    with pytest.raises(ImportError, match=r'needs orbax\.\nInstall it: pip install "gazelle\[orbax\]"'):
        _save(tmp_path, 1)


@pytest.mark.parametrize(
    ("text", "cause", "lost", "shown"),
    [
        ("No space left on device", None, [], True),
        ("Timed out", "UNAVAILABLE: Task 1 heartbeat timeout", [], False),
        ("cannot schedule new futures after interpreter shutdown", None, [75], False),
    ],
)
def test_orbax_does_not_report_a_lost_connection_again(monkeypatch, text, cause, lost, shown):
    error = RuntimeError(text)
    error.__cause__ = cause and RuntimeError(cause)
    record = logging.LogRecord("absl", logging.ERROR, "", 0, text, (), (RuntimeError, error, None))
    assert orbax._is_news(record)  # of a single process
    monkeypatch.setattr(processes, "count", lambda: 2)
    monkeypatch.setattr(processes, "_lost", lost)
    assert orbax._is_news(record) == shown
