"""`gazelle run` runs a program as `python` does, except that `keras` is gazelle."""

import importlib.util
import json
import os
import runpy
import signal
import sys
import types

import pytest

import gazelle
from gazelle.cli import children, eras, notebooks
from gazelle.cli.__main__ import main


def test_arguments_path_and_name_are_the_programs(program, tmp_path):
    done = program(
        "import sys; print(sys.argv, sys.path[0], __name__, __file__, sys.modules['__main__'].__file__, sep='|')",
        "--help",
        "--",
        "-x=1",
    )
    file = str(tmp_path / "program.py")
    assert done.stdout.strip() == f"['program.py', '--help', '--', '-x=1']|{tmp_path}|__main__|{file}|{file}"


def test_a_notebook_displays_values(tmp_path, python):
    cells = [{"cell_type": "code", "source": ["%matplotlib inline\n", "display(1 + 1, 'text')"]}]
    (tmp_path / "book.ipynb").write_text(json.dumps({"cells": cells}))
    done = python("-m", "gazelle", "run", "book.ipynb")
    assert done.stdout == "2 text\n", done.stderr


def test_a_notebook_awaits(tmp_path, python):
    lines = ["import asyncio\n", "print(await asyncio.sleep(0, 'done'))"]
    (tmp_path / "book.ipynb").write_text(json.dumps({"cells": [{"cell_type": "code", "source": lines}]}))
    done = python("-m", "gazelle", "run", "book.ipynb")
    assert done.stdout == "done\n", done.stderr


def test_annotations_are_values(program):
    assert program("def f(x: int): ...\nprint(f.__annotations__)").stdout == "{'x': <class 'int'>}\n"


@pytest.mark.parametrize("own", ["", "def tostring(self): return b'own'"])
def test_arrays_have_tostring(program, own):
    """NumPy 2.3 removed it; a method of the program with this name stays."""
    made = f"class A:\n    {own}\na = A()" if own else "import numpy as np\na = np.array([97, 98], 'uint8')"
    assert program(f"{made}\nprint(a.tostring())").stdout == ("b'own'\n" if own else "b'ab'\n")


def test_a_notebook_replaces_what_it_displayed(tmp_path, python):
    lines = ["from IPython.display import display as show\n", "for each in (display, show):\n"]
    lines += ["    assert each('a') is None\n", "    each('b', display_id=True).update('c')"]
    (tmp_path / "book.ipynb").write_text(json.dumps({"cells": [{"cell_type": "code", "source": lines}]}))
    done = python("-m", "gazelle", "run", "book.ipynb")
    assert done.stdout.split() == ["a", "b", "c"] * 2, done.stderr


def test_a_notebook_imports_ipython_where_it_is_missing(tmp_path, monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None if name == "IPython" else find(name, *_))
    for name in ("IPython", "IPython.core", "IPython.display", "IPython.core.display"):
        monkeypatch.setitem(sys.modules, name, None)  # which ends with the test
    notebooks.provide_display()
    names = {}
    code = "from IPython.display import HTML, clear_output, display\nimport IPython, IPython.display as show"
    exec(f"{code}\nfrom IPython.core.display import Image as Same\nclear_output(wait=True)\ndisplay(HTML('a'))", names)
    assert capsys.readouterr().out == "<IPython.display.HTML>\n"
    assert (names["show"].Image, names["HTML"]("a").data) == (names["Same"], "a")
    assert isinstance(names["IPython"].get_ipython(), notebooks.Shell)
    with pytest.raises(ImportError):
        exec("from IPython.display import nothing", names)


def test_a_neighbour_can_be_imported(program, tmp_path):
    (tmp_path / "neighbour.py").write_text("from keras.layers import Dense")
    done = program("import gazelle, neighbour; print(issubclass(neighbour.Dense, gazelle.layers.Dense))")
    assert done.stdout == "True\n", done.stderr


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("", 0),
        ("raise SystemExit(7)", 7),
        ("import sys; sys.exit('said')", 1),
        ("1 / 0", 1),
        pytest.param(
            "import os; os.kill(os.getpid(), 2)",
            -signal.SIGINT,
            marks=pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's"),
        ),
    ],
)
def test_exit_code_is_kept(program, line, code):
    assert program(line).returncode == code


def test_the_traceback_is_the_programs_own(program, tmp_path):
    done = program("""\
        def fail():
            try:
                1 / 0
            except ZeroDivisionError:
                import keras.layer
        fail()
        """)
    files = [line.split(",")[0].strip() for line in done.stderr.splitlines() if line.startswith("  File")]
    assert files == [f'File "{tmp_path / "program.py"}"'] * 3  # one line of the first error, two of the second
    assert done.stderr.splitlines()[-1] == "Did you mean keras.layers?"


def test_an_error_of_syntax_shows_only_the_line(program, tmp_path):
    lines = program("x = (").stderr.splitlines()
    assert lines[0] == f'  File "{tmp_path / "program.py"}", line 1'
    assert lines[-1] == "SyntaxError: '(' was never closed"


def test_the_programs_own_hook_is_called(program):
    done = program("import sys; sys.excepthook = lambda kind, error, trace: print('hook', error); raise OSError('x')")
    assert (done.stdout, done.stderr, done.returncode) == ("hook x\n", "", 1)


def test_the_era_is_that_of_the_program_not_of_what_starts_it(tmp_path, python):
    (tmp_path / "program.py").write_text("import keras\nfrom keras import ops\nprint(keras.__version__)")
    (tmp_path / "start.py").write_text(
        "from gazelle.cli.__main__ import main\n"
        "if False:\n    from keras.layers.core import Dense\n"  # a sign of Keras 2
        "main(['run', 'program.py'])"
    )
    assert python("start.py").stdout.startswith("3.")


