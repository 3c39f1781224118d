"""Arguments of ops: errors that name the operation, forms that are accepted, results that are sparse."""

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

import gazelle
from gazelle import KerasTensor, ops
from gazelle.core.errors import DataError, GazelleError
from gazelle.ops.image.warping import homography

WRONG = {
    "reshape": (lambda: ops.reshape(np.ones(20), (-2, 5)), "reshape"),
    "diagonal": (lambda: ops.diagonal(np.ones((2, 3, 4)), axis1=0, axis2=0), "diagonal"),
    "where": (lambda: ops.where(np.ones(3) > 0, np.ones(3), None), "both x1 and x2"),
    "unstack": (lambda: ops.unstack(np.ones((2, 3)), num=4), "expected 2, got 4"),
    "slice": (lambda: ops.slice(np.ones((3, 3)), (1, 1), (2, 2, 2)), "expected 2 of each"),
    "normalize": (lambda: ops.normalize(np.ones(3), order=-1), "a number above 0"),
    "histogram": (lambda: ops.histogram(np.ones(3), range=(5, 1)), "a lower and a higher"),
    "stride of stft": (lambda: ops.stft(np.ones(4), 2, 1.5, 4), "sequence_stride"),
    "stride of istft": (lambda: ops.istft((np.ones((1, 3)), np.ones((1, 3))), 2, 0, 4), "sequence_stride"),
    "stft of integers": (lambda: ops.stft(np.ones(4, int), 2, 1, 4), "expected floats"),
    "fft of a number": (lambda: ops.fft((np.array(1), np.array(1))), "at least one axis"),
    "depth_to_space": (lambda: ops.depth_to_space(np.ones((1, 2, 2, 12)), 0), "at least 2"),
    "axis that is text": (lambda: ops.sum(np.ones((2, 2)), axis="1"), "axis of ops.sum: expected integers"),
    "split": (lambda: ops.split(np.ones((2, 3)), 2, axis=1), r"ops.split of shapes \(2, 3\)"),
    "exp of text": (lambda: ops.exp([1, "a"]), r"ops.exp cannot be computed: expected numbers, got \[1, 'a'\]"),
    "ceil of complex numbers": (lambda: ops.ceil([1.5 + 1j]), "ops.ceil .* complex64"),
    "floor of complex numbers": (lambda: ops.floor([1.5 + 1j]), "ops.floor .* complex64"),
    "space_to_depth": (lambda: ops.space_to_depth(np.ones((1, 4, 4, 3)), 1), "at least 2"),
}


@pytest.mark.parametrize(("call", "text"), WRONG.values(), ids=list(WRONG))
def test_an_invalid_argument_is_a_value_error_that_states_it(call, text):
    with pytest.raises(GazelleError, match=text) as caught:
        call()
    assert isinstance(caught.value, ValueError)


LARGE = np.array([5, 2**40])


@pytest.mark.parametrize(
    "call",
    [
        lambda: ops.add(LARGE, 1),
        lambda: ops.convert_to_tensor(LARGE, dtype="int64"),
        lambda: ops.convert_to_tensor(LARGE.tolist()),
        lambda: gazelle.Variable(LARGE),
        lambda: gazelle.Variable([0, 0], dtype="int64").assign(LARGE),
        lambda: gazelle.layers.Embedding(8, 2)(LARGE),
    ],
    ids=["op", "convert_to_tensor", "list", "Variable", "assign", "layer"],
)
def test_integers_of_more_bits_than_the_device_has_are_refused(call):
    with pytest.raises(DataError, match=f"expected integers from {-(2**31)} to {2**31 - 1}, got {2**40}"):
        call()


def test_integers_of_64_bits_that_fit_pass():
    assert ops.add(np.array([2**31 - 1, -(2**31)]), 0).tolist() == [2**31 - 1, -(2**31)]
    assert ops.convert_to_tensor(np.array([2**32 - 1], "uint64")).tolist() == [2**32 - 1]


