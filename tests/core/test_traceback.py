"""An error that passes through gazelle is shown with the lines of the program alone, in scripts and in IPython."""

import subprocess
import sys
import traceback

import numpy as np
import pytest

import gazelle
from gazelle import config, layers
from gazelle.core import traceback as tracebacks
from gazelle.core.errors import ArgumentError

X, Y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")


@pytest.fixture(autouse=True)
def _hook(monkeypatch):
    """The hook as `import gazelle` sets it; other tests may have run programs that replaced it."""
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    tracebacks.show_short()


class Undefined(layers.Layer):
    def call(self, x):
        return undefined(x)  # noqa: F821


class Raising(layers.Layer):
    def call(self, x):
        raise ValueError("no such thing")


class Callback(gazelle.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        {}["a key"]


class Chained(gazelle.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        try:
            {}["a key"]
        except KeyError:
            raise RuntimeError("after the key")  # noqa: B904


class Interrupting(gazelle.callbacks.Callback):
    def on_test_batch_end(self, batch, logs=None):
        raise KeyboardInterrupt

    on_predict_batch_end = on_test_batch_end


class Own(gazelle.Model):
    def train_step(self, data):
        return [][1]


def batches():
    yield X, Y
    print(1 / 0)


def loss(y_true, y_pred):
    return y_true.nothing


def model():
    net = gazelle.Sequential([gazelle.Input((3,)), layers.Dense(1)])
    net.compile("sgd", "mse")
    return net


def fit(net, *data, **more):
    net.compile("sgd", more.pop("loss", "mse"))
    net.fit(*(data or (X, Y)), verbose=0, keep=False, **more)


def shown(mistake, capsys):
    """(the lines of code, the error's text) as Python prints them for an uncaught error, from `mistake` on."""
    try:
        mistake()
    except BaseException as error:
        error.__traceback__ = error.__traceback__.tb_next
        sys.excepthook(type(error), error, error.__traceback__)
    text = capsys.readouterr().err
    lines = text.splitlines()
    files = [line.split('"')[1] for line in lines if line.startswith("  File")]
    assert set(files) <= {__file__}, text
    code = [lines[i + 1].strip() for i, line in enumerate(lines) if line.startswith("  File")]
    end = next((i for i in reversed(range(len(lines))) if lines[i].startswith(" ")), -1)
    return code, "\n".join(lines[end + 1 :])


MISTAKES = {
    "in call": (lambda: Undefined()(X), "return undefined(x)", "NameError: name 'undefined'"),
    "in call, in fit": (lambda: fit(gazelle.Sequential([Undefined()])), "return undefined(x)", "NameError: name"),
    "raised in call": (lambda: Raising()(X), "raise ValueError", "gazelle.core.errors.ShapeError: Raising 'raising"),
    "in a callback": (lambda: fit(model(), callbacks=[Callback()]), '{}["a key"]', "KeyError: 'a key'"),
    "in a generator": (lambda: fit(model(), batches()), "print(1 / 0)", "ZeroDivisionError: division by zero"),
    "in a loss": (
        lambda: fit(model(), loss=loss),
        "return y_true.nothing",
        "gazelle.core.errors.MissingAttributeError: The loss",
    ),
    "in a train_step": (lambda: fit(Own()), "return [][1]", "IndexError: list index out of range"),
    "a missing file": (lambda: gazelle.models.load_model("no.keras"), None, "gazelle.core.errors.MissingFileError: "),
    "raised by JAX": (lambda: gazelle.ops.eye("a"), None, "TypeError: "),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_the_lines_of_the_program_are_shown(name, capsys):
    mistake, line, text = MISTAKES[name]
    code, error = shown(mistake, capsys)
    assert len(code) == 1 if line is None else code[-1].startswith(line)
    assert error.startswith(text)
    assert ("GAZELLE_FULL_TRACEBACK=1 shows" in error) == (name == "raised by JAX")
    assert "JAX" not in error


def test_errors_before_it_are_shown_if_they_are_the_programs(capsys):
    code, _ = shown(lambda: fit(model(), callbacks=[Chained()]), capsys)
    assert code[0] == '{}["a key"]'
    assert code[-1].startswith("raise RuntimeError")


@pytest.mark.parametrize("method", ["evaluate", "predict"])
@pytest.mark.parametrize("verbose", [0, 1])
def test_a_stop_is_one_line(method, verbose, capsys):
    arguments = (X, Y) if method == "evaluate" else (X,)
    call = getattr(model(), method)
    code, line = shown(lambda: call(*arguments, batch_size=4, verbose=verbose, callbacks=[Interrupting()]), capsys)
    assert code == []
    assert line == f"Stopped in {method}."


def test_one_switch_shows_all_frames(capsys, monkeypatch):
    def files(mistake):
        with pytest.raises(Exception) as caught:
            mistake()
        return {entry.path.name for entry in caught.traceback}

    assert files(lambda: Undefined()(X)) == {"test_traceback.py"}
    monkeypatch.setenv("GAZELLE_FULL_TRACEBACK", "1")
    gazelle.utils.clear_session()  # reads the settings again
    assert not config.is_traceback_filtering_enabled()
    assert "base.py" in files(lambda: Undefined()(X))
    monkeypatch.undo()
    gazelle.utils.clear_session()
    assert config.is_traceback_filtering_enabled()
    config.disable_traceback_filtering()
    with pytest.raises(TypeError) as caught:
        gazelle.ops.matmul(X, X)
    sys.excepthook(TypeError, caught.value, caught.value.__traceback__)
    assert "jax" in capsys.readouterr().err
    config.enable_traceback_filtering()


def test_errors_of_other_code_are_unchanged(capsys):
    try:
        np.ones(3) @ np.ones(4)
    except ValueError as error:
        before = traceback.format_exception(error)
        sys.excepthook(ValueError, error, error.__traceback__)
    assert capsys.readouterr().err == "".join(before)


def test_a_wrong_call_names_the_argument(capsys):
    code, error = shown(lambda: model().fit(X, Y, epoch=3), capsys)
    assert len(code) == 1
    assert error.startswith("gazelle.core.errors.ArgumentTypeError: Unknown argument of Sequential.fit 'epoch'")


def test_internal_errors_keep_their_frames_until_they_are_shown():
    with pytest.raises(ArgumentError) as caught:
        layers.Dense(-1)
    assert [entry.path.name for entry in caught.traceback] == ["test_traceback.py"]
    with pytest.raises(TypeError) as caught:
        gazelle.ops.matmul(X, X)
    assert len(caught.traceback) > 1


CELLS = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors={colors!r})
for cell in [
    "import gazelle, numpy as np",
    "class L(gazelle.layers.Layer):\\n    def call(self, x):\\n        return undefined(x)\\nL()(np.ones((2, 3)))",
    "gazelle.ops.inv(np.ones((2, 3)))",
]:
    print("cell")
    shell.run_cell(cell, store_history=False)
"""


def test_ipython_shows_them_too(tmp_path, monkeypatch):
    IPython = pytest.importorskip("IPython")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    colors = "nocolor" if IPython.version_info[0] >= 9 else "NoColor"
    done = subprocess.run([sys.executable, "-c", CELLS.format(colors=colors)], capture_output=True, text=True)
    _, _, named, shapes = done.stdout.split("cell\n")
    assert named.count("line ") == 2
    assert "NameError: name 'undefined' is not defined" in named
    assert shapes.count("----> 1 gazelle.ops.inv") == 1
    assert shapes.count("line ") == 2, shapes  # that of the cell, and that of the note
    assert "GAZELLE_FULL_TRACEBACK=1 shows" in shapes
