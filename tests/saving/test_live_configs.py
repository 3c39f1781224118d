"""Objects, functions and arrays that a custom `get_config` returns: written as in Keras, read as objects; clones."""

import collections.abc
import functools
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.core.errors import UnsafeFileError
from gazelle.core.serialization import deserialize, serialize, serialize_object


class Holder(layers.Layer):
    def __init__(self, value=None, **kwargs):
        super().__init__(**kwargs)
        self.value = value

    def call(self, x):
        return x * 1

    def get_config(self):
        return {**super().get_config(), "value": self.value}


class Settings:
    def __init__(self, size=1):
        self.size = size

    def get_config(self):
        return {"size": self.size}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def plus_one(x):
    return x + 1


OWN = {"Holder": Holder, "Settings": Settings, "plus_one": plus_one}
OBJECTS = {
    "layer": lambda: layers.Dense(2, activation="relu"),
    "cells": lambda: [layers.LSTMCell(3), layers.GRUCell(2)],
    "model": lambda: gazelle.Sequential([gazelle.Input((2,)), layers.Dense(3)]),
    "own layer": lambda: Holder(np.float32(2)),
    "own class": lambda: Settings(np.int64(3)),
    "initializer": lambda: gazelle.initializers.HeNormal(seed=1),
    "regularizer": lambda: gazelle.regularizers.L2(0.5),
    "constraint": lambda: gazelle.constraints.MaxNorm(2),
    "optimizer": lambda: gazelle.optimizers.SGD(0.5, momentum=0.25),
    "schedule": lambda: gazelle.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5),
    "loss": lambda: gazelle.losses.Huber(delta=2.0),
    "metric": lambda: gazelle.metrics.TopKCategoricalAccuracy(k=3),
    "seeds": lambda: gazelle.random.SeedGenerator(3),
    "in a dict": lambda: {"a": layers.Dense(1), "b": [np.float32(2)]},
}
SAME = [plus_one, gazelle.activations.relu, gazelle.losses.mean_squared_error, gazelle.ops.exp, Settings, layers.Dense]
SAME += [..., slice(1, 2), b"ab\xff", None, "text", {"a": 1}]
NUMBERS = [np.float32(1.5), np.float64(0.1), np.int64(3), np.bool_(True), np.str_("a"), np.prod((2, 3)), np.array(3.0)]
ARRAYS = [np.ones((2, 2), "float32"), np.arange(3), np.array([True, False]), jnp.ones((2,)), jnp.asarray(2, "int32")]
DTYPES = [np.dtype("float32"), np.float32, jnp.float32, jnp.bfloat16]
NEVER = [functools.partial(plus_one), {1, 2}, 1j, object()]


def _name(value):
    """An id without addresses, which differ between parallel workers."""
    return getattr(value, "__name__", repr(value) if "0x" not in repr(value) else type(value).__name__)


def model_of(value):
    x = gazelle.Input((3,))
    return gazelle.Model(x, Holder(value, name="holder")(x))


def read(model):
    return gazelle.models.model_from_json(model.to_json(), custom_objects=OWN).get_layer("holder").value


def described(value):
    """The classes and configs in a value; names of layers differ in copies."""
    return serialize(value)


@pytest.mark.parametrize("kind", OBJECTS)
def test_objects(kind):
    value = OBJECTS[kind]()
    model = model_of(value)
    assert described(read(model)) == described(value)
    copy = gazelle.models.clone_model(model).get_layer("holder").value
    assert described(copy) == described(value)


@pytest.mark.parametrize("value", SAME, ids=_name)
def test_functions_classes_and_constants(value):
    got = read(model_of(value))
    assert got is value or got == value
    assert type(got) is type(value)


@pytest.mark.parametrize("value", NUMBERS, ids=_name)
def test_numbers(value):
    got = read(model_of(value))
    assert got == value.item()
    assert type(got) is type(value.item())


@pytest.mark.parametrize("value", ARRAYS, ids=_name)
def test_arrays(value):
    got = read(model_of(value))
    np.testing.assert_array_equal(got, value)
    assert isinstance(got, jax.Array if isinstance(value, jax.Array) else np.ndarray)
    assert got.dtype == value.dtype


@pytest.mark.parametrize("value", DTYPES, ids=_name)
def test_dtypes(value):
    assert read(model_of(value)) == jnp.dtype(value).name


