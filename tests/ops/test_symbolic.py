"""Ops on symbolic tensors, lists, numbers and variables, and the tables of ops."""

import jax.numpy as jnp
import numpy as np
import pytest

from gazelle import activations, ops
from gazelle.core.errors import ArgumentError, ShapeError
from gazelle.core.registry import REGISTRY
from gazelle.core.symbolic import OPS, KerasTensor
from gazelle.core.variable import Variable

X = KerasTensor((None, 4))
A = np.arange(12, dtype="float32").reshape(3, 4) - 5

OPERATORS = {
    "add": lambda x: x + 2,
    "radd": lambda x: 2 + x,
    "subtract": lambda x: x - 1,
    "rsub": lambda x: 1 - x,
    "multiply": lambda x: x * 3,
    "divide": lambda x: x / 2,
    "rdiv": lambda x: 2 / (x * x + 1),
    "floor": lambda x: x // 2,
    "mod": lambda x: x % 3,
    "power": lambda x: x**2,
    "matmul": lambda x: x @ np.ones((4, 5), "float32"),
    "negative": lambda x: -x,
    "abs": lambda x: abs(x),
    "less": lambda x: x < 1,
    "greater_equal": lambda x: x >= 1,
    "and": lambda x: (x < 1) & (x > -3),
    "or": lambda x: (x < 1) | (x > 3),
    "xor": lambda x: (x < 1) ^ (x > 3),
    "not": lambda x: ~(x < 1),
    "not_equal": lambda x: x != 1,
    "equal": lambda x: x == 1,
    "equal_variable": lambda x: x == Variable([1.0, 2.0, 3.0, 4.0]),
    "variable_equal": lambda x: Variable([1.0, 2.0, 3.0, 4.0]) == x,
    "variable_not_equal": lambda x: Variable([1.0, 2.0, 3.0, 4.0]) != x,
    "equal_array": lambda x: x == np.arange(4, dtype="float32"),
    "item": lambda x: x[:, 1:3],
    "last": lambda x: x[..., -1],
    "reshape": lambda x: x.reshape((-1, 2, 2)),
    "astype": lambda x: x.astype("int32"),
    "sum": lambda x: x.sum(axis=1),
    "mean": lambda x: x.mean(-1),
    "max": lambda x: x.max(axis=1),
    "min": lambda x: x.min(axis=1),
    "squeeze": lambda x: x[:, None].squeeze(1),
    "T": lambda x: x.T,
    "transpose": lambda x: x.transpose((1, 0)),
    "flatten": lambda x: x.flatten(),
}


def value(tensor, given):
    """Follow the graph from `tensor` back to X, whose value is `given`."""
    if tensor is X:
        return given
    if not isinstance(tensor, KerasTensor):
        return tensor
    args = [value(a, given) for a in tensor.node.args]
    return tensor.node.operation(*args, **{k: value(v, given) for k, v in tensor.node.kwargs.items()})


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_and_methods_of_symbolic_tensors(name):
    out, expected = OPERATORS[name](X), OPERATORS[name](jnp.asarray(A))
    assert isinstance(out, KerasTensor)
    assert out.dtype == expected.dtype
    assert [n for n in out.shape if n is not None] == [m for n, m in zip(out.shape, expected.shape) if n is not None]
    assert None in out.shape
    np.testing.assert_allclose(value(out, A), expected, rtol=1e-6)


def test_a_list_of_slices_is_a_tuple():
    part = X[[slice(None), slice(1, 3)]]
    assert part.shape == (None, 2)
    np.testing.assert_array_equal(value(part, A), A[:, 1:3])


def test_symbolic_tensors_inside_lists_and_by_name():
    assert ops.concatenate([X, X], axis=-1).shape == (None, 8)
    assert ops.stack(x=[X, X], axis=1).shape == (None, 2, 4)
    assert ops.where(condition=X > 0, x1=X, x2=0.0).shape == (None, 4)
    assert ops.einsum("bi,ij->bj", X, np.ones((4, 2))).shape == (None, 2)
    assert [part.shape for part in ops.split(X, 2, axis=1)] == [(None, 2), (None, 2)]
    assert ops.size(X).shape == ()
    assert ops.shape(X) == (None, 4)


