"""GPTQ: columns of weights are rounded one after the other, and those not yet rounded make up for the errors."""

from __future__ import annotations

import numpy as np

from gazelle.quantizers.calibrated_layout import QuantizedMatrix, integers, scales

_BLOCK = 128  # rows whose errors are passed on together


class Hessian:
    r"""The second derivatives of a layer's squared error, from its inputs:  H = 2 / n \sum x x^T.

    Args:
        rows: Size of an input x.

    Example:
        >>> hessian = Hessian(2)
        >>> hessian.update(np.array([[1.0, 2.0]]))
        >>> hessian.value
        array([[2., 4.],
               [4., 8.]])
    """

    def __init__(self, rows: int) -> None:
        self._sum, self._samples = np.zeros((rows, rows)), 0

    def update(self, x: np.ndarray) -> None:
        """Add inputs (samples, rows)."""
        x = np.asarray(x, "float64")
        self._sum += x.T @ x
        self._samples += len(x)

    @property
    def value(self) -> np.ndarray:
        """H (rows, rows)."""
        return 2 / max(self._samples, 1) * self._sum


def quantize(
    w: np.ndarray,
    hessian: np.ndarray,
    bits: int,
    group: int,
    symmetric: bool,
    per_channel: bool,
    damping: float,
    by_importance: bool,
) -> QuantizedMatrix:
    r"""Quantize a matrix: for each row j in turn,  e = (w_j - q_j) / u_{jj},  w_k -= e u_{jk}  for k > j.

    u is the upper triangular matrix with  H^{-1} = u^T u.

    Args:
        w: The matrix (columns, rows).
        hessian: H (rows, rows).
        bits: Bits of an integer.
        group: Rows with a common scale.
        symmetric: Whether zero points are the middle of the integers.
        per_channel: Whether each column has scales of its own.
        damping: Fraction of the mean of H's diagonal that is added to the diagonal.
        by_importance: Whether the rows with the largest diagonal are rounded first.

    Source: Frantar et al., GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers (ICLR
    2023).
    """
    hessian = _damped(hessian, damping)
    rows = w.shape[1]
    order = np.argsort(-np.diagonal(hessian), kind="stable") if by_importance else np.arange(rows)
    root = np.linalg.cholesky(np.linalg.inv(hessian[np.ix_(order, order)])).T
    w = w[:, order].astype("float64")
    q, found = np.zeros_like(w), []
    for start in range(0, rows, _BLOCK):
        end = min(start + _BLOCK, rows)
        errors, block = np.zeros((len(w), end - start)), w[:, start:end].copy()
        for j in range(start, end):
            if j % group == 0:  # from the rows as they were at the start of the block, as in the source
                found.append(scales(w[:, j : j + group], bits, symmetric, per_channel))
            scale, zero = found[-1]
            column = block[:, j - start, None]
            q[:, j, None] = integers(column, scale, zero, bits)
            error = (column - (q[:, j, None] - zero) * scale) / root[j, j]
            block[:, j + 1 - start :] -= error * root[j, j + 1 : end]
            errors[:, j - start] = error[:, 0]
        w[:, end:] -= errors @ root[start:end, end:]
    back = np.argsort(order)
    scale, zero = (np.concatenate(each, axis=1) for each in zip(*found, strict=True))
    return QuantizedMatrix(q[:, back], scale, zero, (np.arange(rows) // group)[back])


def _damped(hessian: np.ndarray, damping: float) -> np.ndarray:
    """H with a larger diagonal, which can be inverted; inputs that were always 0 have the diagonal 1."""
    diagonal = np.diagonal(hessian)
    diagonal = np.where(diagonal == 0, 1, diagonal)
    damped = hessian.astype("float64")
    np.fill_diagonal(damped, diagonal + damping * diagonal.mean())
    return damped
