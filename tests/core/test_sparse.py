"""Sparse arrays in operations, layers and models: the values are those of dense arrays."""

import jax
import numpy as np
import pytest
from jax.experimental import sparse as jax_sparse
from scipy import sparse as scipy_sparse

import gazelle
from gazelle import layers, ops
from gazelle.core import sparse

X = np.array([[0, 0.5, 0, -0.7], [0.9, 0, 0, 0.25], [0, 0, 0, 0]], np.float32)
Y = np.array([[0, 2.0, 1, 0], [3.0, 0, 0, 4], [1, 1, 1, 1]], np.float32)


def bcoo(array, **options):
    return jax_sparse.BCOO.fromdense(array, **options)


def dense(value):
    return np.asarray(value.todense() if sparse.is_sparse(value) else value)


ONE = {
    **dict.fromkeys(sorted(sparse._OF_VALUES - {"cast"}), ()),
    **dict.fromkeys(("exp", "cos", "sigmoid", "isfinite", "squeeze", "transpose", "sum", "mean"), ()),
    "cast": ("int32",),
    "expand_dims": (1,),
    "reshape": ((2, 6),),
}
KEPT = sparse._OF_VALUES | sparse._OF_SHAPE


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("options", [{}, {"n_batch": 1}, {"n_dense": 1}], ids=["plain", "batch", "rows"])
def test_function_of_one_sparse_array(name, options):
    function, x = getattr(ops, name), X.astype(np.complex64) if name in ("conj", "imag") else X
    out = function(bcoo(x, **options), *ONE[name])
    np.testing.assert_allclose(dense(out), function(x, *ONE[name]), rtol=1e-6)
    assert sparse.is_sparse(out) == (name in KEPT)
    assert gazelle.KerasTensor(X.shape, sparse=True).sparse
    assert function(gazelle.KerasTensor(X.shape, sparse=True), *ONE[name]).sparse == (name in KEPT)


def test_duplicate_indices_are_added_before_the_function():
    twice = jax_sparse.BCOO((np.array([1.0, 2.0]), np.array([[0, 1], [0, 1]])), shape=(1, 2))
    assert dense(ops.square(twice)).tolist() == [[0, 9]]


@pytest.mark.parametrize("options", [{}, {"n_batch": 1}], ids=["plain", "batch"])
@pytest.mark.parametrize("run", [lambda function: function, jax.jit], ids=["eager", "compiled"])
def test_the_product_of_sparse_matrices_is_sparse(options, run):
    x, y = bcoo(X.T, **options), bcoo(Y, **options)
    out = run(ops.matmul)(x, y)
    assert sparse.is_sparse(out)
    np.testing.assert_allclose(dense(out), X.T @ Y, rtol=1e-6)
    assert not sparse.is_sparse(ops.matmul(x, Y))
    assert not sparse.is_sparse(ops.matmul(X.T, y))
    symbolic = [gazelle.KerasTensor(shape, sparse=True) for shape in ((4, 3), (3, 4))]
    assert ops.matmul(*symbolic).sparse


@pytest.mark.parametrize("first", ["sparse", "dense", "number"])
@pytest.mark.parametrize("second", ["sparse", "dense", "number"])
@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "maximum", "minimum"])
def test_function_of_two_arrays(name, first, second):
    forms = {"sparse": bcoo, "dense": np.asarray, "number": lambda _: np.float32(2)}
    x, y = forms[first](X), forms[second](Y)
    function = getattr(ops, name)
    out = function(x, y)
    np.testing.assert_allclose(dense(out), function(dense(x), dense(y)))
    union = (first, second) == ("sparse", "sparse")
    expected = {"multiply": "sparse" in (first, second), "divide": first == "sparse" != second}.get(name, union)
    assert sparse.is_sparse(out) == expected
    compiled = jax.jit(function)(x, y)
    np.testing.assert_allclose(dense(compiled), dense(out), rtol=1e-6)


