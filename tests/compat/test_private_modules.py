"""Modules of TensorFlow and Keras that are not public, and which modules of a process receive tensors."""

import functools
import importlib
import sys

import numpy as np
import pytest

from gazelle.cli import import_aliases
from gazelle.compat import facade
from gazelle.compat.namespaces import root
from gazelle.compat.private.keras_src import H5IOStore
from gazelle.compat.source.detect import detect

keras = root("keras")
layers = keras.layers
X = np.ones((4, 3), "float32")


class Twice(layers.Layer):
    def call(self, x):
        return keras.ops.add(x, x)


LAYER = """
import keras

class Kind(keras.layers.Layer):
    def call(self, x):
        self.seen = type(x).__module__.split(".")[0]
        return x

class Net(keras.Model):
    def call(self, x):
        return x

    def train_step(self, data):
        self.seen = type(data[0]).__module__.split(".")[0]
        return {"loss": 0.0}

def outer(x):
    return keras.layers.Dense(1)(x), keras.metrics.MeanMetricWrapper(keras.losses.mean_squared_error)(x, x)
"""


@pytest.mark.parametrize("imports", ["", "import tensorflow as tf\n", "from tensorflow import keras\n"])
def test_tensors_are_given_to_modules_that_import_tensorflow(imports, installed, tmp_path, monkeypatch):
    importlib.import_module("tensorflow")
    name = f"local_facade_{len(imports)}"
    (tmp_path / f"{name}.py").write_text(LAYER + imports)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module(name)
    layer = module.Kind()
    layer(X)
    assert (layer.seen == "tensorflow") == bool(imports)
    model = module.Net()
    model.compile("sgd")
    model.fit(X, X, verbose=0)
    assert (model.seen == "tensorflow") == bool(imports)
    assert all((type(value).__module__.split(".")[0] == "tensorflow") == bool(imports) for value in module.outer(X))


def test_layers_do_not_depend_on_symbolic_tensors_of_their_module():
    global unrelated
    unrelated = keras.Input((3,))
    x = keras.Input((3,))
    assert keras.Model(x, Twice()(x)).inputs == [x]


def test_code_without_a_file_gets_tensors():
    assert facade.serves({})
    assert facade.serves({"__file__": "book.ipynb"})


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("ops.math_ops", "add matmul cast reduce_sum"),
        ("ops.array_ops", "concat reshape gather where"),
        ("ops.control_flow_ops", "group"),
        ("ops.init_ops_v2", "Zeros Ones Constant TruncatedNormal glorot_normal"),
        ("ops.lookup_ops", "StaticHashTable HashTable"),
        ("ops.rnn", "rnn bidirectional_rnn static_rnn dynamic_rnn"),
        ("ops.rnn_cell", "RNNCell GRUCell"),
        ("ops.rnn_cell_impl", "RNNCell LSTMStateTuple"),
        ("framework.ops", "EagerTensor Tensor convert_to_tensor name_scope"),
        ("framework.dtypes", "float32 as_dtype"),
        ("framework.tensor_shape", "TensorShape as_shape dimension_value"),
        ("framework.tensor_spec", "TensorSpec"),
        ("framework.tensor_util", "constant_value is_tf_type"),
        ("data.ops.dataset_ops", "DatasetV2 Dataset"),
        ("distribute.distribution_strategy_context", "get_strategy"),
        ("distribute.sharded_variable", "ShardedVariable"),
        ("keras.utils.tf_utils", "shape_type_conversion smart_cond constant_value is_ragged is_sparse"),
        ("keras.optimizer_v2.learning_rate_schedule", "LearningRateSchedule"),
        ("framework.smart_cond", "smart_cond smart_constant_value"),
        ("eager.context", "executing_eagerly global_seed"),
        ("framework.config", "enable_op_determinism disable_op_determinism is_op_determinism_enabled"),
        ("util.nest", "flatten map_structure is_sequence"),
        ("keras.utils.generic_utils", "CustomObjectScope Progbar"),
        ("keras.backend_config", "floatx epsilon"),
        ("keras.mixed_precision.experimental.loss_scale_optimizer", "LossScaleOptimizer"),
        ("keras.optimizer_v2.optimizer_v2", "OptimizerV2"),
        ("distribute.coordinator.cluster_coordinator", ""),
    ],
)
def test_tensorflow_python(module, names, installed):
    found = importlib.import_module(f"tensorflow.python.{module}")
    assert [name for name in {*names.split(), *dir(found)} if not hasattr(found, name)] == []
    assert not hasattr(found, "no_such_name")


