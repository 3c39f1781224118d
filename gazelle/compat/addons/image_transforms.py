"""Geometric transformations of `tfa.image`, and cutout.

A transform [a0, a1, a2, b0, b1, b2, c0, c1] maps the point (x, y) of the result to the point
((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k),  k = c0 x + c1 y + 1,  of the image.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import NAMES, op
from gazelle.compat.types import ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.ops.image.warping import sample


def batched(image: TensorResult) -> TensorResult:
    """An image of 2 to 4 axes as (batch, height, width, channels)."""
    image = jnp.asarray(image)
    return {2: lambda: image[None, :, :, None], 3: lambda: image[None]}.get(image.ndim, lambda: image)()


def _transformed(
    images: Any,
    transforms: Any,
    interpolation: str = "nearest",
    fill_mode: str = "constant",
    output_shape: Any = None,
    name: str | None = None,
    fill_value: Any = 0.0,
) -> Any:
    """Apply one transform, or one to each image; `fill_mode` is 'constant', 'reflect', 'wrap' or 'nearest'."""
    x = batched(images)
    height, width = x.shape[1:3] if output_shape is None else output_shape
    rows, columns = jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij")
    maps = jnp.broadcast_to(jnp.asarray(transforms, "float32").reshape(-1, 8), (len(x), 8))
    m = maps.T[:, :, None, None]
    k = m[6] * columns + m[7] * rows + 1
    points = jnp.stack([(m[i] * columns + m[i + 1] * rows + m[i + 2]) / k for i in (3, 0)], 1)
    exact = x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else "float32"
    out = sample(x.astype(exact), points, interpolation.lower(), fill_mode.lower(), fill_value).astype(x.dtype)
    return out.reshape(*jnp.shape(images)[: -2 if jnp.ndim(images) == 2 else -3], *out.shape[1 : jnp.ndim(images) + 1])


transform = op(static=("output_shape",), host=False)(_transformed)


def _matrices(transforms: Any) -> Any:
    flat = jnp.asarray(transforms, "float32").reshape(-1, 8)
    return jnp.concatenate([flat, jnp.ones((len(flat), 1), flat.dtype)], 1).reshape(-1, 3, 3)


def _flat(transform_matrices: Any) -> Any:
    flat = jnp.asarray(transform_matrices).reshape(-1, 9)
    return flat[:, :8] / flat[:, 8:]


flat_transforms_to_matrices = op(host=False)(_matrices)
matrices_to_flat_transforms = op(host=False)(_flat)


@op(host=False)
def compose_transforms(transforms: TensorLike) -> TensorResult:
    """Return the transform that equals a list of transforms, one after the other."""
    first, *rest = map(_matrices, transforms)  # type: ignore[arg-type]  # a list
    for matrices in rest:
        first = first @ matrices
    return _flat(first)


def _rotations(angles: Any, image_height: Any, image_width: Any) -> Any:
    angles = jnp.asarray(angles, "float32").reshape(-1)
    cos, sin, right, bottom = jnp.cos(angles), jnp.sin(angles), image_width - 1.0, image_height - 1.0
    x, y = (right - (cos * right - sin * bottom)) / 2, (bottom - (sin * right + cos * bottom)) / 2
    zero = jnp.zeros_like(cos)
    return jnp.stack([cos, -sin, x + zero, sin, cos, y + zero, zero, zero], 1)


def _translations(translations: Any) -> Any:
    x, y = jnp.asarray(translations, "float32").reshape(-1, 2).T
    one, zero = jnp.ones_like(x), jnp.zeros_like(x)
    return jnp.stack([one, zero, -x, zero, one, -y, zero, zero], 1)


angles_to_projective_transforms = op(host=False)(_rotations)
translations_to_projective_transforms = op(host=False)(_translations)


@op(host=False)
def rotate(
    images: TensorLike,
    angles: TensorLike,
    interpolation: str = "nearest",
    fill_mode: str = "constant",
    name: str | None = None,
    fill_value: float = 0.0,
) -> TensorResult:
    """Rotate images counterclockwise, by one angle or one for each image."""
    maps = _rotations(angles, *batched(images).shape[1:3])
    return _transformed(images, maps, interpolation, fill_mode, fill_value=fill_value)


@op(host=False)
def translate(
    images: TensorLike,
    translations: TensorLike,
    interpolation: str = "nearest",
    fill_mode: str = "constant",
    name: str | None = None,
    fill_value: float = 0.0,
) -> TensorResult:
    """Move images by (dx, dy), one pair or one for each image."""
    return _transformed(images, _translations(translations), interpolation, fill_mode, fill_value=fill_value)


def _replaced_outside(image: Any, maps: Any, replace: Any) -> Any:
    """The transformed image with `replace`, a number or one for each channel, outside of it."""
    image = jnp.asarray(image)
    inside = _transformed(jnp.ones_like(image[..., :1]), maps) == 1
    return jnp.where(inside, _transformed(image, maps), jnp.asarray(replace).astype(image.dtype))


@op(host=False)
def shear_x(image: TensorLike, level: float, replace: TensorLike) -> TensorResult:
    """Shear an image along its rows."""
    return _replaced_outside(image, jnp.asarray([1.0, level, 0, 0, 1, 0, 0, 0]), replace)


@op(host=False)
def shear_y(image: TensorLike, level: float, replace: TensorLike) -> TensorResult:
    """Shear an image along its columns."""
    return _replaced_outside(image, jnp.asarray([1.0, 0, 0, level, 1, 0, 0, 0]), replace)


@op(host=False)
def translate_xy(image: TensorLike, translate_to: TensorLike, replace: TensorLike) -> TensorResult:
    """Move an image by (dx, dy)."""
    return _replaced_outside(image, _translations(translate_to), replace)


@op(host=False)
def interpolate_bilinear(grid: TensorLike, query_points: TensorLike, indexing: str = "ij") -> TensorResult:
    """Sample (batch, height, width, channels) at points (batch, n, 2); outside, at the nearest point of the border."""
    if indexing not in ("ij", "xy"):
        raise ArgumentError(message("indexing of interpolate_bilinear", expected="'ij' or 'xy'", got=repr(indexing)))
    points = jnp.asarray(query_points)[..., :: 1 if indexing == "ij" else -1]
    return sample(jnp.asarray(grid), jnp.moveaxis(points, -1, 1), "bilinear", "nearest", 0)


@op(host=False)
def dense_image_warp(image: TensorLike, flow: TensorLike) -> TensorResult:
    """Sample an image at (row, column) - flow, with a flow (batch, height, width, 2)."""
    flow = jnp.asarray(flow)
    rows, columns = jnp.meshgrid(*map(jnp.arange, flow.shape[1:3]), indexing="ij")
    points = jnp.stack([rows, columns], -1) - flow
    return sample(jnp.asarray(image), jnp.moveaxis(points, -1, 1), "bilinear", "nearest", 0)


def _halves(mask_size: Any) -> tuple[int, int]:
    height, width = mask_size if isinstance(mask_size, tuple) else (mask_size, mask_size)
    if height % 2 or width % 2:
        raise ArgumentError(message("mask_size of cutout", expected="even numbers", got=f"({height}, {width})"))
    return height // 2, width // 2


@op(static=("mask_size",), host=False)
def cutout(
    images: TensorLike, mask_size: ShapeLike, offset: TensorLike = (0, 0), constant_values: float = 0
) -> TensorResult:
    """Set a rectangle to a value; its center is `offset`, (row, column) or one for each image (batch, 2)."""
    images, hidden = jnp.asarray(images), jnp.asarray(True)
    centers = jnp.broadcast_to(jnp.asarray(offset).reshape(-1, 2), (len(images), 2))
    for axis, half in enumerate(_halves(mask_size)):
        distances = jnp.arange(images.shape[1 + axis]) - centers[:, axis, None]
        inside = (distances >= -half) & (distances < half)
        hidden = hidden & (inside[:, :, None] if axis == 0 else inside[:, None])
    return jnp.where(hidden[..., None], jnp.asarray(constant_values).astype(images.dtype), images)


@op(static=("mask_size", "seed"))
def _centers(images: Any, mask_size: Any, seed: int | None) -> Any:
    """Random positions (batch, 2) at which a rectangle is inside of the images."""
    columns = []
    for half, size in zip(_halves(mask_size), images.shape[1:3], strict=True):
        fits = 2 * half < size
        low, high = (half, size - half) if fits else (size // 2, size // 2 + 1)
        columns.append(unboxed(NAMES["random.uniform"]((images.shape[0],), low, high, dtype="int32", seed=seed)))
    return jnp.stack(columns, 1)


def random_cutout(
    images: TensorLike, mask_size: ShapeLike, constant_values: float = 0, seed: int | None = None
) -> TensorResult:
    """Set a rectangle at a random position in each image to a value."""
    return cutout(images, mask_size, _centers(images, mask_size, seed), constant_values)
