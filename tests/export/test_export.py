"""Exported models compute what `predict` computes, for any number of samples."""

import functools
import importlib.util
import re
from pathlib import Path

import jax
import numpy as np
import pytest

import gazelle as keras
from gazelle import layers, ops
from gazelle.core.errors import ArgumentError, StateError
from gazelle.engine.lowering import NotLowered
from gazelle.export.signature import of_model

_path = Path(__file__).parents[1] / "engine" / "families.py"
_spec = importlib.util.spec_from_file_location("families", _path)
families = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(families)

needs_onnx = pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is None, reason="onnxruntime is not installed")
needs_tensorflow = pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not here")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated.*:UserWarning"),
]


def _onnx(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options)
    names = [entry.name for entry in session.get_inputs()]
    return lambda *arrays: session.run(None, dict(zip(names, arrays, strict=True)))


def _saved_model(path):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    given = lambda arrays: arrays[0] if len(arrays) == 1 else list(arrays)  # noqa: E731
    return lambda *arrays: [np.asarray(one) for one in jax.tree.leaves(loaded.serve(given(arrays)))]


def _litert(path):
    import tensorflow as tf

    run = tf.lite.Interpreter(str(path)).get_signature_runner()  # by index the converter's order would count
    names = list(run.get_input_details())

    def by_name(*arrays):
        made = run(**dict(zip(names, arrays, strict=True)))
        return [made[name] for name in run.get_output_details()]

    return by_name


READERS = {
    "onnx": _onnx,
    "stablehlo": keras.export.load_stablehlo,
    "tf_saved_model": _saved_model,
    "litert": _litert,
}


@functools.cache
def _of(family):
    model, x, _ = families.FAMILIES[family]()
    return model, x if isinstance(x, list) else [x]


@functools.cache
def _predicted(family, count):
    model, arrays = _of(family)
    given = [np.asarray(a)[:count].astype(tensor.dtype) for a, tensor in zip(arrays, model.inputs, strict=True)]
    return given, jax.tree.leaves(model.predict(given if given[1:] else given[0], verbose=0))


def _agrees(family, path, format):
    model, _ = _of(family)
    model.export(path, format=format, verbose=0)
    run = READERS[format](path)
    for count in (7, 40):
        given, want = _predicted(family, count)
        for mine, its in zip(run(*given), want, strict=True):
            np.testing.assert_allclose(mine, its, rtol=1e-5, atol=1e-6)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        ImportError, match=r'expected the package onnx, got none installed.\npip install "gazelle\[onnx\]"'
    ):
        _of("mlp")[0].export("nowhere", format="onnx")


@needs_onnx
def test_sizes_of_onnx_have_names(tmp_path):
    import onnxruntime

    _of("two_outputs")[0].export(tmp_path / "model.onnx", format="onnx", verbose=0)
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    assert {entry.name: entry.shape for entry in session.get_outputs()} == {"kind": ["batch", 3], "size": ["batch", 1]}


@needs_onnx
@pytest.mark.parametrize("family", families.FAMILIES)
def test_onnx(family, tmp_path):
    _agrees(family, tmp_path / "model.onnx", "onnx")


@pytest.mark.parametrize("family", families.FAMILIES)
def test_stablehlo(family, tmp_path):
    _agrees(family, tmp_path / "model.shlo", "stablehlo")