def test_the_size_of_a_symbolic_tensor_counts_the_samples_of_each_batch():
    out = ops.sum(X) / ops.cast(ops.size(X), "float32")
    np.testing.assert_allclose(value(out, A), A.mean(), rtol=1e-6)
    np.testing.assert_allclose(value(out, A[:1]), A[:1].mean(), rtol=1e-6)


def test_activations_take_symbolic_tensors_and_keep_their_arguments():
    out = activations.relu(X, negative_slope=0.5)
    assert out.shape == (None, 4)
    np.testing.assert_allclose(value(out, A), np.where(A > 0, A, 0.5 * A))


@pytest.mark.parametrize(
    "given",
    [
        [[1.0, -2.0]],
        ((1.0, -2.0),),
        np.array([[1.0, -2.0]]),
        Variable([[1.0, -2.0]]),
        [jnp.array([1.0, -2.0])],
        [Variable([1.0, -2.0])],
        [[np.float64(1), -2]],
    ],
    ids=lambda v: type(v).__name__,
)
def test_whatever_holds_numbers_is_an_array_of_float32(given):
    for out in (ops.abs(given), ops.add(given, 0), ops.concatenate([given, given])[:1], ops.matmul(given, np.eye(2))):
        assert out.dtype == jnp.float32
        np.testing.assert_allclose(np.abs(out), [[1, 2]])


def test_python_numbers_take_the_dtype_of_the_other_side():
    assert ops.add(np.ones(2, "float16"), 1.5).dtype == "float16"
    assert ops.add(np.ones(2, "int32"), 1).dtype == "int32"
    assert ops.add(np.ones(2, "int32"), 1.5).dtype == "float32"
    assert ops.divide(np.ones(2, "int32"), 2).dtype == "float32"
    assert ops.mean(np.ones(2, "int32")).dtype == "float32"
    assert ops.sum(np.ones(2)).dtype == "float32"


def test_every_op_stands_in_the_tables_under_its_name():
    assert REGISTRY["ops"] == OPS
    for name, function in OPS.items():
        namespace = ops.image if function.__module__.startswith("gazelle.ops.image.") else ops
        assert getattr(namespace, name) is function
        assert function.__name__ == name
    assert REGISTRY["activations"]["relu"] is activations.relu
    assert ops.numpy.tanh is ops.tanh is activations.tanh
    assert ops.nn.conv is ops.conv
    assert ops.linalg.norm is ops.norm


def test_a_wrong_argument_is_a_type_error():
    with pytest.raises(TypeError, match="unexpected keyword argument 'axes'"):
        ops.sum(A, axes=1)
    with pytest.raises(TypeError, match="missing a required argument: 'x2'"):
        ops.add(A)


def test_control_flow():
    assert ops.cond(True, lambda: 1, lambda: 2) == 1
    assert ops.switch(1, [lambda x: x, lambda x: -x], A).tolist() == (-A).tolist()
    assert ops.while_loop(lambda i, t: i < 5, lambda i, t: (i + 1, t + i), (0, 0))[1] == 10
    assert ops.while_loop(lambda i: i < 50, lambda i: i + 1, 0, maximum_iterations=7) == 7
    assert ops.fori_loop(0, 4, lambda i, t: t + i, 0) == 6
    carry, out = ops.scan(lambda c, x: (c + x, c * x), 0.0, jnp.arange(4.0))
    assert (float(carry), out.tolist()) == (6.0, [0.0, 0.0, 2.0, 9.0])
    assert ops.map(lambda x: x * 2, np.arange(3)).tolist() == [0, 2, 4]
    assert ops.vectorized_map(lambda x: x.sum(), jnp.ones((3, 2))).tolist() == [2, 2, 2]
    assert ops.associative_scan(jnp.add, jnp.arange(4)).tolist() == [0, 1, 3, 6]
    assert ops.jvp(jnp.square, [3.0], [1.0])[1] == 6
    assert ops.convert_to_numpy(Variable([1.0])).tolist() == [1.0]
    assert ops.vectorize(lambda x, y: x + y)(A, A).shape == (3, 4)
    with pytest.raises(ArgumentError, match="scan's unroll: expected an integer above 0, or a bool, got 0"):
        ops.scan(lambda c, x: (c, x), 0.0, jnp.arange(4.0), unroll=0)