def test_all_in_one_file(tmp_path):
    values = {kind: make() for kind, make in OBJECTS.items() if kind not in ("model", "in a dict")}
    values |= {str(n): value for n, value in enumerate([*SAME, *NUMBERS, *ARRAYS, *DTYPES])}
    model = model_of(values)
    for name in ("m.keras", "m.h5"):
        model.save(tmp_path / name)
        loaded = gazelle.models.load_model(tmp_path / name, custom_objects=OWN)
        got = loaded.get_layer("holder").value
        assert described(got["own class"]) == described(values["own class"])
        assert list(got) == list(values)


@pytest.mark.parametrize("value", NEVER, ids=_name)
def test_what_has_no_config_is_named_and_can_be_cloned(value):
    model = model_of(value)
    assert gazelle.models.clone_model(model).get_layer("holder").value is value
    with pytest.raises(TypeError, match=r"'value' in the config of Holder 'holder': .* cannot be part of a config"):
        model.to_json()


class Unregistered(layers.Layer):
    def __init__(self, shape=(1, 2), function=None, **kwargs):
        super().__init__(**kwargs)
        self.shape, self.function = shape, function

    def call(self, x):
        return self.function(x)


def test_clones_need_no_registration():
    def function(x):
        return x * 2

    model = gazelle.Sequential([gazelle.Input((3,)), Unregistered(function=function)])
    for copy in map(gazelle.models.clone_model, (model, gazelle.Model(model.inputs, model.outputs))):
        own = copy.layers[-1]
        assert type(own) is Unregistered
        assert (own.shape, own.function) == ((1, 2), function)


def test_an_argument_that_the_own_config_replaces():
    class Path(layers.Layer):
        def __init__(self, path, **kwargs):
            super().__init__(**kwargs)
            self.path = path

        def get_config(self):
            return {**super().get_config(), "path": str(self.path)}

    assert Path(pathlib.Path("a")).get_config()["path"] == "a"
    assert serialize_object(Path(pathlib.Path("a")))["config"]["path"] == "a"


def test_only_given_functions_are_read():
    text = model_of(plus_one).to_json()
    with pytest.raises(UnsafeFileError, match=r"builtins.plus_one \(in layer 'holder'\)(.|\n)*custom_objects"):
        gazelle.models.model_from_json(text, custom_objects={"Holder": Holder})


def test_a_class_cannot_come_from_a_file():
    with pytest.raises(ValueError, match="Unknown class or function in the config 'Nothing'"):
        deserialize({"class_name": "Nothing", "config": {}, "class": "os.system"})


@gazelle.saving.register_keras_serializable("live")
class Reporting(layers.Layer):
    """Its get_config repeats one argument and leaves the others out."""

    def __init__(self, units, factor=1.0, opaque=None, **kwargs):
        super().__init__(**kwargs)
        self.units, self.factor, self.opaque = units, factor, opaque

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return dict(units=self.units, **super().get_config())


def test_get_config_of_a_layer_leaves_the_arguments_to_the_get_config_that_overrides_it(tmp_path):
    x = gazelle.Input((2,))
    layer = Reporting(3, factor=2.0, opaque=object())
    assert layer.get_config().keys() == {"units", "name", "trainable", "dtype"}
    model = gazelle.Model(x, layer(x))
    model.save(tmp_path / "m.keras")
    loaded = gazelle.models.load_model(tmp_path / "m.keras").layers[1]
    assert (loaded.units, loaded.factor, loaded.opaque) == (3, 2.0, None)
    assert layers.Dense(3, name="d").get_config()["units"] == 3


LAYERS_WITH_TUPLES = {
    "value_range": lambda: layers.RandomContrast(0.5, value_range=(0, 1)),
    "axis": lambda: layers.LayerNormalization(axis=(-2, -1)),
    "axes": lambda: layers.UnitNormalization(axis=(1, 2)),
    "dims": lambda: layers.Permute((2, 1)),
}


@pytest.mark.parametrize("case", LAYERS_WITH_TUPLES)
def test_an_object_from_a_config_has_the_same_config(case):
    layer = LAYERS_WITH_TUPLES[case]()
    again = deserialize(serialize_object(layer))
    assert again.get_config() == layer.get_config() == serialize_object(layer)["config"]


class Options(collections.abc.Mapping):
    """An object that is a mapping, too."""

    def __init__(self, **options):
        self.options = options

    def __getitem__(self, key):
        return self.options[key]

    def __iter__(self):
        return iter(self.options)

    def __len__(self):
        return len(self.options)

    def get_config(self):
        return self.options


def test_objects_that_are_mappings_stay_as_they_are():
    options = Options(bits=8)
    assert deserialize([options])[0] is options
    assert Holder.from_config({"value": options}).value is options
