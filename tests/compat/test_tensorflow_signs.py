"""Signs of the releases of TensorFlow: tf.keras was Keras 2 until 2.15, and is Keras 3 since."""

import json

import pytest

from gazelle.compat.source import detect

IMPORT = "import tensorflow as tf\nfrom tensorflow import keras\n"
OLD = [
    "x = tf.placeholder(tf.float32)",
    "with tf.compat.v1.Session() as session: pass",
    "opt = tf.train.AdamOptimizer(1e-3)",
    "features = tf.feature_column.numeric_column('a')",
    "strategy.experimental_run_v2(step)",
    "iterator = data.make_one_shot_iterator()",
    "model.save_weights('weights.h5')",
    "self.generator.save_weights(f'{folder}/generator')",
    "model.load_weights('checkpoints/last')",
    "model.load_weights(os.path.join(folder, 'cp-{:03d}.ckpt'.format(3)))",
    "model.save('saved_model/my_model')",
    "ModelCheckpoint('cp.ckpt', save_weights_only=True)",
    "ModelCheckpoint(filepath=folder + '/weights.hdf5')",
    "model.fit(data, epochs=2, steps_per_epoch=60000 / 128)",
    "from tensorflow.python.keras.layers import Dense",
    "y = tf.keras.utils.to_categorical(y, dtype='bool')",
    "model = keras.models.load_model(path, options=local)",
    "keras.optimizers.Adam(jit_compile=False)",
]
NEW = [
    "tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)",
    "model.save_weights('a.weights.h5')",
    "model.load_weights('old.h5')",
    "model.save('model.keras')",
    "checkpoint.save('folder/ckpt')",
    "image.save('picture')",
    "ModelCheckpoint('model.keras', save_best_only=True)",
    "ModelCheckpoint(path, save_weights_only=True)",
    "from __future__ import annotations",
    "x = tf.random.normal((2, 3))",
    "model.fit(data, steps_per_epoch=60000 // 128)",
]


@pytest.mark.parametrize(
    ("line", "number"), [*((line, 2) for line in OLD), *((line, 3) for line in NEW)], ids=lambda v: str(v)[:40]
)
def test_signs_of_lines(line, number):
    head, code = (line + "\n", "") if "__future__" in line else ("", line)
    found = detect.detect("program.py", f"{head}{IMPORT}import keras\n{code}\n")
    assert (found.number, found.standalone, found.mixed) == (number, False, False), found.summary()


def test_tf_keras_without_signs_is_keras_2():
    found = detect.detect("program.py", IMPORT)
    assert (found.number, found.standalone) == (2, False)
    assert found.summary() == "gazelle: era 2, tf.keras of TensorFlow 2: no names of Keras 3."
    assert detect.detect("program.py", IMPORT + "keras.ops.exp(x)\n").number == 3


@pytest.mark.parametrize(
    "line",
    [
        "optimizer.get_unscaled_gradients(g)",
        "loss = self.compiled_loss(y, p)",
        "keras.optimizers.legacy.Adam()",
        "tf.keras.optimizers.legacy.Adam()",
        "keras.mixed_precision.experimental.set_policy('mixed_float16')",
        "class Cell(layers.AbstractRNNCell): pass",
        "f = K.function([x], [y])",
    ],
)
def test_names_that_tf_keras_no_longer_has(line):
    imports = (
        "import tensorflow as tf\nfrom tensorflow import keras\nfrom tensorflow.keras import layers, backend as K\n"
    )
    found = detect.detect("program.py", imports + line + "\n")
    assert (found.number, found.standalone) == (2, False), found.summary()


def test_a_new_name_counts_more():
    found = detect.detect("program.py", IMPORT + "keras.ops.exp(x)\nmodel.save_weights('w.h5')\n")
    assert found.number == 3
    assert found.mixed


@pytest.mark.parametrize(
    ("name", "text", "number"),
    [
        ("requirements.txt", "numpy\ntensorflow==2.4.1\n", 2),
        ("requirements.txt", "tensorflow-gpu >= 2.0\n", None),
        ("requirements.txt", "tensorflow>=2.0,<2.12\n", 2),
        ("requirements.txt", "tensorflow==2.17.0\n", 3),
        ("requirements.txt", "tensorflow>=2.16\n", 3),
        ("requirements.txt", "tensorflow>=2.16,<2.20\n", 3),
        ("requirements.txt", "tensorflow\n", None),
        ("environment.yml", "dependencies:\n  - tensorflow=2.1\n", 2),
        ("Pipfile", '[packages]\ntensorflow = "~=2.8"\n', 2),
    ],
)
def test_the_release_that_a_project_names(tmp_path, name, text, number):
    (tmp_path / "src").mkdir()
    program = tmp_path / "src" / "main.py"
    program.write_text(IMPORT)
    (tmp_path / name).write_text(text)
    assert detect.detect(str(program)).number == (number or 2)
    program.write_text("import keras\n")
    assert detect.detect(str(program)).number == (number or 3)