@pytest.mark.parametrize("make", [bcoo, scipy_sparse.csr_matrix, scipy_sparse.coo_array], ids=["bcoo", "csr", "coo"])
@pytest.mark.parametrize(
    "layer",
    [
        layers.Dense(2, activation="tanh"),
        layers.Activation("relu"),
        layers.LayerNormalization(),
        layers.Reshape((2, 2)),
        gazelle.Sequential([layers.Dense(3), layers.Dense(1)]),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layer_takes_sparse_arrays(layer, make):
    np.testing.assert_allclose(dense(layer(make(X))), layer(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layer", [layers.Identity(), layers.Reshape((4, 1)), layers.Flatten(), layers.Permute((1,))])
def test_layer_that_moves_values_keeps_them_sparse(layer):
    assert sparse.is_sparse(layer(bcoo(X)))
    assert layer(gazelle.Input((4,), sparse=True)).sparse
    assert not layer(gazelle.Input((4,))).sparse


def test_merging_is_sparse_if_all_inputs_are():
    for layer in (layers.Add(), layers.Multiply(), layers.Maximum(), layers.Average(), layers.Concatenate()):
        out, mixed = layer([bcoo(X), bcoo(Y)]), layer([bcoo(X), Y])
        np.testing.assert_allclose(dense(out), layer([X, Y]), rtol=1e-6)
        np.testing.assert_allclose(mixed, layer([X, Y]), rtol=1e-6)
        assert sparse.is_sparse(out)
        assert not sparse.is_sparse(mixed)


def test_custom_layer_receives_sparse_arrays_and_trains():
    seen = []

    class Scaled(layers.Layer):
        def call(self, x):
            seen.append(sparse.is_sparse(x))
            return ops.multiply(x, 2.0)

    inputs = gazelle.Input((4,), sparse=True)
    model = gazelle.Model(inputs, layers.Dense(2)(Scaled()(inputs)))
    np.testing.assert_allclose(model(bcoo(X)), model(X), rtol=1e-6)
    assert seen[0]
    assert seen.count(True) > 1
    model.compile("sgd", "mse")
    model.fit(scipy_sparse.csr_matrix(X), np.zeros((3, 2)), verbose=0)
    np.testing.assert_allclose(model.predict(bcoo(X), verbose=0), model(X), rtol=1e-5)


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (layers.CategoryEncoding(5, "multi_hot", sparse=True), [[1, 3], [2, 2]]),
        (layers.Discretization([0.0, 1.0], output_mode="one_hot", sparse=True), [[0.5], [3.0]]),
        (layers.Hashing(4, output_mode="one_hot", sparse=True), [["a"], ["b"]]),
        (layers.HashedCrossing(4, output_mode="one_hot", sparse=True), (["a", "b"], ["c", "d"])),
        (layers.IntegerLookup(vocabulary=[3, 5], output_mode="count", sparse=True), [[3, 3], [5, 9]]),
        (layers.StringLookup(vocabulary=["a", "b"], output_mode="multi_hot", sparse=True), [["a", "c"], ["b", "b"]]),
        (layers.TextVectorization(vocabulary=["a", "b"], output_mode="count", sparse=True), ["a b b", "c"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_encoder_with_sparse_vectors(layer, x):
    config = layer.get_config()
    plain = type(layer).from_config({**config, "sparse": False})
    out = layer(x if isinstance(x, tuple) else np.array(x))
    assert config["sparse"]
    assert sparse.is_sparse(out)
    np.testing.assert_array_equal(dense(out), plain(x if isinstance(x, tuple) else np.array(x)))


def test_encoder_of_integers_has_no_sparse_form():
    with pytest.raises(ValueError, match=r"sparse=True of Hashing: expected another output_mode, got 'int'"):
        layers.Hashing(4, sparse=True)
    with pytest.raises(ValueError, match=r"ragged of a symbolic tensor: expected False, got True"):
        gazelle.KerasTensor((2, 3), ragged=True)


@pytest.mark.parametrize("name", ["SGD", "Adam", "Adagrad", "Lamb"])
def test_sparse_gradient(name):
    ours = [getattr(gazelle.optimizers, name)(0.1) for _ in range(3)]
    variables = [gazelle.Variable(np.ones(X.shape)) for _ in ours]
    rows = jax_sparse.BCOO.fromdense(X, n_dense=1)
    for _ in range(2):
        ours[0].apply([rows], [variables[0]])
        ours[1].apply([X], [variables[1]])
        ours[2].build([variables[2]])
        values, state = ours[2].stateless_apply([v.value for v in ours[2].variables], [rows], [variables[2].value])
        variables[2].assign(values[0])
        for variable, value in zip(ours[2].variables, state, strict=True):
            variable.assign(value)
    np.testing.assert_allclose(variables[0].value, variables[1].value, rtol=1e-6)
    np.testing.assert_allclose(variables[2].value, variables[1].value, rtol=1e-6)


@pytest.mark.parametrize("sparse_argument", [False, True])
def test_zeros_that_are_not_stored_are_not_counted(sparse_argument):
    """The numbers of Keras 3.15.1 on JAX."""
    numbers, weights = np.array([1, 1, 2, 3, 2, 4, 4, 6]), np.array([0, 0, 3, 2, 1, 1, 4, 2])
    at = np.arange(1, 16, 2)[:, None]
    x, w = jax_sparse.BCOO((numbers, at), shape=(16,)), jax_sparse.BCOO((weights, at), shape=(16,))

    def counts(*args, **kwargs):
        out = ops.bincount(*args, **kwargs, sparse=sparse_argument)
        assert sparse.is_sparse(out)
        assert out.dtype == "float32"
        return dense(out).tolist()

    assert counts(x) == counts(x=x) == [0, 2, 2, 1, 2, 0, 1]
    assert counts(x, w) == counts(weights=w, x=x) == [0, 0, 4, 2, 5, 0, 2]
    assert counts(x, weights=w, minlength=9) == [0, 0, 4, 2, 5, 0, 2, 0, 0]
    assert counts(ops.expand_dims(x, 0)) == [[0, 2, 2, 1, 2, 0, 1]]
    assert counts(ops.expand_dims(x, 0), ops.expand_dims(w, 0)) == [[0, 0, 4, 2, 5, 0, 2]]
    rows = bcoo(np.array([[1, 2, 0, 0], [2, 0, 0, 1]]), n_batch=1, nse=3)  # the rows are padded
    assert counts(rows) == [[0, 1, 1], [0, 1, 1]]
    stored_zero = jax_sparse.BCOO((np.array([0, 2]), np.array([[0], [3]])), shape=(5,))
    assert counts(stored_zero) == [1, 0, 1]
    assert counts(x, np.ones(16, "float32")) == [0, 2, 2, 1, 2, 0, 1]
    with pytest.raises(ValueError, match=r"weights of bincount: expected the shape \(16,\) of x, got shape \(8,\)"):
        ops.bincount(x, weights)
