"""What packages of pretrained models do with tf.keras of TensorFlow 2: scopes of weights, outputs, private methods.

The expected names are those of TensorFlow 2.15.1.
"""

import collections
import copy
import dataclasses

import numpy as np
import pytest

from gazelle.compat.namespaces import root

keras = root("tensorflow.keras")
layers = keras.layers
X = np.arange(6.0, dtype="float32").reshape(2, 3)


@pytest.fixture(autouse=True)
def tf(tf_keras_2):
    return tf_keras_2


class Scaled(layers.Layer):
    """A layer with a weight in a scope."""

    def build(self, input_shape):
        import tensorflow as tf  # the module of the test

        with tf.name_scope("inner"):
            self.w = self.add_weight(name="w", shape=(3,), initializer="ones")
        self.v = self.add_weight(name="v", shape=(3,))
        super().build(input_shape)

    def call(self, x):
        return x * self.w + self.v


class Outer(keras.Model):
    """A model that builds its layer in a scope of the same name."""

    def __init__(self):
        super().__init__()
        self.first, self.head = layers.Dense(3, name="first"), layers.Dense(2, name="head")

    def build(self, input_shape):
        import tensorflow as tf

        with tf.name_scope(self.first.name):
            self.first.build((None, 3))
        super().build(input_shape)

    def call(self, x):
        return self.head(self.first(x))


def _names(layer):
    return [weight.name for weight in layer.weights]


def test_scopes_in_build_are_in_the_names_of_weights(tf, installed):
    layer = Scaled(name="l")
    layer(X)
    assert _names(layer) == ["l/inner/w:0", "l/v:0"]
    with tf.name_scope("out"):
        other = Scaled(name="k")
        other(X)
    assert _names(other) == ["out/k/inner/w:0", "out/k/v:0"]
    model = Outer()
    model(X)
    assert _names(model) == [f"outer/{name}:0" for name in ("first/kernel", "first/bias", "head/kernel", "head/bias")]


def test_scopes_are_not_in_the_names_of_functional_models(tf, installed):
    inputs = keras.Input((3,))
    with tf.name_scope("block"):
        hidden = keras.layers.Dense(2, name="a")(inputs)
        with tf.name_scope("inner"):
            hidden = keras.layers.BatchNormalization(name="b")(hidden)
    model = keras.Model(inputs, keras.layers.Dense(1, name="c")(hidden))
    assert [name.split("/")[0] for name in _names(model)] == ["a"] * 2 + ["b"] * 4 + ["c"] * 2


def test_scopes_in_build_are_in_files(installed, tmp_path):
    h5py = pytest.importorskip("h5py")
    inputs = keras.Input((3,))
    model = keras.Model(inputs, Scaled(name="f")(inputs))
    model.save_weights(str(tmp_path / "w.h5"))
    with h5py.File(tmp_path / "w.h5") as file:
        assert file["f"].attrs["weight_names"].astype(str).tolist() == ["f/inner/w:0", "f/v:0"]
    before = model.get_weights()
    model.set_weights([weight * 0 for weight in before])
    model.load_weights(str(tmp_path / "w.h5"))
    np.testing.assert_array_equal(model.get_weights(), before)


@dataclasses.dataclass
class Outputs(collections.OrderedDict):
    """A result whose fields that are not None are its items, too."""

    hidden: object = None
    attentions: object = None

    def __post_init__(self):
        for name in ("hidden", "attentions"):
            if getattr(self, name) is not None:
                self[name] = getattr(self, name)


class Returning(layers.Layer):
    def call(self, x):
        return Outputs(hidden=x * 2)


def test_layers_return_data_classes_that_are_dicts(tf):
    layer = Returning()
    out = layer(tf.constant(X))
    assert type(out) is Outputs
    assert list(out) == ["hidden"]
    assert out.attentions is None
    np.testing.assert_allclose(out.hidden, X * 2)
    np.testing.assert_allclose(out["hidden"], X * 2)
    weight = tf.Variable(X)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(weight)["hidden"])
    np.testing.assert_allclose(tape.gradient(total, weight), np.full(X.shape, 2.0))


def test_private_methods_and_none():
    model = keras.Sequential([layers.Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse", steps_per_execution=None)
    model._check_call_args("fit")
    model._set_save_spec(model.inputs)
    assert model.steps_per_execution == 1


class Meta(keras.Model):
    """A model whose loop gives `train_step` more than the data."""

    def train_step(self, x, y, count, rate):
        return {"loss": x + y + count * rate}


def test_the_program_calls_a_step_of_several_arguments():
    assert Meta().train_step(1, 2, 3, rate=4) == {"loss": 15}


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
def test_copies_of_recurrent_layers(kind):
    model = keras.Sequential([getattr(layers, kind)(2, input_shape=(4, 3)), layers.Dense(1)])
    model.compile("adam", "mse")
    x = np.ones((2, 4, 3))
    np.testing.assert_allclose(copy.deepcopy(model).predict(x), model.predict(x))


def test_sizes_of_draws_may_be_tensors_of_a_function(tf):
    @tf.function(input_signature=[tf.TensorSpec((), tf.int32)])
    def drawn(count):
        return tf.random.uniform((2, count), maxval=5, dtype=tf.int32)

    with pytest.warns(UserWarning, match="plain Python"):
        assert [drawn(tf.constant(n)).shape for n in (3, 4)] == [(2, 3), (2, 4)]


def test_strings_of_variables_and_constants_may_be_none(tf):
    empty = tf.constant([], dtype=tf.string)
    assert (empty.shape, empty.dtype) == ((0,), tf.string)
    words = tf.Variable([], dtype=tf.string, shape=tf.TensorShape(None), trainable=False)
    words.assign(tf.concat([words, ["b", "a", "b"]], 0))
    assert tf.unique(words)[0].numpy().tolist() == [b"b", b"a"]
    assert not words.trainable


def test_objects_of_modules_by_a_condition(tf):
    class Inner(tf.Module):
        def __init__(self):
            super().__init__()
            self.b = tf.Variable(2.0)

    class Parts(tf.Module):
        def __init__(self):
            super().__init__()
            self.parts, self.a, self.number = [Inner(), Inner()], tf.Variable(1.0), 3

    module = Parts()
    module.again = module.a
    is_variable = lambda value: isinstance(value, tf.Variable)  # noqa: E731
    assert [float(v) for v in module._flatten(predicate=is_variable)] == [1, 2, 2]
    assert [float(v) for v in module._flatten(recursive=False, predicate=is_variable)] == [1]
    assert list(module._flatten(predicate=lambda value: value == 3)) == [3]
    assert set(module._TF_MODULE_IGNORED_PROPERTIES) <= set(dir(module))
