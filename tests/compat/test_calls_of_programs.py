"""How programs call layers, models and optimizers: tensors with their methods, and positions and masks of Keras 2."""

import ast

import numpy as np
import pytest

from gazelle.compat import tensorflow
from gazelle.compat.namespaces import root
from gazelle.compat.source import detect

keras = root("keras")
layers = keras.layers
K = keras.backend
X = np.ones((4, 3), "float32")


# Methods of tensors --------------------------------------------------------------------------------------------------


def _scaled(x, by=1):
    return x * x.get_shape().as_list()[-1] * by


class Scaled(layers.Layer):
    def __init__(self):
        super().__init__()
        self.same = layers.Dense(3, use_bias=False, kernel_initializer="identity")

    def call(self, x):
        return _scaled(self.same(x), by=x._keras_shape[-1] / x.get_shape()[-1])


@pytest.mark.parametrize("imports_tensorflow", [True, False])
@pytest.mark.parametrize("layer", [lambda: layers.Lambda(_scaled), Scaled], ids=["Lambda", "layer"])
def test_functions_of_programs_receive_tensors_with_their_methods(request, layer, imports_tensorflow):
    if imports_tensorflow:
        tensorflow.module("tensorflow")
        request.addfinalizer(tensorflow.close)
    inputs = layers.Input((3,))
    model = keras.Model(inputs, layer()(inputs))
    np.testing.assert_array_equal(model.predict(X, verbose=0), X * 3)


