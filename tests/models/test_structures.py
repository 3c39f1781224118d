"""Inputs in nested dicts and lists, inputs that may be None, results of single batches, states of metrics."""

from collections import OrderedDict

import numpy as np
import pytest

import gazelle
from gazelle import Input, Model, layers, metrics

X = np.random.default_rng(0).random((6, 4)).astype("float32")


def nested():
    a, b, c = (Input((4,), name=name) for name in "abc")
    return Model({"p": {"a": a, "b": b}, "q": [c]}, a + 2 * b + 3 * c)


def test_nested_inputs(tmp_path):
    model, data = nested(), {"q": [X], "p": {"b": X, "a": X}}
    model.save(tmp_path / "m.keras")
    loaded = gazelle.models.load_model(tmp_path / "m.keras")
    for one in (model, loaded, gazelle.models.clone_model(model)):
        np.testing.assert_allclose(one(data), 6 * X, rtol=1e-6)
    np.testing.assert_allclose(model.predict(data, verbose=0), 6 * X, rtol=1e-6)
    model.compile("sgd", "mse")
    assert model.evaluate(data, 6 * X, verbose=0) < 1e-6
    with pytest.raises(ValueError, match=r"Input data\['p'\]: expected 2 entries \['a', 'b'\], got keys \['a'\]"):
        model({"q": [X], "p": {"a": X}})


def test_outputs_keep_the_order_of_their_keys():
    x = Input((4,))
    model = Model(x, {"z": x + 1, "a": [x, {"y": x, "b": x}]})
    for outputs in (model(X), model.predict(X, verbose=0), model.predict(X, 4, verbose=0), model.predict_on_batch(X)):
        assert list(outputs) == ["z", "a"]
        assert list(outputs["a"][1]) == ["y", "b"]
        assert type(outputs) is dict


@pytest.mark.parametrize("order", ["zba", "abz", "bza"])
def test_scores_of_several_outputs_are_in_the_order_of_the_losses_and_then_by_name(order):
    x = Input((4,))
    outputs = {"z": x, "a": 2 * x, "b": 3 * x}
    model, data = Model(x, outputs), dict.fromkeys("abz", 0 * X)
    model.compile("sgd", dict.fromkeys(order, "mae"), metrics=dict.fromkeys(order, ("mse", "mae")))
    expected = ["loss", *(f"{name}_loss" for name in order)]
    expected += ["a_mae", "a_mse", "b_mae", "b_mse", "z_mae", "z_mse"]
    assert list(model.evaluate(X, data, verbose=0, return_dict=True)) == model.metrics_names == expected
    mean, square = X.mean(), (X**2).mean()
    losses = {"z": mean, "a": 2 * mean, "b": 3 * mean}
    values = [6 * mean, *(losses[n] for n in order), 2 * mean, 4 * square, 3 * mean, 9 * square, mean, square]
    np.testing.assert_allclose(model.evaluate(X, data, verbose=0), values, rtol=1e-5)
    model = Model(x, [outputs[name] for name in order])  # in the order of the outputs
    model.compile("sgd", "mae", metrics=[["mse"]] * 3)
    scores = model.evaluate(X, [0 * X] * 3, verbose=0)
    np.testing.assert_allclose(scores[:4], [6 * mean, *(losses[n] for n in order)], rtol=1e-5)


class Sum(layers.Layer):
    def call(self, a, b=None):
        return a if b is None else a + b


@pytest.mark.parametrize("form", [lambda a, b: [a, b], lambda a, b: {"a": a, "b": b}], ids=["list", "dict"])
def test_optional_inputs(form):
    a, b = Input((4,), name="a"), Input((4,), name="b", optional=True)
    model = Model(form(a, b), Sum()(a, b))
    for second, expected in ((None, X), (X, 2 * X)):
        np.testing.assert_allclose(model(form(X, second)), expected)
        np.testing.assert_allclose(model.predict(form(X, second), verbose=0), expected)
        model.compile("sgd", "mse")
        assert model.evaluate(form(X, second), expected, verbose=0) == 0
    assert b.node.operation.get_config()["optional"]
    with pytest.raises(ValueError, match="Input 'a': expected an array, got None"):
        model(form(None, X))


def test_results_of_single_batches():
    model = gazelle.Sequential([Input((4,)), layers.Dense(2)])
    model.compile(gazelle.optimizers.SGD(0.0), "mse", metrics=["mae"])
    for call in (model.train_on_batch, model.test_on_batch):
        one, two = call(X, X[:, :2]), call(2 * X, X[:, :2])
        np.testing.assert_allclose(call(X, X[:, :2]), one, rtol=1e-6)
        np.testing.assert_allclose(call(2 * X, X[:, :2]), two, rtol=1e-6)
        assert one[0] != two[0]
        np.testing.assert_allclose(list(model.get_metrics_result().values()), two, rtol=1e-6)


