"""SavedModels and LiteRT files in programs: TFSMLayer, `tf.saved_model` and `tf.lite`, which TensorFlow runs."""

import importlib.util
import warnings

import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.compat import tensorflow as facade
from gazelle.core.errors import ArgumentError, UnsafeFileError
from gazelle.export import formats

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not here"),
    pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated.*:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*compute samples independently.*:UserWarning"),
]
X = np.linspace(-1, 1, 24).reshape(8, 3).astype("float32")


@pytest.fixture(scope="module")
def network():
    gazelle.utils.set_random_seed(3)
    return gazelle.Sequential(
        [gazelle.Input((3,)), layers.Dense(4, activation="tanh"), layers.BatchNormalization(), layers.Dense(2)]
    )


@pytest.fixture(scope="module")
def folder(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "network"
    network.export(path, verbose=False)
    return path


@pytest.fixture
def tf():
    yield facade.module("tensorflow")
    facade.close()


@pytest.mark.parametrize("endpoint", ["serve", "serving_default"])
def test_the_layer_computes_what_was_exported(network, folder, endpoint):
    layer = layers.TFSMLayer(folder, call_endpoint=endpoint)
    out = layer(X)
    (out,) = [out] if endpoint == "serve" else out.values()
    np.testing.assert_allclose(out, network.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    assert [w.trainable for w in layer.weights].count(False) == 2  # the statistics of BatchNormalization


def test_the_layer_trains_like_the_layers_that_were_exported(network, folder):
    """The gradients of its weights and of layers before it are those of the exported layers at inference."""
    start, end = layers.Dense(3, kernel_initializer="identity"), layers.Dense(3, kernel_initializer="identity")
    inner = gazelle.models.clone_model(network)
    inner.set_weights(network.get_weights())
    x = gazelle.Input((3,))
    models = [
        gazelle.Model(x, inner(start(x), training=False)),
        gazelle.Sequential([x, end, layers.TFSMLayer(folder)]),
    ]
    losses = []
    for model in models:
        model.compile(gazelle.optimizers.SGD(0.1), "mse")
        losses.append(model.fit(X, np.ones((8, 2)), epochs=3, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)
    np.testing.assert_allclose(end.kernel, start.kernel, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(models[1].predict(X, verbose=0), models[0].predict(X, verbose=0), rtol=1e-4)


def test_errors_of_the_layer(folder, monkeypatch):
    with pytest.raises(ArgumentError, match=r"expected a function 'f', got the signatures serve, serving_default"):
        layers.TFSMLayer(folder, call_endpoint="f")
    with pytest.raises(UnsafeFileError, match=r"TFSMLayer 'a' runs a SavedModel .*\n.*load_weights"):
        layers.TFSMLayer.from_config({"name": "a", "filepath": str(folder)})
    monkeypatch.setattr(formats.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"expected the package tensorflow, got none installed.*\n.*gazelle\[tens"):
        layers.TFSMLayer(folder)


def test_functions_of_a_module_are_saved_and_loaded(tf, tmp_path):
    class Scale(tf.Module):
        def __init__(self):
            super().__init__()
            self.factor = tf.Variable(2.0)

        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
        def __call__(self, x):
            return x * self.factor

        @tf.function
        def total(self, x):
            return tf.reduce_sum(x) * self.factor

    module = Scale()
    path = str(tmp_path / "scale")
    total = module.total.get_concrete_function(tf.TensorSpec([4], tf.float32))
    tf.saved_model.save(module, path, signatures={"total": total})
    loaded = tf.saved_model.load(path)
    np.testing.assert_array_equal(loaded(tf.constant([[1.0, 3.0]])), [[2, 6]])
    assert set(loaded.signatures) == {"__call__", "serving_default", "total"}
    (out,) = loaded.signatures["total"](tf.ones([4])).values()
    assert float(out) == 8
    with pytest.raises(ArgumentError, match=r"expected a function with a signature.*\n.*input_signature="):
        tf.saved_model.save(tf.Module(), path)


def test_an_export_is_loaded(tf, network, folder):
    loaded = tf.saved_model.load(str(folder))
    np.testing.assert_allclose(loaded.serve(tf.constant(X)), network.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    shapes = [tuple(v.shape) for v in loaded.trainable_variables]
    assert sorted(shapes) == sorted(w.shape for w in network.trainable_weights)


@pytest.mark.parametrize("whole_numbers", [False, True])
def test_a_model_becomes_a_lite_file(tf, network, whole_numbers):
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    if whole_numbers:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([tf.constant(row[None])] for row in X)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    x, (scale, zero) = X[:1], given["quantization"]
    interpreter.set_tensor(given["index"], np.round(x / scale + zero).astype("int8") if whole_numbers else x)
    interpreter.invoke()
    out = interpreter.get_tensor(made["index"])
    if whole_numbers:
        scale, zero = made["quantization"]
        out = (out.astype("float32") - zero) * scale
    np.testing.assert_allclose(out, network.predict(x, verbose=0), atol=0.05 if whole_numbers else 1e-5)


def test_functions_that_assign_variables_do_so_when_loaded(tf, tmp_path):
    """All functions of the file share the variable; printing is left out. TensorFlow 2.15 gave 11, 16 and 17."""

    class Counter(tf.Module):
        def __init__(self):
            super().__init__()
            self.count, self.other = tf.Variable(1.0), tf.Variable(2.0)

        @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
        def add(self, n):
            self.count.assign_add(n)
            tf.print(self.count, self.other)
            return self.count

        @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
        def more(self, n):
            return self.count + n * self.other - 1.0

    counter, path = Counter(), str(tmp_path / "counter")
    counter.add(tf.constant(5.0))
    with warnings.catch_warnings(record=True) as found:  # some are those of TensorFlow
        warnings.simplefilter("always")
        tf.saved_model.save(counter, path, signatures={"serving_default": counter.add})
    assert any("is left out" in str(warning.message) for warning in found)
    loaded = tf.saved_model.load(path)
    assert [float(loaded.add(tf.constant(5.0))) for _ in range(2)] == [11.0, 16.0]
    assert float(loaded.more(tf.constant(1.0))) == 17.0
    (out,) = loaded.signatures["serving_default"](tf.constant(2.0)).values()
    assert float(out) == 18.0
    assert float(counter.count) == 6.0
