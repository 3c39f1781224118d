"""What packages built on Keras rely on besides its public names."""

import abc
import importlib
import inspect
import io
import multiprocessing.spawn
import pickle
import subprocess
import sys

import numpy as np
import pytest

import gazelle
from gazelle.cli import import_aliases, workers
from gazelle.compat import era, facade
from gazelle.compat import tensorflow as tensorflow_facade
from gazelle.compat.keras_src import H5IOStore
from gazelle.compat.namespaces import root

cloudpickle = pytest.importorskip("cloudpickle")
keras = root("keras")
layers = keras.layers
X = np.ones((4, 3), "float32")


# Private attributes ---------------------------------------------------------------------------------------------------


def test_flatten_layers():
    inner = keras.Sequential([layers.Dense(2), layers.Dense(3)])
    model = keras.Sequential([layers.Dense(3), inner])
    assert model._flatten_layers() == [model, *model.layers, *inner.layers]
    assert model._flatten_layers(include_self=False, recursive=False) == model.layers


def test_shapes_of_weights(tf):
    layer = layers.Dense(3)
    layer.build((None, 2))
    assert layer.kernel.shape.as_list() == [2, 3] == layer.weights[0].shape.as_list()
    assert layer.kernel.shape == (2, 3)
    tensorflow_facade.close()
    assert type(layer.kernel.shape) is tuple


@pytest.mark.parametrize("name", ["second", None])
def test_the_second_argument_of_sequential_may_be_its_name(name):
    model = keras.Sequential([layers.Dense(2)], name)
    assert model.trainable is True
    assert name is None or model.name == name
    assert not keras.Sequential([layers.Dense(2)], False).trainable


def test_nodes_by_depth():
    a, b = keras.Input((3,)), keras.Input((3,))
    first, second, add = layers.Dense(3), layers.Dense(3), layers.Add()
    model = keras.Model([a, b], add([second(first(a)), b]))
    by_depth = model._layers_by_depth
    assert [by_depth[depth] for depth in (0, 1, 2)] == [[add], [second, b._keras_history[0]], [first]]
    assert by_depth[3] == [a._keras_history[0]]
    nodes = model._nodes_by_depth
    assert [node.outbound_layer for node in nodes[2]] == [first]
    assert nodes[2][0].input_tensors[0] is a
    assert {depth: [node.layer for node in found] for depth, found in nodes.items()} == by_depth


@pytest.mark.parametrize("kind", ["sequential", "functional"])
def test_models_of_layers_ignore_other_keywords(kind):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    model = model if kind == "sequential" else keras.Model(model.inputs, model.outputs)
    with pytest.warns(UserWarning, match="ignores batch_size, verbose"):
        found = model(X, training=False, batch_size=2, verbose=False)
    np.testing.assert_array_equal(found, model(inputs=X))

    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(TypeError, match="batch_size"):
        Own()(X, batch_size=2)


def test_attention():
    layer = layers.MultiHeadAttention(2, 3)
    expected, weights = layer(X[None], X[None], return_attention_scores=True)
    q, k, v = layer._query_dense(X[None]), layer._key_dense(X[None]), layer._value_dense(X[None])
    heads, scores = layer._compute_attention(q, k, v, attention_mask=np.ones((1, 4, 4)), return_attention_scores=True)
    np.testing.assert_allclose(layer._output_dense(heads), expected, rtol=1e-5)
    np.testing.assert_allclose(scores, weights, rtol=1e-5)
    np.testing.assert_allclose(keras.ops.einsum(layer._combine_equation, weights, v), heads, rtol=1e-5)
    assert keras.ops.einsum(layer._dot_product_equation, k, q).shape == weights.shape


