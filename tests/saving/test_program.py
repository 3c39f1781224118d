"""Identity of programs: which checkpoints `load_weights("latest")` and `resume` find."""

import os
import subprocess
import sys
import types

import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.models import resuming
from gazelle.saving import program
from gazelle.saving.program import compared_arguments, current_cell, running_program


@pytest.fixture(autouse=True)
def _front_end(monkeypatch, tmp_path):
    for name in ("JPY_SESSION_NAME", "COLAB_NOTEBOOK_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr(sys, "ps1", raising=False)
    program._first_folder.cache_clear()
    yield
    program._first_folder.cache_clear()


def notebook(monkeypatch, variables=(), connection="kernel-1.json", execution_count=1):
    """As in a kernel of IPython."""
    kernel = types.SimpleNamespace(parent=types.SimpleNamespace(connection_file=f"/run/{connection}"))
    shell = types.SimpleNamespace(kernel=kernel, user_ns=dict(variables), execution_count=execution_count)
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setattr(sys, "argv", ["/lib/ipykernel_launcher.py", "-f", f"/run/{connection}"])
    return running_program()


FRONT_ENDS = {
    "Jupyter": lambda patch, name: (patch.setenv("JPY_SESSION_NAME", f"/home/{name}.ipynb"), notebook(patch))[1],
    "VS Code": lambda patch, name: notebook(patch, {"__vsc_ipynb_file__": f"/home/{name}.ipynb"}),
    "Colab": lambda patch, name: (patch.setenv("COLAB_NOTEBOOK_ID", f"fileId={name}"), notebook(patch))[1],
    "another one": lambda patch, name: notebook(patch, connection=f"kernel-{name}.json"),
}


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_notebooks_of_one_folder_are_told_apart(front_end, monkeypatch, tmp_path):
    first = FRONT_ENDS[front_end](monkeypatch, "a")
    second = FRONT_ENDS[front_end](monkeypatch, "b")
    again = FRONT_ENDS[front_end](monkeypatch, "a")
    assert first == again
    assert first.kind == second.kind == "notebook"
    assert first.interactive
    assert first.folder != second.folder
    assert first.text != second.text
    assert first.arguments == []  # those of the kernel
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")  # %cd in a cell
    assert FRONT_ENDS[front_end](monkeypatch, "a") == first


def test_a_script_that_a_notebook_runs_is_a_script(monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/a.ipynb")
    monkeypatch.setattr(sys, "argv", ["train.py", "1"])
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))  # something has imported it
    found = running_program()
    assert (found.kind, found.arguments) == ("script", ["1"])
    assert found.text == f"program {os.path.abspath('train.py')}"


def test_a_script_that_runs_inside_of_a_session_is_that_script(monkeypatch, tmp_path):
    """With %run and in Spyder: `python train.py` is the same program, but here its models get further numbers."""
    notebook(monkeypatch)
    (tmp_path / "train.py").write_text("")
    monkeypatch.setattr(sys, "argv", ["train.py", "1"])
    found = running_program()
    assert (found.kind, found.arguments) == ("session", ["1"])
    assert found.interactive
    monkeypatch.setitem(sys.modules, "IPython", None)
    assert running_program().folder == found.folder
    assert running_program().text == found.text


def test_an_interactive_session_is_that_of_its_folder(monkeypatch):
    monkeypatch.setattr(sys, "argv", [""])
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    found = running_program()
    assert (found.kind, found.text) == ("session", f"interactive session in {os.getcwd()}")
    assert found.folder.startswith("session-")


@pytest.mark.parametrize("argv", [[], [""], ["-"]])
def test_a_piped_program_has_no_name(monkeypatch, argv):
    monkeypatch.setattr(sys, "argv", argv)
    assert running_program().kind == "pipe"
    model = gazelle.Sequential([layers.Dense(1, input_dim=2)])
    model.compile("sgd", "mse")
    x = np.ones((4, 2), "float32")
    with pytest.raises(gazelle.core.errors.ArgumentError, match=r"(?s)a program with a name.*checkpoint='folder'"):
        model.fit(x, x[:, :1], verbose=0, resume=True)
    for process, epochs in enumerate((1, 2)):
        resuming.checkpoints.reset()
        monkeypatch.setattr(program.os, "getpid", lambda process=process: process)
        assert len(model.fit(x, x[:, :1], verbose=0, epochs=epochs, resume=True, checkpoint="here").epoch) == epochs
    gazelle.saving.throttle.flush()


