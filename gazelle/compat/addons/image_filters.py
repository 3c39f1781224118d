"""Filters and colors of `tfa.image`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.addons.image_transforms import batched
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.names import op
from gazelle.compat.types import DTypeLike, ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.ops.image.filters import smoothed


def _as_floats(x: Any) -> Any:
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype("float32")


def _unbatched(x: Any, image: Any) -> Any:
    """A result of `batched` in the shape of the image."""
    return x.reshape(jnp.shape(image))


def _filtered(
    image: Any, filter_shape: Any, padding: str, constant_values: Any, function: Callable[[Any, int, int], Any]
) -> Any:
    """The function of the padded images and of the size of the window; its result has the dtype of the image."""
    height, width = filter_shape if isinstance(filter_shape, tuple) else (filter_shape, filter_shape)
    mode = padding.lower()
    if mode not in ("reflect", "constant", "symmetric"):
        text = message("padding of a filter", expected="'REFLECT', 'CONSTANT' or 'SYMMETRIC'", got=repr(padding))
        raise ArgumentError(text)
    edges = [(0, 0), *(((n - 1) // 2, n // 2) for n in (height, width)), (0, 0)]
    options = {"constant_values": constant_values} if mode == "constant" else {}
    out = function(jnp.pad(batched(image), edges, mode, **options), height, width)
    return _unbatched(out, image).astype(jnp.asarray(image).dtype)


def _filter(function: Callable[[Any, int, int], Any]) -> Callable[..., TensorResult]:
    def filtered(image: Any, filter_shape: Any = (3, 3), padding: str = "REFLECT", constant_values: float = 0) -> Any:
        return _filtered(image, filter_shape, padding, constant_values, function)

    filtered.__name__ = f"{function.__name__[1:]}_filter2d"
    return op(static=("filter_shape",), host=False)(filtered)


def _mean(x: Any, height: int, width: int) -> Any:
    return smoothed(_as_floats(x), jnp.ones(height), jnp.ones(width), "VALID") / (height * width)


def _median(x: Any, height: int, width: int) -> Any:
    rows, columns = x.shape[1] - height + 1, x.shape[2] - width + 1
    parts = [x[:, i : i + rows, j : j + columns] for i in range(height) for j in range(width)]
    ordered, middle = jnp.sort(jnp.stack(parts), axis=0), len(parts) // 2
    return ordered[middle] if len(parts) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


mean_filter2d, median_filter2d = _filter(_mean), _filter(_median)


@op(static=("filter_shape", "sigma"), host=False)
def gaussian_filter2d(
    image: TensorLike,
    filter_shape: ShapeLike = (3, 3),
    sigma: float | tuple[float, float] = 1.0,
    padding: str = "REFLECT",
    constant_values: float = 0,
) -> TensorResult:
    """Blur images with a Gaussian window of standard deviations `sigma`, along the height and the width."""
    sigmas = sigma if isinstance(sigma, tuple) else (sigma, sigma)

    def blurred(x: Any, *sizes: int) -> Any:
        x = _as_floats(x)
        distances = [jnp.arange(n) - (n - 1) // 2 for n in sizes]
        rows, columns = (jax.nn.softmax(-(d**2) / (2.0 * s**2)) for d, s in zip(distances, sigmas, strict=True))
        return smoothed(x, rows.astype(x.dtype), columns.astype(x.dtype), "VALID")

    return _filtered(image, filter_shape, padding, constant_values, blurred)


def _equalized(channel: Any, bins: int) -> Any:
    """A channel (height, width) with a flat histogram."""
    values = channel.astype("int32")
    counts = jnp.bincount(values.reshape(-1).clip(0, bins - 1), length=bins)
    last = counts[bins - 1 - jnp.argmax(counts[::-1] > 0)]
    step = (counts.sum() - last) // (bins - 1)
    sums = jnp.cumsum(counts) - counts
    table = ((sums + step // 2) // jnp.maximum(step, 1)).clip(0, bins - 1)
    return jnp.where(step == 0, values, table[values]).astype(channel.dtype)


@op(static=("bins",), host=False)
def equalize(image: TensorLike, bins: int = 256) -> TensorResult:
    """Give each channel of each image a flat histogram."""
    channels = jnp.moveaxis(batched(image), -1, 1)
    out = jax.vmap(jax.vmap(lambda channel: _equalized(channel, bins)))(channels)
    return _unbatched(jnp.moveaxis(out, 1, -1), image)


def _blended(image1: Any, image2: Any, factor: float) -> Any:
    if factor in (0, 1):
        return image2 if factor else image1
    first, second = jnp.asarray(image1, "float32"), jnp.asarray(image2, "float32")
    out = first + factor * (second - first)
    return jnp.round(out if 0 < factor < 1 else out.clip(0, 255))


@op(static=("factor",), host=False)
def blend(image1: TensorLike, image2: TensorLike, factor: float) -> TensorResult:
    """Return  image1 + factor (image2 - image1),  rounded, and within 0 and 255 if it is extrapolated."""
    return _blended(image1, image2, factor)


@op(static=("factor",), host=False)
def sharpness(image: TensorLike, factor: float) -> TensorResult:
    """Blend images with smoothed ones: `factor` 0 smooths, 1 changes nothing, larger ones sharpen."""
    x = batched(image)
    inner = x[:, 1:-1, 1:-1].astype("float32")
    smooth = (smoothed(x.astype("float32"), jnp.ones(3), jnp.ones(3), "VALID") + 4 * inner) / 13
    x = _unbatched(x.at[:, 1:-1, 1:-1].set(smooth.astype(x.dtype)), image)
    return _blended(x, image, factor).astype(x.dtype)


def _nearest(squares: Any, axis: int) -> Any:
    """For each pixel the minimum over a line of  squares + distance^2."""
    lines = jnp.moveaxis(squares, axis, -1)
    n = jnp.arange(lines.shape[-1], dtype=squares.dtype)
    return jnp.moveaxis((lines[..., None, :] + (n[:, None] - n) ** 2).min(-1), -1, axis)


@op(static=("dtype",), host=False)
def euclidean_dist_transform(images: TensorLike, dtype: DTypeLike = "float32") -> TensorResult:
    """Return the distance of each pixel from the nearest pixel that is 0."""
    kind = np.dtype(jnp.dtype(name_of(dtype)))
    squares = jnp.where(batched(images) == 0, 0.0, jnp.inf)
    distances = jnp.sqrt(_nearest(_nearest(squares, 1), 2))
    return _unbatched(jnp.where(jnp.isinf(distances), jnp.finfo(kind).max, distances).astype(kind), images)
