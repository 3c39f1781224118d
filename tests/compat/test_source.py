"""Analysis of the source of a program: its era, and the update of its lines."""

import json
import os
import sys
import types

import pytest

from gazelle.cli import __main__ as command
from gazelle.cli import notebooks
from gazelle.compat import python2
from gazelle.compat.source import detect, rewrite
from gazelle.compat.source.notebooks import versions_in
from gazelle.core import outdated
from gazelle.core.errors import DamagedFileError

FIRST = "from keras.layers import Dense\nDense(output_dim=3)\nmodel.fit(x, y, nb_epoch=2)\n"
MONITOR = (
    "from {}.callbacks import EarlyStopping\nmodel.compile(metrics=['accuracy'])\nEarlyStopping(monitor='val_acc')\n"
)
#: source -> (era, whether it speaks to the package keras, whether it mixes)
ERAS = {
    FIRST: (1, True, False),
    "from keras.layers import Convolution2D\nConvolution2D(32, 3, 3)\n": (1, True, False),
    "from keras.layers.core import Dense\n": (2, True, False),
    "from keras.optimizers import SGD\nSGD(lr=0.1)\nmodel.fit(x, y, epochs=2)\n": (2, True, False),
    "from tensorflow.keras.optimizers import Adam\nAdam(lr=0.1)\n": (2, False, False),
    "from keras.layers import Dense\nDense(units=3)\nmodel.fit(x, y, epochs=2)\n": (3, True, False),
    FIRST + "model.fit(x, y, epochs=2)\n": (2, True, True),
    FIRST + "from keras import ops\n": (3, True, True),
    "from keras.initializers import Constant\nmodel.fit(x, y, nb_epoch=2)\n": (2, True, True),
    "import keras\nkeras.layers.Conv2D(8, kernel, stride, padding='same')\n": (3, True, False),
    "from tensorflow.keras import layers\nlayers.Conv2D(f, size, strides)\n": (2, False, False),
    "import keras\nx = keras.ops.exp(keras.backend.max(y))\n": (3, True, True),
    "import keras\nx = keras.backend.sqrt(y)\n": (2, True, False),
    "import keras\nx = keras.backend.floatx()\n": (3, True, False),
    "KMeans(init='random', n_init=3)\n": (3, True, False),
    "import keras\nmodel.compile('mse', keras.optimizers.Adadelta(rho=0.9))\n": (2, True, False),
    "import keras\nmodel.compile(loss='mse', optimizer='adadelta')\n": (2, True, False),
    "import keras\nmodel.compile(keras.optimizers.Adadelta(1.0), 'mse')\n": (3, True, False),
    "import tensorflow as tf\nx = tf.placeholder(tf.float32)\ntf.layers.dense(x, 2)\n": (2, True, False),
    "from keras.layers import LSTM\nLSTM(8, batch_input_shape=(4, 8, 2), stateful=True)\n": (2, True, False),
    "from keras.layers import Dense\nDense(8, weights=[kernel, bias])\n": (2, True, False),
    "from keras.layers import Embedding\nEmbedding(9, 4, input_length=3, weights=[table])\n": (3, True, False),
    "import keras\nmodel.compile('adam', loss='mse', loss_weights=[1.0, 0.2])\n": (2, True, False),
    "import keras\nmodel.compile('adam', loss=['mse', 'mae'], loss_weights=[1.0, 0.2])\n": (3, True, False),
    "import keras\nm = keras.Model(x, [y, z])\nm.compile('adam', 'mse', metrics=['mae'])\n": (2, True, False),
    "import keras\nm = keras.Model(x, outputs=[y, z])\nm.compile('adam', 'mse', metrics=['mae', 'mse'])\n": (
        3,
        True,
        False,
    ),
    "import keras\nm = keras.Model(x, [y, z])\nm = make()\nm.compile('adam', 'mse', metrics=['mae'])\n": (
        3,
        True,
        False,
    ),
    "from keras.callbacks import ModelCheckpoint\nf = 'best.hdf5'\nModelCheckpoint(f, 'val_loss')\n": (2, True, False),
    "from keras.callbacks import ModelCheckpoint\nf = 'best.keras'\nModelCheckpoint(f, 'val_loss')\n": (3, True, False),
    "from keras.callbacks import ModelCheckpoint\nf = 'best'\nf += '.keras'\nModelCheckpoint(f)\n": (3, True, False),
    "import keras\nf = 'x.csv'\ndef g(f):\n    keras.callbacks.ModelCheckpoint(f)\n": (3, True, False),
    MONITOR.format("keras"): (2, True, False),
    MONITOR.format("keras") + "plot(history.history['accuracy'])\n": (3, True, False),
    MONITOR.format("tensorflow.keras"): (2, False, False),
    "import numpy, tensorflow\nmodel = tensorflow.keras.Sequential()\n": (2, False, False),
    "import tensorflow as T\nmodel = T.keras.Sequential()\n": (2, False, False),
    "from keras.saving.legacy import hdf5_format\n": (2, True, False),
    "from keras.saving import register_keras_serializable\n": (3, True, False),
    "this is no Python": (3, True, False),
    "from tensorflow import keras\nmodel.compile('adam', 'mse', ['mae'])\n": (2, False, False),
    "import keras\nmodel.compile('adam', ['mse', 'mae'], [1.0, 0.5])\n": (3, True, False),
}
OLD = """\
from keras.layers.core import Dense, Dropout  # where they were
from keras.utils import np_utils
c = Convolution2D(32, 3, 3, border_mode='same',  # as wide
                  dim_ordering='th', subsample=(2, 2))
d = Dense(64, 'he_normal', W_regularizer=l2(0.1))
l = LSTM(8, dropout_W=0.1, consume_less='gpu')
c = Convolution2D(nb_filter=4, nb_row=3, nb_col=2)
model.fit(x, y, nb_epoch=3)
"""
NEW = """\
from keras.layers import Dense, Dropout  # where they were
from keras import utils as np_utils
c = Convolution2D(32, (3, 3), padding='same',  # as wide
                  data_format='channels_first', strides=(2, 2))
d = Dense(64, kernel_initializer='he_normal', kernel_regularizer=l2(0.1))
l = LSTM(8, dropout=0.1)
c = Convolution2D(filters=4, kernel_size=(3, 2))
model.fit(x, y, epochs=3)
"""