class Sum(keras.layers.Recurrent):
    """A layer for Keras 2.0, whose functions call methods of tensors in helpers."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def preprocess_input(self, inputs, training=None):
        inputs.set_shape([None, None, 3])
        return _scaled(inputs) if self.implementation == 0 else inputs

    def step(self, inputs, states):
        h = inputs + states[0]
        return h, [h]


def test_recurrent_layers_of_keras_2_0():
    model = keras.Sequential([layers.Input((5, 3)), Sum(3)])
    np.testing.assert_array_equal(model.predict(np.ones((2, 5, 3)), verbose=0), np.full((2, 3), 15.0))


class Attending(keras.layers.Recurrent):
    """A layer whose `step` uses a tensor of `call`, and methods of tensors."""

    output_dim = 3

    def call(self, inputs):
        self.whole = inputs
        return super().call(inputs)

    def step(self, x, states):
        h = states[0] + K.mean(self.whole, axis=1) * x.get_shape()[-1]
        return h, [h]


def test_functions_in_loops_use_tensors_of_the_layer_around_them(installed):
    model = keras.Sequential([layers.Input((5, 3)), Attending()])
    np.testing.assert_array_equal(model.predict(np.ones((2, 5, 3)), verbose=0), np.full((2, 3), 15.0))
    x = tensorflow.module("tensorflow").constant([1.0, 2.0])
    assert K.map_fn(lambda e: e * x, np.ones((3, 2))).shape == (3, 2)
    assert np.asarray(K.foldl(lambda a, e: a + e * x, np.ones((3, 2)))).tolist() == [3, 5]


class WithConstants(layers.LSTM):
    def call(self, inputs, mask=None, training=None, initial_state=None, constants=None):
        return super().call(inputs, mask=mask, training=training, initial_state=initial_state, constants=constants)


def test_recurrent_layers_take_constants_of_none():
    assert WithConstants(2)(np.ones((1, 4, 3), "float32")).shape == (1, 2)


def test_variables_of_an_optimizer_are_a_method_too():
    optimizer = keras.optimizers.SGD(momentum=0.9)
    variable = keras.Variable(1.0)
    optimizer.apply_gradients([(np.float32(1), variable)])
    assert optimizer.variables() == optimizer.variables
    assert len(optimizer.variables()) == 3


def test_all_names_of_a_module_of_keras_without_a_list(installed):
    namespace = {}
    exec("from keras.preprocessing.text import *\nfrom keras.preprocessing.sequence import *", namespace)
    assert {"Tokenizer", "one_hot", "pad_sequences", "skipgrams"} <= namespace.keys()
    assert not {"np", "message", "Any"} & namespace.keys()


def test_all_names_of_a_module_of_tensorflow(installed):
    namespace = {}
    exec("from tensorflow.math import *\nfrom tensorflow.nn import *", namespace)
    assert float(namespace["reduce_mean"]([1.0, 3.0])) == 2
    assert namespace["relu"]([-1.0, 2.0]).numpy().tolist() == [0, 2]


def test_modules_for_earlier_versions_inside_keras_src(installed):
    from keras.src.legacy.backend import _preprocess_conv2d_input, _preprocess_padding, int_shape
    from keras.src.ops.operation_utils import get_source_inputs

    inputs = layers.Input((2, 3, 4))
    assert int_shape(inputs) == (None, 2, 3, 4)
    assert get_source_inputs(layers.ReLU()(inputs)) == [inputs]
    moved, name = _preprocess_conv2d_input(np.ones((1, 4, 2, 3)), "channels_first")
    assert (moved.shape, name, _preprocess_padding("same")) == ((1, 2, 3, 4), "NHWC", "SAME")


def test_callbacks_read_the_names_of_metrics_in_params():
    class Reader(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.names = self.params["metrics"]

    reader, model = Reader(), keras.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    model.fit(X, X[:, :1], validation_split=0.5, verbose=0, callbacks=[reader])
    assert reader.names == ["loss", "mae", "val_loss", "val_mae"]


# Masks ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inner", [layers.LSTM, lambda n: layers.Bidirectional(layers.GRU(n))], ids=["LSTM", "GRU"])
def test_wrapped_layers_of_keras_2_skip_masked_steps(keras_2, inner):
    embedding, characters, words = layers.Embedding(5, 3, mask_zero=True), inner(4), layers.LSTM(2)

    def encode(indices):
        inputs = layers.Input(indices.shape[1:], dtype="int32")
        steps = layers.TimeDistributed(characters)(layers.TimeDistributed(embedding)(inputs))
        return keras.Model(inputs, words(steps)).predict(indices, verbose=0)

    short = np.array([[[1, 2], [3, 4]]])  # two words of two characters
    padded = np.array([[[1, 2, 0], [3, 4, 0], [0, 0, 0]]])  # padded words, and a padded text
    np.testing.assert_allclose(encode(padded), encode(short), atol=1e-6)


def test_metrics_at_their_position_of_keras_2_in_compile():
    model = keras.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", [keras.metrics.MeanAbsoluteError(name="error")])
    assert list(model.fit(X, X[:, :1], verbose=0).history) == ["loss", "error"]
    model.compile("sgd", "mse", [0.5], ["mae"])
    assert list(model.fit(X, X[:, :1], verbose=0).history) == ["loss", "mae"]


def test_a_list_of_one_output_is_that_output_in_keras_2(keras_2):
    inputs = layers.Input((3,))
    model = keras.Model([inputs], [layers.Dense(2)(inputs)])
    assert keras.Model(model.input, layers.Dense(1)(model.output)).predict(X, verbose=0).shape == (4, 1)
    assert len(model.inputs) == len(model.outputs) == 1


def test_initial_values_that_are_expressions(keras_2):
    class Prior(keras.initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return keras.backend.ones(shape, dtype=dtype) * -3

    outputs = layers.Conv2D(2, 1, bias_initializer=Prior())(layers.Input((None, None, 3)))
    np.testing.assert_array_equal(outputs.node.layer.bias.numpy(), [-3, -3])


def test_an_index_of_slices_in_a_list(tf):
    assert tf.constant(X)[[slice(0, 2), None]].shape.as_list() == [2, 1, 3]


def test_keras_2_where_the_environment_asks_for_it(monkeypatch):
    source = "import keras\nfrom tensorflow.keras import layers"
    assert detect.detect("", source).number == 3
    assert detect.detect("", f"import os; os.environ['TF_USE_LEGACY_KERAS'] = '1'\n{source}").number == 2
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    assert detect.detect("", source).number == 2
    assert detect.detect("", "import keras").number == 3


@pytest.mark.parametrize(
    "use",
    [
        "model.save_weights('folder/weights', save_format='tf')",
        "metric.reset_states()",
        "self.add_metric(x, name='mean', aggregation='mean')",
        "model.to_yaml()",
    ],
)
def test_names_that_keras_3_removed_are_signs_of_keras_2(use):
    assert detect.detect("", f"import tensorflow as tf; tf.keras\n{use}").number == 2
    assert detect.detect("", f"import keras; from keras import ops\n{use}").number == 3


# Functions of layers -------------------------------------------------------------------------------------------------


def test_activations_of_layers_are_those_of_the_module():
    dense, cell = layers.Dense(2, activation="relu"), layers.LSTM(2).cell
    assert dense.activation is keras.activations.relu
    assert cell.activation is keras.activations.tanh
    assert cell.recurrent_activation is keras.activations.sigmoid
    assert not hasattr(layers.Flatten(), "activation")
    dense.activation = keras.activations.linear  # as programs for guided backpropagation assign their own
    assert dense.activation is keras.activations.linear
    assert dense.get_config()["activation"] == "linear"
    np.testing.assert_array_equal(layers.Dense(2, "linear", kernel_initializer="ones")(X[:1]), [[3, 3]])


def test_layers_have_the_variables_of_their_metrics():
    layer = layers.Dense(2)
    layer.mean = keras.metrics.Mean()
    assert layer.metrics_variables == layer.mean.variables


def test_packages_of_a_program_tell_its_era(tmp_path, monkeypatch):
    inner = tmp_path / "lib" / "mine" / "parts"
    inner.mkdir(parents=True)
    (inner.parent / "__init__.py").write_text("from .parts import model\n")
    (inner / "__init__.py").write_text("from . import model\n")
    (inner / "model.py").write_text("from tensorflow.keras.losses import Loss, Reduction\n")
    source = "import tensorflow as tf\nimport mine\nmine.model.fit(1, 2, epochs=3)"
    assert detect.detect(str(tmp_path / "program.py"), source).number == 3
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    assert detect.detect(str(tmp_path / "program.py"), source).number == 2
    assert detect.detect(str(tmp_path / "program.py"), f"from keras import ops\n{source}").number == 3
    (inner / "model.py").write_text("import keras\n")
    (inner / "__init__.py").write_text("from . import model\nforest.fit(X=1).predict_proba(2)\n")  # not Keras' model
    assert detect.detect(str(tmp_path / "program.py"), "import keras, mine\nmine.model()").number == 3
    (inner / "model.py").write_text("import keras\nmodel.reset_states()\n")
    assert detect.detect(str(tmp_path / "program.py"), "import keras, mine\nmine.model()").number == 2
    (tmp_path / "lib" / "mine-1.dist-info").mkdir()
    metadata = tmp_path / "lib" / "mine-1.dist-info" / "METADATA"
    metadata.write_text('Name: mine\nRequires-Dist: keras<4.0,>=3.3; extra == "deep"\n')
    assert detect.detect(str(tmp_path / "program.py"), "import keras, mine\nmine.model()").number == 3
    (inner / "model.py").write_text("import tensorflow as tf\n")
    for required, number in {"tensorflow (<2.16,>=2)": 2, "keras<3": 2, "keras ~=2.4.0": 2, "tensorflow<3": 3}.items():
        metadata.write_text(f"Name: mine\nRequires-Dist: {required}\n")
        assert detect.detect(str(tmp_path / "program.py"), source).number == number, required
    metadata.write_text('Name: mine\nRequires-Dist: tensorflow<2.16; extra == "deep"\n')
    assert detect.detect(str(tmp_path / "program.py"), source).number == 3
    metadata.write_text("Name: mine\nRequires-Dist: keras-hub>=3\n")
    (inner / "model.py").write_text("from tensorflow.keras.losses import Loss, Reduction\n")
    monkeypatch.chdir(inner)
    source = "import tensorflow as tf\nmodel.fit(1, 2, epochs=3)\nfrom {}parts.model import Loss"
    assert detect.detect("test.py", source.format("..")).number == 2
    assert detect.detect("test.py", source.format("." * 99)).number == 3


def test_datasets_are_recognized_by_the_name_of_their_class():
    from gazelle.compat.tensorflow.data.dataset import Dataset

    assert "Dataset" in str(type(Dataset.range(3)))
    assert len(Dataset.range(3)) == 3


def test_arrays_have_the_method_of_tensors():
    keras = root("keras")
    assert keras.ops.mean(keras.ops.ones(3)).numpy() == 1
    assert isinstance(keras.layers.Dense(2)(np.ones((1, 3))).numpy(), np.ndarray)


class NeedsName(layers.Dense):
    def __init__(self, units, dtype=None, **kwargs):
        self.scale = np.ones((), dtype)
        super().__init__(units, dtype=dtype, **kwargs)


def test_constructors_receive_the_name_of_a_dtype_from_configs():
    again = NeedsName.from_config(NeedsName(2, dtype="float16").get_config())
    assert again.scale.dtype == "float16"
    assert again.dtype_policy.name == "float16"


def test_a_recurrent_layer_of_keras_2_0_replaces_its_input_spec(keras_2):
    class Checked(Sum):
        def build(self, input_shape):
            self.input_spec[0] = keras.layers.InputSpec(shape=(None, None, input_shape[2]))
            super().build(input_shape)

    layer = Checked(3)
    layer(np.ones((2, 3, 3), "float32"))
    with pytest.raises(ValueError, match="expected"):
        layer(np.ones((2, 3, 4), "float32"))


def test_the_files_of_a_program_are_parsed_once(tmp_path, monkeypatch):
    (tmp_path / "lib" / "own").mkdir(parents=True)
    (tmp_path / "lib" / "own" / "__init__.py").write_text("from . import models")
    (tmp_path / "lib" / "own" / "models.py").write_text("def train(model): model.fit(nb_epoch=2)")
    (tmp_path / "program.py").write_text("import keras, own")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    parsed, parse = [], ast.parse
    monkeypatch.setattr(ast, "parse", lambda source: parsed.append(source) or parse(source))
    assert detect.detect(str(tmp_path / "program.py")).number == 1
    assert len(parsed) == len(set(parsed)) == 3
