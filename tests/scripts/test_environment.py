"""The search for Python interpreters, without creating an environment, which `make` does before these tests run."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[2] / "scripts" / "environment.py"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")


@pytest.fixture
def script(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("environment", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / "gazelle.json")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GAZELLE_PYTHON", raising=False)
    return module


def stand_in(folder, name, says):
    """A file that runs like a Python and says this of itself."""
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{says}\n")
    file.chmod(0o755)
    return str(file)


def path(monkeypatch, *folders):
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, folders)))


def test_the_newest_that_runs_is_taken(script, monkeypatch, tmp_path):
    stand_in(tmp_path / "a", "python3.14", "echo 'no such version' >&2; exit 127")  # a shim
    stand_in(tmp_path / "a", "python3", "echo cpython 0 3 15 0")  # too new to know
    old = stand_in(tmp_path / "a", "python3.11", "echo cpython 0 3 11 9")
    new = stand_in(tmp_path / "b", "python3", "echo cpython 0 3 13 2")
    stand_in(tmp_path / "b", "python3.13", "echo cpython 1 3 13 2")  # without the GIL
    stand_in(tmp_path / "b", "python3.12", "echo pypy 0 3 12 0")
    path(monkeypatch, tmp_path / "a", tmp_path / "b")
    assert script.usable() == [((3, 13, 2), new), ((3, 11, 9), old)]


def test_pyenv_is_searched_too(script, monkeypatch, tmp_path):
    (tmp_path / ".pyenv" / "versions" / "3.12.4").mkdir(parents=True)
    there = stand_in(tmp_path / ".pyenv" / "versions" / "3.12.4" / "bin", "python3.12", "echo cpython 0 3 12 4")
    path(monkeypatch, tmp_path / "empty")
    assert script.usable() == [((3, 12, 4), there)]


def test_one_can_be_picked(script, monkeypatch, tmp_path):
    stand_in(tmp_path / "a", "python3.13", "echo cpython 0 3 13 2")
    old = stand_in(tmp_path / "a", "python3.11", "echo cpython 0 3 11 9")
    path(monkeypatch, tmp_path / "a")
    monkeypatch.setenv("GAZELLE_PYTHON", "python3.11")
    assert script.usable() == [((3, 11, 9), old)]
    monkeypatch.setenv("GAZELLE_PYTHON", sys.executable)
    assert script.usable() == [(tuple(sys.version_info[:3]), sys.executable)]


@pytest.mark.parametrize(
    ("says", "told"), [("echo cpython 0 3 8 18", "is Python 3.8.18"), ("exit 1", "is no usable CPython")]
)
def test_a_pick_that_will_not_do_is_refused(script, monkeypatch, tmp_path, says, told):
    monkeypatch.setenv("GAZELLE_PYTHON", stand_in(tmp_path / "a", "python9", says))
    with pytest.raises(script.NoEnvironmentError, match=f"{told}; gazelle needs Python 3.11 to 3.14"):
        script.usable()


def test_none_at_all_is_told(script, monkeypatch, tmp_path):
    stand_in(tmp_path / "a", "python3", "echo cpython 0 3 9 1")
    path(monkeypatch, tmp_path / "a")
    with pytest.raises(script.NoEnvironmentError, match=r"No Python 3.11 to 3.14 was found .* \(found only 3.9.1\)"):
        script.usable()


def test_the_next_python_is_tried_and_each_failure_is_told(script, monkeypatch, tmp_path):
    stand_in(tmp_path / "a", "python3.13", "[ $1 = -c ] && echo cpython 0 3 13 2 || { echo no ensurepip; exit 1; }")
    stand_in(tmp_path / "a", "python3.11", "[ $1 = -c ] && echo cpython 0 3 11 9 || { echo nor here; exit 1; }")
    path(monkeypatch, tmp_path / "a")
    monkeypatch.setattr(script, "HOME", tmp_path / ".venv")
    with pytest.raises(script.NoEnvironmentError) as error:
        script.make()
    lines = str(error.value).splitlines()
    assert "  Python 3.13.2, venv: no ensurepip" in lines
    assert "  Python 3.11.9, venv: nor here" in lines


def test_a_folder_that_is_no_environment_is_left_alone(script, monkeypatch, tmp_path):
    home = tmp_path / ".venv"
    home.mkdir()
    (home / "thesis.txt").write_text("x")
    monkeypatch.setattr(script, "HOME", home)
    with pytest.raises(script.NoEnvironmentError, match="is no virtual environment"):
        script.make()
    assert (home / "thesis.txt").exists()


def test_progress_of_an_installation(script, capsys, monkeypatch):
    monkeypatch.setattr(script, "PAUSE", -1)
    says = "for p in jax numpy; do echo Collecting $p; done; echo Downloading jaxlib.whl '(80 MB)'"
    pip = ["/bin/sh", "-c"]
    assert script.run_with_progress(*pip, says)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "environment: Collecting jax (package 1)",
        "environment: Collecting numpy (package 2)",
        "environment: Downloading jaxlib.whl (80 MB) (package 2)",
    ]
    assert not script.run_with_progress(*pip, "echo ERROR: no network; exit 1")
    assert "ERROR: no network" in capsys.readouterr().out