@pytest.mark.parametrize("source", ERAS)
def test_era(source):
    found = detect.detect("program.py", source)
    assert (found.number, found.standalone, found.mixed) == ERAS[source], found.summary()


def test_accuracy_monitored_as_acc_shows_a_release_before_keras_2_3():
    releases = [detect.detect("program.py", MONITOR.format(name)) for name in ("keras", "tensorflow.keras")]
    assert [release.version for release in releases] == [(2, 2), None]


def test_era_of_modules_beside(tmp_path):
    (tmp_path / "nets.py").write_text(FIRST)
    (tmp_path / "main.py").write_text("from nets import build\n")
    assert detect.detect(str(tmp_path / "main.py")).number == 1


def test_upgraded():
    assert rewrite.upgrade(OLD) == NEW
    assert rewrite.upgrade(NEW) == NEW
    assert "line 8: nb_epoch -> epochs" in rewrite.explain(OLD)


def test_what_is_left_is_listed():
    source = "from keras.preprocessing.text import Tokenizer\nAdam(lr=0.1, decay=1e-4)\nmodel.predict_classes(x)\n"
    assert rewrite.remaining(source) == [
        f"line 2: Adam(decay=) is not rewritten; use {outdated.DECAY}",
        f"line 3: .predict_classes is not rewritten; use {outdated.METHODS['predict_classes']}",
    ]
    assert rewrite.remaining("model.fit_generator(g, epochs=2)\n") == []
    assert rewrite.remaining(OLD) == rewrite.remaining(NEW) == []


