"""Ops against Keras: values, dtypes, gradients, and the shape that symbolic tensors get."""

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import oracle
import pytest
from deviations import same

from gazelle import ops
from gazelle.core.symbolic import KerasTensor, leaves

R = np.random.default_rng(0)
A = R.standard_normal((3, 4)).astype("float32")
B = R.standard_normal((3, 4)).astype("float32")
V = R.standard_normal(4).astype("float32")
U = R.uniform(0.1, 0.9, (3, 4)).astype("float32")
P = U + 1
W = R.standard_normal((2, 3, 4)).astype("float32")
K = R.integers(1, 9, (3, 4))
J = R.integers(1, 5, (3, 4))
T = A > 0
S = (A.T @ A + 4 * np.eye(4)).astype("float32")
N = np.where(np.abs(A) > 1.2, np.nan, A)
IMAGE = R.standard_normal((2, 6, 5, 4)).astype("float32")
TEXT = R.standard_normal((2, 6, 4)).astype("float32")
HEADS = [R.standard_normal((2, 3, 4, 5)).astype("float32") for _ in range(3)]
SOUND = R.standard_normal((2, 30)).astype("float32")
SPECTRUM = tuple(R.standard_normal((2, 7, 6)).astype("float32") for _ in range(2))
PROBABLE = (P / P.sum(-1, keepdims=True)).astype("float32")
CODES = np.eye(4, dtype="float32")[[0, 3, 2]]


def unary(names, x):
    return [(name, (x,), {}) for name in names.split()]


def binary(names, x1, x2):
    return [(name, (x1, x2), {}) for name in names.split()]