def test_main_stays_for_what_runs_at_exit(program):
    done = program("import atexit; value = 3; atexit.register(lambda: print(__import__('__main__').value, value))")
    assert done.stdout == "3 3\n"


@pytest.mark.parametrize("side", ["start", "end"])
def test_validation_from_is_one_setting_for_the_program(program, side):
    done = program("import os; print(os.environ['GAZELLE_VALIDATION_FROM'])", flags=("--validation-from", side))
    assert done.stdout == f"{side}\n"


def test_mistakes_in_the_command_are_told(python):
    missing = python("-m", "gazelle", "run", "nowhere.py")
    assert missing.returncode == 2
    assert "there is no file 'nowhere.py' in" in missing.stderr
    assert python("-m", "gazelle", "run", "--validation-from", "middle", "x.py").returncode == 2
    assert "required: {run,launch,explain,upgrade}" in python("-m", "gazelle").stderr


def test_version(python):
    assert python("-m", "gazelle", "--version").stdout == f"gazelle {gazelle.__version__}\n"


def test_a_program_without_a_command(capsys):
    assert main(["train.py", "--rate", "a b"]) == 2
    assert (
        capsys.readouterr().err == "gazelle: which command? Run a program with\n    gazelle run train.py --rate 'a b'\n"
    )


def test_explain_and_upgrade_read_the_cells_of_a_notebook(tmp_path, capsys):
    code = "from keras.layers import Dense\nDense(output_dim=3)"
    book = tmp_path / "book.ipynb"
    book.write_text(json.dumps({"cells": [{"cell_type": "code", "source": code}]}))
    assert main(["explain", str(book)]) == 0
    assert "line 2: output_dim -> units" in capsys.readouterr().out
    assert main(["upgrade", str(book)]) == 0
    assert "+Dense(units=3)" in capsys.readouterr().out
    before = book.read_text()
    assert main(["upgrade", "--write", str(book)]) == 2
    assert book.read_text() == before


@pytest.mark.parametrize("verb", ["run", "explain", "upgrade"])
def test_a_file_that_is_no_notebook(verb, tmp_path, capsys):
    (tmp_path / "book.ipynb").write_text("not JSON")
    assert main([verb, str(tmp_path / "book.ipynb")]) == 2
    assert "is no notebook: expected JSON with cells of code" in capsys.readouterr().err


def test_workers_of_a_program_for_python_2(program):
    pytest.importorskip("fissix")
    done = program(
        """
        import multiprocessing
        def half(n): return n / 2
        if __name__ == "__main__":
            multiprocessing.set_start_method("spawn")
            pool = multiprocessing.Pool(1)
            print pool.map(half, [5])
            pool.terminate()
        """
    )
    assert done.stdout == "[2]\n"
    assert done.stderr.count("is written for Python 2") == 1


def test_a_program_for_python_2_with_its_modules(program, tmp_path):
    pytest.importorskip("fissix")
    package = tmp_path / "parts"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "first.py").write_text("import second\nprint 'first', second.half(5)\n")
    (package / "second.py").write_text("def half(n):\n    return n / 2\n")
    done = program(
        """
        from parts import first
        import inspect, sys
        from keras.layers import Dense
        print "steps", 7 / 2, inspect.getsource(first.second.half).strip()
        """
    )
    assert done.stdout == "first 2\nsteps 3 def half(n):\n    return n / 2\n"
    assert "program.py is written for Python 2 (print, line 5): it is converted to Python 3." in done.stderr
    assert "first.py is written for Python 2 (print, line 2)" in done.stderr
    assert not list(tmp_path.rglob("second*.pyc"))


def test_python_processes_that_a_program_starts(program, tmp_path):
    child = "import sys, tensorflow; assert 'gazelle.compat' in sys.modules; print(__import__('keras').__version__)"
    (tmp_path / "child.py").write_text(child)
    (tmp_path / "sitecustomize.py").write_text("print('own')")
    code = "import os, sys; os.environ['PYTHONPATH'] += os.pathsep + os.getcwd(); print(os.environ['PYTHONPATH'])\n"
    done = program(code + "sys.exit(os.system(sys.executable + ' child.py'))", flags=("--era", "1"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(children._FOLDER)
    assert done.stdout.splitlines()[1:] == ["own", "1.2.2"]


@pytest.mark.parametrize(("prefix", "finds"), [(sys.prefix, True), ("another", False)])
def test_what_gazelle_runs_first_in_a_process(prefix, finds, monkeypatch):
    monkeypatch.setenv("GAZELLE_CHILDREN", json.dumps([prefix, None, None]))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    names = runpy.run_path(os.path.join(children._FOLDER, "sitecustomize.py"))
    assert (names["FirstImport"] in sys.meta_path) is finds
    assert names["FirstImport"].find_spec("json") is None


def test_the_text_that_python_runs(monkeypatch):
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
    monkeypatch.setattr(sys, "orig_argv", ["python", "-c", "import keras", "-v"])
    assert eras.main_program() == ("", "import keras")
    monkeypatch.setattr(sys, "orig_argv", ["python"])
    assert eras.main_program() == ("", "")


def test_the_facade_of_tensorflow_is_not_loaded_for_keras(program):
    done = program("""
        import sys
        from keras.models import Sequential
        from keras.layers.core import Dense
        model = Sequential([Dense(1, input_dim=2)])
        model.compile("sgd", "mse")
        model.fit([[1, 2]], [1], nb_epoch=1, verbose=0)
        print(any(name.startswith("gazelle.compat.tensorflow") for name in sys.modules))
    """)
    assert done.stdout == "False\n", done.stderr
