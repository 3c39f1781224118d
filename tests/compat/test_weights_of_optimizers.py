"""`get_weights` of optimizers in earlier releases, which programs stored to continue a training in another process."""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.namespaces import root
from gazelle.core import names

SHAPES = [(4, 1), (1,)]
X, Y = np.ones((2, 4)), np.zeros((2, 1))


@pytest.fixture
def make():
    """A function that makes a compiled model with an optimizer of this name."""
    before = era.release()

    def compiled(name, release):
        era.set_release(release)
        names.clear_session()
        keras = root("keras")
        model = keras.models.Sequential([keras.layers.Dense(1, input_shape=(4,))])
        model.compile(getattr(keras.optimizers, name)(), "mse")
        return keras, model

    yield compiled
    era.set_release(before)


def _arrays(slots):
    return [np.full(shape, 0.5 + slot) for slot in range(slots) for shape in SHAPES]


@pytest.mark.parametrize(
    ("name", "slots", "unused"),
    [("SGD", 0, 2), ("RMSprop", 1, 0), ("Adagrad", 1, 0), ("Adadelta", 2, 0), ("Adam", 2, 2), ("Adamax", 2, 0)],
)
def test_those_of_keras_2_2_after_the_training_function_is_made(make, name, slots, unused):
    """`_make_train_function` makes the slots; arrays that Keras 2.2.4 listed and did not use are dropped."""
    keras, model = make(name, era.Release(2, version=(2, 2)))
    model._make_train_function()
    steps = [] if name in ("RMSprop", "Adagrad", "Adadelta") else [np.array(3)]
    further = [np.zeros((1,) if name == "Adam" else shape) for shape in SHAPES[:unused]]
    used = [*steps, *_arrays(slots)]
    model.optimizer.set_weights([*used, *further])
    for ours, stored in zip(keras.backend.batch_get_value(model.optimizer.weights), used, strict=True):
        np.testing.assert_array_equal(ours, stored)


def test_the_training_function_makes_slots_once_and_of_a_model_with_weights(make):
    keras, model = make("Adam", era.Release(2, version=(2, 2)))
    model.add(keras.layers.Dense(1, trainable=False))
    model.compile("adam", "mse")
    model._make_train_function()
    model.layers[1].trainable = True  # without `compile`, which alone counts
    model._make_train_function()
    with pytest.warns(UserWarning, match="was changed after compile"):
        model.fit(X, Y, verbose=0)
    assert len(model.optimizer.get_weights()) == 5
    unbuilt = keras.models.Sequential([keras.layers.Dense(1)])
    unbuilt.compile("adam", "mse")
    unbuilt._make_train_function()
    unbuilt.fit(X, Y, verbose=0)
    assert len(unbuilt.optimizer.get_weights()) == 5


def test_those_of_nadam_before_2_3_are_without_the_product_of_its_momentums(make):
    _, model = make("Nadam", era.Release(2, version=(2, 2)))
    model._make_train_function()
    product = model.optimizer.get_weights()[1]
    stored = [np.array(3), *_arrays(2)]
    model.optimizer.set_weights(stored)
    steps, second, *others = model.optimizer.get_weights()
    assert second == product
    for ours, array in zip([steps, *others], stored, strict=True):
        np.testing.assert_array_equal(ours, array)
    model.fit(X, Y, verbose=0)
    assert model.optimizer.get_weights()[0] == 4


def test_velocities_of_sgd_without_momentum_in_tensorflow_2_15_are_dropped(make):
    _, model = make("SGD", era.Release(2, False, (2, 15)))
    model.fit(X, Y, verbose=0)
    model.optimizer.set_weights([np.array(5), *_arrays(1)])
    assert [array.tolist() for array in model.optimizer.get_weights()] == [5]


@pytest.mark.parametrize(("name", "shapes"), [("Ftrl", [*SHAPES[:1] * 2, *SHAPES[1:] * 2]), ("Adam", SHAPES * 2)])
def test_the_slots_of_a_weight_follow_each_other_in_ftrl_alone(make, name, shapes):
    """The order of TensorFlow 2.4."""
    _, model = make(name, era.Release(2, False, (2, 4)))
    model.fit(X, Y, verbose=0)
    assert [array.shape for array in model.optimizer.get_weights()] == [(), *shapes]