REDUCE = (
    "amax amin max mean median min prod ptp std sum var nanmax nanmean nanmedian nanmin nanprod nanstd nansum nanvar"
)
BEAM = {"strategy": "beam_search", "beam_width": 40, "top_paths": 2, "mask_index": 3}
CASES = [
    *unary(
        "abs absolute angle arcsinh arctan cbrt ceil conj conjugate copy corrcoef cos cosh deg2rad exp exp2 "
        "expm1 "
        "fabs fliplr flipud floor i0 imag isfinite isinf isnan isneginf isposinf isreal logical_not negative "
        "nonzero "
        "rad2deg ravel real reciprocal round sign signbit sin sinc sinh square tan tanh trunc transpose erf "
        "erfc size "
        "ndim shape logsumexp argmax argmin argsort sort diff squeeze zeros_like ones_like",
        A,
    ),
    *unary("arccos arcsin arctanh log log10 log1p log2 sqrt rsqrt erfinv", U),
    *unary("arccosh", P),
    *unary(
        "absolute arctan ceil cos exp floor log negative sign sqrt square tanh trunc round sum mean std var "
        "prod max "
        "median argmax cumsum reciprocal transpose argsort",
        K,
    ),
    *unary("sum mean prod all any logical_not max", T),
    *unary("bitwise_not bitwise_invert", K),
    *unary("isnan nan_to_num nansum nanargmax nanargmin nancumsum nancumprod", N),
    *binary(
        "add arctan2 divide equal fmax fmin greater greater_equal heaviside hypot less less_equal logaddexp "
        "logaddexp2 maximum minimum multiply not_equal subtract true_divide vdot inner outer divide_no_nan",
        A,
        B,
    ),
    *binary(
        "add divide equal floor_divide gcd greater lcm less maximum mod multiply power subtract fmod bitwise_and "
        "bitwise_or bitwise_xor left_shift right_shift bitwise_left_shift bitwise_right_shift true_divide",
        K,
        J,
    ),
    *binary("add multiply subtract divide power maximum less", A, K),
    *binary("add multiply power", A, 2),
    *binary("add multiply divide", K, 2.5),
    *binary("logical_and logical_or logical_xor add", T, A > B),
    *binary("mod floor_divide fmod power", P, U),
    *binary("add multiply matmul dot", A, V),
    *binary("kron", A, B),
    *binary("nextafter", A, B),
    *binary("matmul", K, J.T),
    *binary("divide_no_nan", A, A * T),
    *binary("add subtract", [1.0, 2.0], [3, 4]),
    ("ldexp", (A, K), {}),
    ("add", (2, 3), {}),
    *[
        (name, (W,), {"axis": axis, "keepdims": keep})
        for name in REDUCE.split()
        for axis, keep in ((1, False), (-1, True))
        if not (name == "ptp" and keep)
    ],
    *[(name, (W,), {"axis": (0, 2)}) for name in ("sum", "mean", "max", "var")],
    ("max", (A,), {"initial": 0.5}),
    ("min", (A,), {"axis": 0, "initial": 0.5}),
    ("prod", (K,), {"dtype": "float32"}),
    *[(name, (T,), {"axis": 0, "keepdims": True}) for name in ("all", "any")],
    *[(name, (A,), {"axis": 1, "keepdims": True}) for name in ("argmax", "argmin", "logsumexp", "norm")],
    ("count_nonzero", (A,), {"axis": 0}),
    ("cumsum", (A,), {"axis": 1}),
    ("cumprod", (A,), {"axis": 0}),
    ("cumsum", (T,), {"axis": 0, "dtype": "int32"}),
    *[(name, (A, q), {"axis": 1}) for name in ("quantile", "nanquantile") for q in (0.3, [0.1, 0.5])],
    ("percentile", (A, 30.0), {"method": "lower"}),
    ("nanpercentile", (A, 30.0), {"keepdims": True}),
    ("average", (A,), {"axis": 1, "weights": V}),
    ("average", (K,), {}),
    ("clip", (A, -0.5, 0.5), {}),
    ("clip", (T, 0, 1), {}),
    ("round", (A * 100,), {"decimals": -1}),
    ("round", (K * 7,), {"decimals": -1}),
    ("reshape", (A, (2, -1)), {}),
    ("transpose", (W,), {"axes": (2, 0, 1)}),
    ("expand_dims", (A, 1), {}),
    ("expand_dims", (A, (0, 2)), {}),
    ("squeeze", (A[None],), {"axis": 0}),
    ("moveaxis", (W, 0, -1), {}),
    ("swapaxes", (W, 0, 2), {}),
    ("flip", (W,), {"axis": 1}),
    ("roll", (A, 1), {}),
    ("roll", (A, 2), {"axis": 1}),
    ("rot90", (A,), {}),
    ("repeat", (A, 2), {"axis": 1}),
    ("tile", (A, (2, 1)), {}),
    ("broadcast_to", (V, (3, 4)), {}),
    ("pad", (A, 1), {}),
    ("pad", (A, ((0, 1), (2, 0))), {"constant_values": 3.0}),
    ("pad", (A, 1), {"mode": "reflect"}),
    ("stack", ([A, B],), {"axis": 1}),
    ("concatenate", ([A, B],), {"axis": -1}),
    ("concatenate", ([A, K],), {}),
    ("concatenate", ([A, A[:2]],), {}),
    ("concatenate", ([A[:, :1], A],), {"axis": 1}),
    ("vstack", ([A, A[:1]],), {}),
    ("hstack", ([A, A[:, :2]],), {}),
    ("dstack", ([A[..., None], A[..., None].repeat(2, -1)],), {}),
    ("hstack", ([A, B],), {}),
    ("vstack", ([A, B],), {}),
    ("dstack", ([A, B],), {}),
    ("append", (A, B), {"axis": 0}),
    ("split", (A, 2), {"axis": 1}),
    ("split", (A, [1, 2]), {}),
    ("array_split", (A, 2), {}),
    ("hsplit", (A, 2), {}),
    ("vsplit", (A, 3), {}),
    ("dsplit", (W, 2), {}),
    ("unstack", (A,), {"axis": 1}),
    ("take", (A, [0, 2]), {"axis": 1}),
    ("take", (A, K % 3), {}),
    ("take_along_axis", (A, K % 3), {"axis": 1}),
    ("where", (T, A, B), {}),
    ("where", (T, A, 0.0), {}),
    ("where", (T, 1, 0), {}),
    ("select", ([T, A > 1], [A, B]), {"default": 3.0}),
    ("get_item", (A, (slice(None), 1)), {}),
    ("diag", (A,), {"k": 1}),
    ("diagflat", (V,), {}),
    ("diagonal", (A,), {}),
    ("trace", (W,), {"axis1": 1, "axis2": 2}),
    ("tril", (A,), {"k": -1}),
    ("triu", (A,), {}),
    ("diff", (A,), {"axis": 0}),
    ("cross", (A[:, :3], B[:, :3]), {}),
    ("correlate", (V, V[:2]), {}),
    ("correlate", (V, V), {"mode": "full"}),
    ("tensordot", (W, A), {"axes": ((1, 2), (0, 1))}),
    ("einsum", ("ij,kj->ik", A, B), {}),
    ("einsum", ("ii", S), {}),
    ("matmul", (W, A.T), {}),
    ("isclose", (A, A + 1e-6), {}),
    ("allclose", (A, B), {}),
    ("isin", (K, [1, 2]), {}),
    ("digitize", (A, [-1.0, 0.0, 1.0]), {}),
    ("searchsorted", ([1, 3, 5], [2, 3]), {"side": "right"}),
    ("bincount", (K[0],), {}),
    ("bincount", (K,), {"minlength": 12}),
    ("histogram", (V,), {"bins": 4}),
    ("histogram", (V,), {"range": (-1.0, 1.0)}),
    ("trapezoid", (A,), {"dx": 0.5}),
    ("vander", (V,), {"N": 3}),
    ("meshgrid", (V, V), {"indexing": "ij"}),
    ("unravel_index", ([1, 7], (3, 4)), {}),
    ("unique", (K,), {}),
    ("argpartition", (V, 1), {}),
    ("full_like", (A, 2), {}),
    ("ones_like", (K,), {"dtype": "float32"}),
    ("nan_to_num", (N,), {"nan": 2.0}),
    ("argsort", (A,), {"axis": 0}),
    ("sort", (W,), {"axis": 1}),
    ("zeros", ((2, 3),), {}),
    ("ones", ((2,),), {"dtype": "int32"}),
    ("full", ((2, 2), 3), {}),
    ("eye", (3,), {"k": 1}),
    ("empty", ((0, 2),), {}),
    ("identity", (3,), {}),
    ("tri", (3, 4), {}),
    ("arange", (5,), {}),
    ("arange", (1, 2, 0.25), {}),
    ("arange", (3.0,), {}),
    ("arange", (3,), {"dtype": "float32"}),
    ("linspace", (0, 1, 5), {}),
    ("linspace", (0, 1, 5), {"endpoint": False}),
    ("logspace", (0, 2, 3), {}),
    ("geomspace", (1, 8, 4), {}),
    ("array", ([[1, 2]],), {}),
    ("array", ([1.5],), {}),
    ("array", (np.float64(2.0),), {}),
    *[(name, (6,), {}) for name in ("bartlett", "blackman", "hamming", "hanning")],
    ("kaiser", (6, 3.0), {}),
    ("cast", (A, "int32"), {}),
    ("cast", (K, "float16"), {}),
    ("saturate_cast", (A * 500, "int8"), {}),
    ("saturate_cast", (A * 500, "uint8"), {}),
    ("convert_to_tensor", ([1, 2],), {"dtype": "float32"}),
    ("convert_to_tensor", (np.arange(3),), {}),
    ("convert_to_tensor", (np.ones(2),), {}),
    ("stop_gradient", (A,), {}),
    ("slice", (W, (0, 1, 1), (2, 2, -1)), {}),
    ("slice_update", (W, (0, 1, 1), W[:, :2, :2] * 2), {}),
    ("scatter", (np.array([[0, 1], [2, 3]]), V[:2], (3, 4)), {}),
    ("scatter_update", (A, [[0, 1], [2, 3]], V[:2]), {}),
    *[("scatter_update", (A, [[0, 1], [2, 3]], V[:2]), {"reduction": r}) for r in ("add", "max", "min", "mul")],
    *[("norm", (A,), {"ord": o}) for o in (None, "fro", "nuc", 1, 2, np.inf)],
    ("norm", (W,), {"axis": (0, 1)}),
    ("norm", (K,), {"axis": 1, "ord": 1}),
    ("qr", (A.T,), {}),
    ("svd", (A,), {"compute_uv": False}),
    ("inv", (S,), {}),
    ("det", (S,), {}),
    ("slogdet", (S,), {}),
    ("logdet", (S,), {}),
    ("solve", (S, A.T), {}),
    ("cholesky", (S,), {}),
    ("cholesky", (S,), {"upper": True}),
    ("cholesky_inverse", (S,), {}),
    ("eigh", (S,), {}),
    ("pinv", (A,), {}),
    ("solve_triangular", (np.tril(S), V[:, None]), {"lower": True}),
    ("lstsq", (A.T, V), {}),
    ("lu_factor", (S,), {}),
    ("matrix_rank", (S,), {}),
    ("segment_sum", (A, np.array([0, 1, 0])), {"num_segments": 2}),
    ("segment_max", (A, np.array([0, 1, 0])), {"num_segments": 2}),
    ("segment_min", (A, np.array([0, 0, 1])), {"num_segments": 2}),
    ("segment_prod", (A, np.array([0, 0, 1])), {"num_segments": 2, "sorted": True}),
    ("top_k", (A, 2), {}),
    ("in_top_k", (np.array([1, 0, 3]), A), {"k": 2}),
    ("logsumexp", (W,), {"axis": (0, 1)}),
    ("cdist", (A, B), {}),
    ("extract_sequences", (TEXT[0].T, 3, 2), {}),
    ("fft", ((A, B),), {}),
    ("fft2", ((A, B),), {}),
    ("ifft2", ((A, B),), {}),
    ("rfft", (A,), {}),
    ("rfft", (A,), {"fft_length": 3}),
    ("irfft", ((A, B),), {}),
    *unary(
        "hard_sigmoid hard_silu hard_swish hard_tanh log_sigmoid relu relu6 selu sigmoid silu softplus softsign "
        "sparse_plus sparse_sigmoid swish tanh_shrink softmax log_softmax gelu glu celu elu squareplus "
        "leaky_relu",
        A,
    ),
    ("threshold", (A, 0.2, -1.0), {}),
    ("one_hot", (K, 9), {}),
    ("one_hot", (K - 3, 4), {"axis": 0, "dtype": "int32"}),
    ("multi_hot", (K, 9), {}),
    ("multi_hot", ([1, 2], 4), {}),
    ("binary_crossentropy", (T.astype("float32"), U), {}),
    ("binary_crossentropy", (T.astype("float32"), A), {"from_logits": True}),
    ("categorical_crossentropy", (CODES, PROBABLE), {}),
    ("categorical_crossentropy", (CODES, P), {}),
    ("categorical_crossentropy", (CODES, A), {"from_logits": True}),
    ("sparse_categorical_crossentropy", ([0, 3, 2], PROBABLE), {}),
    ("sparse_categorical_crossentropy", ([[0], [3], [2]], A), {"from_logits": True}),
    ("moments", (W,), {"axes": [0, 1]}),
    ("moments", (W,), {"axes": 1, "keepdims": True}),
    ("normalize", (A,), {}),
    ("normalize", (A,), {"axis": 0, "order": 1}),
    ("normalize", (A,), {"order": 3}),
    ("batch_normalization", (IMAGE, V, V**2, -1), {"offset": V, "scale": V + 2}),
    ("batch_normalization", (A, V, V**2, -1), {"epsilon": 0.1}),
    ("layer_normalization", (A,), {}),
    ("layer_normalization", (A,), {"gamma": V, "beta": V, "epsilon": 0.1}),
    ("rms_normalization", (A,), {"scale": V}),
    ("dot_product_attention", tuple(HEADS), {}),
    ("dot_product_attention", tuple(HEADS), {"is_causal": True}),
    ("dot_product_attention", (HEADS[0], HEADS[1][:, :, :2], HEADS[2][:, :, :2]), {"scale": 0.3}),
    ("dot_product_attention", tuple(HEADS), {"mask": R.uniform(size=(2, 4, 3, 3)) > 0.3, "bias": B[0, 0]}),
    *[
        ("average_pool", (IMAGE, 2), {"strides": s, "padding": p, "data_format": f})
        for s in (2, 1, 3)
        for p in ("valid", "same")
        for f in (None, "channels_first")
    ],
    *[
        ("max_pool", (IMAGE, (3, 2)), {"strides": s, "padding": p, "data_format": f})
        for s in ((3, 2), 1)
        for p in ("valid", "same")
        for f in (None, "channels_first")
    ],
    ("average_pool", (TEXT, 3), {"padding": "same", "strides": 3}),
    ("max_pool", (TEXT, 3), {"strides": 2}),
    *[
        (name, (IMAGE, k), {"strides": s, "padding": p})
        for name, k in (
            ("conv", R.standard_normal((3, 2, 4, 2)).astype("float32")),
            ("conv", R.standard_normal((2, 2, 2, 6)).astype("float32")),
            ("depthwise_conv", R.standard_normal((3, 3, 4, 2)).astype("float32")),
        )
        for s in (1, 2)
        for p in ("valid", "same")
    ],
    ("conv", (IMAGE, R.standard_normal((2, 2, 6, 3)).astype("float32")), {"data_format": "channels_first"}),
    ("conv", (IMAGE, R.standard_normal((2, 2, 4, 3)).astype("float32")), {"dilation_rate": 2, "padding": "same"}),
    ("depthwise_conv", (IMAGE, R.standard_normal((2, 2, 6, 1)).astype("float32")), {"data_format": "channels_first"}),
    (
        "separable_conv",
        (IMAGE, R.standard_normal((2, 2, 4, 2)).astype("float32"), R.standard_normal((1, 1, 8, 3)).astype("float32")),
        {"strides": 2, "padding": "same"},
    ),
    *[
        (
            "conv_transpose",
            (IMAGE, R.standard_normal((w, w, 3, 4)).astype("float32")),
            {"strides": s, "padding": p, "output_padding": o},
        )
        for w in (2, 3)
        for s, o in ((1, None), (2, None), (3, None), (2, 1))
        for p in ("valid", "same")
    ],
    *[
        (name, (R.standard_normal((2, 4, 6, 8)).astype("float32"), 2), {"data_format": f})
        for name in ("space_to_depth", "depth_to_space")
        for f in ("channels_last", "channels_first")
    ],
    ("unfold", (IMAGE, 2), {}),
    ("unfold", (IMAGE, (3, 2)), {"dilation": (1, 2), "padding": 1, "stride": 2}),
    ("fold", (R.standard_normal((2, 12, 12)).astype("float32"), (5, 4), 2), {}),
    ("fold", (R.standard_normal((2, 18, 4)).astype("float32"), 5, 3), {"stride": 2, "padding": 0}),
    *[
        (name, (IMAGE, size), {"data_format": "channels_last"})
        for name in ("adaptive_average_pool", "adaptive_max_pool")
        for size in (3, (4, 2), (6, 5))
    ],
    ("adaptive_max_pool", (TEXT, 4), {"data_format": "channels_first"}),
    ("psnr", (A, B, 2.0), {}),
    ("rearrange", (W, "a b c -> c (b a)"), {}),
    ("rearrange", (W, "a b (c d) -> a c b d"), {"d": 2}),
    ("view_as_real", (A + 1j * B,), {}),
    ("view_as_complex", (W[..., :2],), {}),
    ("polar", (U, A), {}),
    *[
        ("stft", (SOUND, 8, 3, 10), {"window": w, "center": c})
        for w in ("hann", "hamming", None)
        for c in (True, False)
    ],
    *[
        ("istft", (SPECTRUM, 8, 3, 10), {"window": w, "center": c, "length": n})
        for w in ("hann", "hamming")
        for c in (True, False)
        for n in (None, 12)
    ],
    ("ctc_loss", (np.array([[1, 2, 2], [3, 1, 0]]), TEXT, np.array([3, 2]), np.array([6, 5])), {}),
    ("ctc_loss", (np.array([[0, 1, 2], [2, 0, 0]]), TEXT, np.array([3, 1]), np.array([6, 6])), {"mask_index": 3}),
    ("ctc_decode", (TEXT, np.array([6, 4])), {}),
    ("ctc_decode", (TEXT, np.array([6, 4])), {"merge_repeated": False}),
    ("ctc_decode", (TEXT, np.array([6, 4])), BEAM),
    ("conv_transpose", (TEXT, R.standard_normal((3, 3, 4)).astype("float32")), {"dilation_rate": 2}),
]


