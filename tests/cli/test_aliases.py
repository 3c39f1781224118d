"""Import aliases: `keras` and its other names refer to gazelle's modules, with errors for missing names."""

import json
import textwrap

import pytest

from gazelle.cli.import_aliases import meaning
from gazelle.compat import era, namespaces

#: Statement or expression -> what the program must print of it.
TRUE = {
    "the root": "issubclass(__import__('keras').layers.Dense, gazelle.layers.Dense)",
    "tensorflow.keras": "__import__('tensorflow').keras.Model is load('keras').Model",
    "tf_keras": "__import__('tf_keras').layers is load('keras.layers')",
    "keras_core": "__import__('keras_core').layers is load('keras.layers')",
    "tensorflow.python.keras": "load('tensorflow.python.keras').Model is load('keras').Model",
    "dir of the root": "{'layers', '__version__'} <= set(dir(load('keras')))",
    "one tf.keras": "__import__('tensorflow').keras is load('tensorflow.keras')",
    "gazelle keeps its version": "gazelle.__version__ == gazelle.version()",
    "a namespace": "load('keras.layers') is __import__('keras').layers",
    "a namespace of tensorflow": "load('tensorflow.keras.layers') is load('keras.layers')",
    "a namespace of tensorflow.python": "load('tensorflow.python.keras.layers') is load('keras.layers')",
    "a file": "load('keras.models.graph').Graph is load('gazelle.models.graph').Graph",
    "a module of old": "load('keras.layers.core') is load('keras.layers')",
    "its file stays": "gazelle.layers.core is load('gazelle.layers.core')",
    "its spec is untouched": "load('gazelle.layers').__spec__.name == 'gazelle.layers' == gazelle.layers.__name__",
    "its module stays": "load('tf_keras.models.graph') is not load('gazelle.models.graph')",
    "found without loading": "importlib.util.find_spec('keras_core.layers') is not None",
    "no package of that name": "importlib.util.find_spec('tensorflow_text') is None",
    "no module of that name": "importlib.util.find_spec('keras.zzz') is None",
    "version of tensorflow": "metadata.version('tensorflow') == __import__('tensorflow').__version__",
    "version of keras": "metadata.version('Keras') == __import__('keras').__version__",
    "version of tf-keras": "metadata.version('tf_keras') == __import__('tf_keras').__version__ < '3'",
    "installed packages": "{'tensorflow', 'keras'} <= {each.name for each in metadata.distributions()}",
    "packages of a folder": "'keras' not in {each.name for each in metadata.distributions(path=['.'])}",
    "modules of packages": "'keras' in metadata.packages_distributions()['keras']",
    "hasattr is no error": "not hasattr(__import__('tensorflow'), 'constants')",
    "a function of tensorflow": "float(__import__('tensorflow').constant(1.5)) == 1.5",
    "a part of tensorflow": "load('tensorflow.data').Dataset is __import__('tensorflow').data.Dataset",
    "tensorflow of old": "load('tensorflow.compat.v1').keras.layers is load('keras.layers')",
    "again": "gazelle.install() is None and sum(type(f).__name__ == 'Aliases' for f in sys.meta_path) == 1",
}
#: Statement -> kind and words of its error.
ERRORS = {
    "import keras.layer": ("ModuleNotFoundError", "'keras.layer'", "keras.layers"),
    "import tensorflow.keras.modules": ("ModuleNotFoundError", "'tensorflow.keras.modules'", "tensorflow.keras.models"),
    "import tensorflow_text": ("ModuleNotFoundError", "'tensorflow_text'", "TextVectorization"),
    "import_module('tensorflow_text')": ("ModuleNotFoundError", "'tensorflow_text'", "TextVectorization"),
    "import keras.zzz.deep": ("ModuleNotFoundError", "'keras.zzz'", "In keras there are:"),
    "import keras.layers.Dense": ("ModuleNotFoundError", "from keras.layers import Dense"),
    "from keras import zzz": ("ImportError", "zzz"),
    "import tensorflow.datta": ("ModuleNotFoundError", "tf.datta", "implementation of TensorFlow"),
    "import tensorflow as tf; tf.constants(1)": ("MissingFunctionError", "tf.constants", "line 1", "tf.constant?"),
    "import tensorflow as tf; tf.contrib.learn.SVM": (
        "MissingFunctionError",
        "tf.contrib.learn",
        "tf.keras.Sequential",
    ),
}
PROGRAM = """
import importlib, importlib.util, json, sys
from importlib import import_module, import_module as load, metadata
import gazelle

def errors(statement):
    try:
        exec(statement)
    except Exception as error:
        return type(error).__name__, str(error)

true, wrong = json.loads(sys.argv[1])
print(json.dumps([{name: eval(line) for name, line in true.items()}, {line: errors(line) for line in wrong}]))
"""
_seen = {}


