"""Special functions, decompositions and transforms of tf.math, tf.linalg and tf.signal, and tf.experimental.numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as special
import numpy as np

from gazelle.compat.tensorflow.calls import call
from gazelle.compat.tensorflow.names import NAMES, named, op
from gazelle.compat.tensorflow.recording import unboxed
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import TensorLike, TensorResult

op("math.erfcinv", host=False)(lambda x: special.erfinv(1 - x))
op("math.xdivy", host=False)(lambda x, y: jnp.where(x == 0, 0, x / jnp.where(x == 0, 1, y)))
op("math.scalar_mul", "scalar_mul", host=False)(lambda scalar, x: scalar * x)
op("math.reciprocal_no_nan", host=False)(lambda x: jnp.where(x == 0, 0, 1 / jnp.where(x == 0, 1, x)))
op("math.is_non_decreasing", host=False)(lambda x: jnp.all(jnp.diff(jnp.ravel(x)) >= 0))
op("math.is_strictly_increasing", host=False)(lambda x: jnp.all(jnp.diff(jnp.ravel(x)) > 0))
op("math.lbeta", host=False)(lambda x: jnp.sum(special.gammaln(x), -1) - special.gammaln(jnp.sum(x, -1)))
op("truncatediv", host=False)(lambda x, y: jnp.trunc(x / y).astype(x.dtype))


@op("math.cumulative_logsumexp", host=False, static=("axis",))
def cumulative_logsumexp(x: TensorLike, axis: int = 0) -> TensorResult:
    return jax.lax.cumlogsumexp(x, axis % x.ndim)


op("linalg.adjoint", host=False)(lambda matrix: jnp.conj(jnp.swapaxes(matrix, -1, -2)))
op("linalg.cholesky_solve", host=False)(lambda chol, rhs: jax.scipy.linalg.cho_solve((chol, True), rhs))
op("linalg.tridiagonal_solve", host=False)(
    lambda diagonals, rhs, **_: jax.lax.linalg.tridiagonal_solve(*_diagonals(diagonals), rhs)
)


def _diagonals(diagonals: Any) -> Any:
    """(lower, main, upper) diagonals from rows (upper, main, lower)."""
    upper, main, lower = (diagonals[..., i, :] for i in range(3))
    return lower, main, upper


@op("linalg.lu", host=False)
def lu(input: TensorLike) -> TensorResult:
    factors, _, permutation = jax.lax.linalg.lu(input)
    return factors, permutation


for _name in ("fft3d", "ifft3d"):
    _function = getattr(jnp.fft, f"{_name[:-2]}n")
    op(f"signal.{_name}", _name, host=False)(lambda input, f=_function: f(input, axes=(-3, -2, -1)))


@op("signal.dct", host=False)
def dct(
    input: TensorLike, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None
) -> TensorResult:
    return jax.scipy.fft.dct(input, type, n, axis, norm)


@op("signal.idct", host=False)
def idct(
    input: TensorLike, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None
) -> TensorResult:
    return jax.scipy.fft.idct(input, type, n, axis, norm) * (1 if norm == "ortho" else 2 * input.shape[axis])


@op("signal.overlap_and_add", static=("frame_step",), host=False)
def overlap_and_add(signal: TensorLike, frame_step: int) -> TensorResult:
    count, length = signal.shape[-2:]
    indices = np.arange(count)[:, None] * frame_step + np.arange(length)
    out = jnp.zeros((*signal.shape[:-2], (count - 1) * frame_step + length), signal.dtype)
    return out.at[..., indices].add(signal)


def inverse_stft_window_fn(frame_step: int, forward_window_fn: Any = None) -> Callable[..., Any]:
    """`tf.signal.inverse_stft_window_fn`: the window with which the inverse gives the signal back."""
    forward = NAMES["signal.hann_window"] if forward_window_fn is None else forward_window_fn

    def window(frame_length: int, dtype: Any = "float32") -> Tensor:
        values = np.asarray(unboxed(forward(frame_length, dtype=dtype)))
        padded = np.pad(values**2, (0, -len(values) % frame_step)).reshape(-1, frame_step)
        total = np.tile(padded.sum(0), len(padded))[: len(values)]
        return Tensor((values / total).astype(values.dtype))

    return window


named("signal.inverse_stft_window_fn")(inverse_stft_window_fn)


@named("signal.inverse_stft")
def inverse_stft(
    stfts: TensorLike,
    frame_length: TensorLike,
    frame_step: TensorLike,
    fft_length: TensorLike = None,
    window_fn: Any = "hann",
) -> TensorResult:
    """`tf.signal.inverse_stft`: the windowed frames, added where they overlap."""
    length, step = int(frame_length), int(frame_step)
    size = 1 << (length - 1).bit_length() if fft_length is None else int(fft_length)
    window = NAMES["signal.hann_window"] if isinstance(window_fn, str) else window_fn
    values = 1.0 if window is None else unboxed(window(length, dtype="float32"))

    return overlap_and_add(call(_frames_of, (stfts, size, length, values), {}), step)


def _frames_of(spectra: Any, size: int, length: int, window: Any) -> Any:
    frames = jnp.fft.irfft(spectra, size)[..., :length]
    return jnp.pad(frames, [(0, 0)] * (frames.ndim - 1) + [(0, length - frames.shape[-1])]) * window


def numpy_function(name: str) -> Any:
    """`tf.experimental.numpy.NAME`: the function of NumPy on tensors; None if there is none."""
    target = getattr(jnp, name, None)
    if not callable(target) or isinstance(target, type) or hasattr(target, "dtype"):
        return target if target is not None else getattr(np, name, None)

    def called(*args: Any, **kwargs: Any) -> Any:
        return call(target, args, kwargs)

    return called