def test_a_gradient_of_ones_own():
    import jax

    @ops.custom_gradient
    def clipped(x):
        return x * x, lambda g: jnp.clip(2 * x * g, -1, 1)

    assert jax.grad(clipped)(5.0) == 1


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: ops.binary_crossentropy(np.ones(3), np.ones((3, 1))),
            ShapeError,
            r"binary_crossentropy: target: expected shape \(3, 1\), got \(3,\)",
        ),
        (
            lambda: ops.sparse_categorical_crossentropy([0], np.ones((2, 3))),
            ShapeError,
            r"expected shape \(2,\), got \(1,\)",
        ),
        (
            lambda: ops.scatter_update(A, [[0, 0]], [1.0], "sum"),
            ArgumentError,
            "Unknown reduction of scatter_update 'sum'",
        ),
        (lambda: ops.segment_sum(A, [0, 0, 1]), ArgumentError, "segment_sum needs num_segments"),
        (lambda: ops.qr(A, "full"), ArgumentError, "qr's mode: expected 'reduced' or 'complete', got 'full'"),
        (lambda: ops.cholesky(-np.eye(2)), ArgumentError, "cholesky: expected a positive definite matrix"),
        (lambda: ops.pad(A, 1, "reflect", 3.0), ArgumentError, "pad's constant_values: expected mode='constant'"),
        (lambda: ops.rearrange(A, "a b -> a c"), ArgumentError, "the same names on both sides"),
        (lambda: ops.rearrange(A, "a (b c) -> a b c", b=3), ShapeError, r"expected sizes of \['b', 'c'\] that make 4"),
        (
            lambda: ops.ctc_decode(np.ones((1, 2, 3)), [2], "best"),
            ArgumentError,
            "Unknown strategy of ctc_decode 'best'",
        ),
        (
            lambda: ops.depthwise_conv(np.ones((1, 5, 3)), np.ones((2, 2, 1))),
            ShapeError,
            "depthwise_conv: expected 2 channels",
        ),
        (
            lambda: ops.conv_transpose(np.ones((1, 5, 3)), np.ones((2, 2, 1))),
            ShapeError,
            "conv_transpose: expected 1 channel",
        ),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_images_of_unknown_size_are_padded_to_a_size():
    images = KerasTensor((None, None, 5, 3))
    padded = ops.image.pad_images(images, top_padding=1, left_padding=0, target_height=8, target_width=9)
    assert padded.shape == (None, 8, 9, 3)
    assert ops.image.pad_images(images, 1, 1, 2, 2).shape == (None, None, 8, 3)
    with pytest.raises(ArgumentError, match="padding of images of width 5"):
        ops.image.pad_images(images, top_padding=1, left_padding=0, target_height=8, target_width=4)


def test_tensors_are_found_in_lists_and_dicts():
    other = KerasTensor((None, 4))
    assert X == X
    assert (other == X) is False
    assert X in [other, X]
    assert {X: 1, other: 2}[X] == 1
    assert (X == None) is (X == "a") is False  # noqa: E711

    class Own:
        def __eq__(self, other):
            return "own"

    tensor, own = X, Own()
    assert (tensor == own) == "own"


SIZE = X.shape[0]
OF_NONE = {
    "cast": lambda: ops.cast(SIZE, "float32"),
    "divide": lambda: X / SIZE,
    "zeros": lambda: ops.zeros((SIZE, 3)),
    "reshape": lambda: ops.reshape(X, (SIZE, -1)),
    "arange": lambda: ops.arange(SIZE),
    "tile": lambda: ops.tile(X, (SIZE, 1)),
}


@pytest.mark.parametrize("call", OF_NONE.values(), ids=list(OF_NONE))
def test_unknown_sizes_as_numbers(call):
    with pytest.raises(ValueError, match=r"A size that is None is unknown until the model runs"):
        call()