def windows():
    inputs = layers.Input((16, 16, 3))
    x = layers.BatchNormalization()(layers.Conv2D(8, 3, strides=2, padding="same")(inputs))
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    x = layers.Add()([layers.Conv2D(8, 3, padding="same", groups=2)(x), layers.DepthwiseConv2D(3, padding="same")(x)])
    x = layers.AveragePooling2D(3, 1, padding="same")(layers.Conv2DTranspose(8, 3, strides=2)(x))
    x = layers.GRU(4)(layers.LSTM(4, return_sequences=True)(layers.Reshape((-1, 8))(x)))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def test_a_stablehlo_file_holds_the_form_of_each_platform(tmp_path):
    model, x = windows(), np.random.default_rng(0).random((3, 16, 16, 3), np.float32)

    def exported(*platforms):
        model.export(tmp_path / "model", format="stablehlo", verbose=False, platforms=platforms)
        return jax.export.deserialize(bytearray((tmp_path / "model").read_bytes()))

    def count(text):
        names = ("convolution", "reduce_window", "pad", "slice", "while")
        return [len(re.findall(rf"stablehlo\.{name}\b", text)) for name in names]

    # One operation for each layer with windows; one padding before each pooling; a loop for LSTM and for GRU.
    assert count(exported("cuda").mlir_module()) == [4, 2, 2, 0, 2]
    both = exported("cpu", "cuda")
    assert count(both.mlir_module())[1] == 2  # none of them is a form for a CPU
    compiled = jax.jit(both.call).lower(x).compile()
    assert "conditional(" not in compiled.as_text()  # the other form is removed
    np.testing.assert_allclose(compiled(x)[0], model.predict(x, verbose=0), rtol=1e-6)


@needs_tensorflow
@pytest.mark.parametrize("family", families.FAMILIES)
def test_saved_model(family, tmp_path):
    _agrees(family, tmp_path / "model", "tf_saved_model")


@needs_tensorflow
@pytest.mark.parametrize("family", families.FAMILIES)
def test_litert(family, tmp_path):
    _agrees(family, tmp_path / "model.tflite", "litert")


@needs_onnx
def test_every_unknown_size_stays_open(tmp_path):
    x = keras.Input((None, None, 2))
    y = layers.GlobalMaxPooling2D()(layers.Conv2D(3, 3, padding="same")(x))
    model = keras.Model(x, layers.Dense(2)(y))
    model.export(tmp_path / "model.onnx", format="onnx", verbose=0)
    for shape in ((1, 5, 9, 2), (4, 8, 3, 2)):
        image = np.random.default_rng(0).normal(size=shape).astype("float32")
        np.testing.assert_allclose(
            _onnx(tmp_path / "model.onnx")(image)[0], model.predict(image, verbose=0), rtol=1e-5, atol=1e-6
        )


@needs_onnx
def test_a_program_that_depends_on_a_size_is_refused(tmp_path):
    x = keras.Input((None, 2))
    model = keras.Model(x, layers.MaxPooling1D(2, padding="same")(x))  # the edge depends on whether the size is odd
    with pytest.raises(ArgumentError, match=r"unknown size.*: expected the same operations for every"):
        model.export(tmp_path / "model.onnx", format="onnx")
    model.export(tmp_path / "model.onnx", "onnx", 0, [keras.InputSpec(shape=(None, 5, 2), dtype="float32")])
    rows = np.arange(20, dtype="float32").reshape(2, 5, 2)
    np.testing.assert_array_equal(_onnx(tmp_path / "model.onnx")(rows)[0], model.predict(rows, verbose=0))


def test_a_subclass_that_ran_once_is_exported(tmp_path, capsys):
    class Twice(keras.Model):
        def call(self, x):
            return ops.concatenate([x, x * 2], axis=-1)

    model = Twice()
    with pytest.raises(StateError, match="expected a model with known inputs, got one that was never called"):
        model.export(tmp_path / "model.shlo", format="stablehlo")
    model(np.ones((2, 3), "float32"))
    spec = keras.InputSpec(shape=(None, 3), dtype="float32")
    model.export(tmp_path / "model.shlo", format="stablehlo", input_signature=[spec])
    assert "Saved the model as stablehlo" in capsys.readouterr().out
    (got,) = keras.export.load_stablehlo(tmp_path / "model.shlo")(np.ones((4, 3), "float32"))
    assert got.shape == (4, 6)
    model.export(tmp_path / "model.shlo", format="stablehlo", verbose=False)
    (got,) = keras.export.load_stablehlo(tmp_path / "model.shlo")(np.ones((5, 3), "float32"))
    assert got.shape == (5, 6)


