"""Functional models: operators and ops in graphs, several inputs and outputs, names, configs."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
import pytest

import gazelle
from gazelle import layers, ops
from gazelle.layers import weight_tree

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def operators(k):
    x = k.Input((4,))
    h = k.layers.Dense(4)(x)
    return k.Model(x, (h * 2.0 + x) / 3.0 - 1.0)


def slices(k):
    x = k.Input((4,))
    return k.Model(x, x[:, 1:3] + x[:, -1:])


def functions(k):
    x = k.Input((4,))
    y = k.ops.concatenate([x, k.ops.relu(x)], axis=0)
    z = k.ops.sum(y, axis=-1, keepdims=True)
    return k.Model(x, k.ops.reshape(z, (-1, 2)))


def softmax_of_mean(k):
    x = k.Input((4,))
    return k.Model(x, k.ops.softmax(k.ops.mean(x, axis=1, keepdims=True) * x, axis=-1))


def sums_of_products(k):
    x = k.Input((4,))
    outer = k.ops.einsum("ab,ac->abc", x, k.layers.Dense(3)(x))
    return k.Model(x, k.ops.einsum("abc->ac", outer))


def choices(k):
    x = k.Input((4,))
    return k.Model(x, k.ops.where(x > 0, x, 0.5) + k.ops.where(np.array([True, False, True, False]), x, -x))


GRAPHS = [operators, slices, functions, softmax_of_mean, sums_of_products, choices]


@pytest.mark.parametrize("build", GRAPHS)
def test_graph_of_ops_equals_keras(build, tmp_path):
    theirs, ours = build(keras), build(gazelle)
    ours.set_weights(theirs.get_weights())
    expected = theirs.predict(X, verbose=0)
    np.testing.assert_allclose(ours.predict(X, verbose=0), expected, atol=1e-6)
    again = gazelle.models.Model.from_config(ours.get_config())
    again.set_weights(theirs.get_weights())
    np.testing.assert_allclose(again.predict(X, verbose=0), expected, atol=1e-6)
    ours.save(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    np.testing.assert_allclose(
        gazelle.models.load_model(tmp_path / "theirs.keras").predict(X, verbose=0), expected, atol=1e-6
    )
    np.testing.assert_allclose(
        keras.models.load_model(tmp_path / "ours.keras").predict(X, verbose=0), expected, atol=1e-6
    )


def test_dict_inputs_and_outputs():
    a, b = gazelle.Input((4,), name="a"), gazelle.Input((4,), name="b")
    model = gazelle.Model({"a": a, "b": b}, {"sum": layers.Add(name="plus")([a, b]), "first": layers.Dense(2)(a)})
    model.compile("sgd", {"sum": "mse", "first": "mae"}, metrics={"sum": ["mae"]})
    history = model.fit({"b": X, "a": X}, {"sum": X, "first": X[:, :2]}, epochs=2, verbose=0)
    assert list(history.history) == ["loss", "sum_loss", "first_loss", "sum_mae"]  # as given to compile
    out = model.predict({"a": X, "b": 2 * X}, verbose=0)
    np.testing.assert_allclose(out["sum"], 3 * X, rtol=1e-6)


def test_shared_layer_counts_once_and_names_are_unique():
    a, b = gazelle.Input((4,)), gazelle.Input((4,))
    shared = layers.Dense(3, name="shared")
    model = gazelle.Model([a, b], layers.Concatenate()([shared(a), shared(b)]))
    assert [layer.name for layer in model.layers if layer is shared] == ["shared"]
    assert model.count_params() == 15
    assert set(weight_tree.named_variables(model)) == {"shared/kernel", "shared/bias"}


def test_nested_model_and_inner_output():
    inner = gazelle.Sequential([layers.Dense(3, activation="tanh", input_shape=(4,)), layers.Dense(2)])
    x = gazelle.Input((4,))
    outer = gazelle.Model(x, layers.Dense(1)(inner(x)))
    features = gazelle.Model(inner.input, inner.layers[0].output)
    np.testing.assert_allclose(features.predict(X, verbose=0), np.asarray(inner.layers[0](X)), rtol=1e-6)
    assert outer.count_params() == 15 + 8 + 3


def test_unreachable_input_is_named():
    a, b = gazelle.Input((4,), name="a"), gazelle.Input((4,), name="b")
    with pytest.raises(ValueError, match=r"expected every Input among inputs, got .*name=b.*\nAdd this Input"):
        gazelle.Model(a, layers.Add()([a, b]))


def test_symbolic_tensor_has_no_values():
    x = gazelle.Input((4,))
    for use in (np.exp, float, bool):
        with pytest.raises(RuntimeError, match="symbolic tensor of shape"):
            use(x)
    assert ops.shape(x) == (None, 4)


def test_the_input_of_an_input_layer_is_its_tensor():
    x = gazelle.Input((3,))
    layer = gazelle.Model(x, layers.Dense(2)(x)).layers[0]
    assert layer.input is x
    assert layer.output is x


def test_dtypes_of_operations_are_saved(tmp_path):
    x = gazelle.Input((3,))
    y = gazelle.ops.sum(gazelle.ops.cast(x, "int32"), axis=1, keepdims=True)
    model = gazelle.Model(x, [y, gazelle.ops.ones_like(x, dtype="int8")])
    model.save(tmp_path / "model.keras")
    copy = gazelle.saving.load_model(tmp_path / "model.keras")
    assert [tensor.dtype for tensor in copy.outputs] == ["int32", "int8"]


def test_layers_with_a_limit_declare_their_output():
    """A trace with placeholders for unknown sizes exceeds the limit, also in models and layers around the layer."""

    class Positions(gazelle.layers.Layer):
        def build(self, shape):
            self.table = self.add_weight(name="table", shape=(8, shape[-1]))

        def call(self, x):
            return x + gazelle.ops.slice(self.table, (0, 0), (x.shape[1], x.shape[2]))

        def compute_output_shape(self, shape):
            return shape

    x = gazelle.Input((None, 2))
    model = gazelle.Model(x, gazelle.layers.Dense(3)(Positions()(x)))
    outer = gazelle.Model(z := gazelle.Input((None, 2)), model(z))
    assert outer.output_shape == (None, None, 3)
    assert outer.predict(np.ones((2, 5, 2)), verbose=0).shape == (2, 5, 3)
    with pytest.raises(ValueError, match="slice"):
        outer.predict(np.ones((2, 9, 2)), verbose=0)


OF_KERAS_2 = [
    {"class_name": "InputLayer", "name": "x", "config": {"batch_input_shape": [None, 4], "name": "x"}},
    {"class_name": "Dense", "name": "a", "config": {"units": 4, "name": "a"}, "inbound_nodes": [[["x", 0, 0, {}]]]},
    {
        "class_name": "Add",
        "name": "b",
        "config": {"name": "b"},
        "inbound_nodes": [[["a", 0, 0, {}], ["x", 0, 0, {}]]],
    },
]


def of_keras_2(**calls):
    entries = [{"inbound_nodes": [], **entry} for entry in OF_KERAS_2]
    entries = [{**entry, "inbound_nodes": calls.get(entry["name"], entry["inbound_nodes"])} for entry in entries]
    return {"name": "m", "layers": entries, "input_layers": [["x", 0, 0]], "output_layers": [["b", 0, 0]]}


def test_a_config_of_keras_2_is_read():
    ours, theirs = (k.Model.from_config(of_keras_2()) for k in (gazelle, keras))
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("source", ["b", "missing"])
def test_a_config_of_keras_2_with_calls_that_lead_nowhere(source):
    with pytest.raises(ValueError, match="expected calls that lead from inputs to outputs"):
        gazelle.Model.from_config(of_keras_2(a=[[[source, 0, 0, {}]]]))


def test_a_function_without_outputs():
    with pytest.raises(ValueError, match="outputs of a Function: expected symbolic tensors"):
        gazelle.Function(gazelle.Input((3,)), [])
