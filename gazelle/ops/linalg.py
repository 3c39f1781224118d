"""Linear algebra."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.ops.base import op, public
from gazelle.ops.core import jvp as jvp


@op
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of vectors or matrices; `ord` as in NumPy."""
    return jnp.linalg.norm(x, ord, tuple(axis) if isinstance(axis, list) else axis, keepdims)


@op
def qr(x: Any, mode: str = "reduced") -> Any:
    """x = q r, q with orthonormal columns, r upper triangular."""
    if mode not in ("reduced", "complete"):
        raise ArgumentError(message("qr's mode", expected="'reduced' or 'complete'", got=repr(mode)))
    return tuple(jnp.linalg.qr(x, mode))


@op
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """x = u diag(s) vh; s alone without `compute_uv`."""
    out = jnp.linalg.svd(x, full_matrices, compute_uv)
    return tuple(out) if compute_uv else out


@op
def inv(x: Any) -> Any:
    """The inverse matrix."""
    return jnp.linalg.inv(x)


@op
def pinv(x: Any, rcond: Any = None) -> Any:
    """The pseudo-inverse."""
    return jnp.linalg.pinv(_matrix("pinv", x), rcond)


@op
def det(x: Any) -> Any:
    """The determinant."""
    return jnp.linalg.det(x)


@op
def slogdet(x: Any) -> Any:
    """The sign of the determinant and the logarithm of its magnitude."""
    return tuple(jnp.linalg.slogdet(x))


@op
def logdet(x: Any) -> Any:
    """The logarithm of the determinant of a positive definite matrix."""
    return jnp.linalg.slogdet(x)[1]


@op
def solve(a: Any, b: Any) -> Any:
    """x with a x = b."""
    return jnp.linalg.solve(a, b)


@op
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """x with a x = b for a triangular a."""
    return jax.scipy.linalg.solve_triangular(a, b, lower=lower)


@op
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """x with the least |a x - b|."""
    return jnp.linalg.lstsq(a, b, rcond)[0]


@op
def cholesky(x: Any, upper: bool = False) -> Any:
    """The lower triangular l with x = l lᵀ (or u with x = uᵀ u).

    Raises ArgumentError if x is not positive definite; inside a compiled step the result is then nan.
    """
    out = jnp.linalg.cholesky(x, upper=upper)
    if not isinstance(out, jax.core.Tracer) and bool(jnp.any(jnp.isnan(out))):
        raise ArgumentError(message("cholesky", expected="a positive definite matrix", got="one that is not"))
    return out


@op
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """The inverse of the matrix whose Cholesky factor is x."""
    inverse = jax.scipy.linalg.solve_triangular(x, jnp.eye(x.shape[-1], dtype=x.dtype), lower=not upper)
    return inverse @ inverse.T if upper else inverse.T @ inverse


@op
def eig(x: Any) -> Any:
    """Eigenvalues and eigenvectors (as columns); on a CPU only."""
    return tuple(jnp.linalg.eig(x))


@op
def eigh(x: Any) -> Any:
    """Eigenvalues and eigenvectors (as columns) of a symmetric matrix."""
    return tuple(jnp.linalg.eigh(x))


@op
def lu_factor(x: Any) -> Any:
    """The factors of x in one matrix, and the exchanges of rows."""
    factor = jax.scipy.linalg.lu_factor
    for _ in range(x.ndim - 2):
        factor = jax.vmap(factor)
    return tuple(factor(x))


@op
def matrix_rank(x: Any, tol: Any = None) -> Any:
    """How many singular values are above `tol`."""
    return jnp.linalg.matrix_rank(_matrix("matrix_rank", x), tol).astype("int32")


def _matrix(name: str, x: Any) -> Any:
    if x.ndim < 2:
        raise ShapeError(message(name, expected="a matrix", got=f"shape {tuple(x.shape)}"))
    return x


__all__ = public(globals())