def test_the_inputs_of_a_subclass_are_those_of_its_first_call(tmp_path):
    class Lookup(keras.Model):
        def __init__(self):
            super().__init__()
            self.table = layers.Embedding(5, 2)

        def call(self, inputs):
            return self.table(inputs["ids"]) * inputs["scale"][:, None]

    model = Lookup()
    first = {"ids": np.array([[1, 2, 4]], "int32"), "scale": np.array([3.0])}
    model(first)
    assert [(e.shape, e.dtype) for e in of_model(model).entries] == [((None, 3), "int32"), ((None,), "float32")]
    other = Lookup()
    other.build({"ids": (1, 3), "scale": (1,)})
    assert [(e.shape, e.dtype) for e in of_model(other).entries] == [((None, 3), "float32"), ((None,), "float32")]
    with pytest.raises(ArgumentError, match=r"expected inputs of numbers, got texts\.\nExport the model behind"):
        of_model(keras.Sequential([keras.Input((1,), dtype="string"), layers.StringLookup(vocabulary=["a"])]))


@needs_onnx
def test_options_of_onnx(tmp_path):
    import onnx

    model, path = keras.Sequential([keras.Input((3,)), layers.Dense(2)]), tmp_path / "model.onnx"
    signature = [keras.InputSpec(shape=(None, 3), dtype="float32", name="features")]
    model.export(path, format="onnx", verbose=False, opset_version=17, input_signature=signature)
    written = onnx.load(path)
    assert (written.opset_import[0].version, written.graph.input[0].name) == (17, "features")
    x = np.ones((2, 3), "float32")
    np.testing.assert_allclose(_onnx(path)(x)[0], model.predict(x, verbose=0), rtol=1e-6)
    with pytest.raises(ArgumentError, match=r"expected a version to which onnx can convert from 18, got 7 \("):
        model.export(path, format="onnx", opset_version=7)
    with pytest.raises(ArgumentError, match=r"Unknown option of export\(format='onnx'\) 'opset'"):
        model.export(path, format="onnx", opset=17)
    with pytest.raises(ArgumentError, match="expected a shape, with None for unknown sizes, got 3"):
        model.export(path, format="onnx", input_signature=[3])


def test_formats_are_named():
    with pytest.raises(ArgumentError, match=r"Unknown export format 'onx'.\nDid you mean 'onnx'\? Formats: litert, on"):
        _of("mlp")[0].export("nowhere", format="onx")


@needs_onnx
def test_what_onnx_lacks_names_layer_and_reason(tmp_path):
    root = layers.Lambda(lambda x: ops.cholesky(ops.matmul(x[:, :, None], x[:, None])), name="root")
    model = keras.Sequential([keras.Input((3,)), root])
    with pytest.raises(NotLowered, match=r"'cholesky' \(in .*root.*\) has no rule for 'onnx': ONNX has no decomp"):
        model.export(tmp_path / "model.onnx", format="onnx")


@needs_tensorflow
def test_an_archive_holds_several_endpoints(tmp_path):
    import tensorflow as tf

    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", model.call)
    signature = [keras.InputSpec(shape=(4, 3), dtype="float32")]
    archive.add_endpoint("doubled", lambda x: model(x) * 2, signature)
    with pytest.raises(ArgumentError, match="expected an unused name, got a name in use"):
        archive.add_endpoint("serve", model.call)
    counts = [len(getattr(archive, kind)) for kind in ("variables", "trainable_variables", "non_trainable_variables")]
    assert counts == [2, 2, 0]
    extra = keras.Variable(np.arange(3.0))
    archive.add_variable_collection("chosen", [model.layers[0].kernel, extra])
    with pytest.raises(ArgumentError, match="expected an unused name, got the name of an endpoint"):
        archive.add_variable_collection("serve", [])
    with pytest.raises(ArgumentError, match="expected a list of variables, got 'kernel'"):
        archive.add_variable_collection("other", ["kernel"])
    archive.write_out(tmp_path / "archive", verbose=False)
    loaded, rows = tf.saved_model.load(str(tmp_path / "archive")), np.ones((4, 3), "float32")
    np.testing.assert_allclose(loaded.doubled(rows), 2 * loaded.serve(rows), rtol=1e-6)
    np.testing.assert_allclose(loaded.serve(rows), model.predict(rows, verbose=0), rtol=1e-6)
    np.testing.assert_array_equal(loaded.chosen[0], model.layers[0].kernel)
    loaded.chosen[0].assign(np.zeros((3, 2)))
    assert float(np.abs(loaded.serve(rows) - model.layers[0].bias.numpy()).max()) == 0  # it is the endpoint's variable
    assert loaded.chosen[1].numpy().tolist() == [0, 1, 2]


