"""Losses and metrics that `add_loss` and `add_metric` add to a model, in its config, copies and files."""

import json

import numpy as np
import pytest

import gazelle
from gazelle import layers, losses, ops

X = np.linspace(-1, 1, 24, dtype="float32").reshape(6, 4)


def one_model(loss=None):
    inputs = gazelle.Input((4,), name="x")
    hidden = layers.Dense(3, "tanh", name="hidden")(inputs)
    model = gazelle.Model(inputs, layers.Dense(4, name="out")(hidden))
    model.add_loss(0.1 * ops.mean(ops.square(hidden)) if loss is None else loss(inputs, model.output))
    model.add_metric(ops.sum(hidden, -1), name="total")
    model.compile("sgd")
    return model


def nested_model():
    """The layers of the encoder are also called outside of it, as in variational autoencoders."""
    inputs = gazelle.Input((4,))
    hidden = layers.Dense(3, "relu", name="hidden")(inputs)
    mean, variance = layers.Dense(2, name="mean")(hidden), layers.Dense(2, name="variance")(hidden)
    encoder = gazelle.Model(inputs, [mean, mean + variance], name="encoder")
    codes = gazelle.Input((2,))
    decoder = gazelle.Model(codes, layers.Dense(4, "sigmoid")(codes), name="decoder")
    model = gazelle.Model(inputs, decoder(encoder(inputs)[1]))
    model.add_loss(ops.mean(losses.binary_crossentropy((inputs + 1) / 2, model.output) * 4 + ops.sum(mean**2, -1)))
    model.compile("sgd")
    return model


def values(model):
    model.compile("sgd")
    return model.evaluate(X, verbose=0)


MODELS = {
    "operations": one_model,
    "loss": lambda: one_model(lambda a, b: ops.mean(losses.mean_squared_error(a, b))),
    "loss of rows": lambda: one_model(lambda a, b: ops.sum(losses.mean_absolute_error(a, b) * 2)),
    "nested": nested_model,
}
COPIES = {
    "config": lambda model, folder: gazelle.Model.from_config(model.get_config()),
    "json": lambda model, folder: gazelle.models.model_from_json(model.to_json()),
    "clone": lambda model, folder: gazelle.models.clone_model(model),
    "clone with a function": lambda model, folder: gazelle.models.clone_model(
        model, clone_function=lambda layer: type(layer).from_config(layer.get_config()), recursive=True
    ),
    **{ending: lambda model, folder, e=ending: saved(model, folder / f"m{e}") for ending in (".keras", ".h5")},
}


def saved(model, path):
    model.save(path)
    return gazelle.models.load_model(path)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("route", COPIES)
def test_copies_have_the_losses(kind, route, tmp_path):
    model = MODELS[kind]()
    copy = COPIES[route](model, tmp_path)
    copy.set_weights(model.get_weights())
    np.testing.assert_allclose(values(copy), values(model), rtol=1e-5)
    model.train_on_batch(X), copy.train_on_batch(X)
    np.testing.assert_allclose(values(copy), values(model), rtol=1e-5)
    again = COPIES[route](copy, tmp_path)
    again.set_weights(copy.get_weights())
    np.testing.assert_allclose(values(again), values(copy), rtol=1e-5)


def test_the_config_without_them_is_that_of_keras():
    config = one_model().get_config()
    assert [entry["config"]["name"] for entry in config["layers"]] == ["x", "hidden", "out"]
    del config["with_added"]
    assert gazelle.Model.from_config(config)._extended_graph is None


def test_layers_that_only_a_loss_needs(tmp_path):
    inputs = gazelle.Input((4,))
    model = gazelle.Model(inputs, layers.Dense(4)(inputs))
    model.add_loss(ops.mean(layers.Dense(1, name="judge")(model.output)))
    model.compile("sgd")
    for name in ("m.keras", "m.h5"):
        copy = saved(model, tmp_path / name)
        np.testing.assert_allclose(values(copy), values(model), rtol=1e-5)
    model.save_weights(tmp_path / "w.weights.h5")
    before = values(model)
    model.set_weights([0 * w for w in model.get_weights()])
    model.load_weights(tmp_path / "w.weights.h5")
    assert values(model) == pytest.approx(before)


def test_a_loss_that_no_config_can_hold():
    inputs = gazelle.Input((4,))
    model = gazelle.Model(inputs, layers.Dense(4)(inputs))
    step = ops.vectorized_map(lambda row: row * 2, model.output)
    model.add_loss(ops.mean(step))
    with pytest.warns(UserWarning, match=r"losses and metrics added to 'functional.*' are not in its config and files"):
        config = model.get_config()
    assert gazelle.Model.from_config(config).output_shape == (None, 4)