@pytest.mark.parametrize("kind", ["MultiHeadAttention", "GroupQueryAttention"])
def test_projections_of_attention_may_be_replaced(kind):
    """As adapters of low rank do, with layers of the program that have weights of their own."""

    class Adapter(layers.Layer):
        def __init__(self, inner):
            super().__init__(name=inner.name)
            self.inner, self.scale = inner, self.add_weight(shape=(), initializer="zeros")

        def call(self, x):
            return self.inner(x) * self.scale

    layer = getattr(layers, kind)(*((2, 3) if kind == "MultiHeadAttention" else (3, 2, 2)))
    before = np.asarray(layer(X[None], X[None]))
    layer._tracker.locked = False
    layer._value_dense = Adapter(layer._value_dense)
    assert len(layer.weights) == 9
    assert not np.allclose(layer(X[None], X[None]), before)
    assert all(hasattr(inner, "_flatten_layers") for inner in layer._flatten_layers())


@pytest.mark.parametrize("kind", ["MultiHeadAttention", "GroupQueryAttention"])
def test_attention_that_is_overridden(kind):
    """The method receives every mask, that of the future included, and its result is used."""
    seen = []

    class Doubled(getattr(layers, kind)):
        def _compute_attention(self, query, key, value, attention_mask=None, training=None, *scores):
            seen.append(np.asarray(attention_mask)[0].tolist())
            heads, weights = super()._compute_attention(query, key, value, attention_mask, training, *scores)
            return 2 * heads, weights

    sizes = (2, 3) if kind == "MultiHeadAttention" else (3, 2, 2)
    layer = Doubled(*sizes, use_bias=False)
    plain = getattr(layers, kind)(*sizes, use_bias=False)
    plain(X[None], X[None])
    layer(X[None], X[None], use_causal_mask=True)
    assert seen[-1] == np.tril(np.ones((4, 4), bool)).tolist()
    layer.set_weights(plain.get_weights())
    doubled = layer(X[None], X[None], use_causal_mask=True)
    np.testing.assert_allclose(doubled, 2 * plain(X[None], X[None], use_causal_mask=True), rtol=1e-5)
    q, k, v = layer._query_dense(X[None]), layer._key_dense(X[None]), layer._value_dense(X[None])
    heads = plain._compute_attention(q, k, v, use_causal_mask=True)[0]
    np.testing.assert_allclose(layer._output_dense(2 * heads), doubled, rtol=1e-5)


def test_nodes():
    a = keras.Input((3,))
    first, second = layers.Dense(3), layers.Add()
    second([first(a), a])
    (node,) = second._inbound_nodes
    assert [parent.operation for parent in node.parent_nodes] == [first, a._keras_history[0]]
    assert [tensor.shape for tensor in (*node.input_tensors, *node.output_tensors)] == [(None, 3)] * 3
    assert node.inbound_layers[0] is first
    assert layers.Dense(3)(a).node.layer.units == 3
    assert a.node.layer is a._keras_history[0]
    assert first._inbound_nodes[0].parent_nodes[0].parent_nodes == []


def test_masks_of_symbolic_tensors(installed):
    from keras.src import backend

    words = layers.Embedding(5, 2, mask_zero=True)(keras.Input((4,)))
    assert words._keras_mask.shape == backend.get_keras_mask(words).shape == (None, 4)
    plain = layers.Dense(2)(keras.Input((4, 2)))
    assert plain._keras_mask is None
    backend.set_keras_mask(plain, words._keras_mask)
    assert backend.get_keras_mask(plain).shape == (None, 4)


def test_checkpoint(tmp_path):
    class Counting(keras.callbacks.ModelCheckpoint):
        paths = ()

        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            self.paths = (*self.paths, self._get_file_path(epoch=epoch, batch=None, logs=logs))
            assert not self._should_save_on_batch(3)

    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    callback = Counting(str(tmp_path / "{epoch}.keras"))
    model.fit(X, X[:, :1], epochs=2, verbose=0, callbacks=[callback])
    assert callback.paths == tuple(str(tmp_path / f"{n}.keras") for n in (1, 2))


