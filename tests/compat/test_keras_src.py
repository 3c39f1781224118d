"""`keras.src`: the private modules of Keras 3 as packages import them."""

import importlib
import pickle
import sys

import numpy as np
import pytest

import gazelle
from gazelle.compat import tensorflow
from gazelle.compat.namespaces import Namespace

NAMES = {  # module -> names that keras-tuner, keras-hub, keras-rs, scikeras, bayesflow and tf-keras-vis import
    "ops": ["add", "convert_to_tensor", "shape"],
    "ops.numpy": ["mean"],
    "backend.tensorflow": ["convert_to_numpy", "is_tensor", "cast"],
    "backend.tensorflow.numpy": ["mean", "expand_dims"],
    "backend": [
        "get_keras_mask",
        "set_keras_mask",
        "compute_output_spec",
        "Variable",
        "KerasTensor",
        "floatx",
        "standardize_shape",
    ],
    "backend.common": ["standardize_dtype"],
    "backend.config": ["backend", "epsilon", "floatx", "image_data_format"],
    "backend.common.symbolic_scope": ["SymbolicScope", "in_symbolic_scope"],
    "backend.common.stateless_scope": ["StatelessScope", "in_stateless_scope", "get_stateless_scope"],
    "backend.common.global_state": ["get_global_attribute", "set_global_attribute"],
    "ops.operation": ["Operation"],
    "ops.node": ["Node"],
    "layers.attention.grouped_query_attention": ["GroupedQueryAttention"],
    "layers.merging.base_merge": ["Merge"],
    "layers.merging.dot": ["batch_dot"],
    "ops.operation_utils": ["compute_conv_output_shape", "compute_pooling_output_shape", "get_source_inputs"],
    "utils.io_utils": ["print_msg"],
    "layers.pooling.base_pooling": ["BasePooling"],
    "layers.pooling.base_global_pooling": ["BaseGlobalPooling"],
    "layers.convolutional.base_conv_transpose": ["BaseConvTranspose"],
    "layers.convolutional.base_separable_conv": ["BaseSeparableConv"],
    "layers.convolutional.base_depthwise_conv": ["BaseDepthwiseConv"],
    "layers.regularization.spatial_dropout": ["BaseSpatialDropout"],
    "layers.activations.leaky_relu": ["LeakyReLU"],
    "utils.module_utils": ["LazyModule"],
    "backend.jax.random": ["jax_draw_seed"],
    "saving": ["register_keras_serializable"],
    "saving.serialization_lib": ["serialize_keras_object", "deserialize_keras_object"],
    "saving.saving_lib": ["load_model", "save_model", "load_weights_only", "save_weights_only"],
    "utils.tracking": ["no_automatic_dependency_tracking"],
    "utils.backend_utils": ["in_grain_data_pipeline"],
    "callbacks": ["Callback", "EarlyStopping"],
    "losses.losses": ["LossFunctionWrapper", "MeanSquaredError"],
    "losses.loss": ["Loss"],
    "layers.layer": ["Layer"],
    "layers.core.dense": ["Dense"],
    "layers.core.einsum_dense": ["EinsumDense", "_analyze_einsum_string", "_analyze_quantization_info"],
    "layers.convolutional.base_conv": ["BaseConv"],
    "layers.attention.multi_head_attention": [
        "MultiHeadAttention",
        "_build_attention_equation",
        "_build_proj_equation",
    ],
    "models.functional": ["Functional"],
    "models.model": ["Model"],
    "optimizers.schedules.learning_rate_schedule": ["LearningRateSchedule"],
    "distribution.distribution_lib": ["DataParallel"],
    "trainers.data_adapters.data_adapter_utils": ["unpack_x_y_sample_weight", "pack_x_y_sample_weight"],
    "applications.resnet": ["ResNet50"],
    "engine.base_layer": ["Layer"],
    "distillation.distiller": ["Distiller"],
    "dtype_policies.dtype_policy": ["dtype_policy", "set_dtype_policy", "DTypePolicy"],
    "backend.common.remat": ["RematScope"],
    "utils.jax_layer": ["JaxLayer"],
    "utils.traceback_utils": ["is_traceback_filtering_enabled"],
}


@pytest.fixture(scope="module")
def keras():
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "keras"}
    gazelle.install()
    yield importlib.import_module("keras")
    gazelle.uninstall()
    for name in [name for name in sys.modules if name.split(".")[0] == "keras"]:
        del sys.modules[name]
    sys.modules.update(hidden)


@pytest.mark.parametrize("module", NAMES)
def test_names(keras, module):
    found = importlib.import_module(f"keras.src.{module}")
    assert [name for name in NAMES[module] if not hasattr(found, name)] == []
    assert not hasattr(found, "no_such_name")


