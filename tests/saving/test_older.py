"""`.keras` files of tf.keras 2.13 to 2.21 (other names of arguments and calls), and configs of Keras 1."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from gazelle import optimizers
from gazelle.core.registry import REGISTRY
from gazelle.core.symbolic import OPS
from gazelle.layers import (
    GRU,
    LSTM,
    Add,
    BatchNormalization,
    Bidirectional,
    Concatenate,
    Conv2DTranspose,
    Dense,
    Input,
    LeakyReLU,
    TimeDistributed,
)
from gazelle.models import Model, Sequential, load_model
from gazelle.saving import keras_v3
from gazelle.saving.h5_format import compiled, keras1, model_from_json, weight_layout
from gazelle.saving.tensorflow_functions import OPERATIONS
from gazelle.saving.tf_keras_config import convert_object


def _tensor(*history):
    return {"class_name": "__keras_tensor__", "config": {"keras_history": list(history)}}


def _call(options):
    return convert_object({"class_name": "Any", "config": {}, "inbound_nodes": [options]})["inbound_nodes"][0]


def test_calls():
    assert _call([["a", 0, 0, {}]]) == {"args": [_tensor("a", 0, 0)], "kwargs": {}}
    assert _call([["a", 0, 0, {}], ["b", 1, 2, {}]]) == {
        "args": [[_tensor("a", 0, 0), _tensor("b", 1, 2)]],
        "kwargs": {},
    }
    assert _call([["a", 0, 0, {"value": ["b", 0, 0], "training": True}]]) == {
        "args": [_tensor("a", 0, 0)],
        "kwargs": {"value": _tensor("b", 0, 0), "training": True},
    }
    new = {"args": [_tensor("a", 0, 0)], "kwargs": {}}
    assert _call(new) == new


def _function(name, call):
    config = {"name": "x", "trainable": True, "dtype": "float32", "function": name}
    out = convert_object({"class_name": "TFOpLambda", "config": config, "name": "x", "inbound_nodes": [call]})
    return out["class_name"], out["config"], out["inbound_nodes"][0]["args"]


def test_functions_of_tensorflow():
    a, b = _tensor("a", 0, 0), _tensor("b", 0, 0)
    named = {"name": "x"}
    assert _function("math.add", ["a", 0, 0, {"y": ["b", 0, 0], "name": None}]) == ("Add", named, [a, b])
    assert _function("math.pow", ["_CONSTANT_VALUE", -1, 2.0, {"y": ["b", 0, 0]}]) == ("Power", named, [2.0, b])
    concat = _function("concat", [["a", 0, 0, {"axis": 1}], ["b", 0, 0, {"axis": 1}]])
    assert concat == ("Concatenate", {"name": "x", "axis": 1}, [[a, b]])
    transpose = _function("compat.v1.transpose", ["a", 0, 0, {"perm": [1, 0], "conjugate": False, "name": "t"}])
    assert transpose == ("Transpose", {"name": "x", "axes": [1, 0]}, [a])
    where = _function("where", ["a", 0, 0, {"y": 0.0, "x": ["b", 0, 0]}])
    assert where == ("Where", named, [a, b, 0.0])
    mean = _function("math.reduce_mean", ["a", 0, 0, {"axis": None, "keepdims": True}])
    assert mean == ("Mean", {"name": "x", "keepdims": True}, [a])
    assert {"TFOpLambda"} == {_function(name, ["a", 0, 0, {}])[0] for name in ("image.resize", "no.such")}


def test_operations_of_the_table_exist():
    known = {*REGISTRY["ops"], *OPS}
    assert known >= OPERATIONS.keys()


def test_arguments():
    def config(name, **options):
        return convert_object({"class_name": name, "config": options})["config"]

    assert config("InputLayer", batch_input_shape=[None, 3]) == {"batch_shape": [None, 3]}
    assert config("Huber", reduction="auto") == {"reduction": "sum_over_batch_size"}
    assert config("LeakyReLU", alpha=0.2) == {"negative_slope": 0.2}
    assert config("LSTM", units=3, implementation=2) == {"units": 3}
    assert config("DepthwiseConv2D", kernel_initializer={}, kernel_size=3) == {"kernel_size": 3}
    code = ["4wEAAAA=", None, None]
    function = {"function": code, "function_type": "lambda", "output_shape": code, "output_shape_type": "lambda"}
    given = {"arguments": {"by": {"type": "ndarray", "value": [1.0, 2.0]}}}
    assert config("Lambda", **function, **given) == {"function": code, "arguments": {"by": [1.0, 2.0]}}
    shape = {"output_shape": [3], "output_shape_type": "raw"}
    assert config("Lambda", function="f", function_type="function", **shape) == {"function": "f", "output_shape": [3]}
    assert config("Dense", kernel_initializer="zeros") == {"kernel_initializer": "zeros"}


def test_sides_of_a_kernel_in_any_order():
    for name, sides in (
        ("Convolution2D", ("nb_row", "nb_col")),
        ("Convolution3D", ("kernel_dim1", "kernel_dim2", "kernel_dim3")),
    ):
        config = {"nb_filter": 4, **{side: n for n, side in enumerate(sides)}}
        for keys in (config, sorted(config), reversed(config)):
            assert keras1.layer(name, {key: config[key] for key in keys})[1]["kernel_size"] == [*range(len(sides))]


def _tensors(arguments):
    return arguments[0] if isinstance(arguments[0], list) else arguments


def _as_tf_keras(config):
    """A functional model's config with the options of tf.keras."""
    config["module"] = "tf_keras.src.engine.functional"
    for layer in config["config"]["layers"]:
        arguments = layer["config"]
        arguments["dtype"] = "float32"
        if layer["class_name"] == "InputLayer":
            arguments["batch_input_shape"] = arguments.pop("batch_shape")
        if layer["class_name"] == "LeakyReLU":
            arguments["alpha"] = arguments.pop("negative_slope")
        layer["inbound_nodes"] = [
            [[*tensor["config"]["keras_history"], {}] for tensor in _tensors(call["args"])]
            for call in layer["inbound_nodes"]
        ]
        if layer["class_name"] == "Add":
            first, second = layer["inbound_nodes"][0]
            layer.update(module="tf_keras.src.layers.core.tf_op_layer", class_name="TFOpLambda", build_config=None)
            layer["config"] = {"name": layer["name"], "trainable": True, "function": "__operators__.add"}
            layer["inbound_nodes"] = [[*first[:3], {"y": second[:3], "name": None}]]
    config["compile_config"]["optimizer"]["config"] |= {"jit_compile": False, "is_legacy_optimizer": False}
    for key in ("loss_scale_factor", "gradient_accumulation_steps"):
        config["compile_config"]["optimizer"]["config"].pop(key)


