"""Autosave: checkpoints are written in time and in the background, are intact, and errors never end a training."""

import errno
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
import warnings

import filelock
import numpy as np
import pytest

from gazelle.saving import read_state
from gazelle.saving import rotation as module
from gazelle.saving.autosave import Autosave
from gazelle.saving.checkpoint_paths import NoCheckpointError, latest, newest
from gazelle.saving.file_lock import CheckpointLock


def _state(value):
    return lambda: ({"params/w": np.full(3, value, "float32")}, {"epoch": value})


def test_the_path_is_of_program_and_model(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/some/place/train.py"])
    path = Autosave("my/model ..").path
    folder, name = os.path.split(path)
    assert name == "my_model_.a.state"
    assert folder.startswith(os.path.join(os.environ["GAZELLE_HOME"], "latest", "train-"))
    assert len(os.path.basename(folder)) == len("train-") + 8
    monkeypatch.setattr(sys, "argv", ["/other/place/train.py"])
    assert Autosave("my/model ..").path != path


def test_without_a_setting_it_is_the_users_home(monkeypatch, tmp_path):
    monkeypatch.delenv("GAZELLE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Autosave("m").path.startswith(str(tmp_path / ".gazelle" / "latest"))


def test_offers_wait_for_the_interval_and_finish_writes():
    autosave = Autosave("m", every_seconds=60)
    assert not autosave.offer(lambda: pytest.fail("copied too early"))
    autosave.finish(_state(2))
    assert read_state(autosave.path)[1] == {"epoch": 2}


def test_an_offer_writes_in_the_background_from_a_copy_of_the_words():
    autosave = Autosave("m", every_seconds=0)
    past = {"loss": [1.0]}
    assert autosave.offer(lambda: (_state(1)()[0], {"history": past}))
    past["loss"].append(0.5)
    autosave._thread.join()
    tensors, meta = read_state(autosave.path)
    assert meta == {"history": {"loss": [1.0]}}
    np.testing.assert_array_equal(tensors["params/w"], [1, 1, 1])


def test_no_second_write_while_one_runs(monkeypatch):
    gate, written = threading.Event(), []

    def slow(path, tensors, meta, **marks):
        written.append(meta["epoch"])
        gate.wait(10)

    monkeypatch.setattr(module, "write_state", slow)
    autosave = Autosave("m", every_seconds=0)
    assert autosave.offer(_state(0))
    assert not autosave.offer(lambda: pytest.fail("copied while a write runs"))
    gate.set()
    autosave.finish(_state(2))
    assert written == [0, 2]


def test_slow_copies_are_taken_rarely():
    autosave = Autosave("m", every_seconds=0)

    def slow():
        time.sleep(0.05)
        return {}, {}

    assert autosave.offer(slow)
    autosave._thread.join()
    assert not autosave.offer(lambda: pytest.fail("again at once"))
    autosave.finish(_state(2))


@pytest.mark.parametrize("due", [True, False], ids=["when a write is due", "within one step"])
def test_a_failed_write_is_told_at_the_next_offer(monkeypatch, due):
    monkeypatch.setattr(
        module, "write_state", lambda *args, **marks: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    monkeypatch.setattr("gazelle.saving.autosave._PAUSE", 0)
    autosave = Autosave("m", every_seconds=0)
    autosave.offer(_state(0))
    autosave._thread.join()
    autosave.next_write = 0 if due else time.monotonic() + 100
    for _ in range(2):
        text = r".*m\.\w\.state' could not be written \(.*No space left.*\nTraining continues"
        with pytest.warns(RuntimeWarning, match=text):
            assert autosave.offer(_state(1)) == due
        if not due:
            break
        autosave._thread.join()
    autosave._failure = None
    autosave.close()


def test_a_failed_last_write_is_told(monkeypatch):
    monkeypatch.setattr(
        module, "write_state", lambda *args, **marks: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    autosave = Autosave("m")
    with pytest.warns(RuntimeWarning, match="No space left"):
        autosave.finish(_state(3))


def test_a_failed_write_leaves_the_old_state(monkeypatch):
    Autosave("m").finish(_state(1))
    autosave = Autosave("m", every_seconds=0)
    monkeypatch.setattr(os, "replace", lambda *args: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    with pytest.warns(RuntimeWarning, match="Input/output error"):
        autosave.finish(_state(2))
    assert newest("m")[1] == {"epoch": 1}


def test_a_folder_that_was_removed_meanwhile_is_made_again():
    autosave = Autosave("m")
    shutil.rmtree(os.path.dirname(autosave.path))
    autosave.finish(_state(1))
    assert newest("m")[1] == {"epoch": 1}


def test_a_folder_that_cannot_be_written_is_found_at_once(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GAZELLE_HOME", str(tmp_path / "file"))
    with pytest.warns(RuntimeWarning, match="Set GAZELLE_HOME to a folder"):
        autosave = Autosave("m", every_seconds=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not autosave.offer(_state(1))
        autosave.finish(_state(1))
    assert os.listdir(tmp_path) == ["file"]


def test_latest_is_the_newest_of_this_program_then_of_any(monkeypatch):
    with pytest.raises(NoCheckpointError, match=r"There is no checkpoint in '.*latest'.*\nfit\(\) writes checkpoints"):
        latest()
    for age, (program, name) in enumerate([("/p/a.py", "one"), ("/p/a.py", "two"), ("/p/b.py", "one")]):
        monkeypatch.setattr(sys, "argv", [program])
        autosave = Autosave(name)
        autosave.finish(_state(age))
    monkeypatch.setattr(sys, "argv", ["/p/a.py"])
    assert latest().endswith("two.a.state")
    assert "/a-" in latest("one")
    monkeypatch.setattr(sys, "argv", ["/p/c.py"])
    assert "/b-" in latest()
    assert "/a-" in latest("two")
    with pytest.raises(FileNotFoundError, match="no checkpoint of model 'three'"):
        latest("three")


def test_a_name_finds_the_checkpoints_of_notebooks_and_of_later_trainings():
    for name in ("net-0123abcd", "other.fit2"):
        Autosave(name).finish(_state(1))
    assert latest("net") == latest("net-0123abcd")
    assert latest("other").endswith("other.fit2.a.state")


def test_the_earlier_generation_is_taken_where_the_newest_is_damaged():
    for epoch in range(2):
        autosave = Autosave("m")
        autosave.finish(_state(epoch))
    with open(autosave.path, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"!")
    with pytest.warns(RuntimeWarning, match=r"is damaged: its checksum.*\nThe previous checkpoint is intact"):
        _, words, path = newest("m")
    assert words == {"epoch": 0}
    assert path != autosave.path
    with pytest.warns(RuntimeWarning, match="is intact and is used"):
        assert latest("m") == path
    autosave = Autosave("m")
    with pytest.warns(RuntimeWarning, match="is intact and is used"):
        assert autosave.newest()[1] == {"epoch": 0}
    autosave.finish(_state(2))  # over the damaged one
    assert newest("m")[1] == {"epoch": 2}


def test_two_keepers_of_one_model_have_files_of_their_own():
    first, second = Autosave("m"), Autosave("m")
    second.finish(_state(2))
    first.finish(_state(1))
    assert os.path.basename(second.path) == "m~2.a.state"
    assert newest("m")[1] == {"epoch": 1}
    third = Autosave("m")  # both places are free again
    assert third.newest()[1] == {"epoch": 1}
    third.close()


def test_of_two_free_places_the_one_of_the_same_arguments_is_taken(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/p/a.py", "--fold", "1"])
    first = Autosave("m")
    monkeypatch.setattr(sys, "argv", ["/p/a.py", "--fold", "2"])
    second = Autosave("m")
    first.finish(_state(1))
    second.finish(_state(2))
    again = Autosave("m")
    assert again.newest()[1] == {"epoch": 2}
    monkeypatch.setattr(sys, "argv", ["/p/a.py", "--fold", "1"])
    assert Autosave("m").newest()[1] == {"epoch": 1}
    again.close()


@pytest.mark.parametrize("error", [OSError(errno.ENOLCK, "No locks available"), NotImplementedError("no flock")])
def test_file_systems_without_locks(monkeypatch, error):
    class Unsupported:
        def __init__(self, path, **options):
            pass

        def acquire(self):
            raise error

    monkeypatch.setattr(filelock, "FileLock", Unsupported)
    Autosave("m").finish(_state(1))
    assert newest("m")[1] == {"epoch": 1}


def test_a_lock_ends_with_its_process(tmp_path):
    program = f"""
        import os
        from gazelle.saving.file_lock import CheckpointLock
        lock = CheckpointLock({str(tmp_path)!r}, "m")
        print(os.path.basename(lock.stem), flush=True)
        input()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "m\n"
        other = CheckpointLock(str(tmp_path), "m")
        assert os.path.basename(other.stem) == "m~2"
        process.kill()
        process.wait()
    assert os.path.basename(CheckpointLock(str(tmp_path), "m").stem) == "m"


def test_room_is_found_out_at_the_start(monkeypatch):
    autosave = Autosave("m")
    assert autosave.reserve(10_000)
    assert not [name for name in os.listdir(os.path.dirname(autosave.path)) if "probe" in name]
    monkeypatch.setattr(os, "posix_fallocate", lambda *args: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.warns(RuntimeWarning, match=r"No space left.*\n.*Free some space, or set GAZELLE_HOME"):
        assert not autosave.reserve(10_000)
    autosave.close()


def test_forgetting_removes_both_generations(tmp_path):
    for epoch in range(2):
        autosave = Autosave("m", folder=tmp_path)
        autosave.finish(_state(epoch))
    assert len([name for name in os.listdir(tmp_path) if name.endswith(".state")]) == 2
    autosave.delete()
    assert os.listdir(tmp_path) == ["m.lock"]
    with pytest.raises(NoCheckpointError, match="Train first"):
        autosave.newest()