def is_float(x):
    return hasattr(x, "dtype") and x.dtype == np.float32


def label(case):
    name, args, kwargs = case
    words = [str(a.dtype) + str(list(a.shape)) if isinstance(a, np.ndarray) else str(a)[:20] for a in args]
    return "-".join([name, *words, *(f"{k}={str(v)[:20]}" for k, v in kwargs.items())])


#: gradients that Keras' own formula or JAX does not have
NO_GRADIENT = {"svd", "qr", "eigh", "lu_factor", "nextafter", "i0", "histogram", "pinv", "lstsq", "nanmedian"} | {
    "ctc_decode",
    "segment_prod",
}


def run(namespace, name, args, kwargs):
    """Leaves of the result, and the gradients of a weighted sum of its floats."""
    function = getattr(namespace, name)
    flat = jax.tree.leaves(function(*args, **kwargs))
    indices = [i for i, a in enumerate(args) if is_float(a)]
    if not indices or name in NO_GRADIENT or kwargs.get("reduction") == "mul" or not any(map(is_float, flat)):
        return flat, []
    rng = np.random.default_rng(1)
    weights = [jnp.asarray(rng.standard_normal(y.shape), "float32") if is_float(y) else None for y in flat]

    def score(floats):
        filled = list(args)
        for i, x in zip(indices, floats, strict=True):
            filled[i] = x
        results = jax.tree.leaves(function(*filled, **kwargs))
        return sum(jnp.sum(w * y) for w, y in zip(weights, results, strict=True) if w is not None)

    return flat, jax.grad(score)([jnp.asarray(args[i]) for i in indices])