def test_endpoints_of_methods_and_of_layers_with_several_inputs():
    class Coder(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner, self.outer = layers.Dense(2), layers.Dense(3)

        def call(self, x):
            return self.outer(self.inner(x))

        def encode(self, x):
            return self.inner(x)

    model, attention, x = Coder(), layers.MultiHeadAttention(2, 2), np.ones((4, 3), "float32")
    whole, queries = model(x), np.ones((1, 2, 3), "float32")
    signature = [keras.InputSpec(shape=(4, 3), dtype="float32")]
    expected = attention(queries, 2 * queries)
    archive = keras.export.ExportArchive()
    archive.add_endpoint("serve", model.call, signature)
    archive.add_endpoint("encode", model.encode, signature)
    archive.add_endpoint("attend", attention.call, [keras.InputSpec(shape=(1, 2, 3), dtype="float32")] * 2)

    def results(name, *arrays):
        program = archive._endpoints[name][0]
        return program.call(program.values, *arrays)[0]

    np.testing.assert_allclose(results("serve", x), whole, rtol=1e-6)
    np.testing.assert_allclose(results("encode", x), model.inner(x), rtol=1e-6)
    np.testing.assert_allclose(results("attend", queries, 2 * queries), expected, rtol=1e-6)


def test_an_archive_says_what_is_missing():
    archive = keras.export.ExportArchive()
    with pytest.raises(StateError, match="expected an endpoint, got none"):
        archive.write_out("nowhere")
    with pytest.raises(ArgumentError, match="expected input_signature for a function, got None"):
        archive.add_endpoint("serve", lambda x: x)
    with pytest.raises(StateError, match="expected a layer or model with weights, got one that is not built"):
        archive.track(layers.Dense(3))


@needs_tensorflow
def test_layers_of_a_program_have_a_variable_batch_if_samples_are_independent(tmp_path):
    class Scaled(layers.Layer):
        def call(self, x):
            return x * 2

    class Centered(layers.Layer):
        def call(self, x):
            return x - ops.mean(x, 0)

    x = np.ones((3, 2), "float32")
    model = keras.Sequential([keras.Input((2,)), Scaled()])
    with pytest.warns(UserWarning, match="samples independently, so the batch size is variable"):
        model.export(tmp_path / "scaled", format="tf_saved_model", verbose=False)
    import tensorflow

    np.testing.assert_allclose(tensorflow.saved_model.load(tmp_path / "scaled").serve(x), 2 * x)
    with pytest.raises(ArgumentError, match="or a known batch size"):
        keras.Sequential([keras.Input((2,)), Centered()]).export(tmp_path / "centered", format="tf_saved_model")


def test_several_inputs_of_a_saved_model_are_one_argument(tmp_path):
    tf = pytest.importorskip("tensorflow")
    a, b = keras.Input((2,), name="first"), keras.Input((3,), name="second")
    model = keras.Model({"z": a, "b": b}, {"q": keras.layers.Dense(2)(a), "p": keras.layers.Dense(1)(b)})
    model.export(tmp_path / "saved", format="tf_saved_model", verbose=False)
    x = {"z": np.ones((5, 2), "float32"), "b": np.ones((5, 3), "float32")}
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    served, expected = loaded.serve(x), model.predict(x, verbose=0)
    assert set(served) == {"q", "p"}
    for name in served:
        np.testing.assert_allclose(served[name], expected[name], rtol=1e-6)
    layer = keras.layers.TFSMLayer(str(tmp_path / "saved"), call_endpoint="serve")
    np.testing.assert_allclose(layer(x)["q"], expected["q"], rtol=1e-6)
