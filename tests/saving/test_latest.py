"""The keeper: in time, in the background, whole, and never the end of a training."""

import os
import sys
import threading
import time
import warnings

import numpy as np
import pytest

from gazelle.saving import read_state
from gazelle.saving.latest import Keeper, NothingKeptError, latest

module = sys.modules["gazelle.saving.latest"]  # the room exports the function under the same name


def _state(value):
    return lambda: {"params/w": np.full(3, value, "float32")}


def _meta(epoch):
    return lambda: {"epoch": epoch}


def test_the_path_is_of_program_and_model(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/some/place/train.py"])
    path = Keeper("my/model ..").path
    folder, name = os.path.split(path)
    assert name == "my_model_.state"
    assert folder.startswith(os.path.join(os.environ["GAZELLE_HOME"], "latest", "train-"))
    assert len(os.path.basename(folder)) == len("train-") + 8
    monkeypatch.setattr(sys, "argv", ["/other/place/train.py"])
    assert Keeper("my/model ..").path != path


@pytest.mark.parametrize("argument", ["", "-c", None])
def test_an_interactive_session_is_a_notebook_of_its_folder(monkeypatch, tmp_path, argument):
    monkeypatch.setattr(sys, "argv", [] if argument is None else [argument])
    monkeypatch.chdir(tmp_path)
    assert os.path.basename(os.path.dirname(Keeper("m").path)).startswith("notebook-")


def test_without_a_setting_it_is_the_users_home(monkeypatch, tmp_path):
    monkeypatch.delenv("GAZELLE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Keeper("m").path.startswith(str(tmp_path / ".gazelle" / "latest"))


def test_offers_wait_for_the_interval_and_finish_writes():
    keeper = Keeper("m", every_seconds=60)
    assert not keeper.offer(lambda: pytest.fail("copied too early"), _meta(0))
    keeper.finish(_state(2), _meta(2))
    assert read_state(keeper.path)[1] == {"epoch": 2}


def test_an_offer_writes_in_the_background_from_a_copy_of_the_words():
    keeper = Keeper("m", every_seconds=0)
    past = {"loss": [1.0]}
    assert keeper.offer(_state(1), lambda: {"history": past})
    past["loss"].append(0.5)
    keeper._thread.join()
    tensors, meta = read_state(keeper.path)
    assert meta == {"history": {"loss": [1.0]}}
    np.testing.assert_array_equal(tensors["params/w"], [1, 1, 1])


def test_no_second_write_while_one_runs(monkeypatch):
    gate, written = threading.Event(), []

    def slow(path, tensors, meta):
        written.append(meta["epoch"])
        gate.wait(10)

    monkeypatch.setattr(module, "write_state", slow)
    keeper = Keeper("m", every_seconds=0)
    assert keeper.offer(_state(0), _meta(0))
    assert not keeper.offer(lambda: pytest.fail("copied while a write runs"), _meta(1))
    gate.set()
    keeper.finish(_state(2), _meta(2))
    assert written == [0, 2]


def test_slow_copies_are_taken_rarely():
    keeper = Keeper("m", every_seconds=0)

    def slow():
        time.sleep(0.05)
        return {}

    assert keeper.offer(slow, _meta(0))
    keeper._thread.join()
    assert not keeper.offer(lambda: pytest.fail("again at once"), _meta(1))
    keeper.finish(dict, _meta(2))


def test_a_failed_write_is_told_once_and_training_goes_on(monkeypatch):
    monkeypatch.setattr(
        module, "write_state", lambda *args: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    monkeypatch.setattr(module, "_SHARE", 0)
    keeper = Keeper("m", every_seconds=0)
    keeper.offer(_state(0), _meta(0))
    keeper._thread.join()
    with pytest.warns(RuntimeWarning, match=r"could not be kept in '.*m\.state' \(.*No space left.*\nTraining goes on"):
        keeper.offer(_state(1), _meta(1))
    keeper._thread.join()
    keeper.offer(_state(2), _meta(2))  # a second warning would be an error here
    keeper.finish(_state(3), _meta(3))


def test_a_failed_last_write_is_told(monkeypatch):
    monkeypatch.setattr(
        module, "write_state", lambda *args: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    keeper = Keeper("m")
    with pytest.warns(RuntimeWarning, match="No space left"):
        keeper.finish(_state(3), _meta(3))


def test_a_failed_write_leaves_the_old_state(monkeypatch):
    keeper = Keeper("m", every_seconds=0)
    keeper.finish(_state(1), _meta(1))
    monkeypatch.setattr(os, "replace", lambda *args: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    with pytest.warns(RuntimeWarning, match="Input/output error"):
        keeper.finish(_state(2), _meta(2))
    assert read_state(keeper.path)[1] == {"epoch": 1}


def test_a_folder_that_cannot_be_written_is_found_at_once(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GAZELLE_HOME", str(tmp_path / "file"))
    with pytest.warns(RuntimeWarning, match="Set GAZELLE_HOME to a folder"):
        keeper = Keeper("m", every_seconds=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not keeper.offer(_state(1), _meta(1))
        keeper.finish(_state(1), _meta(1))
    assert os.listdir(tmp_path) == ["file"]


def test_latest_is_the_newest_of_this_program_then_of_any(monkeypatch):
    with pytest.raises(NothingKeptError, match=r"No state is kept in '.*latest'.*\nfit\(\) keeps it"):
        latest()
    for age, (program, name) in enumerate([("/p/a.py", "one"), ("/p/a.py", "two"), ("/p/b.py", "one")]):
        monkeypatch.setattr(sys, "argv", [program])
        keeper = Keeper(name)
        keeper.finish(_state(0), _meta(0))
        os.utime(keeper.path, (1000 + age, 1000 + age))
    monkeypatch.setattr(sys, "argv", ["/p/a.py"])
    assert latest().endswith("two.state")
    assert "/a-" in latest("one")
    monkeypatch.setattr(sys, "argv", ["/p/c.py"])
    assert "/b-" in latest()
    assert "/a-" in latest("two")
    with pytest.raises(FileNotFoundError, match="No state of model 'three'"):
        latest("three")