def test_modules_of_operations_are_attributes_of_tensorflow_python(installed):
    from tensorflow.python import array_ops, context, control_flow_ops, init_ops, math_ops, nn_ops, state_ops, variables
    from tensorflow.python.framework.sparse_tensor import SparseTensor

    used = (math_ops.matmul, state_ops.assign, control_flow_ops.group, array_ops.concat, init_ops.Constant)
    assert all(
        callable(f) for f in (*used, SparseTensor, nn_ops.softmax, variables.Variable, context.executing_eagerly)
    )
    with pytest.raises(ImportError):
        from tensorflow.python import no_such  # noqa: F401


def test_helpers_of_custom_layers_and_metrics(installed):
    import tensorflow as tf
    from tensorflow.python.framework import tensor_shape, tensor_util
    from tensorflow.python.keras.layers.recurrent import _generate_zero_filled_state_for_cell
    from tensorflow.python.keras.utils import generic_utils, losses_utils, tf_utils
    from tensorflow.python.ops import control_flow_ops

    class Widened(tf.keras.layers.Layer):
        @tf_utils.shape_type_conversion
        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], 2 * tensor_shape.dimension_value(input_shape[-1]))

        def call(self, inputs, training=None):
            wide = tf.concat([inputs, inputs], -1)
            return tf_utils.smart_cond(training, lambda: wide, lambda: 2 * wide)

    assert tuple(Widened().compute_output_shape((None, 3))) == (None, 6)
    assert [Widened()(X, training=mode).numpy().max() for mode in (True, False)] == [1, 2]
    y_pred, y_true, weights = losses_utils.squeeze_or_expand_dimensions(X[:, :1], X[:, 0], X[:, :1])
    assert [tuple(value.shape) for value in (y_pred, y_true, weights)] == [(4,), (4,), (4,)]
    assert tuple(losses_utils.squeeze_or_expand_dimensions(X, X, X[:, 0])[2].shape) == (4, 1)
    labels, _ = losses_utils.remove_squeezable_dimensions(X[:, :1], X, expected_rank_diff=1)
    assert tuple(labels.shape) == (4,)
    states = _generate_zero_filled_state_for_cell(tf.keras.layers.LSTMCell(5), X, None, "float32")
    assert [tuple(state.shape) for state in states] == [(4, 5)] * 2
    assert control_flow_ops.with_dependencies([], labels) is labels
    assert tensor_util.constant_value(tf.constant(3)) == 3
    generic_utils.validate_kwargs({"name": 1}, {"name"})
    with pytest.raises(TypeError, match="unit"):
        generic_utils.validate_kwargs({"unit": 1}, {"name"}, "Keyword argument not understood:")


def test_texts_of_scalars_are_those_of_tensorflow(installed):
    import tensorflow as tf

    tenth, text = tf.constant(0.1), "tf.Tensor(0.1, shape=(), dtype=float32)"
    assert (str(tenth), f"{tenth!s}") == (text, text)
    assert repr(tenth) == "<tf.Tensor: shape=(), dtype=float32, numpy=0.1>"
    assert repr(tf.Variable(0.1, name="v")).endswith("numpy=0.1>")


@pytest.mark.parametrize(("base", "function"), [("Pooling2D", "max_pool2d"), ("Pooling3D", "max_pool3d")])
def test_bases_of_pooling_layers_take_a_function(base, function, installed):
    import tensorflow as tf

    pooling = importlib.import_module("tensorflow.python.keras.layers.pooling")

    class Pooled(getattr(pooling, base)):
        def __init__(self, **options):
            super().__init__(getattr(tf.nn, function), pool_size=2, **options)

    x = np.random.default_rng(0).normal(size=(1, 4, 4, 2) if base == "Pooling2D" else (1, 4, 4, 4, 2)).astype("float32")
    genuine = getattr(tf.keras.layers, f"Max{base}")
    np.testing.assert_array_equal(Pooled()(x), genuine()(x))
    x = np.moveaxis(x, -1, 1)
    np.testing.assert_array_equal(Pooled(data_format="channels_first")(x), genuine(data_format="channels_first")(x))
    assert "pool_function" not in Pooled().get_config()


def test_other_bases_of_layers(installed):
    import tensorflow as tf
    from tensorflow.python.keras.layers.convolutional import Conv
    from tensorflow.python.keras.layers.pooling import GlobalPooling1D, Pooling1D

    class Pooled(Pooling1D):
        def __init__(self, **options):
            super().__init__(functools.partial(tf.keras.backend.pool2d, pool_mode="max"), pool_size=2, **options)

    class Summed(GlobalPooling1D):
        def call(self, inputs):
            return tf.reduce_sum(inputs, 1)

    x = np.arange(8, dtype="float32").reshape(1, 4, 2)
    assert Pooled()(x).numpy().tolist() == [[[2, 3], [6, 7]]]
    assert Summed()(x).numpy().tolist() == [[12, 16]]
    assert Conv(rank=1, filters=3, kernel_size=2)(x).shape == (1, 3, 3)