def test_commands(tmp_path, capsys):
    program = tmp_path / "program.py"
    program.write_text(OLD)
    assert command.main(["explain", str(program)]) == 0
    assert "era 1, Keras 1" in capsys.readouterr().out
    assert command.main(["upgrade", str(program)]) == 0
    assert program.read_text() == OLD
    assert "+model.fit(x, y, epochs=3)" in capsys.readouterr().out
    assert command.main(["upgrade", "--write", str(program)]) == 0
    assert program.read_text() == NEW
    assert not capsys.readouterr().err
    program.write_text("model.predict_classes(x)\n")
    assert command.main(["upgrade", str(program)]) == 0
    assert "by hand, or use `gazelle run" in capsys.readouterr().err
    program.write_text("print(1")
    assert command.main(["explain", str(program)]) == 2
    assert "line 1" in capsys.readouterr().err


def test_commands_for_python_2(tmp_path, capsys, monkeypatch):
    pytest.importorskip("fissix")
    program = tmp_path / "program.py"
    program.write_bytes("# coding: latin-1\nprint u'\xe9', n / 2, n / 2.0, n / float(m)\nn /= 2\n".encode("latin1"))
    assert command.main(["explain", str(program)]) == 0
    shown = capsys.readouterr().out.splitlines()
    hints = [f"line {line}: / of two integers rounded down; use //" for line in (2, 3)]
    assert shown[-3:] == ["line 2: Python 2 (print) -> Python 3", *hints]
    assert command.main(["upgrade", "--write", str(program)]) == 0
    assert hints[1] in capsys.readouterr().err
    assert "print('\xe9', n / 2, " in program.read_text("latin1")
    monkeypatch.setitem(sys.modules, "fissix", None)
    python2.conversion._tool.cache_clear()
    program.write_text("print 'a'\nfrom __future__ import division")
    assert command.main(["upgrade", str(program)]) == 2
    assert "written for Python 2: expected the package fissix" in capsys.readouterr().err
    python2.conversion._tool.cache_clear()


def test_notebook(tmp_path):
    book = tmp_path / "book.ipynb"
    cells = [
        {"cell_type": "markdown", "source": ["text"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "x = 1\n", "!ls"]},
        {"cell_type": "code", "source": "%%bash\nls"},
    ]
    book.write_text(json.dumps({"cells": cells}))
    lines = notebooks.source(str(book)).split("\n")
    assert lines == ["pass  # %matplotlib inline", "x = 1", "pass  # !ls", "# %%bash", "# ls"]
    book.write_text("{}")
    with pytest.raises(DamagedFileError, match="is no notebook"):
        notebooks.source(str(book))


MAGIC = """\
!pip install -q \\
    package
files = !ls
a, b = %sql select
%time x = 1 + 1
t = %time 1 + 2
%env GAZELLE_TEST_VALUE=a b
if x:
    %timeit f(x)
get_ipython().magic("matplotlib inline")
y = x % 2  # !no command
"""


def test_commands_of_notebooks(tmp_path, monkeypatch):
    monkeypatch.setenv("GAZELLE_TEST_VALUE", "")
    plain = notebooks.plain(MAGIC)
    assert plain.count("\n") == MAGIC.count("\n")
    names = {"get_ipython": notebooks.Shell}
    exec(compile(plain, "book", "exec"), names)
    assert (names["files"], names["x"], names["y"], names["t"]) == ([], 2, 0, 3)
    assert os.environ["GAZELLE_TEST_VALUE"] == "a b"
    monkeypatch.chdir(tmp_path)
    cell = "%%writefile part.py\nz = '3'\n"
    assert notebooks.plain(cell).count("\n") == 2
    exec(compile(notebooks.plain(cell), "book", "exec"))
    assert (tmp_path / "part.py").read_text() == "z = '3'\n"