@pytest.mark.parametrize(("version", "number"), [("3.7.4", 2), ("3.11.2", 2), ("3.12.1", 3), (None, 2)])
def test_the_python_of_a_notebook(tmp_path, version, number):
    cells = [{"cell_type": "code", "source": IMPORT}]
    info = {} if version is None else {"language_info": {"version": version}}
    program = tmp_path / "book.ipynb"
    program.write_text(json.dumps({"cells": cells, "metadata": info}))
    assert detect.detect(str(program), IMPORT).number == number


@pytest.mark.parametrize(
    ("line", "output", "number"),
    [
        ("", "32/32 [==============================] - 1s 2ms/step", 2),
        ("", 'Model: "a"\n' + "_" * 65 + "\n Layer (type)", 2),
        ("", "\u2501" * 20 + " 1s 2ms/step", 3),
        ("", "1/2 [======>] \n" + "\u2501" * 20 + " 3s 105ms/step", 3),  # it ran again, in parts
        ("", "\x1b[1m2/2\x1b[0m \x1b[32m" + "\u2501" * 20 + "\x1b[0m \x1b[1m1s\x1b[0m 5ms/step", 3),
        ("", "\u2503\x1b[1m \x1b[0m\x1b[1mLayer (type)         \x1b[0m\u2503", 3),
        ("", "   " + "\u2501" * 20 + " 1.7/1.7 MB 20.1 MB/s", 2),  # of pip
        ("from tensorflow.keras.preprocessing.text import Tokenizer\n", "\u2501" * 20 + " 1s 2ms/step", 3),
        ("from tensorflow.keras.layers.experimental import preprocessing\n", "", 2),
        ("!pip install -q tensorflow==2.9.1 pandas\n", "", 2),
        ("!pip3 install tensorflow-cpu==2.17\n", "", 3),
    ],
)
@pytest.mark.parametrize("ascii", [True, False])
def test_what_a_notebook_holds(tmp_path, line, output, number, ascii):
    cell = {"cell_type": "code", "source": line + IMPORT, "outputs": [{"text": output.splitlines(keepends=True)}]}
    program = tmp_path / "book.ipynb"
    program.write_text(json.dumps({"cells": [cell]}, ensure_ascii=ascii), encoding="utf-8")
    source = IMPORT if line.startswith("!") else line + IMPORT
    found = detect.detect(str(program), source)
    assert found.number == number
    assert not found.mixed


@pytest.mark.parametrize(
    ("metrics", "output", "number", "version"),
    [
        ("accuracy", "2/2 [==============================] - 0s - loss: 0.5 - acc: 0.5\n", 2, (2, 2)),
        ("acc", "2/2 [==============================] - 0s - loss: 0.5 - acc: 0.5\n", 2, None),
        ("accuracy", "2/2 [==============================] - 0s - loss: 0.5 - accuracy: 0.5\n", 2, None),
        ("accuracy", "_" * 65 + "\nLayer (type)                 Output Shape", 2, None),
        ("accuracy", "Epoch 1/2", 3, None),
    ],
)
def test_outputs_of_a_notebook_for_the_package(tmp_path, metrics, output, number, version):
    source = f"import keras\nmodel.compile('adam', 'mse', metrics=['{metrics}'])\n"
    cell = {"cell_type": "code", "source": source, "outputs": [{"data": {"text/plain": [output]}}]}
    program = tmp_path / "book.ipynb"
    program.write_text(json.dumps({"cells": [cell]}))
    found = detect.detect(str(program), source)
    assert (found.number, found.version) == (number, version)


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("optimizer = tf.keras.optimizers.legacy.Adam()\n", (2, 11)),
        ("from tensorflow.keras.optimizers import Adam, AdamW\n", (2, 11)),
        ("model.save('best.keras')\n", (2, 11)),
        ("import_module('tensorflow.keras')\n", None),
        ("import tensorflow_addons as tfa\ntfa.optimizers.AdamW(1e-4)\n", None),
        ("optimizer = tf.keras.optimizers.Adam()\n", None),
    ],
)
def test_names_since_tf_keras_2_11(tmp_path, line, version):
    program = tmp_path / "main.py"
    program.write_text(IMPORT + line)
    found = detect.detect(str(program))
    assert (found.number, found.standalone, found.version) == (2, False, version)