@pytest.mark.parametrize("module", ["ops", "backend", "backend.tensorflow.numpy", "layers"])
def test_every_name_is_imported_by_a_star(keras, module):
    names: dict[str, object] = {}
    exec(f"from keras.src.{module} import *", names)
    found = importlib.import_module(f"keras.src.{module}")
    assert len(found.__all__) > 20
    assert [name for name in found.__all__ if names[name] is not getattr(found, name)] == []


def test_files(keras, tmp_path):
    from keras.src.utils import file_utils

    path = file_utils.join(str(tmp_path), "a", "b.txt")
    file_utils.makedirs(file_utils.join(str(tmp_path), "a"))
    with file_utils.File(path, "w") as file:
        file.write("x")
    assert file_utils.exists(path)
    assert file_utils.listdir(str(tmp_path)) == ["a"]


def test_numpy_of_arrays_is_a_copy_that_may_be_changed(keras):
    zeros = keras.ops.zeros((2, 2))
    values = zeros.numpy()
    values[0] = 1
    assert values.sum() == 2
    assert zeros.numpy().sum() == 0


def test_a_layer_alone_is_cloned(keras):
    layer = keras.layers.LSTM(4, return_sequences=True, name="memory")
    copy = keras.models.clone_model(layer)
    assert type(copy) is type(layer)
    assert copy is not layer
    assert (copy.units, copy.return_sequences, copy.name, copy.built) == (4, True, "memory", False)
    with pytest.raises(ValueError, match="clone_model: expected a model, got a str"):
        keras.models.clone_model("model")


def test_shapes(keras):
    from keras.src.backend import standardize_shape

    assert standardize_shape([None, np.int64(3)]) == (None, 3)
    for bad in (None, 3, [-1], ["a"]):
        with pytest.raises(ValueError, match="expected non-negative integers and None"):
            standardize_shape(bad)


def test_a_backend_that_is_chosen_later():
    backend = importlib.import_module("keras.src.utils.backend_utils").DynamicBackend()
    backend.set_backend("tensorflow")
    assert backend.name == "tensorflow"
    assert backend.numpy.flip(backend.convert_to_tensor([1, 2])).tolist() == [2, 1]
    backend.reset()
    assert backend.random.uniform((2, 3)).shape == (2, 3)


def test_the_confusion_matrix_of_classes():
    matrix = importlib.import_module("keras.src.metrics.metrics_utils").confusion_matrix
    assert matrix([0, 1, 1], [0, 1, 0], 2).tolist() == [[1, 0], [1, 1]]
    assert matrix([0, 1], [1, 1], num_classes=2, weights=[0.5, 2.0], dtype="float32").tolist() == [[0, 0.5], [0, 2]]


def test_modules_are_pickled_by_name(keras):
    for name in ("layers", "backend", "src.layers.core"):
        found = importlib.import_module(f"keras.{name}")
        for protocol in (2, pickle.HIGHEST_PROTOCOL):
            copy = pickle.loads(pickle.dumps(found, protocol))
            assert copy.__name__ == found.__name__
            assert name == "backend" or copy.Dense is keras.layers.Dense
    part = pickle.loads(pickle.dumps(tensorflow.Facade("tensorflow.nn")))
    assert part.__name__ == "tensorflow.nn"
    assert pickle.loads(pickle.dumps(keras)).layers.Dense is keras.layers.Dense


def test_they_are_the_public_objects(keras):
    from keras.src.layers.core import dense
    from keras.src.layers.core.dense import Dense
    from keras.src.saving import serialization_lib
    from keras.src.utils import tracking

    assert serialization_lib.serialize_keras_object(Dense(2, name="d"))["class_name"] == "Dense"

    assert Dense is keras.layers.Dense
    assert dense.Dense is Dense
    assert keras.src.layers.Dense is Dense
    assert keras.src.backend.compute_output_spec(Dense(2), keras.Input((3,))).shape == (None, 2)
    assert tracking.no_automatic_dependency_tracking(len) is len
    unpack = importlib.import_module("keras.src.trainers.data_adapters.data_adapter_utils").unpack_x_y_sample_weight
    assert unpack((1, 2)) == (1, 2, None)
    assert unpack(np.float32(1)) == (1, None, None)
    with pytest.raises(ImportError, match="no_such_name"):
        exec("from keras.src.layers.core import no_such_name")


def test_a_clone_of_a_compiled_model_is_compiled(keras):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    assert keras.models.clone_model(model).compiled