def _without_the_rate(data):
    buffer = io.BytesIO(data)
    with h5py.File(buffer, "r+") as file:
        group = file["optimizer/vars"]
        values = [group[str(n)][()] for n in range(len(group))]
        del file["optimizer/vars"]
        for n, value in enumerate([values[0].astype("int64"), *values[2:]]):
            file[f"optimizer/vars/{n}"] = value
        file["metrics/mean/vars/0"] = 3.0
    return buffer.getvalue()


def test_a_whole_file(tmp_path):
    a, b = Input((3,)), Input((2,))
    left, right = Dense(4)(a), LeakyReLU(negative_slope=0.3)(Dense(4)(b))
    model = Model([a, b], Dense(2)(Concatenate()([Add()([left, right]), right])))
    model.compile(optimizers.Adam(0.01), "mse")
    generator = np.random.default_rng(0)
    x, y = [generator.normal(size=(4, n)).astype("float32") for n in (3, 2)], np.ones((4, 2), "float32")
    model.train_on_batch(x, y)
    model.save(tmp_path / "new.keras")
    text, weights = keras_v3.members(tmp_path / "new.keras")
    config = json.loads(text)
    _as_tf_keras(config)
    with zipfile.ZipFile(tmp_path / "old.keras", "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", _without_the_rate(weights))
    again = load_model(tmp_path / "old.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    model.train_on_batch(x, y)
    again.train_on_batch(x, y)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-7)


