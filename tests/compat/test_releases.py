"""Releases that a project requires, and the gates of LSTM and GRU before Keras 2.3; numbers of 2.2.4 and 2.3.1."""

import warnings

import h5py
import numpy as np
import pytest

from gazelle.cli import eras
from gazelle.compat import era
from gazelle.compat.namespaces import root
from gazelle.compat.source import detect

X = np.linspace(-2, 2, 12).reshape(2, 3, 2)
HARD = {
    "LSTM": [[-0.06020, -0.02470], [-0.97898, -0.75575]],
    "GRU": [[0.64619, -0.35087], [-0.92337, -0.43731]],
}
SIGMOID = {"LSTM": [[-0.08005, -0.03675], [-0.95840, -0.75716]], "GRU": [[0.67996, -0.34632], [-0.93593, -0.44890]]}
RATE = "import keras\nkeras.optimizers.Adadelta()\n"
LAYERS = "from keras.layers import Dense\n"
OLD = "from keras.models import Model\nModel.fit_generator\n"
SELECTED = "if os.environ.get('TF_KERAS'):\n    from tensorflow.python import keras\nelse:\n    import keras\n"
FUTURE = "from __future__ import print_function\n"
ORDERING = "from keras import backend as K\nK.set_image_dim_ordering('tf')\n"
BOTH_ORDERINGS = """from keras import backend as K
try:
    K.set_image_data_format('channels_last')
except AttributeError:
    K.set_image_dim_ordering('tf')
"""
ACCURACY = LAYERS + 'model.compile("sgd", metrics=["accuracy"])\nplot(history.history["val_acc"])\n'


@pytest.fixture(params=[False, True], ids=["from 2.3 on", "before 2.3"])
def hard(request):
    before = era.release()
    era.set_release(era.Release(2, True, (2, 2) if request.param else None))
    yield request.param
    era.set_release(before)


def small(kind, **options):
    """A model of two units with known weights."""
    keras = root("keras")
    model, count, weights = (
        keras.models.Sequential([getattr(keras.layers, kind)(2, input_shape=(3, 2), **options)]),
        0,
        [],
    )
    for array in model.get_weights():
        weights.append(np.sin(np.arange(count, count + array.size)).reshape(array.shape) * 1.5)
        count += array.size
    model.set_weights(weights)
    return model