@pytest.mark.parametrize("metric", [metrics.Mean, metrics.AUC], ids=lambda cls: cls.__name__)
def test_pure_updates_accept_the_variables_themselves(metric):
    one, args = metric(), [np.ones(3, "float32")] * (1 + (metric is metrics.AUC))
    values = one.stateless_update_state(one.variables, *args)
    one.update_state(*args)
    np.testing.assert_allclose(one.stateless_result(values), one.stateless_result(one.variables))


def nested_outputs():
    x = Input((4,))
    a, b, c = (layers.Dense(2, kernel_initializer="ones", name=name)(x) for name in "abc")
    return Model(x, [a, {"x": b, "y": (c,)}])


@pytest.mark.parametrize(
    ("loss", "weights", "factors"),
    [
        (["mse", {"x": "mse", "y": ["mse"]}], None, (1, 1, 1)),
        (("mse", ["mse", "mse"]), [1.0, {"x": 2.0, "y": [0.5]}], (1, 2, 0.5)),
        (["mse", {"x": None, "y": ["mse"]}], None, (1, 0, 1)),
        ("mse", None, (1, 1, 1)),
        ({"a": ["mse"], "b": "mse", "c": ("mse",)}, {"a": 3.0}, (3, 1, 1)),
    ],
)
def test_losses_in_the_structure_of_the_outputs(loss, weights, factors):
    model = nested_outputs()
    model.compile("sgd", loss, loss_weights=weights)
    y = [np.full((6, 2), value, "float32") for value in (1.0, 2.0, 3.0)]
    out = X.sum(1, keepdims=True)
    each = [np.mean((target - out) ** 2) for target in y]
    given = [y[0], {"x": y[1], "y": (y[2],)}]
    total = model.evaluate(X, given, verbose=0, return_dict=True)["loss"]
    assert total == pytest.approx(np.dot(each, factors), rel=1e-5)
    model.fit(X, given, sample_weight=[np.ones(6), {"x": np.ones(6), "y": (np.ones(6),)}], verbose=0)


@pytest.mark.parametrize("loss", ["mse", {"p": {"x": "mse", "y": "mse"}, "q": {"z": "mse"}}])
def test_outputs_in_dicts_of_dicts(loss):
    x = Input((4,))
    a, b, c = (layers.Dense(2, kernel_initializer="ones", name=name)(x) for name in "abc")
    model = Model(x, {"p": {"x": a, "y": b}, "q": {"z": c}})
    model.compile("sgd", loss)
    zeros, out = np.zeros((6, 2), "float32"), X.sum(1, keepdims=True)
    y = {"p": {"x": zeros, "y": zeros + 1}, "q": {"z": zeros + 2}}
    total = model.evaluate(X, y, verbose=0, return_dict=True)["loss"]
    assert total == pytest.approx(sum(np.mean((out - n) ** 2) for n in range(3)), rel=1e-5)
    assert model.fit(X, y, verbose=0).history.keys() == {"loss", "a_loss", "b_loss", "c_loss"}
    assert model.predict(X, verbose=0)["q"]["z"].shape == (6, 2)


def two_outputs():
    x = Input((4,))
    return x, {name: layers.Dense(2, kernel_initializer="ones", name=name)(x) for name in "ab"}


def test_several_losses_of_one_output_are_added():
    x, outputs = two_outputs()
    model = Model(x, list(outputs.values()))
    y = [np.zeros((6, 2)), np.ones((6, 2))]
    totals = []
    for loss in (["mse", ["mse", "mae"]], ["mse", "mse"], ["mse", ["mae"]], ["mse", None]):
        model.compile("sgd", loss)
        totals.append(model.evaluate(X, y, verbose=0, return_dict=True)["loss"])
    both, first, second, only = totals
    assert both - only == pytest.approx(first - only + second - only, rel=1e-5)
    assert model.fit(X, y, verbose=0).history.keys() == {"loss"}  # one loss is the total


def test_names_of_weighted_metrics_of_several_outputs():
    x, outputs = two_outputs()
    model = Model(x, outputs)
    model.compile("sgd", "mse", metrics={"a": ["mae"]}, weighted_metrics={"a": ["mae"], "b": ["mae"]})
    logs = model.evaluate(X, {"a": X[:, :2], "b": X[:, :2]}, verbose=0, return_dict=True)
    assert list(logs) == ["loss", "a_loss", "b_loss", "a_mae", "a_weighted_mae", "b_mae"]