def test_others():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    assert not model._is_compiled
    assert [t.shape for t in model._feed_inputs] == [(None, 3)]
    optimizer = keras.optimizers.SGD()
    optimizer.build(model.trainable_variables)
    assert [v.path for v in optimizer._variables] == [v.path for v in optimizer.variables]
    assert optimizer._name == optimizer.name


@pytest.mark.parametrize("name", ["compile", "evaluate", "fit", "load_weights", "predict", "save", "train_on_batch"])
def test_signatures_of_methods(name):
    found = list(inspect.signature(getattr(keras.Model, name)).parameters)
    assert found == list(inspect.signature(getattr(gazelle.Model, name)).parameters)


def test_abstract_base_classes():
    class Base(layers.Layer, abc.ABC):
        @abc.abstractmethod
        def call(self, x): ...

    with pytest.raises(TypeError, match="abstract"):
        Base()
    assert type("Mine", (Base,), {"call": lambda self, x: x})()(X).shape == (4, 3)


def test_callbacks_of_another_metaclass():
    class Safe(type):
        pass

    class Mine(keras.callbacks.Callback, metaclass=Safe):
        def on_epoch_end(self, epoch, logs=None):
            self.found = logs["loss"]

    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    callback = Mine()
    history = model.fit(X, X[:, :1], verbose=0, callbacks=[callback])
    assert isinstance(history, keras.callbacks.History)
    assert callback.found == history.history["loss"][0]
    assert pickle.loads(pickle.dumps(keras.callbacks.EarlyStopping("loss"))).monitor == "loss"


# Pickles --------------------------------------------------------------------------------------------------------------


class Twice(layers.Layer):
    def call(self, x):
        return keras.ops.add(x, x)


def _model():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, activation=keras.activations.linear), Twice()])
    model.compile("adam", "mse")
    return model


SAME = {
    "activation": lambda: keras.activations.relu,
    "linear": lambda: keras.activations.linear,
    "loss": lambda: keras.losses.mean_squared_error,
    "class": lambda: layers.Dense,
    "function": lambda: keras.models.load_model,
    "namespace": lambda: layers,
    "root": lambda: keras,
    "op": lambda: keras.ops.relu,
}
EQUAL = {
    "initializer": lambda: keras.initializers.GlorotUniform(),
    "optimizer": lambda: keras.optimizers.Adam(0.1),
    "metric": lambda: keras.metrics.MeanAbsoluteError(),
    "schedule": lambda: keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9),
    "regularizer": lambda: keras.regularizers.L2(0.1),
}


@pytest.mark.parametrize("module", [pickle, cloudpickle], ids=["pickle", "cloudpickle"])
@pytest.mark.parametrize("name", [*SAME, *EQUAL])
def test_pickles(name, module, tf):
    value = (SAME.get(name) or EQUAL[name])()
    for protocol in (2, 5):
        copy = pickle.loads(module.dumps(value, protocol))
        assert copy is value if name in SAME else copy.get_config() == value.get_config()


@pytest.mark.parametrize("module", [pickle, cloudpickle], ids=["pickle", "cloudpickle"])
def test_models(module, tf):
    model = _model()
    copy = pickle.loads(module.dumps(model))
    np.testing.assert_array_equal(copy.predict(X, verbose=0), model.predict(X, verbose=0))
    assert type(copy.layers[0]) is layers.Dense


def test_workers_are_told(installed):
    era.set_number(2, False)
    try:
        data = pickle.dumps(multiprocessing.spawn.get_preparation_data("worker")["gazelle"])
        gazelle.uninstall()
        era.set_number(3)
        assert isinstance(pickle.loads(data), workers.Installation)
        assert import_aliases.is_installed()
        assert (era.number(), era.standalone()) == (2, False)
        gazelle.uninstall()
        assert "gazelle" not in multiprocessing.spawn.get_preparation_data("worker")
    finally:
        era.set_number(3)


