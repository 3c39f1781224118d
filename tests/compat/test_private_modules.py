"""Modules of TensorFlow and Keras that are not public, and which modules of a process receive tensors."""

import importlib
import sys

import numpy as np
import pytest

from gazelle.cli import import_aliases
from gazelle.compat import facade
from gazelle.compat.keras_src import H5IOStore
from gazelle.compat.namespaces import root

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
        ("framework.ops", "EagerTensor Tensor convert_to_tensor name_scope"),
        ("framework.dtypes", "float32 as_dtype"),
        ("framework.tensor_shape", "TensorShape"),
        ("framework.smart_cond", "smart_cond smart_constant_value"),
        ("eager.context", "executing_eagerly global_seed"),
        ("framework.config", "enable_op_determinism disable_op_determinism is_op_determinism_enabled"),
        ("util.nest", "flatten map_structure"),
        ("keras.utils.generic_utils", "CustomObjectScope Progbar"),
        ("keras.backend_config", "floatx epsilon"),
        ("keras.mixed_precision.experimental.loss_scale_optimizer", "LossScaleOptimizer"),
        ("keras.optimizer_v2.optimizer_v2", "OptimizerV2"),
        ("distribute.coordinator.cluster_coordinator", ""),
    ],
)
def test_tensorflow_python(module, names, installed):
    found = importlib.import_module(f"tensorflow.python.{module}")
    assert [name for name in names.split() if not hasattr(found, name)] == []
    assert not hasattr(found, "no_such_name")


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
