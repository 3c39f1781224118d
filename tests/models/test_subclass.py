"""Subclassed models: weights are created in `build`, by a call of `build` or at the first call."""

import numpy as np
import pytest

import gazelle
from gazelle import layers

X = np.ones((4, 3), "float32")


class Described(gazelle.Model):
    """Makes one layer in `__init__` and one, which needs the input's size, in `build`."""

    def __init__(self):
        super().__init__()
        self.out = layers.Dense(1)

    def build(self, shape):
        self.again = layers.Dense(shape[-1])
        super().build(shape)

    def call(self, x):
        return self.out(self.again(x))


@pytest.mark.parametrize("how", ["build", "call", "fit"])
def test_a_build_that_calls_the_models_own_runs_once(how):
    model = Described()
    model.compile("sgd", "mse")
    {
        "build": lambda: model.build((None, 3)),
        "call": lambda: model(X),
        "fit": lambda: model.fit(X, X[:, :1], verbose=0),
    }[how]()
    assert [w.shape for w in model.weights] == [(3, 1), (1,), (3, 3), (3,)]


def test_a_build_of_its_own_passes_no_shape_on():
    class Whole(gazelle.Model):
        def __init__(self):
            super().__init__()
            self.out = layers.Dense(1)

        def build(self, shape):
            self.out.build((None, 3))
            super().build(None)

        def call(self, x):
            return self.out(x)

    model = Whole()
    model.build(None)
    assert model.built
    assert [w.shape for w in model.weights] == [(3, 1), (1,)]
    assert model(X).shape == (len(X), 1)


def test_a_build_that_passes_another_shape_on_built_its_layers():
    class Chain(gazelle.Model):
        def __init__(self):
            super().__init__()
            self.parts = [layers.Dense(5), layers.Dense(2)]

        def build(self, shape):
            for layer in self.parts:
                layer.build(shape)
                shape = layer.compute_output_shape(shape)
            super().build(shape)

        def call(self, x):
            for layer in self.parts:
                x = layer(x)
            return x

    model = Chain()
    assert model(X).shape == (len(X), 2)
    assert [w.shape for w in model.weights] == [(3, 5), (5,), (5, 2), (2,)]
    assert model.get_build_config() == {"input_shape": [len(X), 3]}


def test_a_build_that_fails_leaves_the_model_unbuilt():
    model = Described()
    with pytest.raises(ValueError, match="units of Dense: expected a positive integer, got None"):
        model.build((None,))
    assert not model.built


def test_attributes_set_before_the_base_class_stay():
    class Positions(gazelle.layers.Layer):
        def __init__(self, input_dim, batch_size, **kwargs):
            self.input_dim, self.batch_size = input_dim, batch_size
            super().__init__(**kwargs)

    layer = Positions(5, 3, name="p")
    assert (layer.input_dim, layer.batch_size, layer.name) == (5, 3, "p")


def test_a_step_that_passes_its_arguments_to_a_pure_one():
    class Net(gazelle.Sequential):
        def train_step(self, *args, **kwargs):
            return self.jax_train_step(*args, **kwargs)

        def jax_train_step(self, state, data):
            trainable, others, slots, metrics = state
            return {"loss": gazelle.ops.sum(data[0])}, ([value + 1 for value in trainable], others, slots, metrics)

    model = Net([gazelle.Input((2,)), gazelle.layers.Dense(1, kernel_initializer="zeros")])
    model.compile("sgd")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], np.ones((2, 1)))


def test_config_of_a_sequential_model_with_a_constructor_of_its_own():
    class Scaled(gazelle.Sequential):
        def __init__(self, layers=None, name=None, scale=1.0):
            super().__init__(layers, name=name)
            self.scale = scale

    model = Scaled([gazelle.Input((2,)), gazelle.layers.Dense(3, name="d")], name="s", scale=2.0)
    again = Scaled.from_config(model.get_config())
    assert (again.name, again.layers[0].name, again.output_shape) == ("s", "d", (None, 3))
    frozen = gazelle.Sequential([gazelle.Input((2,)), gazelle.layers.Dense(3)])
    frozen.trainable = False
    assert gazelle.Sequential.from_config(frozen.get_config()).trainable_weights == []