@pytest.mark.parametrize(
    ("pin", "source", "number", "standalone", "hard"),
    [
        ("Keras==2.2.4", LAYERS, 2, True, True),
        ("keras<2.3", LAYERS, 2, True, True),
        ("keras==2.3.1", LAYERS, 2, True, False),
        ("keras==1.2.2", LAYERS, 1, True, False),
        ("keras==2.10.0", LAYERS, 2, False, False),
        ("tensorflow-gpu==1.12.0\nkeras", LAYERS, 2, True, True),
        ("tensorflow==1.15", LAYERS, 2, True, False),
        ("tensorflow==2.8", LAYERS, 2, False, False),
        ("keras>=2.0", LAYERS, 3, True, False),
        ("keras>=2.0", RATE, 2, True, False),
        ("keras>=3.0", RATE, 3, True, False),
        ("tensorflow>=2.16", RATE, 3, True, False),
        ("", RATE.replace("keras", "tensorflow.keras"), 2, False, False),
        ("", RATE + "keras.ops.relu\n", 3, True, False),
        ("", FUTURE + LAYERS, 2, True, False),
        ("", "from __future__ import annotations\n" + LAYERS, 3, True, False),
        ("keras>=3.0", FUTURE + LAYERS, 3, True, False),
        ("", FUTURE + LAYERS + "import keras\nkeras.ops.relu\n", 3, True, False),
        ("keras-tuner==1.0\nkeras_applications==1.0.8", LAYERS, 3, True, False),
        ("keras==2.2.4", "import keras\nkeras.ops.relu\n", 3, True, False),
        ("", "import tensorflow as tf\ntf.placeholder\ntf.keras.layers.LSTM\n", 2, False, True),
        ("", "import tensorflow as tf\ntf.compat.v1.placeholder\ntf.keras.layers.LSTM\n", 2, False, False),
        ("", ACCURACY, 2, True, True),
        ("", ACCURACY.replace("from keras", "from tensorflow.keras"), 2, False, True),
        ("", ACCURACY.replace('["val_acc"]', '.get("val_acc")'), 2, True, True),
        ("", ACCURACY.replace("accuracy", "acc"), 3, True, False),
        ("", ACCURACY + "plot(history.history['accuracy'])\n", 3, True, False),
        ("", ACCURACY + "import keras\nkeras.ops.relu\n", 3, True, False),
        ("tensorflow==1.13.1", "import tensorflow as tf\ntf.keras.layers.LSTM\n", 2, False, True),
        ("", OLD + ORDERING + "model.fit(x, y, epochs=2)\n", 2, True, True),
        ("", OLD + "from keras.layers import Deconv2D\n", 2, True, True),
        ("", OLD + BOTH_ORDERINGS, 2, True, False),
        ("", OLD + ORDERING, 1, True, False),
        ("", OLD + "from keras.layers import Wrapper\n", 2, True, False),
        ("", OLD + "from keras.layers import SeparableConvolution1D\n", 2, True, False),
        ("", OLD + "from keras.layers import LayerNormalization\n", 2, False, False),
        ("", OLD + "from keras.utils import tf_utils\n", 2, False, False),
        ("", OLD + "from keras import layers\nlayers.MultiHeadAttention(2, 4)\n", 2, False, False),
        ("", OLD + "from keras.layers import *\nGlobalAveragePooling2D(keepdims=True)\n", 2, False, False),
        ("", OLD + "from keras.layers import GlobalAveragePooling2D\nGlobalAveragePooling2D()\n", 2, True, False),
        ("", LAYERS + "from keras.layers import LayerNormalization\n", 3, True, False),
        ("", OLD + SELECTED, 2, True, False),
        ("", OLD + SELECTED.replace("    import keras\n", "    pass\n"), 2, False, False),
    ],
)
def test_releases_decide_about_era_and_gates(tmp_path, pin, source, number, standalone, hard):
    (tmp_path / "requirements.txt").write_text(f"numpy\n{pin}\n")
    (tmp_path / "README.md").write_text("")
    program = tmp_path / "train.py"
    program.write_text(source)
    found = detect.detect(str(program))
    assert (found.number, found.standalone) == (number, standalone)
    assert ("before Keras 2.3" in found.summary()) == (found.is_before_2_3 and number == 2) == hard
    assert "(line 0)" not in found.summary()
    assert found.is_a_guess == (source == RATE and pin == "keras>=2.0")


@pytest.mark.parametrize(
    ("pin", "source", "counted"),
    [
        ("keras==2.3.1", LAYERS, True),
        ("keras==2.10.0", LAYERS, True),
        ("tensorflow==2.4.1", "import tensorflow as tf\ntf.keras.layers.LSTM\n", True),
        ("tensorflow==2.11", "import tensorflow as tf\ntf.keras.layers.LSTM\n", False),
        ("keras==2.2.4", LAYERS, False),
        ("keras==2.2.4\ntensorflow==2.0", LAYERS, False),
        ("keras>=2.3", LAYERS, False),
        ("tensorflow==1.15", "import tensorflow as tf\ntf.keras.layers.LSTM\n", True),
    ],
)
def test_masked_steps_count_from_2_3_to_2_10(keras_2, tmp_path, pin, source, counted):
    (tmp_path / "requirements.txt").write_text(pin)
    (tmp_path / "train.py").write_text(source)
    eras.begin(str(tmp_path / "train.py"))
    keras = root("keras")
    model = keras.models.Sequential([keras.layers.Masking(input_shape=(4, 1))])
    model.compile("sgd", "mse", metrics=["mae"])
    x = np.array([[[1.0], [0.0], [3.0], [0.0]]])
    loss, error = model.evaluate(x, np.zeros((1, 4, 1)), verbose=0)
    assert (float(loss), float(error)) == (2.5 if counted else 5.0, 2.0)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_default_gates(hard, kind):
    expected = HARD if hard else SIGMOID
    np.testing.assert_allclose(small(kind).predict(X, verbose=0), expected[kind], atol=2e-5)
    np.testing.assert_allclose(
        small(kind, recurrent_activation="sigmoid").predict(X, verbose=0), SIGMOID[kind], atol=2e-5
    )


