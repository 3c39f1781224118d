"""`Variable` accepts the arguments of Keras by name and by position, and acts as its array."""

import jax
import keras
import numpy as np
import pytest

import gazelle

CALLS = [
    ((np.arange(4.0),), {}),
    ((1.0,), {"name": "one"}),
    (("ones", (2, 3)), {}),
    ((np.arange(3),), {"shape": (3,), "dtype": "int32", "trainable": False}),
    ((np.ones(2), None, "float16", False, False, "sum", "auto", "placed"), {}),
]


@pytest.mark.parametrize(("args", "kwargs"), CALLS)
def test_as_in_keras(args, kwargs):
    ours, theirs = gazelle.Variable(*args, **kwargs), keras.Variable(*args, **kwargs)
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert (ours.dtype, ours.trainable) == (theirs.dtype, theirs.trainable)
    if "name" in kwargs or len(args) == 8:
        assert ours.name == theirs.name


def test_the_first_argument_is_the_initializer():
    assert gazelle.Variable(initializer=gazelle.initializers.Constant(2.0), shape=(2,)).numpy().tolist() == [2.0, 2.0]


def test_compared_with_numbers_by_value_with_variables_by_identity():
    step, other = gazelle.Variable(3), gazelle.Variable(3)
    assert step == 3
    assert step != 4
    assert (gazelle.Variable([1.0, 2.0]) == np.array([1.0, 3.0])).tolist() == [True, False]
    assert [other, step].index(step) == 1
    assert step != other
    assert step != "3"
    assert {step: 1}[step] == 1


def test_jax_takes_variables_of_models_and_optimizers():
    model = gazelle.Sequential([gazelle.Input((2,)), gazelle.layers.Dense(1)])
    optimizer = gazelle.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    state = {"weights": model.trainable_variables, "slots": optimizer.variables}
    totals = jax.jit(lambda tree: jax.tree.map(lambda a: a.sum(), tree))(state)
    assert len(totals["slots"]) == len(optimizer.variables) == 6
    gradients = jax.grad(lambda weights: (weights[0] ** 2).sum())(model.trainable_variables)
    np.testing.assert_allclose(gradients[0], 2 * model.weights[0].numpy(), rtol=1e-6)
