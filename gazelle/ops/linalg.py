"""Linear algebra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.module_names import public_names
from gazelle.core.types import Array, ArrayLike, AxisLike
from gazelle.ops.base import op
from gazelle.ops.core import jvp as jvp
from gazelle.ops.max_min import euclidean_norm

__all__ = [
    "cholesky",
    "cholesky_inverse",
    "det",
    "eig",
    "eigh",
    "inv",
    "logdet",
    "lstsq",
    "lu_factor",
    "matrix_rank",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
]


@op
def norm(x: ArrayLike, ord: int | float | str | None = None, axis: AxisLike = None, keepdims: bool = False) -> Array:
    """Compute the norm of vectors or matrices.

    Args:
        x: Array of any shape.
        ord: Order of the norm as in `numpy.linalg.norm`; None is the Euclidean (Frobenius) norm.
        axis: Axis of the vectors, or the two axes of the matrices; None takes the whole array.
        keepdims: Whether reduced axes stay, with size 1.

    Returns:
        An array without those axes.

    Example:
        >>> print(gazelle.ops.norm([3.0, 4.0]))
        5.0
    """
    axis = tuple(axis) if isinstance(axis, list) else axis
    return euclidean_norm(x, axis, keepdims) if ord is None else jnp.linalg.norm(x, ord, axis, keepdims)


@op
def qr(x: ArrayLike, mode: str = "reduced") -> tuple[Array, Array]:
    """Compute the QR decomposition:  x = q r,  q with orthonormal columns, r upper triangular.

    Args:
        x: Array (..., n, m).
        mode: 'reduced' (q has min(n, m) columns) or 'complete' (q is square).

    Returns:
        q and r.

    Raises:
        ArgumentError: If `mode` is another name.
    """
    if mode not in ("reduced", "complete"):
        raise ArgumentError(message("qr's mode", expected="'reduced' or 'complete'", got=repr(mode)))
    return tuple(jnp.linalg.qr(x, mode))


@op
def svd(x: ArrayLike, full_matrices: bool = True, compute_uv: bool = True) -> Array | tuple[Array, Array, Array]:
    """Compute the singular value decomposition:  x = u diag(s) vh.

    Args:
        x: Array (..., n, m).
        full_matrices: Whether u and vh are square.
        compute_uv: Whether to return u and vh too.

    Returns:
        u, s and vh, with s in descending order; s only without `compute_uv`.
    """
    out = jnp.linalg.svd(x, full_matrices, compute_uv)
    return tuple(out) if compute_uv else out


@op
def inv(x: ArrayLike) -> Array:
    """Compute the inverse of square matrices.

    Args:
        x: Array (..., n, n).

    Returns:
        An array of the shape of `x`.

    Example:
        >>> print(gazelle.ops.inv([[2.0, 0.0], [0.0, 4.0]]))
        [[0.5  0.  ]
         [0.   0.25]]
    """
    return jnp.linalg.inv(x)


@op
def pinv(x: ArrayLike, rcond: ArrayLike | None = None) -> Array:
    """Compute the Moore-Penrose pseudoinverse.

    Args:
        x: Array (..., n, m).
        rcond: Singular values below `rcond` times the largest one count as 0; None is a multiple of the precision.

    Returns:
        An array (..., m, n).

    Raises:
        ShapeError: If `x` is no matrix.
    """
    return jnp.linalg.pinv(_matrix("pinv", x), rcond)


@op
def det(x: ArrayLike) -> Array:
    """Compute the determinant of square matrices.

    Args:
        x: Array (..., n, n).

    Returns:
        An array (...).

    Example:
        >>> print(gazelle.ops.det([[2.0, 0.0], [0.0, 4.0]]))
        8.0
    """
    return jnp.linalg.det(x)


@op
def slogdet(x: ArrayLike) -> tuple[Array, Array]:
    """Compute the sign and the logarithm of the absolute value of the determinant.

    Args:
        x: Array (..., n, n).

    Returns:
        Sign and logarithm, both (...).
    """
    return tuple(jnp.linalg.slogdet(x))


@op
def logdet(x: ArrayLike) -> Array:
    """Compute the logarithm of the determinant of positive definite matrices.

    Args:
        x: Array (..., n, n).

    Returns:
        An array (...).
    """
    return jnp.linalg.slogdet(x)[1]


@op
def solve(a: ArrayLike, b: ArrayLike) -> Array:
    """Solve linear equations:  a x = b.

    Args:
        a: Array (..., n, n).
        b: Array (..., n) or (..., n, m).

    Returns:
        x, of the shape of `b`.

    Example:
        >>> print(gazelle.ops.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0]))
        [1.  0.5]
    """
    vectors = b.ndim == a.ndim - 1
    solution = jnp.linalg.solve(a, b[..., None] if vectors else b)
    return solution[..., 0] if vectors else solution


@op
def solve_triangular(a: ArrayLike, b: ArrayLike, lower: bool = False) -> Array:
    """Solve linear equations with a triangular matrix:  a x = b.

    Args:
        a: Array (..., n, n).
        b: Array (..., n) or (..., n, m).
        lower: Whether `a` is lower triangular.

    Returns:
        x, of the shape of `b`.
    """
    vectors = b.ndim == a.ndim - 1
    solution = jax.scipy.linalg.solve_triangular(a, b[..., None] if vectors else b, lower=lower)
    return solution[..., 0] if vectors else solution


@op
def lstsq(a: ArrayLike, b: ArrayLike, rcond: float | None = None) -> Array:
    """Solve linear equations in the least-squares sense:  minimize |a x - b|.

    Args:
        a: Array (n, m).
        b: Array (n,) or (n, k).
        rcond: Singular values below `rcond` times the largest one count as 0; None is a multiple of the precision.

    Returns:
        x, of shape (m,) or (m, k).
    """
    return jnp.linalg.lstsq(a, b, rcond)[0]


@op
def cholesky(x: ArrayLike, upper: bool = False) -> Array:
    """Compute the Cholesky decomposition of positive definite matrices:  x = l lᵀ,  l lower triangular.

    Inside a compiled step the result for another matrix is NaN instead of an error.

    Args:
        x: Array (..., n, n).
        upper: Whether to return the upper triangular u with x = uᵀ u.

    Returns:
        An array of the shape of `x`.

    Raises:
        ArgumentError: If `x` is not positive definite.
    """
    out = jnp.linalg.cholesky(x, upper=upper)
    if not isinstance(out, jax.core.Tracer) and bool(jnp.any(jnp.isnan(out))):
        raise ArgumentError(message("cholesky", expected="a positive definite matrix", got="one that is not"))
    return out


@op
def cholesky_inverse(x: ArrayLike, upper: bool = False) -> Array:
    """Compute the inverse of a matrix from its Cholesky factor.

    Args:
        x: Cholesky factor (..., n, n).
        upper: Whether the factor is upper triangular.

    Returns:
        An array (..., n, n).
    """
    ones = jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), x.shape)
    inverse = jax.scipy.linalg.solve_triangular(x, ones, lower=not upper)
    transposed = jnp.swapaxes(inverse, -1, -2)
    return inverse @ transposed if upper else transposed @ inverse


@op
def eig(x: ArrayLike) -> tuple[Array, Array]:
    """Compute eigenvalues and eigenvectors of square matrices; on a CPU only.

    Args:
        x: Array (..., n, n).

    Returns:
        Eigenvalues (..., n), and eigenvectors as the columns of (..., n, n).
    """
    return tuple(jnp.linalg.eig(x))


@op
def eigh(x: ArrayLike) -> tuple[Array, Array]:
    """Compute eigenvalues and eigenvectors of symmetric matrices.

    Args:
        x: Array (..., n, n).

    Returns:
        Eigenvalues (..., n) in ascending order, and eigenvectors as the columns of (..., n, n).
    """
    return tuple(jnp.linalg.eigh(x))


@op
def lu_factor(x: ArrayLike) -> tuple[Array, Array]:
    """Compute the LU decomposition with exchanged rows.

    Args:
        x: Array (..., n, m).

    Returns:
        Both factors in one matrix, and the row that each row was exchanged with.
    """
    factor = jax.scipy.linalg.lu_factor
    for _ in range(x.ndim - 2):
        factor = jax.vmap(factor)
    return tuple(factor(x))


@op
def matrix_rank(x: ArrayLike, tol: ArrayLike | None = None) -> Array:
    """Count the singular values above a tolerance.

    Args:
        x: Array (..., n, m).
        tol: Tolerance; None is a multiple of the precision.

    Returns:
        Integers (...).

    Raises:
        ShapeError: If `x` is no matrix.
    """
    return jnp.linalg.matrix_rank(_matrix("matrix_rank", x), tol).astype("int32")


def _matrix(name: str, x: Any) -> Any:
    if x.ndim < 2:
        raise ShapeError(message(name, expected="a matrix", got=f"shape {tuple(x.shape)}"))
    return x


if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