def test_the_seed_is_read_and_restored(installed):
    import tensorflow as tf
    from tensorflow.python.eager import context

    before = context.global_seed()
    tf.random.set_seed(7)
    first = float(tf.random.uniform([]))
    assert context.global_seed() == 7
    tf.random.set_seed(None)
    assert context.global_seed() is None
    tf.random.set_seed(7)
    assert float(tf.random.uniform([])) == first
    tf.random.set_seed(before)


def test_tensorflow_python_refuses_other_modules(installed):
    with pytest.raises(ModuleNotFoundError, match=r"tf\.python\.no_such"):
        importlib.import_module("tensorflow.python.no_such")
    with pytest.raises(ModuleNotFoundError, match=r"tf\.python\.ops\.no_such"):
        importlib.import_module("tensorflow.python.ops.no_such")
    from tensorflow.python.framework.smart_cond import smart_cond

    assert smart_cond(True, lambda: 1, lambda: 2) == 1
    from tensorflow.python.framework import ops
    from tensorflow.python.ops import variable_scope

    with ops.init_scope(), ops.name_scope("a"), variable_scope.variable_scope("b"):  # names that modules have, too
        pass


def test_functions_of_keras_applications_take_the_modules_of_keras(keras_2, installed, tmp_path):
    import keras_applications
    from keras_applications import imagenet_utils, vgg16

    given = {name: getattr(keras_2, name) for name in ("backend", "layers", "models", "utils")}
    model = vgg16.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3), **given)
    assert model.output_shape == (None, 1, 1, 512)
    image = imagenet_utils.preprocess_input(np.ones((1, 4, 4, 3)), mode="tf", **given)
    np.testing.assert_allclose(image[0, 0, 0], -0.992157, rtol=1e-5)
    assert keras_applications.correct_pad(keras_2.backend, keras_2.layers.Input((15, 16, 3)), 3) == ((1, 1), (0, 1))
    assert keras_applications.get_submodules_from_kwargs(given) == tuple(given.values())
    assert keras_applications.get_submodules_from_kwargs({}) == (None,) * 4
    with pytest.raises(TypeError, match="a: expected one of backend, layers, models, utils"):
        keras_applications.get_submodules_from_kwargs({"a": keras_2.backend})
    assert detect(str(tmp_path / "a.py"), "import keras\nfrom keras_applications import vgg16").number == 2


@pytest.mark.parametrize("name", ["keras_applications", "keras_preprocessing"])
def test_genuine_parts_are_used(name, installed, tmp_path, monkeypatch):
    importlib.import_module(name)
    assert sys.modules.pop(name).__name__.startswith("keras")
    (tmp_path / f"{name}.py").write_text("genuine = True")
    monkeypatch.syspath_prepend(tmp_path)
    assert importlib.import_module(name).genuine
    del sys.modules[name]


def test_tensorboard_does_not_take_the_facade_for_tensorflow(installed):
    assert import_aliases.Aliases().find_spec("tensorboard.compat.notf") is not None  # TensorBoard's own switch


def test_store(tmp_path):
    store = H5IOStore(tmp_path / "a.h5", mode="w")
    entry = store.make("lora/0")
    entry["rank"], entry["a"] = 4, keras.Variable(np.ones(2))
    store.close()
    store = H5IOStore(tmp_path / "a.h5")
    found = store.get("lora/0")
    assert int(found["rank"][()]) == 4
    assert found["a"][()].tolist() == [1, 1]
    assert list(found) == ["a", "rank"]
    assert len(store.get("lora/1")) == 0
    store.close()


@pytest.mark.parametrize("root", ["keras", "tensorflow.keras"])
@pytest.mark.parametrize(
    ("module", "name", "object_"),
    [
        ("optimizers.legacy", "adam", "Adam"),
        ("optimizers.legacy", "gradient_descent", "SGD"),
        ("optimizers.optimizer_experimental", "adamw", "AdamW"),
        ("optimizers", "optimizer", "Optimizer"),
        ("metrics", "base_metric", "Metric"),
        ("metrics", "confusion_metrics", "AUC"),
        ("saving.legacy", "serialization", "serialize_keras_object"),
        ("saving.legacy", "hdf5_format", "load_weights_from_hdf5_group"),
        ("saving.legacy.saved_model", "load", "load_model"),
        ("saving", "object_registration", "get_registered_name"),
        ("layers.locally_connected", "locally_connected1d", "LocallyConnected1D"),
        ("initializers", "initializers", "GlorotUniform"),
    ],
)
def test_modules_of_keras_2_11_to_2_15(installed, root, module, name, object_):
    imported = importlib.import_module(f"{root}.{module}.{name}")
    assert getattr(getattr(importlib.import_module(f"{root}.{module}"), name), object_) is getattr(imported, object_)


