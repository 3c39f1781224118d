"""Operations that every target has to compute like XLA: (name, function, arrays)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy import special

rng = np.random.default_rng(0)
x = rng.normal(size=(3, 4)).astype(np.float32)
unit = rng.uniform(-0.9, 0.9, size=(3, 4)).astype(np.float32)
above = np.abs(x) + 0.5
whole = rng.integers(-9, 9, size=(3, 4)).astype(np.int32)
words = rng.integers(0, 2**32, size=(3, 4), dtype=np.uint32)
flags = x > 0
image = rng.normal(size=(2, 7, 6, 4)).astype(np.float32)
kernel = rng.normal(size=(3, 2, 2, 4)).astype(np.float32)
odd = np.array([[-2.5, -0.5, 0.5], [1.5, np.inf, -0.0]], np.float32)
places = np.array([[0, 2], [1, -1]], np.int32)

_NUMBERS = (
    "abs acos acosh asin asinh atan atanh cbrt ceil cos cosh digamma erf erf_inv erfc exp exp2 expm1 floor lgamma log "
    "log1p logistic neg rsqrt sign sin sinh sqrt square tan tanh"
)
_DOMAIN = {"acosh": above + 1, "digamma": above, "lgamma": above, "log": above, "rsqrt": above, "sqrt": above}


def _conv(**settings):
    return lambda a, k: lax.conv_general_dilated(a, k, dimension_numbers=("NHWC", "HWIO", "NHWC"), **settings)


def _pool(a):
    return lax.reduce_window(a, -np.inf, lax.max, (1, 3, 2, 1), (1, 2, 1, 1), "SAME")


def _lstm(a, w):
    def step(carry, row):
        carry = jnp.tanh(carry @ w + row)
        return carry, carry * 2

    return lax.scan(step, jnp.zeros(4), a, reverse=True)


def _collatz(n):
    return lax.while_loop(
        lambda c: c[0] > 1, lambda c: (jnp.where(c[0] % 2 == 0, c[0] // 2, 3 * c[0] + 1), c[1] + 1), (n, 0)
    )


def _both(f, count=1):
    """The function and its gradient."""
    return lambda *a: (f(*a), jax.grad(lambda *a: (jnp.sin(f(*a))).sum(), tuple(range(count)))(*a))


CASES = {
    **{name: (getattr(lax, name), (_DOMAIN.get(name, unit),)) for name in _NUMBERS.split()},
    "rounding": (lambda a: (lax.round(a), jnp.round(a), jnp.isfinite(a)), (odd,)),
    "whole numbers": (lambda a, b: (lax.div(a, b), lax.rem(a, b), a // b, a % b, a & b, ~a, a | b), (whole, whole | 1)),
    "words": (lambda a: (a >> 3, a << 5, a * a, a + a, a ^ (a // 7), lax.population_count(a)), (words,)),
    "signed shifts": (lambda a: (a >> 2, a << 1, lax.shift_right_logical(a, 3)), (whole,)),
    "powers": (lambda a, b: (a**b, a**3, a**-2, jnp.atan2(a, b), lax.rem(a, b)), (above, unit)),
    "compare": (lambda a, b: (a < b, a >= b, a == b, jnp.maximum(a, b), jnp.where(a < b, a, b)), (x, unit)),
    "select": (lambda i, a: lax.select_n(jnp.clip(i, 0, 2), a, a * 2, a * 3), (whole, x)),
    "clamp": (lambda a: lax.clamp(np.float32(-0.2), a, np.float32(0.3)), (x,)),
    "convert": (lambda a, i: (a.astype(int), i.astype(bool), i.astype(jnp.float32), (a > 0).astype(int)), (x, whole)),
    "bytes": (lambda a: lax.bitcast_convert_type(a, jnp.uint32), (x,)),
    "shapes": (lambda a: (a.reshape(2, 6), a.T, a[::-1, 1:3], a[:, None], jnp.squeeze(a[:1]), a[::2, ::3]), (x,)),
    "pads": (lambda a: lax.pad(a, np.float32(2), ((1, 2, 1), (-1, -1, 0))), (x,)),
    "crop": (lambda a: lax.pad(a, np.float32(2), ((-1, 1, 2), (0, -9, 3))), (x,)),
    "join": (lambda a, b: (jnp.concatenate([a, b], 1), jnp.stack([a, b], 1), lax.split(a, (1, 3), 1)), (x, unit)),
    "iota": (lambda a: a + lax.broadcasted_iota(jnp.float32, (3, 4), 1), (x,)),
    "sums": (lambda a: (a.sum(), a.sum(0), a.max(1), a.min((0, 1)), a.prod(1), a.argmax(1), a.argmin(0)), (x,)),
    "any": (lambda a: (a.any(1), a.all(0), a.sum(), jnp.bitwise_xor.reduce(a.astype(int), axis=0)), (flags,)),
    "running": (lambda a: (lax.cumsum(a, 1), lax.cumprod(a, 0, True), lax.cummax(a, 1), lax.cumlogsumexp(a, 0)), (x,)),
    "sort": (lambda a, b: (jnp.sort(a, 0), jnp.argsort(a), *lax.sort((a, b), num_keys=1), lax.top_k(b, 2)), (whole, x)),
    "two keys": (lambda a, b: lax.sort((a % 2, b, a), dimension=1, num_keys=2), (whole, x)),
    "products": (lambda a, b: (a @ b.T, jnp.einsum("ij,ij->i", a, b), jnp.einsum("ij,kj->ijk", a, b)), (x, unit)),
    "batched": (lambda a: jnp.einsum("bxyc,bzyd->bzxcd", a, a), (image,)),
    "take": (_both(lambda a: a[places]), (x,)),
    "take outside": (_both(lambda a: a.at[:, places * 3].get(mode="clip")), (x,)),
    "fill outside": (lambda a: a.at[places * 3].get(mode="fill", fill_value=7), (x,)),
    "take along": (_both(lambda a: jnp.take_along_axis(a, jnp.ones((3, 2), int), 1)), (x,)),
    "take whole": (
        lambda a: lax.gather(a, jnp.zeros((2, 0), int), lax.GatherDimensionNumbers((0, 2), (), ()), (3, 4)),
        (x,),
    ),
    "put": (lambda a: (a.at[1].set(5), a.at[places].add(2), a.at[places * 3].set(9), a.at[:, 1].multiply(3)), (x,)),
    "put whole": (
        lambda a: lax.scatter(a, jnp.zeros((0,), int), a * 2, lax.ScatterDimensionNumbers((0, 1), (), ())),
        (x,),
    ),
    "callback": (
        lambda a: jax.pure_callback(lambda a: np.sin(a) + 1, jax.ShapeDtypeStruct((3, 4), np.float32), a),
        (x,),
    ),
    "best put": (lambda a: (a.at[places].max(0.1), a.at[places * 3].min(-0.1)), (x,)),
    "window": (_both(lambda a, i: lax.dynamic_slice(a, (i, 1), (2, 2))), (x, np.int32(2))),
    "write": (lambda a, i: lax.dynamic_update_slice(a, a[:2, :2] * 2, (i, 1)), (x, np.int32(2))),
    "convolution": (_both(_conv(window_strides=(2, 1), padding="SAME", feature_group_count=2), 2), (image, kernel)),
    "dilated": (
        _conv(window_strides=(1, 1), padding="VALID", rhs_dilation=(2, 3), feature_group_count=2),
        (image, kernel),
    ),
    "transposed": (
        _conv(window_strides=(1, 1), padding=((2, 2), (1, 1)), lhs_dilation=(2, 2), feature_group_count=2),
        (image, kernel),
    ),
    "max pool": (_both(_pool), (image,)),
    "sum pool": (_both(lambda a: lax.reduce_window(a, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")), (image,)),
    "pool forward": (lambda a: jax.jvp(_pool, (a,), (a * 2,)), (image,)),
    "scan": (_both(lambda a, w: _lstm(a, w)[1], 2), (x, np.eye(4, dtype=np.float32))),
    "while": (_collatz, (np.int32(27),)),
    "branches": (lambda i, a: lax.switch(i, [jnp.sin, jnp.cos, lambda a: a * 2], a), (np.int32(5), x)),
    "random": (
        lambda key: (
            jax.random.normal(key, (3, 5)),
            jax.random.bits(jax.random.split(key, 3)[1], (7,)),
            jax.random.randint(jax.random.fold_in(key, 7), (4,), 0, 9),
        ),
        (jax.random.key(3),),
    ),
    "permutation": (lambda key: jax.random.permutation(key, 9), (jax.random.key(3),)),
    "decompositions": (
        lambda a: (
            jnp.linalg.cholesky(a @ a.T + jnp.eye(3)),
            jnp.linalg.qr(a),
            jnp.linalg.eigvalsh(a @ a.T),
            jnp.linalg.svd(a, compute_uv=False),
            jnp.linalg.inv(a[:, :3]),
        ),
        (x,),
    ),
    "solve": (lambda a: jax.scipy.linalg.solve_triangular(a @ a.T, a, trans=1, lower=True), (x,)),
    "waves": (lambda a: (jnp.abs(jnp.fft.fft(a)), jnp.fft.irfft(jnp.fft.rfft(a)), jnp.fft.fft2(a).real), (x,)),
    "special": (
        lambda a: (
            special.i0e(a),
            special.i1e(a),
            special.betainc(a, a + 1, a / 9),
            special.gammainc(a, a),
            special.polygamma(1, a),
        ),
        (above,),
    ),
    "remat": (_both(jax.checkpoint(lambda a: jnp.sin(a * a))), (x,)),
}