def test_attention_under_its_private_names(tmp_path):
    """Keras before 3.4 kept `_query_dense` where 3.15 keeps `query_dense`."""
    from gazelle.layers.multi_head_attention import MultiHeadAttention

    x = Input((4, 6))
    model, other = (Model(x, MultiHeadAttention(2, 3)(x, x)) for _ in range(2))
    model.save_weights(tmp_path / "w")
    with h5py.File(tmp_path / "w", "r+") as file:
        group = file["layers/multi_head_attention"]
        for name in list(group):
            if name.endswith("_dense"):
                group.move(name, f"_{name}")
    other.load_weights(tmp_path / "w")
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_axis_of_a_normalization_may_be_a_list():
    node = convert_object({"class_name": "BatchNormalization", "config": {"axis": [3], "momentum": 0.9}})
    assert node["config"] == {"axis": 3, "momentum": 0.9}
    assert convert_object({"class_name": "LayerNormalization", "config": {"axis": [3]}})["config"] == {"axis": [3]}


def test_an_unknown_number_of_steps_per_execution_is_the_default():
    model = Model(inputs := Input((3,)), Dense(2)(inputs))
    model.compile_from_config({"optimizer": "sgd", "loss": "mse", "steps_per_execution": None})
    assert model.compiled


@pytest.mark.parametrize(("kind", "gates"), [(LSTM, 4), (GRU, 3)])
def test_weights_of_cudnn(kind, gates):
    """CuDNNLSTM and CuDNNGRU stored kernels by columns, and one bias for the inputs and one for the state."""
    layer = Bidirectional(kind(2))
    layer.build((None, 5, 3))
    wanted, stored = [], []
    for weight in layer.get_weights():
        values = np.random.default_rng(len(wanted)).normal(size=weight.shape).astype("float32")
        if len(wanted) % 3 == 2:  # the bias
            both = values if gates == 3 else np.stack([values - 1, np.ones_like(values)])
            stored.append(both.reshape(-1))
        else:
            is_kernel = len(wanted) % 3 == 0
            parts = np.split(values, gates, axis=1)
            stored.append(np.concatenate([p.T.reshape(p.shape) if is_kernel else p.T for p in parts], axis=1))
        wanted.append(values)
    pairs = weight_layout.fitted(layer, stored, weight_layout.Layout(keras_1=False, flipped=False))
    for (variable, array), values, own in zip(pairs, wanted, layer.weights, strict=True):
        assert variable is own
        np.testing.assert_allclose(array, values, rtol=1e-6)
    assert weight_layout.fitted(layer, wanted, weight_layout.Layout(keras_1=False, flipped=False))[0][1] is wanted[0]


def test_weights_of_layers_in_a_wrapper_begin_with_the_trained_ones():
    inner = Sequential([Input((3,)), BatchNormalization(), Dense(2)])
    layer = TimeDistributed(inner)
    layer.build((None, 4, 3))
    shapes = [variable.shape for variable in weight_layout.weights_of(layer)]
    assert shapes == [(3,), (3,), (3, 2), (2,), (3,), (3,)]


def test_calls_of_nested_models_are_counted_from_their_creation():
    x = Input((3,), name="x")
    model = Model(x, Dense(2, name="d")(Sequential([Input((3,)), Dense(4)], name="inner")(x)))
    config = json.loads(json.dumps(model.get_config()))
    entry = next(entry for entry in config["layers"] if entry["name"] == "d")
    history = entry["inbound_nodes"][0]["args"][0]["config"]["keras_history"]
    assert history == ["inner", 0, 0]
    history[1] = 1  # as tf.keras 2.13 to 2.21 numbers the first call
    assert Model.from_config(config).count_params() == model.count_params()


@pytest.mark.parametrize(
    ("padding", "step", "window", "size"),
    [
        ("same", 2, 3, 7),
        ("same", 2, 3, 8),
        ("same", 3, 2, 11),
        ("same", 1, 2, 4),
        ("valid", 2, 3, 10),
        ("valid", 2, 1, 7),
    ],
)
@pytest.mark.parametrize("ordering", ["tf", "th"])
def test_output_shape_of_deconvolutions_of_keras_1(padding, step, window, size, ordering):
    first = ordering == "th"
    stored = {"nb_filter": 2, "nb_row": window, "nb_col": window, "subsample": [step, step], "border_mode": padding}
    stored |= {"dim_ordering": ordering, "output_shape": [None, 2, size, size] if first else [None, size, size, 2]}
    _, config = keras1.layer("Deconvolution2D", stored)
    layer = Conv2DTranspose(**config)
    found = layer.compute_output_shape((None, 1, 4, 4) if first else (None, 4, 4, 1))
    assert list(found) == stored["output_shape"]