def test_releases_since_tf_keras_2_11(tmp_path):
    bar = "2/2 [==============================] - 1s"
    cell = {"cell_type": "code", "source": IMPORT, "outputs": [{"text": [bar]}]}
    program = tmp_path / "book.ipynb"
    for python, version in (("3.11.4", (2, 11)), ("3.10.4", None)):
        info = {"language_info": {"version": python}}
        program.write_text(json.dumps({"cells": [cell], "metadata": info}))
        found = detect.detect(str(program), IMPORT)
        assert (found.number, found.version) == (2, version)
    for pin, version in (
        ("tensorflow==2.12\n", (2, 11)),
        ("tensorflow==2.10\n", (2, 9)),
        ("tensorflow==2.8\n", (2, 3)),
    ):
        (tmp_path / "requirements.txt").write_text(pin)
        assert detect.detect(str(program), IMPORT).version == version


@pytest.mark.parametrize(
    ("line", "output", "expected"),
    [
        ("print(tf.__version__)", "1.15.2\n", (2, False, (2, 2))),
        ("tf.__version__", "'2.4.1'", (2, False, (2, 3))),
        ("print(np.__version__, tf.__version__)", "1.19.5 2.13.0\n", (2, False, (2, 11))),
        ("print(f'TensorFlow {tf.__version__} {x}')", "TensorFlow 2.17.1 0.1.2\n", (3, False, None)),
        ("print(tf.__version__, tf.keras.__version__)", "2.0.0 2.2.4-tf\n", (2, False, (2, 3))),
        ("print(np.__version__)", "2.4.1\n", (2, False, None)),
    ],
)
def test_versions_that_a_notebook_prints(tmp_path, line, output, expected):
    cell = {"cell_type": "code", "source": IMPORT + line, "outputs": [{"text": [output]}]}
    program = tmp_path / "book.ipynb"
    program.write_text(json.dumps({"cells": [cell]}))
    source = IMPORT + "plot(history.history['acc'])\nmodel.compile('adam', 'mse', metrics=['accuracy'])\n"
    found = detect.detect(str(program), IMPORT if expected[2] == (2, 2) or output.startswith("2.4.1") else source)
    assert (found.number, found.standalone, found.version) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.2.2", (1, True, None)),
        ("2.0.8", (2, True, (2, 2))),
        ("2.3.1", (2, True, (2, 3))),
        ("2.9.0", (2, False, (2, 9))),
        ("3.4.1", (3, True, None)),
    ],
)
def test_the_version_of_keras_that_a_notebook_prints(tmp_path, version, expected):
    source = "import keras\nprint(keras.__version__)\n"
    cell = {"cell_type": "code", "source": source, "outputs": [{"data": {"text/plain": version}}]}
    program = tmp_path / "book.ipynb"
    program.write_text(json.dumps({"cells": [cell]}))
    found = detect.detect(str(program), source)
    assert (found.number, found.standalone, found.version) == expected


def test_a_notebook_next_to_a_script_shows_its_release(tmp_path):
    cell = {"cell_type": "code", "source": "tf.__version__", "outputs": [{"data": {"text/plain": ["'2.17.0'"]}}]}
    (tmp_path / "train.ipynb").write_text(json.dumps({"cells": [cell]}))
    for name, number in (("train.py", 3), ("test.py", 2)):
        program = tmp_path / name
        program.write_text(IMPORT)
        assert detect.detect(str(program)).number == number


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_backends_of_keras_3(backend):
    text = "import keras\nmodel = keras.Sequential([keras.layers.Dense(1)])\nmodel.predict_classes(x)\n"
    assert detect.detect("program.py", text).number == 2
    found = detect.detect("program.py", f"import os\nos.environ['KERAS_BACKEND'] = '{backend}'\n{text}")
    assert found.number == 3
    assert f"KERAS_BACKEND={backend} (line 2)" in found.summary()


def test_a_backend_in_the_environment(monkeypatch):
    text = "from tensorflow import keras\nmodel = keras.Sequential([keras.layers.Dense(1)])\n"
    assert detect.detect("program.py", text).number == 2
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert detect.detect("program.py", text).number == 3
    assert detect.detect("program.py", f"{text}model.predict_classes(x)\n").number == 2