class OwnCell(Namespace("keras", "gazelle").layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def call(self, x, states):
        return x, [x]

    def get_config(self):
        return {"units": self.units, **super().get_config()}


def test_from_config_finds_classes_of_the_program():
    keras = Namespace("keras", "gazelle")
    again = keras.layers.RNN.from_config(keras.layers.RNN(OwnCell(3)).get_config())
    assert type(again.cell) is OwnCell


def test_labels_that_iou_leaves_out_are_a_warning():
    metric = Namespace("keras", "gazelle").metrics.MeanIoU(num_classes=3)
    with pytest.warns(UserWarning, match="expected classes from 0 to 2.*\n.*\nThese labels are left out"):
        metric.update_state([0, 255, 1], [0, 1, 1])
    assert float(metric.result()) == pytest.approx(1, abs=1e-5)


def test_the_module_of_operations_has_that_of_random_numbers(keras):
    assert keras.src.ops.random.uniform((2, 3)).shape == (2, 3)
    assert importlib.import_module("keras.src.ops.image").resize is keras.ops.image.resize


def test_lazy_modules(keras):
    from keras.src.utils.module_utils import LazyModule

    lazy = LazyModule("json")
    assert lazy.available
    assert lazy.dumps([1]) == "[1]"
    missing = LazyModule("no_such_module", pip_name="no-such")
    assert not missing.available
    with pytest.raises(ImportError, match="This requires the package no-such"):
        missing.anything  # noqa: B018
    from keras.src.utils.module_utils import jax as lazy_jax
    from keras.src.utils.module_utils import tensorflow as lazy_tensorflow

    assert lazy_jax.numpy.ones(2).shape == (2,)
    assert lazy_tensorflow.name == "tensorflow"


def test_global_attributes(keras):
    from keras.src.backend.common import global_state

    assert global_state.get_global_attribute("test_of_keras_src") is None
    assert global_state.get_global_attribute("test_of_keras_src", 1, set_to_default=True) == 1
    global_state.set_global_attribute("test_of_keras_src", 2)
    assert global_state.get_global_attribute("test_of_keras_src", 1) == 2


@pytest.mark.parametrize(
    ("path", "kernel"),
    [
        ("base_conv.BaseConv", (3, 3, 1, 2)),
        ("base_conv_transpose.BaseConvTranspose", (3, 3, 2, 1)),
        ("base_separable_conv.BaseSeparableConv", (3, 3, 1, 1)),
    ],
)
def test_bases_of_convolutions_take_the_rank(keras, path, kernel):
    module, name = path.split(".")
    base = getattr(importlib.import_module(f"keras.src.layers.convolutional.{module}"), name)

    class Mine(base):
        def __init__(self, filters, kernel_size, **kwargs):
            super().__init__(rank=2, filters=filters, kernel_size=kernel_size, **kwargs)

    layer = Mine(2, 3, padding="same")
    assert layer(np.ones((1, 6, 6, 1), "float32")).shape == (1, 6, 6, 2)
    assert layer.weights[0].shape == kernel
    assert layer.get_config()["padding"] == "same"


def test_layers_that_merge_are_subclasses_of_their_base_in_keras(installed):
    import keras
    from keras.src.layers.merging.base_merge import Merge

    class Largest(Merge):
        def _merge_function(self, inputs):
            return keras.ops.max(keras.ops.stack(inputs), 0)

    assert issubclass(keras.layers.Add, Merge)
    assert isinstance(keras.layers.Concatenate(), Merge)
    assert not isinstance(keras.layers.Dense(1), Merge)
    assert not isinstance(keras.layers.Add(), Largest)
    np.testing.assert_array_equal(Largest()([np.ones(2), np.zeros(2)]), [1, 1])


def test_a_call_sets_weights_of_an_inner_layer(installed):
    import keras

    class Scaled(keras.layers.Wrapper):
        def call(self, x):
            self.layer.set_weights([self.layer.kernel * 0 + 2.0, self.layer.bias])
            return self.layer(x)

    inputs = keras.Input((3,))
    model = keras.Model(inputs, Scaled(keras.layers.Dense(1))(inputs))
    np.testing.assert_allclose(model.predict(np.ones((2, 3)), verbose=0), [[6.0], [6.0]])


@pytest.mark.parametrize("module", ["data_layer.DataLayer", "tf_data_layer.TFDataLayer"])
def test_layers_of_data_have_operations_below_backend(installed, module):
    path, _, name = f"keras.src.layers.preprocessing.{module}".rpartition(".")
    base = getattr(importlib.import_module(path), name)

    class Noisy(base):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.generator = keras.random.SeedGenerator(1)

        def call(self, x):
            noise = self.backend.random.uniform(self.backend.shape(x), seed=self._get_seed_generator())
            return self.backend.numpy.where(noise < 2, x * self.convert_weight(0.5), x)

    import keras

    model = keras.Sequential([keras.Input((3,)), Noisy()])
    np.testing.assert_array_equal(model.predict(np.ones((2, 3)), verbose=0), np.full((2, 3), 0.5))


def test_adapters_of_data_sets(installed):
    from keras.src.trainers.data_adapters import TFDatasetAdapter

    adapter = TFDatasetAdapter([(np.ones((2, 3)), np.zeros(2))] * 4)
    assert len(list(adapter.get_jax_iterator())) == len(adapter.get_tf_dataset()) == 4
    x, y = next(adapter.get_numpy_iterator())
    assert (x.shape, y.shape) == ((2, 3), (2,))