@pytest.mark.parametrize("root", ["keras", "tensorflow.keras"])
def test_modules_of_keras_3_are_imported_by_their_names(installed, root):
    boxes = importlib.import_module(f"{root}.utils.bounding_boxes")
    assert importlib.import_module(f"{root}.utils").bounding_boxes is boxes
    corners = boxes.convert_format(np.array([[[1.0, 2, 3, 4]]]), "xywh", "xyxy")
    np.testing.assert_array_equal(corners, [[[1, 2, 4, 6]]])
    assert importlib.import_module(f"{root}.legacy").saving is importlib.import_module(f"{root}.legacy.saving")


def test_legacy_serialization_of_keras_3_has_no_module(installed):
    import keras
    from keras.utils.legacy import deserialize_keras_object, serialize_keras_object

    text = serialize_keras_object(keras.initializers.Zeros())
    assert text == {"class_name": "Zeros", "config": {}}  # as Keras 3.15.1
    assert isinstance(deserialize_keras_object(text, {"Zeros": keras.initializers.Zeros}), keras.initializers.Zeros)
    assert serialize_keras_object(keras.activations.relu) == "relu"
    assert serialize_keras_object(None) is None


def test_eager_mode(installed):
    tf = importlib.import_module("tensorflow")
    context = importlib.import_module("tensorflow.python.eager.context")
    with context.eager_mode():
        assert context.executing_eagerly()
        assert float(tf.square(3.0)) == 9


IMPORT = "from tensorflow.python.{} import {}\n"
HIDDEN = [
    ("keras.engine.base_layer_utils", "create_keras_history"),
    ("keras.backend", "track_tf_optimizer"),
    ("ops.gen_nn_ops", "one_op"),
]


@pytest.mark.parametrize(("module", "name"), HIDDEN)
def test_imports_that_nothing_uses_may_name_what_is_not_here(installed, tf, module, name):
    """Editors insert them. A name that is used, or that is looked for in `try`, is missing as before."""
    line, found = IMPORT.format(module, name), {}
    exec(line, found)
    with pytest.raises(AttributeError, match=f"tensorflow.python.{module} has no '{name}'"):
        found[name]()
    exec(f"{line.strip()} as other\ndef f():\n    {name} = 1\n    return {name}", {})
    exec(f"try:\n    {line}except ImportError:\n    missing = True", found)
    assert found["missing"]
    for used in (f"print({name})", f"def f():\n    return {name}()", f"class A:\n    a = [{name} for _ in '1']"):
        with pytest.raises(ImportError, match=f"cannot import name '{name}'"):
            exec(line + used, {})


def test_small_names_of_optimizers_are_modules_in_tf_keras(tf_keras):
    assert tf_keras.optimizers.rmsprop.RMSprop is tf_keras.optimizers.RMSprop
    assert tf_keras.optimizers.adam.Adam is tf_keras.optimizers.Adam


def test_small_names_of_optimizers_are_classes_in_the_package_keras(keras_2):
    assert (keras_2.optimizers.rmsprop, keras_2.optimizers.adam) == (
        keras_2.optimizers.RMSprop,
        keras_2.optimizers.Adam,
    )


def test_loops_windows_and_losses_of_private_modules(tf, installed):
    from tensorflow.python.ops.losses import util
    from tensorflow.python.ops.parallel_for.control_flow_ops import pfor
    from tensorflow.python.ops.signal.window_ops import hann_window
    from tensorflow.python.util.compat import collections_abc

    assert pfor(lambda i: 2 * i, 3).numpy().tolist() == [0, 2, 4]
    draws = pfor(lambda i: tf.random.normal([2]), 2).numpy()
    assert (draws[0] != draws[1]).all()  # each call draws its own numbers
    assert hann_window(4).numpy().tolist() == tf.signal.hann_window(4).numpy().tolist()
    assert isinstance({}, collections_abc.Mapping)
    assert tuple(util.squeeze_or_expand_dimensions(tf.ones((2, 1)), tf.ones(2))[0].shape) == (2,)