@pytest.mark.parametrize(("name", "args", "kwargs"), CASES, ids=map(label, CASES))
def test_values_dtypes_and_gradients(name, args, kwargs):
    expected, expected_gradients = oracle.expected(lambda: run(keras.ops, name, args, kwargs), args, kwargs)
    out, gradients = run(ops, name, args, kwargs)
    for y, e in zip(out, expected, strict=True):
        assert np.shape(y) == np.shape(e)
        if hasattr(e, "dtype"):
            assert y.dtype == e.dtype
        same(y, e, 2e-5)
    for g, e in zip(gradients, expected_gradients, strict=True):
        same(g, e, 2e-5, "gradients")


PLAIN = {"shape", "size", "ndim", "meshgrid", "bincount", "nonzero", "unique", "cholesky", "histogram"}  # see below
SYMBOLIC = [c for c in CASES if any(map(is_float, c[1])) and c[0] not in PLAIN and c[2] is not BEAM]


@pytest.mark.parametrize(("name", "args", "kwargs"), SYMBOLIC, ids=map(label, SYMBOLIC))
def test_symbolic_tensors_get_the_shapes_and_dtypes_of_arrays(name, args, kwargs):
    symbols = [KerasTensor(a.shape, str(a.dtype)) if is_float(a) else a for a in args]
    out, expected = getattr(ops, name)(*symbols, **kwargs), getattr(ops, name)(*args, **kwargs)
    for y, e in zip(leaves(out), jax.tree.leaves(expected), strict=True):
        assert isinstance(y, KerasTensor)
        assert (y.shape, y.dtype) == (e.shape, e.dtype)


MISSING: set[str] = set()
HIDDEN = {"multi_hot", "layer_normalization"}  # Keras adds **kwargs for spellings of old


def test_every_op_of_keras_is_here_with_its_arguments():
    names = {n for n in dir(keras.ops) if n[0] != "_" and callable(getattr(keras.ops, n))}
    assert {n for n in names if not hasattr(ops, n)} == MISSING
    for name in sorted(names - MISSING - HIDDEN):
        ours, theirs = (list(inspect.signature(getattr(m, name)).parameters.values()) for m in (ops, keras.ops))
        assert [p.name for p in ours] == [p.name for p in theirs], name
        defaults = [None if p.default is p.empty else p.default for p in ours]
        assert defaults == [None if p.default is p.empty else p.default for p in theirs], name