def test_cells_as_the_kernel_takes_them():
    assert notebooks.plain("\n%%bash\nif x; then\n  y 'z\nfi") == "\n# %%bash\n# if x; then\n#   y 'z\n# fi"
    assert notebooks.plain("  if x:\n    y\n  z") == "if x:\n  y\nz"
    assert notebooks.plain(">>> def f():\n...     pass\n>>> f()") == "def f():\n    pass\nf()"
    assert notebooks.plain("pip install keras\nls\nls -l ../x\ntensorflow_version 2.x").count("pass  # %") == 4
    for line in ("ls = 3", "cat(1)", "mv += [1]", "cp.x", "pip.main()", "  rm", "cd in x", "cat, ls = 1, 2"):
        assert notebooks.plain(f"if 1:\n  1\n{line}").endswith(line), line


def test_commands_that_take_effect(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "helper.py").write_text("def double(x):\n    return factor * x\n")
    cell = (
        "!mkdir -p logs/{name}  # a comment\n%run helper.py\n%cd $name\n%cd logs/$name\n!mkdir a && mkdir b\n%mkdir c"
    )
    main = types.ModuleType("__main__")
    vars(main).update(get_ipython=notebooks.Shell, name="first", factor=2)
    monkeypatch.setitem(sys.modules, "__main__", main)
    exec(compile(notebooks.plain(cell), "book", "exec"), vars(main))
    assert (os.getcwd(), os.listdir(), main.double(3)) == (str(tmp_path / "logs" / "first"), ["c"], 6)
    assert "%cd: [Errno 2]" in capsys.readouterr().err  # as in a kernel


@pytest.mark.parametrize(("backend", "figures"), [("inline", 1), ("notebook", 2)])
def test_figures_end_with_their_cell(tmp_path, backend, figures):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    cell = "from matplotlib import pyplot\nopen = len(pyplot.get_fignums()) + 1\npyplot.figure()"
    cells = [{"cell_type": "code", "source": text} for text in (f"%matplotlib {backend}", cell, cell)]
    (tmp_path / "book.ipynb").write_text(json.dumps({"cells": cells}))
    names = {"get_ipython": notebooks.Shell}
    pyplot.close("all")
    exec(compile(notebooks.source(str(tmp_path / "book.ipynb")), "book", "exec"), names)
    pyplot.close("all")
    assert names["open"] == figures


def test_a_notebook_of_format_3(tmp_path):
    code = ["%matplotlib inline\n", "from __future__ import division, print_function\n", "x = 1"]
    cells = [{"cell_type": "code", "input": code}, {"cell_type": "markdown", "source": ["x"]}]
    book = tmp_path / "old.ipynb"
    book.write_text(json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}))
    names = {}
    exec(compile(notebooks.source(str(book)), "old", "exec"), names)
    assert names["x"] == 1


def test_lines_inside_strings_of_a_cell_are_kept():
    text = 'x = """\nWhat is it?\n!no command\n%d\n"""  # it\'s'
    assert notebooks.plain(f'{text}\n!ls "\nf?\ny = \'a"""b\'') == (f'{text}\npass  # !ls "\npass  # f?\ny = \'a"""b\'')
    escaped = 'x = """\n' + "\\\\" * 40 + '\n\\"""\nis it?\n"""'  # many backslashes take no longer
    assert notebooks.plain(f"{escaped}\nf?") == f"{escaped}\npass  # f?"


@pytest.mark.parametrize(
    ("printed", "versions"),
    [
        ("TensorFlow version: 2.4.1\nkeras-applications>=1.0.6 in /usr/lib", {"tensorflow": (2, 4)}),
        ("already satisfied: keras-preprocessing>=1.0.5 (from tensorflow-gpu==2.0.0) (1.0.9)", {"tensorflow": (2, 0)}),
        ("Keras Tuner version: 1.0.2\nTensorFlow Hub version: 0.12.0", {}),
    ],
)
def test_versions_in_outputs_are_not_those_of_other_packages(printed, versions):
    """A notebook that installs tensorflow, and prints the versions of several packages."""
    cell = {"cell_type": "code", "source": ["print(tf.__version__)"], "outputs": [{"text": [printed]}]}
    assert versions_in(json.dumps({"cells": [cell]})) == versions
