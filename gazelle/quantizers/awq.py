"""AWQ: weights of large inputs are enlarged before they are rounded, so that their relative errors are small."""

from __future__ import annotations

import numpy as np

from gazelle.quantizers.calibrated_layout import QuantizedMatrix, integers, scales

_BITS = 4


class Magnitudes:
    """The largest magnitude of each input of a layer.

    Args:
        rows: Size of an input.

    Example:
        >>> magnitudes = Magnitudes(2)
        >>> magnitudes.update(np.array([[1.0, -2.0], [-3.0, 0.0]]))
        >>> magnitudes.value
        array([3., 2.])
    """

    def __init__(self, rows: int) -> None:
        self._largest = np.zeros(rows)

    def update(self, x: np.ndarray) -> None:
        """Add inputs (samples, rows)."""
        self._largest = np.maximum(self._largest, np.abs(np.asarray(x, "float64")).max(axis=0))

    @property
    def value(self) -> np.ndarray:
        """The magnitudes (rows,)."""
        return self._largest


def quantize(w: np.ndarray, magnitudes: np.ndarray, group: int, grid_points: int) -> QuantizedMatrix:
    r"""Quantize w f for the factors f = m^r / \sqrt{max m^r min m^r} with the smallest  mean((w - ŵ)^2 m^2).

    Args:
        w: The matrix (columns, rows).
        magnitudes: m (rows,), the largest magnitudes of inputs.
        group: Rows with a common scale.
        grid_points: Number of steps of r from 0 to 1.

    Source: Lin et al., AWQ: Activation-aware Weight Quantization for LLM Compression and Acceleration (MLSys 2024).
    """
    w = w.astype("float64")
    m = np.where(magnitudes < 1e-8, 1, magnitudes)
    best = None
    for ratio in np.arange(grid_points + 1) / grid_points:
        powers = np.maximum(m**ratio, 1e-4)
        factors = powers / max(np.sqrt(powers.max() * powers.min()), 1e-8)
        found = _rounded(w * factors, group)
        restored = (found.integers - found.zero[:, found.groups]) * found.scale[:, found.groups] / factors
        error = np.mean(np.square(w - restored) * np.square(m))
        if best is None or error < best[0]:
            best = error, found._replace(factors=factors)
    assert best is not None
    return best[1]


def _rounded(w: np.ndarray, group: int) -> QuantizedMatrix:
    rows = w.shape[1]
    found = [scales(w[:, start : start + group], _BITS) for start in range(0, rows, group)]
    scale, zero = (np.concatenate(each, axis=1) for each in zip(*found, strict=True))
    groups = np.arange(rows) // group
    return QuantizedMatrix(integers(w, scale[:, groups], zero[:, groups], _BITS), scale, zero, groups)
