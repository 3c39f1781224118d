"""TensorFlow's table computes what XLA computes."""

import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from gazelle.engine.lowering import NotLowered, tensorflow
from gazelle.engine.lowering.keys import raw_key
from gazelle.engine.tensorflow import TensorFlow

_spec = importlib.util.spec_from_file_location("cases", Path(__file__).with_name("cases.py"))
cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)

rng = np.random.default_rng(1)
IMAGE, VOLUME, LINE = rng.normal(size=(2, 9, 8, 6)), rng.normal(size=(2, 5, 6, 5, 3)), rng.normal(size=(4, 9, 6))
MATRICES = rng.normal(size=(2, 4, 4))
SPECIAL = np.array([np.nan, 1, -1, np.inf, -np.inf, 0.0, -0.0], np.float32)


def _conv(layout="NHWC HWIO NHWC", **settings):
    how = {"window_strides": (1, 1), "padding": "SAME", **settings}

    def both(x, kernel):
        def run(x, kernel):
            return lax.conv_general_dilated(x, kernel, dimension_numbers=tuple(layout.split()), **how)

        return run(x, kernel), jax.grad(lambda x, k: jnp.mean(run(x, k) ** 2), (0, 1))(x, kernel)

    return both


def _pool(operation, start, sizes, strides, padding="SAME", **how):
    def both(x):
        def run(x):
            return lax.reduce_window(x, start, operation, sizes, strides, padding, **how)

        return run(x), jax.grad(lambda x: jnp.sum(run(x) ** 2))(x)

    return both


def _kernel(*shape):
    return np.random.default_rng(2).normal(size=shape)