def test_layers_of_cudnn_have_the_sigmoid(hard):
    assert small("CuDNNGRU").count_params() == 2 * 6 + 2 * 6 + 12  # two biases
    config = small("CuDNNLSTM").layers[0].get_config()
    assert config["recurrent_activation"] == "sigmoid"


def test_gates_of_tf_keras_in_tensorflow_1(tf_keras_2):
    era.set_release(era.Release(2, False, (2, 2)))
    layer = tf_keras_2.keras.layers.GRU(2)
    assert (layer.get_config()["recurrent_activation"], layer.reset_after) == ("hard_sigmoid", False)


@pytest.mark.parametrize(
    ("version", "options", "expected"),
    [
        ("2.2.4", {}, HARD),
        ("1.2.2", {}, HARD),
        ("2.3.1", {}, SIGMOID),
        ("2.2.4-tf", {}, SIGMOID),  # of TensorFlow 1.13 to 2.1
        ("2.1.6-tf", {}, HARD),
        ("2.2.4", {"recurrent_activation": "sigmoid"}, SIGMOID),
    ],
)
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_weights_bring_their_gates(keras_2, tmp_path, kind, version, options, expected):
    path = str(tmp_path / "weights.h5")
    small(kind).save_weights(path)
    with h5py.File(path, "a") as file:
        file.attrs["keras_version"] = version.encode()
    model = small(kind, **options)
    model.predict(X, verbose=0)  # compiled with the sigmoid
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.load_weights(path)
    texts = [str(one.message) for one in caught]
    assert any("recurrent_activation of LSTM and GRU was 'hard_sigmoid' by default" in t for t in texts) == (
        expected is HARD
    )
    np.testing.assert_allclose(model.predict(X, verbose=0), expected[kind], atol=2e-5)


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
def test_an_activation_that_is_assigned_is_that_of_the_cell(keras_2, kind):
    keras = root("keras")
    layer = getattr(keras.layers, kind)(2)
    layer.activation = keras.activations.relu
    assert layer.activation is keras.activations.relu
    assert layer.cell.activation is keras.activations.relu


@pytest.mark.parametrize("base", ["Layer", "RNN"])
def test_an_activation_of_a_layer_of_the_program_is_not_that_of_its_cell(keras_2, base):
    """As in a cell that normalizes the output of SimpleRNNCell(units, activation=None), then applies `activation`."""
    keras = root("keras")

    class Normalized(getattr(keras.layers, base)):
        def __init__(self):
            inner = keras.layers.SimpleRNNCell(2, activation=None)
            super().__init__(*([inner] if base == "RNN" else []))
            self.cell = inner
            self.activation = keras.activations.relu
            self.activity_regularizer = keras.regularizers.l2(0.1)

    layer = Normalized()
    assert layer.activation is keras.activations.relu
    assert layer.cell.activation is keras.activations.linear
    assert layer.cell.activity_regularizer is None


def test_optimizers_of_tensorflow_1_show_its_release(tmp_path):
    program = tmp_path / "program.py"
    text = "model = tf.keras.Sequential()\nmodel.compile(tf.train.AdamOptimizer(), 'mse')\n"
    program.write_text(f"import tensorflow as tf\n{text}")
    found = detect.detect(str(program))
    assert (found.number, found.version) == (2, (2, 2))


@pytest.mark.parametrize("equal", ['if not tf.__version__ == "2.0.0-beta1":', "if tf.__version__ != '2.0.0-beta1':"])
def test_the_version_that_a_program_compares_with(keras_2, tmp_path, equal):
    source = f"import tensorflow as tf\nfrom tensorflow.keras import layers\n{equal}\n    raise Exception\n"
    era.set_release(detect.detect(str(tmp_path / "program.py"), source))
    assert root("tensorflow").__version__ == "2.0.0-beta1"
    several = source + 'if tf.__version__ == "1.4.0":\n    old = True\n'
    era.set_release(detect.detect(str(tmp_path / "program.py"), several))
    assert root("tensorflow").__version__ == "2.15.0"