class Doubled(gazelle.Model):
    """Compares its one output with two labels."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x, y, [y_pred, y_pred], sample_weight, training)


def test_compute_loss_chooses_what_losses_compare():
    inputs = gazelle.Input((3,))
    model = Doubled(inputs, layers.Dense(1, kernel_initializer="zeros")(inputs))
    model.compile("sgd", loss=["mae", "mse"])
    history = model.fit(X, (np.ones((4, 1)), np.full((4, 1), 2.0)), verbose=0).history
    assert history["loss"] == pytest.approx([5])


def test_saving_a_model_with_a_list_that_contains_itself(tmp_path):
    model = Described()
    model.blocks = [1]
    model.blocks.append(model.blocks)
    model(X)
    model.save(tmp_path / "model.keras")


def test_get_config_of_a_subclass_replaces_arguments_that_cannot_be_serialized(tmp_path):
    class Options:
        size = 2

    class Sized(gazelle.Model):
        def __init__(self, options=None, **kwargs):
            super().__init__(**kwargs)
            self.out = layers.Dense(options.size)

        def call(self, x):
            return self.out(x)

        def get_config(self):
            config = super().get_config()
            return {**config, "options": {"size": self.out.units}}

    assert Sized(Options()).get_config()["options"] == {"size": 2}


def test_a_build_may_compute_weights_while_a_call_is_traced():
    class Fixed(layers.Layer):
        def build(self, shape):
            self.table = layers.Embedding(10, 4, trainable=False)
            self.table.build(None)
            self.table.set_weights([gazelle.ops.sin(gazelle.ops.reshape(gazelle.ops.arange(40.0), (10, 4)))])

        def call(self, x):
            return self.table(x)

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.fixed = Fixed()

        def call(self, x):
            return self.fixed(gazelle.ops.cast(x, "int32"))

    x = gazelle.Input((3,))
    model = gazelle.Model(x, Outer()(x))
    np.testing.assert_allclose(model(X[:1])[0, 0], np.sin([4.0, 5, 6, 7]), rtol=1e-6)


def test_the_config_of_a_subclass_has_the_arguments_that_it_adds():
    class Network(gazelle.Model):
        def __init__(self, units, function=None, **kwargs):
            super().__init__(**kwargs)
            self.units, self.function = units, function

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    assert set(Network(3, function=lambda x: x).get_config()) == {"units", "name", "trainable", "dtype"}
    assert Network.from_config(Network(3, dtype="float16").get_config()).compute_dtype == "float16"


def test_layers_that_a_call_makes_and_drops():
    """Python gives the id of a dropped variable to one that is made later in the same call."""

    class Draws(gazelle.layers.Layer):
        def __init__(self):
            super().__init__()
            self.seeds = gazelle.random.SeedGenerator(1)

        def call(self, x):
            return x + 0 * gazelle.random.normal(x.shape, seed=self.seeds)

    class Block(gazelle.layers.Layer):
        def __init__(self):
            super().__init__()
            self.parts = [gazelle.layers.Dense(3) for _ in range(30)]

        def call(self, x):
            x = Draws()(Draws()(x))
            for part in self.parts:
                x = part(x)
            return x

    for _ in range(3):
        inputs = gazelle.Input((3,))
        assert gazelle.Model(inputs, Block()(inputs))(np.ones((2, 3))).shape == (2, 3)


def test_run_eagerly_of_a_model_that_is_not_compiled():
    seen = []

    class Model(gazelle.Model):
        def call(self, x):
            seen.append(float(x.sum()))
            return x

    model = Model()
    model.run_eagerly = True
    assert model.run_eagerly
    np.testing.assert_array_equal(model.predict_on_batch(X), X)
    assert 12.0 in seen
    model.compile("sgd", "mse")
    assert not model.run_eagerly


class OnArrays(gazelle.layers.Layer):
    """Runs on arrays alone, and declares its shape."""

    def __init__(self):
        super().__init__()
        self.supports_masking, self.seen = True, []

    def compute_output_shape(self, input_shape):
        return input_shape

    def call(self, x, mask=None):
        self.seen.append((np.asarray(x), np.asarray(mask)))
        return x


def test_a_layer_that_needs_values_and_declares_its_shape_runs_in_a_model_that_is_called():
    x, layer = np.array([[[0.0, 0.0], [1.0, 2.0], [0.0, 0.0]]], "float32"), OnArrays()
    model = gazelle.Sequential([gazelle.layers.Masking(), layer])
    np.testing.assert_array_equal(model(x), x)  # as in Keras 3.15.1
    values, mask = layer.seen[-1]
    np.testing.assert_array_equal(values, x)
    np.testing.assert_array_equal(mask, [[False, True, False]])
    with pytest.raises(TypeError, match=r"OnArrays 'on_arrays.*' failed on input of shape"):
        model.predict(x, verbose=0)  # compiled