INTEGERS = [
    *((name, 2) for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift")),
    *((name, 2) for name in ("bitwise_left_shift", "bitwise_right_shift", "gcd", "lcm", "ldexp")),
    ("bitwise_not", 1),
    ("bitwise_invert", 1),
]


@pytest.mark.parametrize(("name", "count"), INTEGERS)
def test_a_symbolic_tensor_without_a_dtype_stands_for_integers(name, count):
    assert getattr(ops, name)(*[KerasTensor((None, 3))] * count).shape == (None, 3)


def test_repeat_takes_numbers_of_repetitions_inside_a_model():
    x = gazelle.Input((3,))
    y = ops.repeat(x, [1, 2, 1], axis=1)
    assert y.shape == (None, 4)
    out = gazelle.Model(x, y).predict(np.array([[1.0, 2.0, 3.0]]), verbose=0)
    assert out.tolist() == [[1.0, 2.0, 2.0, 3.0]]
    assert ops.repeat(KerasTensor((2, 3)), [2]).shape == (12,)


@pytest.mark.parametrize("sizes", [(3, 3), (3, 2), (2, 3), (2, 2)])
def test_cross_products_of_two_and_three_components(sizes):
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(4, n)).astype("float32") for n in sizes)
    full = np.cross(*(np.pad(x, ((0, 0), (0, 3 - x.shape[1]))) for x in (a, b)))
    assert np.allclose(ops.cross(a, b), full[:, 2] if sizes == (2, 2) else full, atol=1e-6)


def test_sparse_true_gives_sparse_arrays_also_in_a_graph():
    dense = {
        "one_hot": lambda s: ops.one_hot([0, 2, 2], 3, sparse=s),
        "multi_hot": lambda s: ops.multi_hot([[0, 2], [1, 1]], 3, sparse=s),
        "bincount": lambda s: ops.bincount([0, 2, 2], sparse=s),
    }
    for call in dense.values():
        assert np.array_equal(call(True).todense(), call(False))
    x = gazelle.Input((), dtype="int32")
    codes = ops.one_hot(x, 3, sparse=True)
    assert codes.sparse
    assert codes.shape == (None, 3)
    model = gazelle.Model(x, gazelle.layers.Dense(1, kernel_initializer="ones")(codes))
    assert model.predict(np.array([0, 2]), verbose=0).tolist() == [[1.0], [1.0]]


def test_linear_systems_of_batches_of_vectors():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3, 3)) + 3 * np.eye(3), rng.normal(size=(2, 3))
    assert np.allclose(ops.solve(a, b), np.linalg.solve(a, b[..., None])[..., 0], atol=1e-5)
    lower = np.tril(a)
    assert np.allclose(np.einsum("nij,nj->ni", lower, ops.solve_triangular(lower, b, lower=True)), b, atol=1e-5)
    assert np.allclose(ops.cholesky_inverse(lower) @ (lower @ np.swapaxes(lower, 1, 2)), np.eye(3), atol=1e-4)


def test_stack_promotes_arrays_of_numpy_as_jax_does():
    for dtype in ("float16", ml_dtypes.bfloat16):
        stacked = ops.stack([np.ones(2, "int32"), np.zeros(2, dtype)])
        assert (stacked.dtype, stacked.tolist()) == (np.dtype(dtype), [[1, 1], [0, 0]])


def test_arrays_of_one_value_and_axes_in_tuples():
    assert ops.bartlett(jnp.asarray(3)).tolist() == [0.0, 1.0, 0.0]
    assert ops.cumsum([[1.0, 2.0]], axis=(1,)).tolist() == [[1.0, 3.0]]
    assert len(ops.unstack(KerasTensor((2, None)), num=3, axis=1)) == 3


def test_the_dtype_of_the_input_is_kept_where_weights_have_another():
    x = jnp.ones((1, 4), "bfloat16")
    assert ops.rms_normalization(x, jnp.ones(4)).dtype == "bfloat16"
    rows = ops.rms_normalization([[3.0, 4.0]], scale=2.0)  # a scale that broadcasts
    np.testing.assert_allclose(rows, ops.rms_normalization([[3.0, 4.0]], scale=[[2.0, 2.0]]), rtol=1e-6)
    np.testing.assert_allclose(rows, [[1.697056, 2.262742]], rtol=1e-5)
    query, key = jnp.ones((1, 2, 1, 4), "bfloat16"), jnp.ones((1, 2, 1, 4), "float16")
    assert ops.dot_product_attention(query, key, key).dtype == "float32"


@pytest.mark.parametrize("from_logits", [False, True])
def test_labels_of_binary_crossentropy_may_be_booleans(from_logits):
    output = np.array([0.1, 0.7], "float32")
    expected = ops.binary_crossentropy(np.array([1.0, 0.0], "float32"), output, from_logits)
    np.testing.assert_array_equal(ops.binary_crossentropy(np.array([True, False]), output, from_logits), expected)


