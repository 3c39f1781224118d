"""Resizing by weights of the pixels around each point, for methods that JAX does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax.numpy as jnp
import numpy as np

from gazelle.core.types import Array


def _mitchell(x: np.ndarray) -> np.ndarray:
    near, far = (7 * x**3 - 12 * x**2 + 16 / 3) / 6, (-7 / 3 * x**3 + 12 * x**2 - 20 * x + 32 / 3) / 6
    return np.where(x < 1, near, np.where(x < 2, far, 0))


#: weights by the distance from the point
_KERNELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "gaussian": lambda x: np.where(x < 1.5, np.exp(-2 * x**2), 0),
    "mitchellcubic": _mitchell,
}
WEIGHTED = ("area", *_KERNELS)


def weighted(x: Array, sizes: Mapping[int, int], method: str, antialias: bool = False) -> Array:
    """Resize axes: an element is the mean of the part that it covers, or of the elements around it with weights.

    Args:
        x: Array of floats.
        sizes: {axis: its new size}.
        method: 'area', 'gaussian' or 'mitchellcubic'.
        antialias: Whether to widen the filter where the axis shrinks.

    Returns:
        The array with the new sizes.

    Example:
        >>> weighted(jnp.arange(4.0), {0: 2}, "area").tolist()
        [0.5, 2.5]
    """
    for axis, count in sizes.items():
        pixels, edges = np.arange(x.shape[axis]), np.linspace(0, x.shape[axis], count + 1)[:, None]
        if method == "area":
            weights = np.maximum(0, np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels))
        else:
            distances = abs(pixels + 0.5 - (edges[1:] + edges[:-1]) / 2)
            weights = _KERNELS[method](distances / (max(1, len(pixels) / count) if antialias else 1))
        weights = jnp.asarray(weights / weights.sum(1, keepdims=True), x.dtype)
        x = jnp.moveaxis(jnp.tensordot(x, weights, [[axis], [1]]), -1, axis)
    return x