@pytest.mark.parametrize(
    "options",
    [["-c", "TEXT", "1"], ["-Ic", "TEXT", "1"], ["-cTEXT", "1"], ["-W", "error", "-X", "dev", "-c", "TEXT", "1"]],
)
def test_commands_are_told_apart_by_their_text(monkeypatch, options):
    def started(text):
        monkeypatch.setattr(sys, "orig_argv", ["python", *(option.replace("TEXT", text) for option in options)])
        monkeypatch.setattr(sys, "argv", ["-c", "1"])
        return running_program()

    assert started("import a") == started("import a")
    assert started("import a").folder != started("import b").folder
    assert (started("import a").kind, started("import a").arguments) == ("command", ["1"])


def test_python_tells_the_text_of_a_command():
    text = "from gazelle.saving.program import _command; print(_command(), end='')"
    done = subprocess.run([sys.executable, "-W", "ignore", "-Bc", text, "1"], capture_output=True, text=True)
    assert done.stdout == text, done.stderr


def test_options_that_request_resuming_do_not_count():
    assert compared_arguments(["--resume", "--epochs", "30", "--lr", "1", "-resume=yes"]) == ["--lr", "1"]
    assert compared_arguments(["--resume", "path", "--epochs=3", "4"]) == ["path", "4"]
    assert compared_arguments(["epochs", "resume", "--epochs-per-run", "3"]) == [
        *("epochs", "resume", "--epochs-per-run", "3")
    ]


def test_a_cell_is_identified_by_its_execution(monkeypatch):
    assert current_cell() is None
    notebook(monkeypatch, execution_count=3)
    assert current_cell() == 3


def test_a_statement_of_a_session_is_identified_by_its_code():
    lines = (
        "from gazelle.saving.program import current_cell, running_program",
        "cells = [current_cell() for _ in range(2)]",
        "print(cells[0] is cells[1], cells[0] is None, current_cell() is cells[0], running_program().kind)",
    )
    done = subprocess.run([sys.executable, "-iq"], input="\n".join(lines) + "\n", capture_output=True, text=True)
    assert "True False False session" in done.stdout, done


def network(units=2, activation="relu"):
    model = gazelle.Sequential([layers.Dense(units, activation, input_dim=2), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def trained(monkeypatch, argv, **arguments):
    monkeypatch.setattr(sys, "argv", argv)
    model = network(**arguments)
    x = np.ones((4, 2), "float32")
    model.fit(x, x[:, :1], verbose=0)
    return model


def weights_equal(a, b):
    return all(np.array_equal(v, w) for v, w in zip(a.get_weights(), b.get_weights(), strict=True))


def test_weights_of_another_program_are_loaded_with_a_warning(monkeypatch):
    trainer = trained(monkeypatch, ["/p/train.py", "1"])
    monkeypatch.setattr(sys, "argv", ["/p/predict.py"])
    model = network()
    with pytest.warns(
        UserWarning, match=r"another training\.\n  program: 'program /p/train.py' then.*\nload_weights\("
    ):
        model.load_weights("latest")
    assert weights_equal(model, trainer)
    model.load_weights(gazelle.latest())


def test_weights_of_another_run_or_structure_are_loaded_with_a_warning(monkeypatch):
    trained(monkeypatch, ["/p/train.py", "1"])
    monkeypatch.setattr(sys, "argv", ["/p/train.py", "-1"])
    with pytest.warns(UserWarning, match=r"training\.\n  arguments\[0\]: '1' then, '-1' now\nload_weights"):
        network().load_weights("latest")
    monkeypatch.setattr(sys, "argv", ["/p/train.py", "1"])
    with pytest.warns(UserWarning, match=r"training\.\n  model\.dense\.activation: 'relu' then, 'tanh' now\nload"):
        network(activation="tanh").load_weights("latest")


def test_the_newest_of_this_structure_is_loaded(monkeypatch):
    wide = trained(monkeypatch, ["/p/train.py"], units=7)
    trained(monkeypatch, ["/p/train.py"])
    model = network(units=7)
    model.load_weights("latest")
    assert weights_equal(model, wide)
    with pytest.raises(gazelle.core.errors.ShapeError, match="belongs to another model"):
        network(units=5).load_weights("latest")
