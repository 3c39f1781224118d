"""`Variable` accepts the arguments of Keras by name and by position, and acts as its array."""

import pickle

import jax
import keras
import numpy as np
import pytest

import gazelle
from gazelle import Variable
from gazelle.core.errors import GazelleError

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


def test_operators_of_truth_values_and_rounding():
    flags, number = gazelle.Variable([True, False]), gazelle.Variable([1.6, -2.4])
    assert (flags & True).tolist() == [True, False]
    assert (True ^ flags).tolist() == [False, True]
    assert (flags | flags).tolist() == [True, False]
    assert (~flags).tolist() == [False, True]
    assert round(number).tolist() == [2.0, -2.0]
    assert (+number).tolist() == number.numpy().tolist()


def test_assignments_return_the_new_value():
    v = gazelle.Variable([1.0, 2.0])
    assert v.assign([3.0, 4.0]).tolist() == [3.0, 4.0]
    assert v.assign_add([1.0, 1.0]).tolist() == [4.0, 5.0]
    assert v.assign_sub([1.0, 1.0]).tolist() == [3.0, 4.0]


@pytest.mark.parametrize(("value", "dtype"), [([[1, 2]], "int32"), (3, "int32"), (True, "bool"), ([1.0], "float32")])
def test_python_values_keep_their_kind(value, dtype):
    assert gazelle.Variable(value).dtype == dtype


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int64", "uint64", "int8", "bool"])
def test_arrays_keep_their_dtype_but_for_64_bits(dtype):
    """As in Keras 3 on JAX, where integers had the dtype int64 and a value of int32 before."""
    value = np.ones(2, dtype)
    ours, theirs = gazelle.Variable(value), keras.Variable(value)
    assert ours.dtype == theirs.dtype == ours.value.dtype.name


def test_several_values_are_no_condition():
    with pytest.raises(TypeError, match=r"as a condition: expected one value, got \(2,\)"):
        bool(gazelle.Variable([1.0, 2.0]))
    assert gazelle.Variable(1.0)


@pytest.mark.parametrize("transform", [jax.value_and_grad, jax.jit])
def test_a_variable_of_a_transformation_is_not_read_after_it(transform):
    made = []

    def double(w):
        made.append(gazelle.Variable(w, name="copy"))
        return made[-1].value * 2

    transform(double)(2.0)
    for read in (gazelle.Variable.numpy, np.asarray):
        with pytest.raises(gazelle.errors.StateError, match="'copy', which was created inside a transformation of JAX"):
            read(made[0])


def test_iterates_over_its_rows():
    first, second = gazelle.Variable([[1.0, 2.0], [3.0, 4.0]])
    assert (first.tolist(), second.tolist()) == ([1.0, 2.0], [3.0, 4.0])


def test_a_layer_of_mixed_precision_reads_weights_in_its_compute_dtype():
    """As in Keras 3.15.1: `dtype` is that of the value that `call` reads, outside of it that of the variable."""

    def seen(k, policy):
        found = []

        class Custom(k.layers.Layer):
            def build(self, input_shape):
                self.w = self.add_weight(shape=(3, 2), initializer="ones", name="w")
                self.n = self.add_weight(shape=(), initializer="zeros", trainable=False, name="n")
                self.i = self.add_weight(shape=(), dtype="int32", initializer="zeros", trainable=False, name="i")
                self.own = self.add_weight(shape=(), initializer="zeros", name="own", autocast=False)

            def call(self, x):
                self.n.assign(self.n + 1)  # the variable stores its own dtype
                found.append([str(v.dtype) for v in (x, self.w, self.n, self.i, self.own)])
                return k.ops.matmul(k.ops.cast(x, self.w.dtype), self.w)

        layer = Custom(dtype=policy)
        y = layer(np.ones((1, 3), "float32"))
        model = k.Sequential([layer])
        model.compile("sgd", "mse")
        model.fit(np.ones((2, 3)), np.ones((2, 2)), verbose=0)
        weights = [str(v.dtype) for v in (layer.w, layer.n, layer.i, layer.own)]
        return set(map(tuple, found)), str(y.dtype), weights, [np.asarray(v).dtype.name for v in (layer.w, layer.n)]

    for policy in ("mixed_float16", "mixed_bfloat16", "float32", "float16"):
        assert seen(gazelle, policy) == seen(keras, policy)


def test_pickles_keep_the_dtype():
    v = pickle.loads(pickle.dumps(gazelle.Variable(np.ones(2), dtype="float16")))
    assert (v.dtype, v.value.dtype.name) == ("float16", "float16")


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: Variable(None), "Variable 'variable': expected numbers, got None"),
        (lambda: Variable([1.0, None]), "expected numbers, got"),
        (lambda: Variable(np.array(["a"])), r"expected numbers, got array\(\['a']"),
        (lambda: Variable(1.0).assign("a"), "Variable 'variable' cannot be assigned: expected numbers, got 'a'"),
    ],
)
def test_values_that_are_no_numbers(call, text):
    with pytest.raises(GazelleError, match=text):
        call()
