"""tf.linalg: products, norms and factorizations of matrices."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.arithmetic import root
from gazelle.compat.backend.gradients import norm_of
from gazelle.compat.tensorflow.calls import call
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.names import NAMES, named, op, space
from gazelle.compat.tensorflow.ops.arrays import convert
from gazelle.compat.types import AxisLike, DTypeLike, Nested, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message


@op("matmul", "linalg.matmul")
@ignores("a_is_sparse@6 b_is_sparse@7 grad_a grad_b")
def matmul(
    a: TensorLike,
    b: TensorLike,
    transpose_a: bool = False,
    transpose_b: bool = False,
    adjoint_a: bool = False,
    adjoint_b: bool = False,
    output_type: DTypeLike = None,
) -> TensorResult:
    xp = space(a, b)
    a, b = xp.asarray(a), xp.asarray(b)
    a = xp.swapaxes(a, -1, -2) if transpose_a or adjoint_a else a
    b = xp.swapaxes(b, -1, -2) if transpose_b or adjoint_b else b
    a, b = xp.conj(a) if adjoint_a else a, xp.conj(b) if adjoint_b else b
    out = xp.matmul(a, b)
    return out if output_type is None else out.astype(name_of(output_type))


@op("linalg.matvec")
@ignores("a_is_sparse b_is_sparse")
def matvec(a: TensorLike, b: TensorLike, transpose_a: bool = False, adjoint_a: bool = False) -> TensorResult:
    a = space(a).conj(a) if adjoint_a else a
    return space(a, b).einsum("...ji,...j->...i" if transpose_a or adjoint_a else "...ij,...j->...i", a, b)


op("einsum", "linalg.einsum")(
    lambda equation, *inputs, optimize="greedy", name=None: space(inputs).einsum(equation, *inputs, optimize=optimize)
)


@named("clip_by_norm")
def clip_by_norm(t: TensorLike, clip_norm: TensorLike, axes: AxisLike = None) -> TensorResult:
    """`tf.clip_by_norm`: a tensor whose norm over `axes` is at most `clip_norm`."""
    return _shortened(t, norm_of(t) if axes is None else t, clip_norm, axes)


@op(host=False, static=("axes",))
def _shortened(t: TensorLike, of_norm: TensorLike, clip_norm: TensorLike, axes: AxisLike = None) -> TensorResult:
    size, clip_norm = jnp.sqrt(jnp.sum(jnp.square(of_norm), axis=axes, keepdims=True)), jnp.asarray(clip_norm)
    return t * clip_norm / jnp.maximum(size, clip_norm)


@named("linalg.global_norm")
def global_norm(t_list: Nested[TensorLike]) -> TensorResult:
    """`tf.global_norm`: the norm of all elements of tensors; None has none."""
    return _norm_of_all([norm_of(t) for t in t_list if t is not None])


_norm_of_all = op(host=False)(lambda tensors: jnp.sqrt(sum(jnp.sum(jnp.square(jnp.asarray(t))) for t in tensors)))


@named("clip_by_global_norm")
def clip_by_global_norm(t_list: Nested[TensorLike], clip_norm: TensorLike, use_norm: TensorLike = None) -> TensorResult:
    """`tf.clip_by_global_norm`: (clipped, norm)."""
    norm = global_norm(list(t_list)) if use_norm is None else convert(use_norm)
    return call(_scaled, (list(t_list), norm, clip_norm), {}), norm


def _scaled(tensors: Any, norm: Any, most: Any) -> Any:
    scale = jnp.where(jnp.isfinite(norm), most / jnp.maximum(norm, most), jnp.nan)  # shows gradients that overflow
    return [None if t is None else jnp.asarray(t) * scale for t in tensors]


def _norm(tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool = False) -> Any:
    """The norm over `axis`; without one that of all elements as a vector."""
    xp, order = space(tensor), None if ord == "euclidean" else ord
    if order is None and xp is jnp:
        squares = jnp.sum(jnp.real(tensor * jnp.conj(tensor)), axis=axis, keepdims=bool(keepdims))
        return root(squares).astype(tensor.dtype)
    if axis is not None:
        return xp.linalg.norm(tensor, order, axis=axis, keepdims=keepdims).astype(tensor.dtype)
    size = xp.linalg.norm(xp.reshape(tensor, (-1,)), order).astype(tensor.dtype)
    return xp.reshape(size, (1,) * xp.ndim(tensor)) if keepdims else size


op("norm", "linalg.norm", static=("axis",))(_norm)


@op("linalg.triangular_solve", host=False)
def triangular_solve(matrix: TensorLike, rhs: TensorLike, lower: bool = True, adjoint: bool = False) -> TensorResult:
    return jax.scipy.linalg.solve_triangular(matrix, rhs, lower=lower, trans=2 if adjoint else 0)


def _from_lower(matrix: Any) -> Any:
    """The symmetric matrix with this lower triangle, the only part that TensorFlow reads."""
    return jnp.tril(matrix) + jnp.swapaxes(jnp.tril(matrix, -1), -1, -2)


@op("linalg.cholesky", host=False)
def cholesky(input: TensorLike) -> TensorResult:
    """`tf.linalg.cholesky`: of the lower triangle; its gradient is symmetric."""
    matrix = jnp.asarray(input)
    both = (matrix + jnp.swapaxes(matrix, -1, -2)) / 2
    return jnp.linalg.cholesky(jax.lax.stop_gradient(_from_lower(matrix) - both) + both)


op("linalg.eigh", host=False)(lambda tensor: tuple(jnp.linalg.eigh(_from_lower(jnp.asarray(tensor)))))
op("linalg.eigvalsh", host=False)(lambda tensor: jnp.linalg.eigvalsh(_from_lower(jnp.asarray(tensor))))
op("linalg.logdet", host=False)(
    lambda matrix: 2 * jnp.sum(jnp.log(jnp.diagonal(cholesky(matrix), axis1=-2, axis2=-1)), -1)
)


@op("linalg.normalize", static=("axis",), host=False)
def normalize(tensor: TensorLike, ord: str | int | float = "euclidean", axis: AxisLike = None) -> TensorResult:
    size = _norm(jnp.asarray(tensor), ord, axis, True)
    return tensor / size, size


@op("linalg.lstsq", host=False)
@ignores("fast")
def lstsq(matrix: TensorLike, rhs: TensorLike, l2_regularizer: TensorLike = 0.0) -> TensorResult:
    matrix = jnp.asarray(matrix)
    (rows, columns), adjoint = matrix.shape[-2:], _adjoint(matrix, True)
    if rows < columns:  # of all solutions the smallest
        square = matrix @ adjoint + l2_regularizer * jnp.eye(rows)
        return adjoint @ jnp.linalg.solve(square, jnp.asarray(rhs))
    square = adjoint @ matrix + l2_regularizer * jnp.eye(columns)
    return jnp.linalg.solve(square, adjoint @ rhs)


def _adjoint(matrix: Any, wanted: bool) -> Any:
    matrix = jnp.asarray(matrix)
    return jnp.conj(matrix.mT) if wanted else matrix


@op("linalg.inv", host=False)
def inv(input: TensorLike, adjoint: bool = False) -> TensorResult:
    return jnp.linalg.inv(_adjoint(input, adjoint))


@op("linalg.solve", host=False)
def solve(matrix: TensorLike, rhs: TensorLike, adjoint: bool = False) -> TensorResult:
    return jnp.linalg.solve(_adjoint(matrix, adjoint), jnp.asarray(rhs))


@op("linalg.qr", host=False)
def qr(input: TensorLike, full_matrices: bool = False) -> TensorResult:
    return tuple(jnp.linalg.qr(input, mode="complete" if full_matrices else "reduced"))


@op("linalg.svd", host=False)
def svd(tensor: TensorLike, full_matrices: bool = False, compute_uv: bool = True) -> TensorResult:
    if not compute_uv:
        return jnp.linalg.svd(tensor, full_matrices=full_matrices, compute_uv=False)
    u, s, vt = jnp.linalg.svd(tensor, full_matrices=full_matrices)
    return s, u, jnp.swapaxes(vt, -1, -2)


def _band(k: Any, sizes: Any, align: str) -> tuple[Any, Any, Any]:
    """(rows, columns, whether they exist) of the elements of the diagonals k, or from the upper to the lower k."""
    rows, columns = sizes
    low, high = (int(n) for n in (k if isinstance(k, tuple) else (k, k)))
    offsets = np.arange(high, low - 1, -1)[:, None]
    first_row, first_column = np.maximum(-offsets, 0), np.maximum(offsets, 0)
    lengths = np.minimum(rows - first_row, columns - first_column)
    above, below = (side == "LEFT" for side in align.split("_"))
    is_left = ((offsets >= 0) & above) | ((offsets <= 0) & below)
    steps = np.arange(lengths.max()) - np.where(is_left, 0, lengths.max() - lengths)
    exist = (steps >= 0) & (steps < lengths)
    row, column = ((first + steps).clip(0) * exist for first in (first_row, first_column))
    return (row, column, exist) if low < high else (row[0], column[0], exist[0])


@op("linalg.diag_part", static=("k",), host=False)
def diag_part(
    input: TensorLike, k: TensorLike = 0, padding_value: TensorLike = 0, align: str = "RIGHT_LEFT"
) -> TensorResult:
    row, column, exist = _band(k, input.shape[-2:], align)
    return jnp.where(exist, jnp.asarray(input)[..., row, column], jnp.asarray(padding_value, input.dtype))


@op("linalg.set_diag", static=("k",), host=False)
def set_diag(input: TensorLike, diagonal: TensorLike, k: TensorLike = 0, align: str = "RIGHT_LEFT") -> TensorResult:
    row, column, exist = _band(k, input.shape[-2:], align)
    return jnp.asarray(input).at[..., row[exist], column[exist]].set(jnp.asarray(diagonal)[..., exist])


@op("linalg.diag", static=("k", "num_rows", "num_cols", "padding_value"), host=False)
def diag(
    diagonal: TensorLike,
    k: TensorLike = 0,
    num_rows: TensorLike = -1,
    num_cols: TensorLike = -1,
    padding_value: TensorLike = 0,
    align: str = "RIGHT_LEFT",
) -> TensorResult:
    low, high = k if isinstance(k, tuple) else (k, k)
    diagonal = jnp.asarray(diagonal)
    least = (diagonal.shape[-1] + max(-int(high), 0), diagonal.shape[-1] + max(int(low), 0))
    rows, columns = (low if n == -1 else int(n) for n, low in zip((num_rows, num_cols), least, strict=True))
    if num_rows == num_cols == -1:
        rows = columns = max(least)
    elif rows < least[0] or columns < least[1] or (rows > least[0] and columns > least[1]):
        expected = f"num_rows={least[0]} or num_cols={least[1]}, and the other one at least that of these"
        raise ArgumentError(message("tf.linalg.diag", expected=expected, got=f"{rows} and {columns}"))
    outer = diagonal.shape[: -1 if low == high else -2]
    matrix = jnp.full((*outer, rows, columns), padding_value, diagonal.dtype)
    row, column, exist = _band(k, (rows, columns), align)
    return matrix.at[..., row[exist], column[exist]].set(diagonal[..., exist])


# the second versions of these operations align all diagonals left
for _name, _public in (("Diag", "diag"), ("DiagPart", "diag_part"), ("SetDiag", "set_diag")):
    named(f"raw_ops.Matrix{_name}V2")(functools.partial(NAMES[f"linalg.{_public}"], align="LEFT_LEFT"))


@op("linalg.tensor_diag")
def tensor_diag(diagonal: TensorLike) -> TensorResult:
    return space(diagonal).diag(diagonal.reshape(-1)).reshape(diagonal.shape * 2)


@op("linalg.tensor_diag_part")
def tensor_diag_part(input: TensorLike) -> TensorResult:
    shape = input.shape[: input.ndim // 2]
    return input.reshape(int(np.prod(shape)), -1).diagonal().reshape(shape)


@op("linalg.band_part", static=("num_lower", "num_upper"))
def band_part(input: TensorLike, num_lower: TensorLike, num_upper: TensorLike) -> TensorResult:
    rows, columns = np.ogrid[: input.shape[-2], : input.shape[-1]]
    lower = num_lower < 0 or (rows - columns) <= num_lower
    upper = num_upper < 0 or (columns - rows) <= num_upper
    return input * np.broadcast_to(np.asarray(lower) & np.asarray(upper), input.shape[-2:]).astype(str(input.dtype))


@op("linalg.sqrtm", "matrix_square_root", host=False)
def sqrtm(input: TensorLike) -> TensorResult:
    root = jax.scipy.linalg.sqrtm(input)
    return root if jnp.iscomplexobj(input) else root.real


op("linalg.adjoint", host=False)(lambda matrix: _adjoint(matrix, True))
op("linalg.matrix_transpose", host=False)(
    lambda a, conjugate=False: jnp.conj(jnp.asarray(a).mT) if conjugate else jnp.asarray(a).mT
)
op("linalg.cholesky_solve", host=False)(lambda chol, rhs: jax.scipy.linalg.cho_solve((chol, True), rhs))


@op("linalg.tridiagonal_solve", host=False)
@ignores("partial_pivoting perturb_singular")
def tridiagonal_solve(
    diagonals: TensorLike,
    rhs: TensorLike,
    diagonals_format: str = "compact",
    transpose_rhs: bool = False,
    conjugate_rhs: bool = False,
) -> TensorResult:
    upper, main, lower = _diagonals(diagonals, diagonals_format)
    rhs = jnp.conj(rhs) if conjugate_rhs else jnp.asarray(rhs)
    if rhs.ndim == main.ndim:  # one vector
        return jax.lax.linalg.tridiagonal_solve(lower, main, upper, rhs[..., None])[..., 0]
    return jax.lax.linalg.tridiagonal_solve(lower, main, upper, jnp.swapaxes(rhs, -1, -2) if transpose_rhs else rhs)


@op("linalg.tridiagonal_matmul", host=False)
def tridiagonal_matmul(diagonals: TensorLike, rhs: TensorLike, diagonals_format: str = "compact") -> TensorResult:
    upper, main, lower = (diagonal[..., None] for diagonal in _diagonals(diagonals, diagonals_format))
    rhs = jnp.asarray(rhs)
    edges = [(0, 0)] * (rhs.ndim - 2)
    before, after = (jnp.pad(rhs, [*edges, edge, (0, 0)]) for edge in ((1, 0), (0, 1)))
    return main * rhs + lower * before[..., :-1, :] + upper * after[..., 1:, :]


def _diagonals(diagonals: Any, form: str) -> list[Any]:
    """The upper, the main and the lower diagonal, in the length of the main one."""
    if form == "matrix":
        diagonals = [jnp.diagonal(jnp.asarray(diagonals), offset, -2, -1) for offset in (1, 0, -1)]
    elif form == "compact":
        diagonals = jnp.moveaxis(jnp.asarray(diagonals), -2, 0)
    upper, main, lower = map(jnp.asarray, diagonals)
    edges, missing = [(0, 0)] * (main.ndim - 1), main.shape[-1] - upper.shape[-1]
    return [jnp.pad(upper, [*edges, (0, missing)]), main, jnp.pad(lower, [*edges, (missing, 0)])]


@op("linalg.eigh_tridiagonal", host=False)
@ignores("select='a' select_range tol")
def eigh_tridiagonal(alpha: TensorLike, beta: TensorLike, eigvals_only: bool = True) -> TensorResult:
    alpha, beta = jnp.asarray(alpha), jnp.asarray(beta)
    matrix = jnp.diag(alpha) + jnp.diag(beta, 1) + jnp.diag(jnp.conj(beta), -1)
    return jnp.linalg.eigvalsh(matrix) if eigvals_only else tuple(jnp.linalg.eigh(matrix))


@op("compat.v1.clip_by_average_norm", "clip_by_average_norm", host=False)
def clip_by_average_norm(t: TensorLike, clip_norm: TensorLike) -> TensorResult:
    return t * clip_norm / jnp.maximum(jnp.sqrt(jnp.sum(jnp.square(t))) / t.size, clip_norm)


@op("linalg.lu", host=False)
@ignores("output_idx_type='int32'")
def lu(input: TensorLike) -> TensorResult:
    factors, _, permutation = jax.lax.linalg.lu(input)
    return factors, permutation


def _permuted_product(lower_upper: Any, perm: Any) -> Any:
    """The matrix with these factors."""
    upper, lower = jnp.triu(lower_upper), jnp.tril(lower_upper, -1) + jnp.eye(lower_upper.shape[-1])
    order = jnp.argsort(jnp.asarray(perm), -1)
    return jnp.take_along_axis(lower @ upper, order[..., None], -2)


op("linalg.lu_reconstruct", host=False)(ignores("validate_args")(_permuted_product))
op("linalg.lu_solve", host=False)(
    ignores("validate_args")(lambda lower_upper, perm, rhs: jnp.linalg.solve(_permuted_product(lower_upper, perm), rhs))
)
op("linalg.lu_matrix_inverse", host=False)(
    ignores("validate_args")(lambda lower_upper, perm: jnp.linalg.inv(_permuted_product(lower_upper, perm)))
)