@pytest.fixture
def seen(program):
    """What one program saw of all the lines above: a process of its own for each would take a second."""
    if not _seen:
        done = program(PROGRAM, json.dumps([TRUE, list(ERRORS)]))
        assert done.returncode == 0, done.stderr
        _seen.update(zip(("true", "errors"), json.loads(done.stdout), strict=True))
    return _seen


@pytest.mark.parametrize("name", TRUE)
def test_means_gazelle(seen, name):
    assert seen["true"][name] is True


@pytest.mark.parametrize("line", ERRORS)
def test_says_what_is_missing(seen, line):
    kind, text = seen["errors"][line]
    assert kind == ERRORS[line][0]
    for words in ERRORS[line][1:]:
        assert words in text


@pytest.mark.parametrize("name", ["kerastuner", "keras_tuner.engine", "tensorflow", "tensorflow.python", "os.path"])
def test_other_modules_are_left_alone(name):
    assert meaning(name) is None


def test_uninstall_gives_the_names_back(tmp_path, python):
    (tmp_path / "keras.py").write_text("mine = 1")
    done = python(
        "-c",
        "import sys, gazelle; from gazelle.cli import uninstall\n"
        "gazelle.install(); import keras.layers, tensorflow\n"
        "assert issubclass(keras.layers.Dense, gazelle.layers.Dense); uninstall()\n"
        "assert 'keras.layers' not in sys.modules\n"
        "assert 'tensorflow' not in sys.modules and 'gazelle.layers' in sys.modules\n"
        "import keras; print(keras.mine)",
    )
    assert done.stdout == "1\n", done.stderr


def test_refuses_beside_a_loaded_keras(tmp_path, python):
    (tmp_path / "keras.py").write_text("")
    done = python("-c", "import keras, gazelle; gazelle.install()")
    last = done.stderr.splitlines()[-2:]
    assert "install() came after 'keras' was imported from" in last[0]
    assert "keras.py: expected no Keras loaded yet." in last[0]
    assert last[1].startswith("Call gazelle.install() before the first import of Keras")


def test_takes_the_place_of_keras_in_an_installed_tensorflow(tmp_path, python):
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text("keras = 'lazy'; constant = 1")
    done = python(
        "-c",
        "import gazelle; from gazelle.cli import uninstall; gazelle.install('real'); import tensorflow as tf\n"
        "assert issubclass(tf.keras.Model, gazelle.Model) and tf.constant == 1; from tensorflow.keras import layers\n"
        "assert issubclass(layers.Dense, gazelle.layers.Dense); uninstall(); print(tf.keras)",
    )
    assert done.stdout == "lazy\n", done.stderr


def test_takes_the_place_of_keras_in_a_loaded_tensorflow(tmp_path, python):
    (tmp_path / "tensorflow.py").write_text("keras = 'lazy'; constant = 1")
    done = python(
        "-c",
        "import tensorflow as tf, gazelle; gazelle.install()\n"
        "print(issubclass(tf.keras.Model, gazelle.Model), tf.constant)",
    )
    assert done.stdout == "True 1\n", done.stderr


def test_is_a_notebook_extension(python):
    done = python(
        "-c",
        "import gazelle; gazelle.load_ipython_extension(None); "
        "import keras; print(issubclass(keras.Model, gazelle.Model))",
    )
    assert done.stdout == "True\n", done.stderr


VERSIONS = [
    (1, True, "1.2.2 2.15.0 2.15.0"),
    (2, True, "2.3.1 2.15.0 2.15.0"),
    (2, False, "2.15.0 2.15.0 2.15.0"),
    (3, True, "3.15.1 3.15.1 2.21.0"),
]


@pytest.mark.parametrize(("number", "standalone", "told"), VERSIONS)
def test_tells_the_version_of_the_era(number, standalone, told):
    era.set_release(era.Release(number, standalone))
    try:
        assert " ".join(map(namespaces.version, ("keras", "tensorflow.keras", "tensorflow"))) == told
    finally:
        era.set_release(era.Release(3))


@pytest.mark.parametrize("first", ["", "tensorflow"])
def test_classes_are_complete_whatever_is_imported_first(python, first):
    code = f"""
        import sys, gazelle; gazelle.install()
        {f"import {first}" if first else ""}
        import keras
        keras.layers.Dense(1)
        groups = [keras.initializers, keras.layers, keras.losses, keras.metrics, keras.optimizers, keras.callbacks]
        classes = [getattr(group, name) for group in groups for name in dir(group)]
        made = [cls for cls in classes if isinstance(cls, type) and "_core" in vars(cls)]
        print(len(made), [cls for cls in made if not hasattr(cls, "_init_core")])
        print("gazelle.compat.tensorflow" in sys.modules)
    """
    done = python("-c", textwrap.dedent(code))
    count, incomplete = done.stdout.split("\n")[0].split(" ", 1)
    assert int(count) > 200, done.stderr
    assert incomplete == "[]"
    assert done.stdout.split("\n")[1] == str(bool(first))  # programs without tensorflow do not load it