MORE = {
    "strides": (_conv(window_strides=(2, 3), padding="VALID"), (IMAGE, _kernel(3, 2, 6, 4))),
    "uneven edges": (_conv(window_strides=(2, 2), padding=((1, 2), (0, 3))), (IMAGE, _kernel(3, 2, 6, 4))),
    "edges cut off": (_conv(padding=((-1, 2), (1, -2))), (IMAGE, _kernel(3, 2, 6, 4))),
    "spread kernel": (_conv(padding=((1, 0), (1, 1)), rhs_dilation=(2, 3)), (IMAGE, _kernel(3, 2, 6, 4))),
    "as a gradient": (_conv(padding=((1, 2), (1, 1)), lhs_dilation=(2, 2)), (IMAGE, _kernel(3, 2, 6, 4))),
    "no gradient": (
        _conv(padding=((4, 1), (1, 1)), lhs_dilation=(2, 3), window_strides=(2, 1)),
        (IMAGE, _kernel(3, 2, 6, 4)),
    ),
    "channels first": (_conv("NCHW OIHW NCHW"), (IMAGE.transpose(0, 3, 1, 2), _kernel(4, 6, 3, 2))),
    "odd layout": (_conv("CHWN IHWO HWNC"), (IMAGE.transpose(3, 1, 2, 0), _kernel(6, 3, 2, 4))),
    "depthwise": (_conv(feature_group_count=6, window_strides=(2, 2)), (IMAGE, _kernel(3, 3, 1, 12))),
    "depthwise uneven": (_conv(feature_group_count=6, window_strides=(1, 2)), (IMAGE, _kernel(3, 3, 1, 12))),
    "groups": (_conv(feature_group_count=3, rhs_dilation=(2, 2)), (IMAGE, _kernel(3, 3, 2, 6))),
    "one axis": (_conv("NHC HIO NHC", window_strides=(2,)), (LINE, _kernel(3, 6, 4))),
    "three axes": (_conv("NDHWC DHWIO NDHWC", window_strides=(2, 2, 2)), (VOLUME, _kernel(2, 3, 2, 3, 4))),
    "three spread": (
        _conv("NDHWC DHWIO NDHWC", window_strides=(1, 1, 1), rhs_dilation=(2, 1, 2), padding="VALID"),
        (VOLUME, _kernel(2, 3, 2, 3, 4)),
    ),
    "ties": (_pool(lax.max, -np.inf, (1, 3, 3, 1), (1, 2, 2, 1)), (np.round(IMAGE),)),
    "max of a line": (_pool(lax.max, -np.inf, (1, 3, 1), (1, 2, 1), "VALID"), (LINE,)),
    "max of a volume": (_pool(lax.max, -np.inf, (1, 2, 2, 2, 1), (1, 2, 2, 2, 1)), (VOLUME,)),
    "max of everything": (_pool(lax.max, -np.inf, (2, 2, 2, 2), (1, 1, 1, 1)), (IMAGE,)),
    "least": (_pool(lax.min, np.inf, (1, 2, 3, 1), (1, 2, 1, 1)), (IMAGE,)),
    "sum of channels": (_pool(lax.add, 0.0, (1, 1, 2, 2), (1, 1, 2, 1)), (IMAGE,)),
    "spread sum": (_pool(lax.add, 0.0, (1, 2, 3, 1), (1, 1, 1, 1), base_dilation=(1, 2, 1, 1)), (IMAGE,)),
    "every other": (_pool(lax.add, 0.0, (1, 1, 1, 1), (1, 2, 2, 1)), (IMAGE,)),
    "any function": (lambda a: lax.reduce_window(a, 1.0, lax.mul, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"), (IMAGE,)),
    "many axes": (
        lambda a: (
            a.reshape(3, 1, 4, 1, 1, 1) == a.reshape(1, 3, 1, 4, 1, 1),
            jnp.broadcast_to(a.reshape(3, 1, 1, 1, 4, 1), (3, 2, 1, 2, 4, 2)),
        ),
        (cases.x,),
    ),
    "not a number": (
        lambda a: (
            jnp.maximum(a, 0),
            jnp.sort(a),
            jnp.argmax(a),
            jnp.argmin(a),
            jnp.sign(a),
            a.max(),
            jnp.clip(a, -1, 1),
            lax.top_k(a, 3),
        ),
        (SPECIAL,),
    ),
    "booleans": (
        lambda a, b: (a & b, a ^ b, ~a, jnp.maximum(a, b), a < b, jnp.sort(a, 0), a.argmax(0), a.all(1)),
        (cases.flags, cases.flags[:, ::-1]),
    ),
    "half": (
        lambda a: (a @ a.T, jnp.sort(a, 0), a.sum(0), jnp.remainder(a, 2), -a, a.astype(np.float32)),
        (cases.whole.astype(jnp.bfloat16),),
    ),
    "small numbers": (
        lambda a: (a + a, a // 3, a % 3, a >> 1, -a, a.sum(), jnp.sort(a, 0), a @ a.T),
        (cases.whole.astype(np.int8),),
    ),
    "unsigned": (
        lambda a: (a // 3, a % 3, a.max(0), jnp.argsort(a), a > 7, lax.shift_right_arithmetic(a, a % 40)),
        (cases.words,),
    ),
    "shifts beyond": (lambda a: (a << 32, lax.shift_right_logical(a, 40), a >> 33), (cases.whole,)),
    "complex": (
        lambda a: (jnp.fft.fft(a).imag, jnp.fft.irfft(jnp.fft.rfft(a)), jnp.abs(1j * a + a), jnp.fft.ifft2(a).real),
        (cases.x,),
    ),
    "matrices": (
        lambda a: (
            jnp.linalg.inv(a),
            jnp.linalg.slogdet(a)[1],
            jnp.linalg.eigvalsh(a @ a.mT),
            jnp.abs(jnp.linalg.qr(a)[1]),
            jnp.linalg.svd(a, compute_uv=False),
        ),
        (MATRICES,),
    ),
    "cholesky": (jax.grad(lambda a: jnp.linalg.cholesky(a @ a.mT + 4 * jnp.eye(4)).sum()), (MATRICES,)),
    "special": (
        lambda a: (
            jax.scipy.special.gammainc(2.0, a),
            jax.scipy.special.betainc(1.0, 2.0, a),
            jax.scipy.special.zeta(2 + a, 1.0),
            jax.scipy.special.polygamma(1, a),
        ),
        (cases.above,),
    ),
    "precision": (lambda a: (lax.reduce_precision(a, 8, 7), lax.reduce_precision(a, 5, 10)), (cases.x,)),
    "many writes": (
        lambda a: (
            a.at[:, cases.places].set(7.0, mode="drop"),
            a.at[1:, :2].min(5.0),
            a.at[cases.places[0]].apply(jnp.sin),
        ),
        (cases.x,),
    ),
    "gamma": (lambda key: jax.random.gamma(key, np.float32([0.5, 2])), (jax.random.key(7),)),
    "keys in a loop": (
        lambda key: lax.scan(lambda k, _: (jax.random.split(k)[0], jax.random.bits(k)), key, None, 3)[1],
        (jax.random.key(7),),
    ),
}


def _as_traced(array):
    narrow = {"float64": np.float32, "int64": np.int32}
    return array.astype(narrow.get(str(array.dtype), array.dtype)) if isinstance(array, np.ndarray) else array


@pytest.mark.parametrize("name", [*cases.CASES, *MORE])
def test_operation(name):
    function, arrays = (cases.CASES | MORE)[name]
    arrays = [_as_traced(array) for array in arrays]
    got = TensorFlow().compile(function)(*arrays)
    for mine, xlas in zip(jax.tree.leaves(got), jax.tree.leaves(jax.jit(function)(*arrays)), strict=True):
        assert mine.dtype == xlas.dtype
        mine, xlas = (np.asarray(raw_key(one)) for one in (mine, xlas))
        if mine.dtype == jnp.bfloat16:
            mine, xlas = mine.astype(np.float32), xlas.astype(np.float32)
        np.testing.assert_allclose(mine, xlas, rtol=1e-2 if name == "half" else 2e-5, atol=1e-5)


def test_a_gap_says_why():
    def program(a):
        jax.experimental.io_callback(lambda v: None, None, a)
        return a

    with pytest.raises(NotLowered, match=r"'io_callback' has no rule for 'tensorflow': callbacks with side effects"):
        TensorFlow().compile(program)(cases.x)


def test_printing_is_left_out():
    def program(a):
        jax.debug.print("{}", a)
        return a * 2

    with pytest.warns(UserWarning, match=r"'debug_\w+' .* runs on XLA only and is left out"):
        out = TensorFlow().compile(program)(cases.x)
    np.testing.assert_array_equal(out, cases.x * 2)


def test_too_many_axes_of_a_convolution_are_told():
    said = "Axes of a convolution on TensorFlow: expected 1, 2 or 3, got 4 in the program"
    with pytest.raises(ValueError, match=said):
        TensorFlow().compile(lambda x: lax.conv(x, x, (1,) * 4, "SAME"))(np.ones((1, 1, 2, 2, 2, 2), np.float32))


def test_a_gap_is_no_rule():
    assert not set(tensorflow.RULES) & set(tensorflow.MISSING)