def test_an_affine_transform_with_projections_is_a_perspective_transform():
    images = np.sin(np.arange(60.0)).reshape(1, 4, 5, 3).astype("float32")
    start = np.array([[0, 0], [4, 0], [0, 3], [4, 3]], "float32")
    end = start + np.array([[0.5, 0.2], [-0.3, 0.1], [0.4, 0], [0, -0.6]], "float32")
    expected = ops.image.perspective_transform(images, start, end)
    found = ops.image.affine_transform(images, homography(start[None], end[None]))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_meshgrid_returns_a_list():
    assert isinstance(ops.meshgrid([1, 2], [3]), list)


@pytest.mark.parametrize("strategy", ["greedy", "beam_search"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_scores_of_ctc_decode_have_32_bits(dtype, strategy):
    logits = ops.cast(np.random.default_rng(0).normal(size=(2, 5, 4)), dtype)
    paths, scores = ops.ctc_decode(logits, np.array([5, 4]), strategy=strategy)
    assert (paths.dtype, scores.dtype) == ("int32", "float32")  # as in Keras 3.15.1
    same = ops.ctc_decode(ops.cast(logits, "float32"), np.array([5, 4]), strategy=strategy)
    np.testing.assert_array_equal(paths, same[0])
    np.testing.assert_array_equal(scores, same[1])
    assert ops.ctc_decode(gazelle.KerasTensor((2, 5, 4), dtype=dtype), np.array([5, 4]), strategy)[1].dtype == "float32"


def test_layer_normalization_with_rms_scaling_warns_and_computes():
    """The numbers of Keras 3.15.1."""
    x, gamma = np.arange(6, dtype="float32").reshape(2, 3), np.array([1, 2, 3], "float32")
    calls = {
        "beta has no effect": (
            lambda: ops.layer_normalization(x, gamma, gamma, rms_scaling=True),
            3.67423439,
            18.37117195,
        ),
        "epsilon": (lambda: ops.layer_normalization(x, gamma, epsilon=0.1, rms_scaling=True), 3.42624140, 17.13120651),
        "axis": (lambda: ops.layer_normalization(np.float16(x * 300), axis=0, rms_scaling=True), 2.0, 3.33398438),
    }
    for call, first, last in calls.values():
        with pytest.warns(UserWarning, match="divides by the standard deviation"):
            y = np.asarray(call())
        np.testing.assert_allclose([y[0, 0], y[1, 0], y[1, 2]], [0, first, last], rtol=1e-6)


@pytest.mark.parametrize(
    ("size", "kind"),
    [
        *(("5", TypeError), (5.0, TypeError), (None, TypeError), ((3, "a"), TypeError), ((3,), ValueError)),
        *(((3, 3, 3, 3), ValueError), (0, ValueError), (-1, ValueError), ((3, 0), ValueError)),
    ],
)
def test_the_size_of_patches(size, kind):
    """A wrong type is a TypeError and a wrong number a ValueError, as in Keras; of volumes both are a TypeError."""
    with pytest.raises(
        kind, match="size of extract_patches: expected a positive integer or a tuple of 2 or 3"
    ) as error:
        ops.image.extract_patches(np.ones((2, 20, 20, 3), "float32"), size)
    assert isinstance(error.value, TypeError) == (kind is TypeError)
    with pytest.raises(TypeError, match="a tuple of 3, got"):
        ops.image.extract_patches_3d(np.ones((1, 8, 8, 8, 1)), size if size != (3, 3, 3, 3) else (4, 4))


def test_rsqrt_of_complex_numbers():
    """Values of Keras 3.15 on JAX; the imaginary part was dropped."""
    x = np.array([1 + 2j, -1j, 1 - 1j], "complex64")
    np.testing.assert_allclose(ops.rsqrt(x), [0.5689 - 0.3516j, 0.7071 + 0.7071j, 0.7769 + 0.3218j], atol=1e-4)


@pytest.mark.parametrize(
    "loss",
    [
        lambda y, p: ops.ctc_loss(y, p, np.array([2, 1]), np.array([5, 4])),
        lambda y, p: gazelle.losses.ctc(y, p),
    ],
)
def test_ctc_compiles_nothing_in_a_second_call(loss, caplog):
    labels = np.array([[1, 2], [3, 0]])

    def gradient(at):
        logits = jnp.asarray(np.sin(np.arange(40.0) + at).reshape(2, 5, 4), "float32")
        return jax.grad(lambda p: loss(labels, p).sum())(logits)

    gradient(0)
    with jax.log_compiles():
        gradient(1)
    assert not [record for record in caplog.records if record.getMessage().startswith("Compiling")]
