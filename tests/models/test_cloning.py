"""`clone_model`: the same structure with replaced layers, compared with Keras."""

import keras
import numpy as np
import pytest

import gazelle
from gazelle import Input, Model, Sequential, layers
from gazelle.models import clone_model

X = np.random.default_rng(0).random((2, 6)).astype("float32")


def shared(k):
    """One layer called twice, a nested model, an operation, a call with an option."""
    inner = k.Sequential([k.Input((4,)), k.layers.Dense(4, name="deep"), k.layers.Dropout(0.5)], name="inner")
    x = k.Input((6,), name="x")
    dense = k.layers.Dense(4, activation="relu", name="twice")
    h = dense(x)
    h = inner(h, training=False) + k.ops.exp(h)
    return k.Model(x, [k.layers.Dense(2, name="top")(h), dense(x)], name="whole")


def doubled(layer):
    config = layer.get_config()
    if type(layer).__name__ == "Dense" and layer.name == "top":
        config["units"] *= 2
    if layer.name == "deep":
        config["use_bias"] = False
    return type(layer).from_config(config)


@pytest.mark.parametrize("recursive", [False, True])
def test_layers_of_the_callers_choice(recursive):
    ours, theirs = (
        k.models.clone_model(shared(k), clone_function=doubled, recursive=recursive) for k in (gazelle, keras)
    )
    assert [tuple(w.shape) for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    assert [layer.name for layer in ours.layers if layer.name in ("twice", "inner", "top")] == ["twice", "inner", "top"]
    ours.set_weights(theirs.get_weights())
    for a, b in zip(ours.predict(X, verbose=0), theirs.predict(X, verbose=0), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_a_clone_shares_no_weights():
    model = shared(gazelle)
    before = model.get_weights()
    copy = gazelle.models.clone_model(model, clone_function=doubled)
    copy.set_weights([w * 0 for w in copy.get_weights()])
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_inputs_and_calls_of_the_callers_choice():
    model, called = shared(gazelle), []
    start = gazelle.Input((6,), name="other")

    def call(layer, *args, **kwargs):
        called.append(getattr(layer, "name", ""))
        return layer(*args, **kwargs)

    copy = gazelle.models.clone_model(model, input_tensors=start * 2.0, call_function=call)
    assert called.count("twice") == 2
    assert copy.input_shape == (None, 6)
    whole = gazelle.Model(start, copy.outputs)
    copy.set_weights(model.get_weights())
    np.testing.assert_allclose(whole.predict(X, verbose=0)[0], model.predict(2 * X, verbose=0)[0], rtol=1e-5)


def test_a_sequential_on_other_inputs():
    model = gazelle.Sequential([gazelle.layers.Dense(3), gazelle.layers.Dropout(0.1)])
    copy = gazelle.models.clone_model(model, input_tensors=gazelle.Input((5,)))
    assert (model.built, copy.built, copy.output_shape) == (False, True, (None, 3))
    with pytest.raises(ValueError, match="call_function: expected a model made from inputs and outputs"):
        gazelle.models.clone_model(copy, call_function=lambda layer, x: layer(x))


def test_what_has_no_graph():
    class Mine(gazelle.Model):
        def call(self, x):
            return x

    with pytest.raises(
        ValueError, match=r"(?s)clone_model of 'mine.*': expected a Functional or Sequential model.*from its get_config"
    ):
        gazelle.models.clone_model(Mine(), clone_function=doubled)


def test_every_deserialize_takes_custom_objects():
    class Halved:
        def __call__(self, x):
            return x / 2

        def get_config(self):
            return {}

        @classmethod
        def from_config(cls, config):
            return cls()

    config = {"class_name": "Halved", "config": {}}
    for namespace in ("activations", "constraints", "initializers", "regularizers"):
        made = getattr(gazelle, namespace).deserialize(config, custom_objects={"Halved": Halved})
        assert isinstance(made, Halved), namespace
        with pytest.raises(ValueError, match="Halved"):
            getattr(gazelle, namespace).deserialize(config)


def test_state_as_a_tree():
    trees = {}
    for k in (gazelle, keras):
        model = k.Sequential([k.layers.Dense(2, name="top"), k.layers.BatchNormalization(name="norm")], name="m")
        model.compile("adam", "mse")
        model.fit(X, X[:, :2], verbose=0)
        trees[k] = model.get_state_tree(value_format="numpy_array")
    assert set(trees[gazelle]) == set(trees[keras])
    assert sorted(trees[gazelle]["optimizer_variables"]["adam"])[:2] == ["iteration", "learning_rate"]
    ours = trees[gazelle]["trainable_variables"]
    assert {k: sorted(v) for k, v in ours.items()} == {"top": ["bias", "kernel"], "norm": ["beta", "gamma"]}

    model = gazelle.Sequential([gazelle.Input((6,)), gazelle.layers.Dense(2, name="top")])
    model.set_state_tree({"trainable_variables": {"top": ours["top"]}})
    np.testing.assert_array_equal(model.weights[0], ours["top"]["kernel"])
    with pytest.raises(ValueError, match=r"(?s)path in trainable_variables.*'top/kernal'.*Did you mean"):
        model.set_state_tree({"trainable_variables": {"top": {"kernal": 0}}})
    with pytest.raises(ValueError, match="value_format"):
        model.get_state_tree("tensor")


@pytest.mark.parametrize("options", [{}, {"clone_function": lambda layer: type(layer).from_config(layer.get_config())}])
def test_clone_of_a_compiled_model_is_compiled(options):
    model = gazelle.Sequential([gazelle.Input((6,)), gazelle.layers.Dense(2)])
    assert not gazelle.models.clone_model(model, **options).compiled
    model.compile(gazelle.optimizers.Adam(0.25), "mae", metrics=["mse"])
    copy = gazelle.models.clone_model(model, **options)
    assert copy.compiled
    assert copy.optimizer is not model.optimizer
    assert float(copy.optimizer.learning_rate) == 0.25
    copy.fit(X, X[:, :2], verbose=0)


def test_clone_with_inputs_of_another_structure():
    x, y = gazelle.Input((3,)), gazelle.Input((3,))
    model = gazelle.Model({"x": x, "y": y}, x + y)
    assert set(gazelle.models.clone_model(model, input_tensors={"x": x, "y": y}).input) == {"x", "y"}
    with pytest.raises(ValueError, match=r"2 tensors, in the structure of model.input, got 2 in a tuple"):
        gazelle.models.clone_model(model, input_tensors=(x, y))


def test_custom_objects_of_from_config():
    class Doubled(gazelle.layers.Layer):
        def call(self, x):
            return x * 2

    x = gazelle.Input((3,))
    config = gazelle.Model(x, Doubled()(x)).get_config()
    config["layers"][-1]["registered_name"] = config["layers"][-1]["class_name"] = "Doubled2"
    copy = gazelle.Model.from_config(config, custom_objects={"Doubled2": Doubled})
    assert isinstance(copy.layers[-1], Doubled)


def test_recursive_cloning_replaces_and_calls_the_layers_of_inner_models():
    def flagged(layer):
        copy = type(layer).from_config(layer.get_config())
        copy.flag = True
        return copy

    def dropped(layer, *args, **kwargs):
        out = layer(*args, **kwargs)
        return layers.Dropout(0.5)(out) if isinstance(layer, layers.Dense) else out

    deferred = Sequential([Sequential([Sequential([layers.Dense(2)])])])
    copy = clone_model(deferred, clone_function=flagged, recursive=True)
    assert copy.layers[0].layers[0].layers[0].flag
    x = Input((3,))
    inner = Model(x, layers.Dense(2)(x))
    outer = Model(x, inner(x))
    copy = clone_model(outer, clone_function=lambda layer: layer, call_function=dropped, recursive=True)
    assert [type(layer).__name__ for layer in copy.layers[1].layers] == ["InputLayer", "Dense", "Dropout"]


class Scaled(layers.Layer):
    """A layer whose constructor takes nothing that all layers have."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, x):
        return x * self.factor


class Net(Model):
    def __init__(self, units, sizes=(1, 2)):
        super().__init__()
        self.dense, self.sizes = layers.Dense(units), sizes

    def call(self, x):
        return self.dense(x)


def test_constructors_that_take_no_name(tmp_path):
    net = Net(3)
    net(X)
    net.trainable = False
    copy = clone_model(net)
    assert copy(X).shape == (2, 3)
    assert not copy.trainable
    x = Input((6,))
    model = Model(x, Scaled(3.0)(Scaled(2.0)(x)))
    np.testing.assert_allclose(clone_model(model)(X), X * 6)
    model.save(tmp_path / "model.keras")
    loaded = gazelle.models.load_model(tmp_path / "model.keras", custom_objects={"Scaled": Scaled})
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    np.testing.assert_allclose(loaded(X), X * 6)


def test_a_model_of_two_arguments_is_built_by_the_first_call_of_its_clone():
    class Conditional(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x, condition=None):
            return self.dense(x if condition is None else gazelle.ops.concatenate([x, condition], -1))

    model = Conditional()
    model(X, X)
    copy = clone_model(model)
    assert copy(X, X).shape == (2, 2)
    copy.set_weights(model.get_weights())
    np.testing.assert_allclose(copy(X, X), model(X, X), rtol=1e-6)