WORKERS = """
import keras
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import cross_val_score

class Net(ClassifierMixin, BaseEstimator):
    def fit(self, x, y):
        import keras as again
        self.classes_ = np.unique(y)
        self.model = again.Sequential([keras.layers.Dense(2, activation=keras.activations.softmax)])
        self.model.build((None, 3))
        return self

    def predict(self, x):
        return self.model.predict(x, verbose=0).argmax(-1)

if __name__ == "__main__":
    x = np.random.rand(20, 3)
    print(len(cross_val_score(Net(), x, np.arange(20) % 2, cv=2, n_jobs=2, error_score="raise")))
"""


def test_workers(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(WORKERS)
    done = subprocess.run(
        [sys.executable, "-m", "gazelle", "run", program], capture_output=True, text=True, timeout=200
    )
    assert done.stdout == "2\n", done.stderr


# The facade is local --------------------------------------------------------------------------------------------------

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


# Modules that are not public ------------------------------------------------------------------------------------------


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


# Configs and files ----------------------------------------------------------------------------------------------------


class Choice:
    def __init__(self, value=1):
        self.value = value

    def get_config(self):
        return {"value": self.value}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def test_classes_of_a_package_are_found():
    config = {"class_name": "Choice", "config": {"value": 5}}
    for found in (
        keras.utils.deserialize_keras_object(config, module_objects={"Choice": Choice}),
        keras.utils.legacy.deserialize_keras_object(config, {"Choice": Choice}),
        keras.saving.deserialize_keras_object({**config, "module": __name__, "registered_name": "Choice"}),
    ):
        assert (type(found), found.value) == (Choice, 5)
    with pytest.raises(ValueError, match="refers to Choice"):
        keras.utils.deserialize_keras_object(config)
    with pytest.raises(ValueError, match=r"refers to os\.system"):
        keras.utils.deserialize_keras_object({"class_name": "system", "module": "os", "config": {}})
    assert keras.utils.legacy.serialize_keras_object(layers.Dense(2))["class_name"] == "Dense"


def test_models_of_configs_without_a_module():
    config = keras.Sequential([keras.Input((3,)), layers.Dense(2)]).get_config()
    for deserialize in (layers.deserialize, keras.models.model_from_config):
        assert deserialize({"class_name": "Sequential", "config": config}).output_shape == (None, 2)


def test_open_files():
    model, file = _model(), io.BytesIO()
    keras.models.save_model(model, file)
    file.seek(0)
    copy = keras.models.load_model(file, custom_objects={"Twice": Twice})
    np.testing.assert_array_equal(copy.predict(X, verbose=0), model.predict(X, verbose=0))


def test_loaded_merge_layers_pass_masks_as_in_keras_2(tmp_path):
    class Seen(layers.Layer):
        def compute_mask(self, x, mask=None):
            masks.append(mask is not None)
            return mask

        def call(self, x, mask=None):
            return x

    masks = []
    era.set_number(2)
    try:
        words, others = keras.Input((4,)), keras.Input((4, 3))
        y = Seen()(layers.Add()([layers.Embedding(5, 3, mask_zero=True)(words), others]))
        keras.Model([words, others], y).save(str(tmp_path / "model.h5"))
        made, masks[:] = masks[:], []
        keras.models.load_model(str(tmp_path / "model.h5"), custom_objects={"Seen": Seen})
    finally:
        era.set_number(3)
    assert made
    assert all(made)
    assert masks == made


# The old backend ------------------------------------------------------------------------------------------------------


def test_batch_dot_of_vectors():
    x, y = np.random.rand(2, 5, 6, 4).astype("float32"), np.random.rand(2, 4).astype("float32")
    np.testing.assert_allclose(keras.backend.batch_dot(x, y), np.einsum("bhwc,bc->bhw", x, y), rtol=1e-5)


def test_function_of_views():
    x = keras.Input((3,))
    outputs = {"a": x * 2, "b": x + 1}
    found = keras.backend.function([x], outputs.values())([X])
    np.testing.assert_array_equal(found, [X * 2, X + 1])


# Data -----------------------------------------------------------------------------------------------------------------


def test_objects_that_are_numbers():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    objects, text = X.astype(object), np.array([["a", 1, 2]], dtype=object)
    np.testing.assert_array_equal(model.predict_on_batch(objects), model.predict_on_batch(X))
    model.fit(objects, [objects[:, 0]], validation_data=(objects, objects[:, 0]), verbose=0)
    with pytest.raises(ValueError, match="got dtype object with 'a'"):
        model.predict_on_batch(text)


# Classes, calls and nodes --------------------------------------------------------------------------------------------


def test_metaclasses_of_layers():
    class Meta(abc.ABCMeta):
        pass

    class Mine(layers.Layer, metaclass=Meta):
        def call(self, x):
            return x * 2

    layer = Mine()
    assert float(layer(X)[0, 0]) == 2
    assert isinstance(layer, layers.Layer)
    assert isinstance(gazelle.layers.Dense(1), layers.Dense)
    assert issubclass(gazelle.layers.Dense, layers.Layer)
    assert not isinstance(gazelle.layers.Dense(1), Mine)
    assert not isinstance(layer, layers.Dense)
    assert pickle.loads(pickle.dumps(layers.Dense)) is layers.Dense


@pytest.mark.parametrize("base", ["Dropout", "Dense", "ReLU", "Conv1D", "Flatten"])
def test_call_of_a_base_class_with_named_inputs(base):
    arguments = {"Dropout": (0.5,), "Dense": (2,), "Conv1D": (2, 2)}.get(base, ())

    class Mine(getattr(layers, base)):
        def call(self, inputs, training=None):
            return super().call(inputs=inputs)

    x = np.ones((2, 3, 4), "float32")
    keras.utils.set_random_seed(0)
    own = getattr(layers, base)(*arguments)
    expected = own(x)
    mine = Mine(*arguments)
    mine.build(x.shape)
    mine.set_weights(own.get_weights())
    np.testing.assert_allclose(mine(x), expected, rtol=1e-6)


def test_arguments_of_nodes():
    a, b = keras.Input((3,)), keras.Input((3,))
    layer = layers.Add()
    out = layer([a, b])
    (node,) = layer._inbound_nodes
    assert node.arguments.keras_tensors == [a, b]
    assert node.arguments.args == ([a, b],)
    assert node.outputs == [out]
    assert keras.Model([a, b], out).output is out


def test_a_model_that_is_not_built_has_no_inputs():
    model = keras.Sequential([layers.Dense(2)])
    with pytest.raises(AttributeError, match="has no inputs yet"):
        model.inputs  # noqa: B018
    era.set_number(2, standalone=False)
    try:
        assert model.inputs is None
        assert model.outputs is None
    finally:
        era.set_number(3)


@pytest.mark.parametrize(
    ("initializer", "expected"),
    [(np.arange(3.0), [0, 1, 2]), (keras.initializers.Ones, [1, 1, 1]), (keras.initializers.Ones(), [1, 1, 1])],
    ids=["array", "class", "object"],
)
def test_initializers_of_add_weight(initializer, expected):
    class Mine(layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(name="kernel", shape=(3,), initializer=initializer)

        def call(self, x):
            return x * self.kernel

    np.testing.assert_array_equal(Mine()(X)[0], expected)


def test_a_sequential_that_a_layer_builds_is_called_with_other_sizes():
    class Padded(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = keras.Sequential([layers.Conv2D(2, 3)])

        def build(self, shape):
            self.inner.build((shape[0], shape[1] + 2, shape[2] + 2, shape[3]))

        def call(self, x):
            return self.inner(x)

    assert Padded()(np.ones((1, 6, 6, 1), "float32")).shape == (1, 4, 4, 2)


def test_a_clone_has_the_loss_of_the_program():
    def distance(y, p):
        return abs(y - p)

    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", distance, metrics=[distance])
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    assert copy.evaluate(X, X[:, :1], verbose=0) == model.evaluate(X, X[:, :1], verbose=0)