def test_a_constructor_that_adds_the_loss():
    class Regularized(gazelle.Model):
        def __init__(self, inputs, outputs, **kwargs):
            super().__init__(inputs, outputs, **kwargs)
            self.add_loss(ops.mean(ops.square(self.outputs[0])))

    inputs = gazelle.Input((4,))
    model = Regularized(inputs, layers.Dense(4)(inputs))
    copy = Regularized.from_config(model.get_config())
    copy.set_weights(model.get_weights())
    assert values(copy) == pytest.approx(values(model), rel=1e-5)


def test_a_file_of_tf_keras_with_the_layers_add_loss_and_add_metric():
    def dense(name, source, **more):
        return {
            "class_name": "Dense",
            "config": {"name": name, "units": 4, "kernel_initializer": "Ones"},
            "name": name,
            "inbound_nodes": [[[source, 0, 0, {}]]],
            **more,
        }

    def function(name, source, keywords):
        config = {"name": f"tf.{name}", "function": name}
        return {
            "class_name": "TFOpLambda",
            "config": config,
            "name": f"tf.{name}",
            "inbound_nodes": [[source, 0, 0, keywords]],
        }

    def added(kind, name, source, **config):
        return {
            "class_name": kind,
            "config": {"name": name, **config},
            "name": name,
            "inbound_nodes": [[[source, 0, 0, {}]]],
        }

    head = {
        "class_name": "InputLayer",
        "config": {"batch_input_shape": [None, 4], "name": "x"},
        "name": "x",
        "inbound_nodes": [],
    }
    inner = {
        "name": "inner",
        "layers": [head, dense("a", "x", shared_object_id=1), dense("b", "a")],
        "input_layers": [["x", 0, 0]],
        "output_layers": [["b", 0, 0]],
    }
    entries = [
        head,
        {"class_name": "Functional", "config": inner, "name": "inner", "inbound_nodes": [[["x", 0, 0, {}]]]},
        dense("a", "x", shared_object_id=1),
        function("convert_to_tensor", "inner", {}),
        function("cast", "x", {"dtype": "float32"}),
        function("math.squared_difference", "tf.convert_to_tensor", {"y": ["tf.cast", 0, 0], "name": None}),
        function("math.reduce_mean", "tf.math.squared_difference", {"axis": None, "keepdims": False}),
        added("AddLoss", "add_loss", "tf.math.reduce_mean", unconditional=False),
        added("AddMetric", "add_metric", "a", aggregation="mean", metric_name="first"),
    ]
    for entry in entries[3:]:
        if entry["inbound_nodes"][0][0] == "inner":
            entry["inbound_nodes"][0][1] = 1  # earlier Keras counted the creation of a model
    config = {"name": "m", "layers": entries, "input_layers": [["x", 0, 0]], "output_layers": [["inner", 1, 0]]}
    text = json.dumps(
        {"class_name": "Functional", "config": config, "keras_version": "2.15.0", "backend": "tensorflow"}
    )
    model = gazelle.models.model_from_json(text)
    model.compile("sgd")
    outputs = X.sum(1, keepdims=True) * 4
    expected = [np.mean((outputs - X) ** 2), np.mean(X.sum(1))]
    np.testing.assert_allclose(model.evaluate(X, verbose=0), expected, rtol=1e-4, atol=1e-6)
    assert len(model.weights) == 4  # the layer is shared


def test_weights_that_only_added_losses_need_come_last():
    """As in tf.keras, also where the loss uses tensors of a model inside, as that of a variational autoencoder does."""
    inputs = gazelle.Input((3,))
    hidden = layers.Dense(2, name="hidden")(inputs)
    mean, spread = layers.Dense(2, name="mean")(hidden), layers.Dense(2, name="spread")(hidden)
    encoder = gazelle.Model(inputs, [mean, spread])
    model = gazelle.Model(inputs, layers.Dense(3, name="out")(encoder(inputs)[0]))
    extra = layers.Dense(1, name="extra")(spread)
    model.add_loss(ops.mean(ops.square(spread) + mean) + ops.mean(extra))
    kernels = [w.path.split("/")[-2] for w in model.weights if w.name == "kernel"]
    assert kernels == ["hidden", "mean", "spread", "out", "extra"]
    assert [w.path for w in model.trainable_variables] == [w.path for w in model.weights]
