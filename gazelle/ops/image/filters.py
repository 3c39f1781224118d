"""Filters of images: blur, edges, and structural similarity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from gazelle.core.errors import ShapeError, message
from gazelle.core.types import Array, ArrayLike, DTypeLike
from gazelle.ops.base import op
from gazelle.ops.image.layout import as_float, back, on_batch
from gazelle.ops.space import is_first, per_axis

_MAX_SHIFTS = 15  # longest window that is computed as a sum of shifted copies


@op
def gaussian_blur(
    images: ArrayLike,
    kernel_size: int | Sequence[int] = (3, 3),
    sigma: ArrayLike = (1.0, 1.0),
    data_format: str | None = None,
) -> Array:
    """Blur images with a Gaussian window of weights exp(-d² / 2 sigma²), with zeros outside the image.

    Args:
        images: One image (height, width, channels) or a batch of them.
        kernel_size: Size of the window (along x, along y).
        sigma: Standard deviation (along x, along y).
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.

    Returns:
        An array of the shape of `images`.

    Example:
        >>> np.array(gaussian_blur(np.ones((3, 3, 1)), (3, 3))[..., 0]).round(1)
        array([[0.5, 0.7, 0.5],
               [0.7, 1. , 0.7],
               [0.5, 0.7, 0.5]], dtype=float32)
    """
    sizes: Any = kernel_size.tolist() if hasattr(kernel_size, "tolist") else kernel_size
    width, height = per_axis("kernel_size", sizes, 2)

    def blurred(x: Any) -> Any:
        values = as_float(x)
        along_x, along_y = jnp.broadcast_to(jnp.asarray(sigma, values.dtype), (2,))
        taps = gaussian(height, along_y, values.dtype), gaussian(width, along_x, values.dtype)
        return back(smoothed(values, *taps), x.dtype)

    return on_batch("gaussian_blur", images, data_format, blurred)


@op
def sobel_edges(images: ArrayLike, data_format: str | None = None) -> Array:
    """Compute the gradients of brightness along y and x with Sobel's 3 x 3 windows.

    Args:
        images: One image (height, width, channels) or a batch of them.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.

    Returns:
        An array (batch, height, width, channels, 2).

    Example:
        >>> sobel_edges(np.ones((1, 4, 4, 1))).shape
        (1, 4, 4, 1, 2)
    """
    step, mean = jnp.array([-1.0, 0, 1], images.dtype), jnp.array([1.0, 2, 1], images.dtype)
    along_y = on_batch("sobel_edges", images, data_format, lambda x: smoothed(x, step, mean))
    along_x = on_batch("sobel_edges", images, data_format, lambda x: smoothed(x, mean, step))
    return jnp.stack([along_y, along_x], -1)


@op
def ssim(
    image1: ArrayLike,
    image2: ArrayLike,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Array:
    """Compute the structural similarity of images, 1 for equal ones.  Wang et al. 2004.

    y = mean [ (2 μ₁ μ₂ + c₁)(2 σ₁₂ + c₂) / ((μ₁² + μ₂² + c₁)(σ₁² + σ₂² + c₂)) ],  c = (k max_val)²; means, variances
    and covariance are those of Gaussian windows.

    Args:
        image1: One image (height, width, channels) or a batch of them.
        image2: Images of the shape of `image1`.
        max_val: Largest possible value.
        filter_size: Size of the window.
        filter_sigma: Standard deviation of the window.
        k1: Constant of c₁.
        k2: Constant of c₂.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.

    Returns:
        An array (batch,), or one number for one image.

    Raises:
        ShapeError: If the shapes differ or are not those of images.

    Example:
        >>> ssim(np.ones((12, 12, 1)), np.ones((12, 12, 1)))
        Array(1., dtype=float32)
    """
    if image1.shape != image2.shape or image1.ndim not in (3, 4):
        raise ShapeError(
            message(
                "ssim",
                expected="two images, or two batches, of one shape",
                got=f"{tuple(image1.shape)} and {tuple(image2.shape)}",
            )
        )
    axis = -3 if is_first(data_format) else -1
    a, b = (jnp.moveaxis(as_float(x), axis, -1) for x in (image1, image2))
    a, b = (x[None] if x.ndim == 3 else x for x in (a, b))
    taps = gaussian(filter_size, filter_sigma, a.dtype)

    def mean(x: Any) -> Any:
        return smoothed(x, taps, taps, "VALID")

    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    mean_a, mean_b = mean(a), mean(b)
    variances = mean(a * a) - mean_a**2 + mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    numerator = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    out = (numerator / ((mean_a**2 + mean_b**2 + c1) * (variances + c2))).mean((1, 2, 3))
    return out[0] if image1.ndim == 3 else out


def gaussian(size: int, sigma: ArrayLike, dtype: DTypeLike) -> Array:
    """`size` weights exp(-d² / 2 sigma²) around their middle, of sum 1."""
    d = jnp.arange(size, dtype=dtype) - (size - 1) / 2
    weights = jnp.exp(-0.5 * (d / sigma) ** 2)
    return (weights / weights.sum()).astype(dtype)


def smoothed(x: Array, rows: Array, columns: Array, padding: str = "SAME") -> Array:
    """Filter each channel of x (batch, h, w, c) with the window rows ⊗ columns, one axis after the other."""
    for axis, taps in ((1, rows), (2, columns)):
        size = len(taps)
        if padding == "SAME":
            pads = [(0, 0)] * x.ndim
            pads[axis] = ((size - 1) // 2, size // 2)
            x = jnp.pad(x, pads)
        x = _shifted(x, axis, taps) if size <= _MAX_SHIFTS else _convolved(x, axis, taps)
    return x


def _shifted(x: Any, axis: int, taps: Any) -> Any:
    """A sum of shifted copies, which XLA computes in one pass: for short windows much faster than a convolution."""
    size = x.shape[axis] - len(taps) + 1
    return sum(taps[i] * lax.slice_in_dim(x, i, i + size, axis=axis) for i in range(len(taps)))


def _convolved(x: Any, axis: int, taps: Any) -> Any:
    n, h, w, c = x.shape
    # with channels as the batch axis, for which XLA is fast on a CPU
    flat = x.transpose(0, 3, 1, 2).reshape(n * c, h, w, 1)
    window = taps.reshape((-1, 1, 1, 1) if axis == 1 else (1, -1, 1, 1))
    flat = lax.conv_general_dilated(flat, window, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return flat.reshape(n, c, *flat.shape[1:3]).transpose(0, 2, 3, 1)