def _training(**arguments):
    optimizer = {"class_name": "SGD", "config": {"learning_rate": 0.1, "clipnorm": 0.5}}
    return {"optimizer_config": optimizer, "loss": "mse", **arguments}


def test_the_norm_that_clipnorm_bounds():
    """The package keras before 2.4 clipped the norm of all gradients, tf.keras that of each."""
    for version, name in (("2.3.1", "global_clipnorm"), ("2.2.4-tf", "clipnorm"), ("2.4.0", "clipnorm")):
        assert compiled(_training(), version)["optimizer"]["config"] == {"learning_rate": 0.1, name: 0.5}


def test_a_list_of_metrics_was_for_each_output():
    found = compiled(_training(metrics=["acc", "mae"], weighted_metrics=["mse"]), "2.3.1", outputs=2)
    assert found["metrics"] == [["acc", "mae"], ["acc", "mae"]]
    assert found["weighted_metrics"] == [["mse"], ["mse"]]
    for given in (["acc", ["mae"]], {"one": ["mae"]}):
        assert compiled(_training(metrics=given), "2.3.1", outputs=2)["metrics"] == given
    assert compiled(_training(metrics=["acc"]), "2.3.1")["metrics"] == ["acc"]


def _keras_2_3(layer, **config):
    layers = [{"class_name": layer, "config": config}]
    model = {"class_name": "Sequential", "config": {"name": "m", "layers": layers, "build_input_shape": [None, 3]}}
    return model_from_json(json.dumps({**model, "keras_version": "2.3.1", "backend": "theano"}))


def test_the_shape_of_a_model_that_was_built_by_its_data():
    assert _keras_2_3("Dense", name="d", units=2).output_shape == (None, 2)


def test_penalties_on_outputs_were_sums_over_the_batch():
    x = np.ones((4, 3), "float32")
    regularizer = {"class_name": "L1L2", "config": {"l1": 0.5, "l2": 0.0}}
    for model in (
        _keras_2_3("Activation", name="a", activation="linear", activity_regularizer=regularizer),
        _keras_2_3("ActivityRegularization", name="a", l1=0.5, l2=0.0),
    ):
        model.compile("sgd", "mse")
        np.testing.assert_allclose(model.evaluate(x, x, verbose=0), 0.5 * x.sum())


def test_initializers_of_tensorflow_1_have_a_dtype():
    kernel = {"class_name": "VarianceScaling", "config": {"scale": 2.0, "seed": None, "dtype": "float32"}}
    bias = {"class_name": "Zeros", "config": {"dtype": "float32"}}
    config = {"name": "d", "dtype": "float16", "units": 2, "kernel_initializer": kernel, "bias_initializer": bias}
    layers = [{"class_name": "Dense", "config": {**config, "batch_input_shape": [None, 3]}}]
    text = {"class_name": "Sequential", "config": {"name": "m", "layers": layers}, "keras_version": "2.2.4-tf"}
    layer = model_from_json(json.dumps(text)).layers[0]
    assert (layer.kernel_initializer.scale, str(layer.bias.dtype)) == (2.0, "float16")
    uniform = {"module": "keras.initializers", "class_name": "RandomUniform"}
    config = {"minval": 0, "maxval": None, "dtype": "float32"}
    assert convert_object({**uniform, "config": config})["config"] == {"minval": 0, "maxval": 1.0}


@pytest.mark.parametrize("kind", ["BatchNormalizationV1", "BatchNormalizationV2"])
def test_names_of_classes_in_tensorflow_1_13(kind):
    config = {"name": "n", "axis": [1], "epsilon": 0.01, "batch_input_shape": [None, 3]}
    text = {"class_name": "Sequential", "config": {"name": "m", "layers": [{"class_name": kind, "config": config}]}}
    layer = model_from_json(json.dumps({**text, "keras_version": "2.2.4-tf"})).layers[0]
    assert (type(layer), layer.epsilon, layer.axis) == (BatchNormalization, 0.01, 1)
