"""PyTensor's rules for matrix decompositions and Fourier transforms: NumPy functions as operations of the graph."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle.engine.lowering.pytensor.loops import call


def _numpy(function: Callable[..., Any]) -> Callable[..., Any]:
    """The rule that calls `function(*arrays, **params)`, which returns a tuple of arrays."""
    return lambda ctx, *inputs, **params: call(ctx, functools.partial(function, **params), inputs)


def _cholesky(a: Any, **_: Any) -> tuple[Any, ...]:
    return (np.linalg.cholesky((a + np.swapaxes(a, -1, -2).conj()) / 2),)


def _eigh(a: Any, *, lower: bool, **_: Any) -> tuple[Any, ...]:
    values, vectors = np.linalg.eigh(a, "L" if lower else "U")
    return vectors, values


def _lu(a: Any, **_: Any) -> tuple[Any, ...]:
    """LU decomposition: both triangles in one matrix, the pivots, and the permutation."""
    from scipy.linalg import lu_factor

    made = [lu_factor(one) for one in a.reshape(-1, *a.shape[-2:])]
    rows = []
    for _, exchanges in made:
        order = np.arange(a.shape[-2])
        for row, other in enumerate(exchanges):
            order[[row, other]] = order[[other, row]]
        rows.append(order)
    parts = [both for both, _ in made], [exchanges for _, exchanges in made], rows
    return tuple(np.reshape(part, (*a.shape[:-2], *np.shape(part)[1:])) for part in parts)


def _qr(a: Any, *, full_matrices: bool, **_: Any) -> tuple[Any, ...]:
    return tuple(np.linalg.qr(a, "complete" if full_matrices else "reduced"))


def _svd(a: Any, *, full_matrices: bool, compute_uv: bool, **_: Any) -> tuple[Any, ...]:
    if not compute_uv:
        return (np.linalg.svd(a, compute_uv=False),)
    u, s, vt = np.linalg.svd(a, full_matrices)
    return s, u, vt


def _triangular_solve(
    a: Any, b: Any, *, left_side: bool, lower: bool, transpose_a: bool, conjugate_a: bool, unit_diagonal: bool
) -> tuple[Any, ...]:
    """Solve a x = b, or x a = b, with one triangle of `a`."""
    a = np.tril(a) if lower else np.triu(a)
    if unit_diagonal:
        eye = np.eye(a.shape[-1], dtype=a.dtype)
        a = a * (1 - eye) + eye
    a = a.conj() if conjugate_a else a
    a = np.swapaxes(a, -1, -2) if transpose_a else a
    if left_side:
        return (np.linalg.solve(a, b),)
    return (np.swapaxes(np.linalg.solve(np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2)), -1, -2),)


def _fft(x: Any, *, fft_type: Any, fft_lengths: Any) -> tuple[Any, ...]:
    kind = getattr(fft_type, "name", str(fft_type)).split(".")[-1].lower()
    functions: dict[str, Callable[..., Any]] = {
        "fft": np.fft.fftn,
        "ifft": np.fft.ifftn,
        "rfft": np.fft.rfftn,
        "irfft": np.fft.irfftn,
    }
    return (functions[kind](x, fft_lengths, range(-len(fft_lengths), 0)),)


RULES: dict[str, Callable[..., Any]] = {
    "cholesky": _numpy(_cholesky),
    "eigh": _numpy(_eigh),
    "fft": _numpy(_fft),
    "lu": _numpy(_lu),
    "qr": _numpy(_qr),
    "svd": _numpy(_svd),
    "triangular_solve": _numpy(_triangular_solve),
}
