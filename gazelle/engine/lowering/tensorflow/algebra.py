"""Rules of linear algebra and Fourier transforms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gazelle.engine.tensorflow_library import op, tf

if TYPE_CHECKING:
    from jax.lax import FftType

    from gazelle.core.types import Foreign
    from gazelle.engine.lowering.interpreter import Context


def cholesky(ctx: Context, x: Foreign, symmetrize_input: bool = False, **_: Any) -> Foreign:
    if symmetrize_input:
        x = (x + tf.linalg.adjoint(x)) / 2
    return op("Cholesky", input=x)


def triangular_solve(
    ctx: Context,
    a: Foreign,
    b: Foreign,
    left_side: bool,
    lower: bool,
    transpose_a: bool,
    conjugate_a: bool,
    unit_diagonal: bool,
    **_: Any,
) -> Foreign:
    """Solve a x = b, or x a = b by the transposed system."""
    if unit_diagonal:
        a = tf.linalg.set_diag(a, tf.ones(a.shape[:-1], a.dtype))
    if conjugate_a and not transpose_a:
        a = tf.math.conj(a)
    if left_side:
        turned = tf.linalg.adjoint(a) if conjugate_a and transpose_a else tf.linalg.matrix_transpose(a)
        a, lower = (turned, not lower) if transpose_a else (a, lower)
        return op("MatrixTriangularSolve", matrix=a, rhs=b, lower=lower)
    turned = a if transpose_a else tf.linalg.matrix_transpose(a)
    if conjugate_a and transpose_a:
        turned = tf.math.conj(turned)
    lower = lower if transpose_a else not lower
    return tf.linalg.matrix_transpose(
        op("MatrixTriangularSolve", matrix=turned, rhs=tf.linalg.matrix_transpose(b), lower=lower)
    )


def lu(ctx: Context, x: Foreign, **_: Any) -> list[Any]:
    """LU decomposition: the factors, the pivots, and the permutation."""
    out, order = op("Lu", input=x, output_idx_type=tf.int32)
    return [out, _exchanges(order), order]


def _exchanges(order: Any) -> Foreign:
    """LAPACK's pivots for a permutation: row i is exchanged with row pivots[i]."""
    size = int(order.shape[-1])
    left = tf.broadcast_to(tf.range(size), tf.shape(order))
    pivots = []
    for row in range(size):
        wanted = order[..., row : row + 1]
        found = tf.cast(tf.equal(left, wanted), tf.int32)
        place = tf.argmax(found, -1, output_type=tf.int32)[..., None]
        pivots.append(place)
        first = left[..., row : row + 1]
        left = tf.where(tf.equal(tf.range(size), place), first, left)
        left = tf.where(tf.equal(tf.range(size), row), wanted, left)
    return tf.concat(pivots, -1)


def fft(ctx: Context, x: Foreign, fft_type: FftType, fft_lengths: Sequence[int], **_: Any) -> Foreign:
    kind, rank = fft_type.name, len(fft_lengths)
    name = {"FFT": "FFT", "IFFT": "IFFT", "RFFT": "RFFT", "IRFFT": "IRFFT"}[kind] + (f"{rank}D" if rank > 1 else "")
    if kind in ("RFFT", "IRFFT"):
        out = tf.as_dtype(ctx.out_avals[0].dtype)
        extra = {"Tcomplex": out} if kind == "RFFT" else {"Treal": out}
        return op(name, input=x, fft_length=list(fft_lengths), **extra)
    return op(name, input=x)


def eigh(ctx: Context, x: Foreign, lower: bool, sort_eigenvalues: bool = True, **_: Any) -> list[Any]:
    x = x if lower else tf.linalg.adjoint(x)
    values, vectors = op("SelfAdjointEigV2", input=x, compute_v=True)
    return [vectors, values]


def qr(ctx: Context, x: Foreign, full_matrices: bool, **_: Any) -> list[Any]:
    return list(op("Qr", input=x, full_matrices=full_matrices))


def svd(ctx: Context, x: Foreign, full_matrices: bool, compute_uv: bool, **_: Any) -> list[Any]:
    values, u, v = op("Svd", input=x, compute_uv=compute_uv, full_matrices=full_matrices)
    return [values, u, tf.linalg.adjoint(v)] if compute_uv else [values]


RULES: dict[str, Callable[..., Any]] = {
    "cholesky": cholesky,
    "eigh": eigh,
    "fft": fft,
    "lu": lu,
    "qr": qr,
    "svd": svd,
    "triangular_solve": triangular_solve,
}
