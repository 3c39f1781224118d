"""Geometric transformations of images: each pixel of the result samples the image at mapped coordinates."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy import ndimage

from gazelle.core import prng
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.types import Array, ArrayLike, SeedLike
from gazelle.ops.base import op
from gazelle.ops.image.filters import gaussian, smoothed
from gazelle.ops.image.layout import as_float, choose, on_batch

ORDERS = {"nearest": 0, "bilinear": 1}
FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


@op
def map_coordinates(
    inputs: ArrayLike, coordinates: ArrayLike, order: int, fill_mode: str = "constant", fill_value: ArrayLike = 0
) -> Array:
    """Sample an array at fractional coordinates:  y[...] = inputs at coordinates[:, ...].

    Args:
        inputs: Array (n_1, ..., n_d).
        coordinates: Array (d, ...).
        order: 0 takes the nearest element, 1 interpolates linearly.
        fill_mode: What lies outside the array: 'constant', 'nearest', 'wrap', 'mirror' or 'reflect'.
        fill_value: Value outside the array for `fill_mode='constant'`.

    Returns:
        An array of the shape of `coordinates` without its first axis.

    Raises:
        ShapeError: If `coordinates` does not match the number of axes.

    Example:
        >>> map_coordinates(np.array([0.0, 10.0, 20.0]), [[0.5, 1.25]], 1)
        Array([ 5. , 12.5], dtype=float32)
    """
    choose("order of map_coordinates", order, (0, 1))
    choose("fill_mode of map_coordinates", fill_mode, FILL_MODES)
    if coordinates.ndim < 2 or coordinates.shape[0] != inputs.ndim:
        raise ShapeError(
            message(
                "coordinates of map_coordinates",
                expected=f"shape ({inputs.ndim}, ...)",
                got=tuple(coordinates.shape),
            )
        )
    return ndimage.map_coordinates(inputs, coordinates, order, fill_mode, fill_value)


@op
def affine_transform(
    images: ArrayLike,
    transform: ArrayLike,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: ArrayLike = 0,
    data_format: str | None = None,
) -> Array:
    """Warp images:  (x, y) of the result shows (a0 x + a1 y + a2, b0 x + b1 y + b2) / (c0 x + c1 y + 1) of the image.

    Args:
        images: One image (height, width, channels) or a batch of them.
        transform: [a0, a1, a2, b0, b1, b2, c0, c1], for all images (8,) or for each (batch, 8).
        interpolation: 'nearest' or 'bilinear'.
        fill_mode: What lies outside the image: 'constant', 'nearest', 'wrap', 'mirror' or 'reflect'.
        fill_value: Value outside the image for `fill_mode='constant'`.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.

    Returns:
        An array of the shape of `images`.

    Raises:
        ShapeError: If `transform` has another shape.

    Example:
        >>> affine_transform(np.arange(3.0).reshape(1, 3, 1), [1, 0, 1, 0, 1, 0, 0, 0])[..., 0]
        Array([[1., 2., 0.]], dtype=float32)
    """
    choose("interpolation of affine_transform", interpolation, ORDERS)
    choose("fill_mode of affine_transform", fill_mode, FILL_MODES)
    if transform.ndim not in (1, 2) or transform.shape[-1] != 8:
        raise ShapeError(
            message("transform of affine_transform", expected="shape (8,) or (batch, 8)", got=tuple(transform.shape))
        )

    def warped(x: Any) -> Any:
        return sample(x, _projected(as_float(transform), x.shape), interpolation, fill_mode, fill_value)

    return on_batch("affine_transform", images, data_format, warped)


@op
def perspective_transform(
    images: ArrayLike,
    start_points: ArrayLike,
    end_points: ArrayLike,
    interpolation: str = "bilinear",
    fill_value: ArrayLike = 0,
    data_format: str | None = None,
) -> Array:
    """Warp images so that four points move to given positions.

    Args:
        images: One image (height, width, channels) or a batch of them.
        start_points: Points (x, y) of the image, (4, 2) or (batch, 4, 2).
        end_points: Their positions in the result, of the same shape.
        interpolation: 'nearest' or 'bilinear'.
        fill_value: Value outside the image.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.

    Returns:
        An array of the shape of `images`.

    Raises:
        ShapeError: If the points have another shape.

    Example:
        >>> corners = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0], [3.0, 3.0]])
        >>> perspective_transform(np.ones((4, 4, 1)), corners, corners * 0.5).sum()
        Array(4., dtype=float32)
    """
    choose("interpolation of perspective_transform", interpolation, ORDERS)
    for name, points in (("start_points", start_points), ("end_points", end_points)):
        if points.ndim not in (2, 3) or points.shape[-2:] != (4, 2) or points.shape != start_points.shape:
            raise ShapeError(
                message(
                    f"{name} of perspective_transform",
                    expected="shape (4, 2) or (batch, 4, 2), both alike",
                    got=tuple(points.shape),
                )
            )

    def warped(x: Any) -> Any:
        maps = homography(start_points.reshape(-1, 4, 2), end_points.reshape(-1, 4, 2))
        return sample(x, _projected(maps, x.shape), interpolation, "constant", fill_value)

    return on_batch("perspective_transform", images, data_format, warped)


def _projected(maps: Any, shape: Any) -> Any:
    """The positions (y, x) in the images that the pixels of the results show, for maps (8,) or (batch, 8)."""
    rows, columns = _grid(shape)
    m = jnp.moveaxis(jnp.broadcast_to(maps, (shape[0], 8)), 1, 0)[:, :, None, None]
    depth = m[6] * columns + m[7] * rows + 1
    return jnp.stack([(m[i] * columns + m[i + 1] * rows + m[i + 2]) / depth for i in (3, 0)], 1)


def homography(start_points: ArrayLike, end_points: ArrayLike) -> Array:
    """Return the 8 coefficients of the projective map from `end_points` to `start_points`: (batch, 4, 2) -> (batch, 8).

    x' = (m0 x + m1 y + m2) / (m6 x + m7 y + 1) and y' = (m3 x + m4 y + m5) / (m6 x + m7 y + 1) at four points are
    eight linear equations.
    """
    start, end = jnp.asarray(start_points, "float32"), jnp.asarray(end_points, "float32")
    x, y = end[..., 0], end[..., 1]
    one, zero = jnp.ones_like(x), jnp.zeros_like(x)
    equations = [
        jnp.stack([*place, -target * x, -target * y], -1)
        for place, target in (
            ((x, y, one, zero, zero, zero), start[..., 0]),
            ((zero, zero, zero, x, y, one), start[..., 1]),
        )
    ]
    targets = jnp.concatenate([start[..., 0], start[..., 1]], -1)
    return jnp.linalg.solve(jnp.concatenate(equations, 1), targets[..., None])[..., 0]


@op
def elastic_transform(
    images: ArrayLike,
    alpha: ArrayLike = 20.0,
    sigma: ArrayLike = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: ArrayLike = 0.0,
    seed: SeedLike = None,
    data_format: str | None = None,
) -> Array:
    """Warp images by a smooth random field d:  y[i, j] = x[i + alpha d, j + alpha d].  Simard et al. 2003.

    d = blur(sigma N(0, 1)); as in Keras one field moves rows and columns.

    Args:
        images: One image (height, width, channels) or a batch of them.
        alpha: Strength of the displacement.
        sigma: Standard deviation of the field and of the Gaussian window that smooths it.
        interpolation: 'nearest' or 'bilinear'.
        fill_mode: What lies outside the image: 'constant', 'nearest', 'wrap', 'mirror' or 'reflect'.
        fill_value: Value outside the image for `fill_mode='constant'`.
        seed: An integer, a `SeedGenerator`, a key of JAX, or None.
        data_format: 'channels_last' or 'channels_first'; None is `gazelle.config.image_data_format()`.

    Returns:
        An array of the shape of `images`.

    Raises:
        ArgumentError: If `sigma` depends on values inside a compiled step.

    Example:
        >>> elastic_transform(np.ones((2, 8, 8, 3)), seed=1).shape
        (2, 8, 8, 3)
    """
    choose("interpolation of elastic_transform", interpolation, ORDERS)
    choose("fill_mode of elastic_transform", fill_mode, FILL_MODES)
    if isinstance(sigma, jax.core.Tracer):
        raise ArgumentError(
            message(
                "sigma of elastic_transform",
                expected="a number, as it determines the size of a window",
                got="a value that is unknown while the model is compiled",
            )
        )
    width = int(6 * float(sigma)) | 1
    return elastically_transformed(images, alpha, sigma, width, interpolation, fill_mode, fill_value, seed, data_format)


def elastically_transformed(
    images: ArrayLike,
    alpha: ArrayLike,
    sigma: ArrayLike,
    width: int,
    interpolation: str,
    fill_mode: str,
    fill_value: ArrayLike,
    seed: SeedLike,
    data_format: str | None,
) -> Array:
    """`elastic_transform` with a window of at most `width` elements, for a `sigma` that may be traced."""

    def warped(x: Any) -> Any:
        batch, h, w, _ = x.shape
        field = jax.random.normal(_key(seed), (batch, h, w), "float32") * sigma
        taps = gaussian(width, sigma, "float32")
        far = jnp.abs(jnp.arange(width) - width // 2) > (jnp.floor(6 * jnp.asarray(sigma)).astype(int) | 1) // 2
        taps = jnp.where(far, 0, taps)
        taps = taps / taps.sum()
        field = alpha * smoothed(field[..., None], taps, taps)[..., 0]
        rows, columns = _grid(x.shape)
        return sample(x, jnp.stack([rows + field, columns + field], 1), interpolation, fill_mode, fill_value)

    return on_batch("elastic_transform", images, data_format, warped)


def _key(seed: Any) -> Any:
    """A PRNG key from an integer (as in Keras on JAX), a key or None."""
    seed = prng.next_seed() if seed is None else seed
    if hasattr(seed, "next"):
        seed = seed.next()
    if hasattr(seed, "dtype") and jnp.issubdtype(seed.dtype, jax.dtypes.prng_key):
        return seed
    data = jnp.asarray(seed, "uint32")
    return jax.random.wrap_key_data(data if data.ndim else jnp.stack([data, jnp.zeros((), "uint32")]))


def _grid(shape: Any) -> tuple[Any, Any]:
    """(row, column) of each pixel, both of shape (h, w)."""
    rows, columns = jnp.meshgrid(jnp.arange(shape[1]), jnp.arange(shape[2]), indexing="ij")
    return rows, columns


def sample(x: Array, coordinates: Array, interpolation: str, fill_mode: str, fill_value: ArrayLike) -> Array:
    """Sample x (batch, h, w, c) at coordinates (batch, 2, h', w') of (row, column)  ->  (batch, h', w', c)."""
    interpolate = functools.partial(
        ndimage.map_coordinates, order=ORDERS[interpolation], mode=fill_mode, cval=fill_value
    )
    channels = jax.vmap(lambda image, at: interpolate(image, list(at)), in_axes=(-1, None), out_axes=-1)
    return jax.vmap(channels)(x, coordinates)