def test_inputs_in_another_structure_than_the_model_has():
    a, b = Input((4,)), Input((4,))
    model = Model({"a": a, "b": b}, a - b)
    with pytest.warns(UserWarning, match=r"expected a dict with the keys \['a', 'b'\], got a list"):
        np.testing.assert_allclose(model([2 * X, X]), X, rtol=1e-6)
    with pytest.warns(UserWarning, match=r"Input data by name: 'c' is not used"):
        model({"a": X, "b": X, "c": X})
    with pytest.raises(ValueError, match=r"expected a dict with the keys \['b', 'a'\], got a list"):
        Model({"b": b, "a": a}, a - b)([X, X])


def test_floats_become_the_integers_of_an_input():
    x = Input((4,), dtype="int32")
    assert Model(x, x + 2)(np.ones((2, 4))).dtype == "int32"


def test_attribute_that_contains_itself(tmp_path):
    class Cyclic(Model):
        def __init__(self):
            super().__init__()
            self.blocks = [layers.Dense(2)]
            self.blocks.append(self.blocks)
            self.table = {"again": self.blocks}

        def call(self, x):
            return self.blocks[0](x)

    model = Cyclic()
    model(X)
    assert len(model.weights) == 2
    model.save_weights(tmp_path / "m.weights.h5")
    model.load_weights(tmp_path / "m.weights.h5")


@pytest.mark.parametrize("outputs", [lambda a, b: (a, b), lambda a, b: [a, (b, a)], lambda a, b: {"p": (a, b)}])
def test_structures_in_configs(outputs):
    x = Input((4,))
    model = Model([[x]], outputs(layers.Dense(2)(x), layers.Dense(3)(x)))
    copy = Model.from_config(model.get_config())
    assert gazelle.tree.map_structure(lambda t: t.shape, copy.output) == gazelle.tree.map_structure(
        lambda t: t.shape, model.output
    )
    assert copy.get_config()["input_layers"] == model.get_config()["input_layers"]
    gazelle.tree.assert_same_structure(copy(X), model(X))


@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_the_keys_of_inputs_and_outputs_are_matched_in_any_order(kind):
    inputs = kind((name, Input((), name=name)) for name in ("uid", "b", "a"))
    number = inputs["uid"] * 100 + inputs["b"] * 10 + inputs["a"]
    model = Model(inputs, kind([("z", number), ("y", inputs["b"] + 1)]))
    data = {"uid": np.full(2, 3.0), "b": np.full(2, 2.0), "a": np.full(2, 1.0)}
    for given in (data, OrderedDict(data), OrderedDict(sorted(data.items()))):
        found = model.predict(given, verbose=0)
        assert {name: value.tolist() for name, value in found.items()} == {"z": [321, 321], "y": [3, 3]}
    model.compile("sgd", "mse")
    logs = model.evaluate(data, OrderedDict(z=np.full(2, 322.0), y=np.full(2, 3.0)), verbose=0, return_dict=True)
    assert (logs["z_loss"], logs["y_loss"]) == (1, 0)
    nested = {"k": kind((name, Input((), name=name)) for name in "ba")}
    model = Model(nested, nested["k"]["b"] * 10 + nested["k"]["a"])
    assert model({"k": {"b": np.ones(1), "a": np.full(1, 2.0)}}).tolist() == [12]


def test_a_sequential_model_that_begins_with_a_model_of_one_named_input():
    inputs = {"a": gazelle.Input((2,), name="a")}
    inner = gazelle.Model(inputs, gazelle.layers.Dense(2)(inputs["a"]))
    model, x = gazelle.Sequential([inner, gazelle.layers.Dense(1)]), np.ones((3, 2))
    np.testing.assert_array_equal(model.predict({"a": x}, verbose=0), model.predict(x, verbose=0))


@gazelle.saving.register_keras_serializable("order")
class Joined(layers.Layer):
    """Joins the arrays of a dict in its order."""

    def call(self, inputs):
        return gazelle.ops.concatenate(list(inputs.values()), axis=-1)


def test_a_layer_gets_a_dict_in_the_order_of_the_call(tmp_path):
    """As in Keras 3; `call` may join the values, which are in another order in that of sorted keys."""
    x = np.ones((2, 1), "float32")
    z, b = gazelle.Input((1,)), gazelle.Input((1,))
    model = gazelle.Model([z, b], Joined()({"z": z, "b": b}))
    model.save(tmp_path / "m.keras")
    for each in (model, gazelle.saving.load_model(tmp_path / "m.keras"), gazelle.models.clone_model(model)):
        np.testing.assert_array_equal(each.predict([x, 2 * x], verbose=0), [[1, 2]] * 2)
        np.testing.assert_array_equal(each([x, 2 * x]), [[1, 2]] * 2)
    np.testing.assert_array_equal(Joined()({"z": x, "b": 2 * x}), [[1, 2]] * 2)
    np.testing.assert_array_equal(Joined()(inputs={"z": x, "b": 2 * x}), [[1, 2]] * 2)
