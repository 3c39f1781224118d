"""Custom layers and functions in files: found by the given names only."""

import gc

import numpy as np
import pytest

import gazelle
from gazelle.core.errors import ArgumentTypeError, UnsafeFileError
from gazelle.core.registry import CUSTOM, register_keras_serializable
from gazelle.layers import RNN, Activation, Dense, Input, Lambda, Layer, StackedRNNCells, TimeDistributed
from gazelle.models import Sequential, load_model, model_from_json
from gazelle.optimizers import SGD
from gazelle.optimizers.schedules import LearningRateSchedule


class Scaled(Layer):
    def __init__(self, units, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.units, self.factor = units, factor
        self.inner = Dense(units)

    def call(self, x):
        return self.inner(x) * self.factor


def twice(x):
    return 2 * x


def squared(y, y_pred):
    return (y - y_pred) ** 2


X = np.ones((2, 3), "float32")


def _same(model, again):
    np.testing.assert_array_equal(model.predict(X, verbose=0), again.predict(X, verbose=0))


def test_custom_objects(tmp_path):
    model = Sequential([Input((3,)), Scaled(2, factor=3.0), Activation(twice), Lambda(twice)])
    model.save(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras", custom_objects={"Scaled": Scaled, "twice": twice})
    assert again.layers[0].factor == 3.0
    _same(model, again)
    from_text = model_from_json(model.to_json(), custom_objects={"Scaled": Scaled, "twice": twice})
    assert from_text.layers[0].factor == 3.0


def test_without_them_the_name_and_the_mend_are_told(tmp_path):
    Sequential([Input((3,)), Scaled(2)]).save(tmp_path / "m.keras")
    with pytest.raises(UnsafeFileError, match=r"Scaled \(in layer 'sequential.*\n.*custom_objects=\{'Scaled': ...\}"):
        load_model(tmp_path / "m.keras")


def test_registered_classes(tmp_path, monkeypatch):
    monkeypatch.setattr("gazelle.core.registry.CUSTOM", CUSTOM.copy())
    monkeypatch.setattr(Scaled, "_registered_name", None, raising=False)
    register_keras_serializable("mine")(Scaled)
    model = Sequential([Input((3,)), Scaled(2)])
    model.save(tmp_path / "m.keras")
    _same(model, load_model(tmp_path / "m.keras"))


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_a_class_that_is_derived_from_a_registered_one_is_not_loaded_as_that(monkeypatch, ending, tmp_path):
    monkeypatch.setattr("gazelle.core.registry.CUSTOM", {})

    @register_keras_serializable("mine")
    class Doubled(Layer):
        def call(self, x):
            return x * 2

    class Tripled(Doubled):
        def call(self, x):
            return x * 3

    assert gazelle.saving.get_registered_name(Doubled) == "mine>Doubled"
    assert gazelle.saving.get_registered_name(Tripled) == "Tripled"
    path = tmp_path / f"model.{ending}"
    Sequential([Input((2,)), Tripled()]).save(path)
    with pytest.raises(UnsafeFileError, match="Tripled"):
        load_model(path)
    loaded = load_model(path, custom_objects={"Tripled": Tripled})
    np.testing.assert_array_equal(loaded.predict(np.ones((1, 2)), verbose=0), [[3, 3]])


def test_own_functions_in_compile(tmp_path):
    model = Sequential([Input((3,)), Dense(2)])
    model.compile("sgd", squared)
    model.save(tmp_path / "m.keras")
    with pytest.raises(UnsafeFileError, match=r"squared, which(.|\n)*compile=False\) ignores"):
        load_model(tmp_path / "m.keras")
    _same(model, load_model(tmp_path / "m.keras", compile=False))
    assert load_model(tmp_path / "m.keras", custom_objects={"squared": squared}).loss is squared


def test_nameless_functions_in_compile(tmp_path):
    model = Sequential([Input((3,)), Dense(2)])
    model.compile("sgd", lambda y, y_pred: (y - y_pred) ** 2)
    model.save(tmp_path / "m.keras")
    with pytest.raises(UnsafeFileError, match=r"refers to builtins\.<lambda>"):
        load_model(tmp_path / "m.keras")


def test_what_cannot_be_written_about_compile_is_left_out(tmp_path):
    optax = pytest.importorskip("optax")
    model = Sequential([Input((3,)), Dense(2)])
    model.compile(optax.sgd(0.1), "mse")
    with pytest.warns(UserWarning, match=r"arguments of compile are not saved.*optax"):
        model.save(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras")
    assert not again.compiled
    _same(model, again)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_program_finds_the_functions_of_its_own_lambda_layers(ending, tmp_path):
    x = np.ones((2, 3), "float32")

    def column(i):
        return Sequential([Input((3,)), Lambda(lambda t: (i + 1) * t[:, i : i + 1], name=f"column_{i}")])

    models = [column(0), column(1), Sequential([Input((3,)), Lambda(lambda t: t - 5)])]
    for i, model in enumerate(models):
        model.save(tmp_path / f"{i}{ending}")
    for i, model in enumerate(models):
        again = load_model(tmp_path / f"{i}{ending}")
        np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    del models, model, again
    gc.collect()  # a closure is not kept alive, other functions are
    assert load_model(tmp_path / f"2{ending}").predict(x, verbose=0)[0, 0] == -4
    with pytest.raises(UnsafeFileError, match="Lambda layer 'column_1'"):
        load_model(tmp_path / f"1{ending}")


def test_functions_of_equal_code_are_told_apart_by_the_layer():
    layers = [Lambda(lambda t, k=k: k * t, name=f"times_{k}") for k in (2, 3)]
    configs = [layer.get_config() for layer in layers]
    assert [float(Lambda.from_config(config)(np.ones(1))[0]) for config in configs] == [2, 3]
    with pytest.raises(TypeError, match="Unknown class or function in the config '<lambda>'"):
        Lambda.from_config({**configs[0], "name": "another"})


@gazelle.saving.register_keras_serializable("tests")
class CompiledByItself(gazelle.Sequential):
    def get_compile_config(self):
        return {"model_optimizer": self.optimizer, "weight": 2.0}

    def compile_from_config(self, config):
        self.compile(gazelle.utils.deserialize_keras_object(config["model_optimizer"]), "mse")
        self.weight = config["weight"]


def test_objects_in_the_config_of_compile(tmp_path):
    model = CompiledByItself([gazelle.Input((2,)), gazelle.layers.Dense(1)])
    model.compile(gazelle.optimizers.Lion(0.5), "mse")
    model.save(tmp_path / "m.keras")
    again = gazelle.saving.load_model(tmp_path / "m.keras")
    assert (type(again.optimizer).__name__, again.optimizer.get_config()["learning_rate"], again.weight) == (
        "Lion",
        0.5,
        2,
    )


class Weighted:
    """A loss with a config, but without `from_config`."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, y_true, y_pred):
        return self.factor * (y_true - y_pred) ** 2

    def get_config(self):
        return {"factor": self.factor}


@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_a_class_without_from_config_is_called(name, tmp_path):
    model = Sequential([Input((2,)), Dense(1)])
    model.compile("sgd", Weighted(3.0))
    model.save(tmp_path / name)
    assert load_model(tmp_path / name, {"Weighted": Weighted}).loss.factor == 3


def test_a_file_with_functions_of_lambda(tmp_path):
    model = Sequential([Input((3,)), Lambda(lambda x: x[:, :2], output_shape=lambda shape: (shape[0], 2))])
    model.save(tmp_path / "m.keras")
    assert load_model(tmp_path / "m.keras").predict(np.ones((1, 3)), verbose=0).tolist() == [[1, 1]]


class Doubled(Layer):
    def call(self, x):
        return 2 * x


class OwnCell(Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def call(self, x, states):
        return x, states


class OwnSchedule(LearningRateSchedule):
    def __init__(self, rate):
        self.rate = rate

    def __call__(self, step):
        return self.rate

    def get_config(self):
        return {"rate": self.rate}


@pytest.mark.parametrize(
    ("layer", "inner"), [(TimeDistributed(Doubled()), "layer"), (RNN(StackedRNNCells([OwnCell(2)])), "cell")]
)
def test_from_config_takes_custom_objects(layer, inner):
    """Keras has the argument in wrappers, recurrent layers and optimizers; here every layer and optimizer takes it."""
    config = layer.get_config()
    with pytest.raises(ArgumentTypeError, match="custom_objects"):
        type(layer).from_config(config)
    made = type(layer).from_config(config, custom_objects={"Doubled": Doubled, "OwnCell": OwnCell})
    assert type(getattr(made, inner)) is type(getattr(layer, inner))


def test_from_config_of_optimizers_takes_custom_objects():
    schedule = OwnSchedule(0.5)
    config = SGD(schedule).get_config()
    assert SGD.from_config(config, custom_objects={"OwnSchedule": OwnSchedule}).get_config() == config


def test_arguments_of_custom_layers_with_the_names_of_those_of_layer(tmp_path):
    """Layer has `input_dim` and `input_shape`, too, which are not in configs: the build has the shape."""

    class Linear(Layer):
        def __init__(self, units=4, input_dim=3, input_shape=(7,), **kwargs):
            super().__init__(**kwargs)
            self.w = self.add_weight(shape=(input_dim, units))
            self.sizes = input_shape

        def call(self, x):
            return x @ self.w

    layer = Linear(2, input_dim=5, input_shape=[8, 9])
    assert {"units": 2, "input_dim": 5, "input_shape": [8, 9]}.items() <= layer.get_config().items()
    model = Sequential([layer])
    x = np.ones((3, 5))
    y = model.predict(x, verbose=0)
    model.save(tmp_path / "linear.keras")
    loaded = load_model(tmp_path / "linear.keras", custom_objects={"Linear": Linear})
    assert loaded.predict(x, verbose=0) == pytest.approx(y)
    assert list(loaded.layers[0].sizes) == [8, 9]
    assert "input_dim" not in Dense(2, input_dim=3).get_config()


def test_layers_that_build_leaves_to_the_first_call(tmp_path):
    class Tokens(gazelle.Model):
        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.units, self.parts = units, [Dense(units), Dense(2)]

        def build(self, shape):
            self.token = self.add_weight(shape=(shape[-1],), name="token")

        def call(self, x, training=None):
            x = x + self.token
            for part in self.parts:
                x = part(x)
            return x

    model, x = Tokens(5), np.ones((2, 4), "float32")
    y = model(x)
    model.save(tmp_path / "tokens.keras")
    loaded = load_model(tmp_path / "tokens.keras", custom_objects={"Tokens": Tokens})
    np.testing.assert_array_equal(loaded(x), y)
