"""Names that Keras leaves to subclasses, and the output of a Sequential inside another model."""

import numpy as np
import pytest

import gazelle
from gazelle import Input, Model, Sequential, layers


@pytest.mark.parametrize("name", ["inputs", "outputs", "input_shape", "output_shape"])
def test_a_subclass_of_model_may_use_the_name(name):
    class Own(Model):
        def __init__(self):
            super().__init__()
            setattr(self, name, (3, 4))
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    model = Own()
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    assert getattr(model, name) == (3, 4)
    delattr(model, name)
    with pytest.raises(AttributeError):
        getattr(model, name)


def test_a_functional_model_keeps_its_own():
    model = Sequential([Input((3,)), layers.Dense(2)])
    assert (model.input_shape, model.output_shape, len(model.inputs)) == ((None, 3), (None, 2), 1)


def test_a_dataset_may_store_num_batches():
    class Pairs(gazelle.utils.PyDataset):
        def __init__(self, num_batches):
            super().__init__()
            self.num_batches = num_batches

        def __len__(self):
            return self.num_batches

        def __getitem__(self, index):
            return np.ones((2, 3)), np.ones((2, 1))

    model = Sequential([layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(Pairs(3), verbose=0)
    assert model.optimizer.iterations == 3


@pytest.mark.parametrize("with_input", [False, True])
def test_the_output_of_a_called_sequential_is_that_of_its_call(with_input):
    block = Sequential([*([Input((5, 6))] if with_input else []), layers.Dense(4), layers.Dense(3)], name="block")
    given = Input((5, 6))
    whole = Model(given, layers.Dense(2)(block(layers.Dense(6)(given))))
    part = Model(whole.input, whole.get_layer("block").output)
    x = np.random.default_rng(0).normal(size=(2, 5, 6)).astype("float32")
    np.testing.assert_allclose(part.predict(x, verbose=0), block(whole.layers[1](x)), rtol=1e-5, atol=1e-6)


class Named(layers.Layer):
    def __init__(self, vocabulary=None, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.vocabulary = vocabulary

    def call(self, x):
        return x


def test_a_constructor_with_args_has_a_config(tmp_path):
    layer = Named(["a"], name="own")
    assert "args" not in layer.get_config()
    model = Sequential([Input((3,)), layer])
    model.save(tmp_path / "m.keras")
    loaded = gazelle.models.load_model(tmp_path / "m.keras", custom_objects={"Named": Named})
    assert loaded.layers[0].vocabulary == ["a"]
