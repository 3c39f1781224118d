"""Splines, warps by control points, resampling, and rotations of hues of `tfa.image`."""

from __future__ import annotations

import itertools
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.compat.addons.attention import tf
from gazelle.compat.addons.image_transforms import batched
from gazelle.compat.tensorflow.names import op
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.ops.image.warping import sample

_EPSILON = 1e-10  # at which logarithms and roots of squared distances begin
_YIQ = [[0.299, 0.596, 0.211], [0.587, -0.274, -0.523], [0.114, -0.322, 0.312]]
_RGB = [[1.0, 1.0, 1.0], [0.95617069, -0.2726886, -1.103744], [0.62143257, -0.64681324, 1.70062309]]


def _squared_distances(x: Any, y: Any) -> Any:
    """(batch, n, d) · (batch, m, d)  ->  (batch, n, m)."""
    return jnp.sum(x * x, 2)[:, :, None] - 2 * x @ y.mT + jnp.sum(y * y, 2)[:, None]


def _phi(squares: Any, order: int) -> Any:
    """The radial function of squared distances r^2:  r^order,  for even orders times log r."""
    positive = jnp.maximum(squares, _EPSILON)
    if order % 2:
        return positive ** (order / 2)
    return 0.5 * (squares if order in (2, 4) else positive) ** (order / 2) * jnp.log(positive)


def _interpolated(points: Any, values: Any, query_points: Any, order: int, regularization_weight: Any) -> Any:
    points, values, query_points = map(jnp.asarray, (points, values, query_points))
    batch, count, size = points.shape
    within = _phi(_squared_distances(points, points), order) + regularization_weight * jnp.eye(count)
    linear = jnp.concatenate([points, jnp.ones_like(points[..., :1])], 2)
    corner = jnp.zeros((batch, size + 1, size + 1), points.dtype)
    system = jnp.block([[within, linear], [linear.mT, corner]])
    rest = jnp.zeros((batch, size + 1, values.shape[2]), points.dtype)
    weights = jnp.linalg.solve(system, jnp.concatenate([values, rest], 1))
    of_query = jnp.concatenate([query_points, jnp.ones_like(query_points[..., :1])], 2)
    return _phi(_squared_distances(query_points, points), order) @ weights[:, :count] + of_query @ weights[:, count:]


@op(host=False)
def interpolate_spline(
    train_points: TensorLike,
    train_values: TensorLike,
    query_points: TensorLike,
    order: int,
    regularization_weight: float = 0.0,
    name: str | None = None,
) -> TensorResult:
    """Return the values of a polyharmonic spline:  sum_i w_i phi(|x - c_i|) + v x + b.

    points (batch, n, d) · values (batch, n, k) · query_points (batch, m, d)  ->  (batch, m, k)
    """
    return _interpolated(train_points, train_values, query_points, order, regularization_weight)


def _border(height: int, width: int, count: int) -> Any:
    """The points of a grid of `count` + 2 rows and columns that are on the border of an image."""
    rows, columns = (jnp.linspace(0.0, size - 1, count + 2) for size in (height, width))
    ends = 0, count + 1
    at = [(i, j) for i, j in itertools.product(range(count + 2), repeat=2) if i in ends or j in ends]
    return jnp.stack([jnp.stack([rows[i], columns[j]]) for i, j in at])


@op(host=False)
def sparse_image_warp(
    image: TensorLike,
    source_control_point_locations: TensorLike,
    dest_control_point_locations: TensorLike,
    interpolation_order: int = 2,
    regularization_weight: float = 0.0,
    num_boundary_points: int = 0,
    name: str | None = None,
) -> TensorResult:
    """Move control points (batch, n, 2) of an image, and what is between them by a spline.

    Returns:
        The image, and the flow (batch, height, width, 2). If `num_boundary_points` is positive, the corners stay in
        place, and `num_boundary_points` - 1 more points of each edge.
    """
    images = jnp.asarray(batched(image))
    start, end = jnp.asarray(source_control_point_locations), jnp.asarray(dest_control_point_locations)
    flows, (batch, height, width, _) = end - start, images.shape
    if num_boundary_points > 0:
        border = _border(height, width, num_boundary_points - 1).astype(end.dtype)
        end = jnp.concatenate([end, jnp.broadcast_to(border, (len(end), *border.shape))], 1)
        flows = jnp.concatenate([flows, jnp.zeros((len(flows), *border.shape), flows.dtype)], 1)
    grid = jnp.stack(jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij"), -1)
    points = jnp.broadcast_to(grid.reshape(-1, 2), (batch, height * width, 2)).astype(images.dtype)
    dense = _interpolated(end, flows, points, interpolation_order, regularization_weight)
    dense = dense.reshape(batch, height, width, 2)
    moved = sample(images, jnp.moveaxis(grid - dense, -1, 1), "bilinear", "nearest", 0)
    given: Any = image
    return moved.reshape(np.shape(given)), dense


@op(host=False)
def resampler(data: TensorLike, warp: TensorLike, name: str | None = None) -> TensorResult:
    """Sample (batch, height, width, channels) at points (batch, ..., 2) of (x, y); outside there are zeros."""
    data, warp = jnp.asarray(data), jnp.asarray(warp)
    points = warp.reshape(len(warp), -1, 1, 2)[..., ::-1]
    found = sample(data, jnp.moveaxis(points, -1, 1), "bilinear", "constant", 0)
    return found.reshape(*warp.shape[:-1], data.shape[-1])


def adjust_hsv_in_yiq(
    image: TensorLike,
    delta_hue: TensorLike = 0,
    scale_saturation: TensorLike = 1,
    scale_value: TensorLike = 1,
    name: str | None = None,
) -> TensorResult:
    """Rotate the hues of RGB images by an angle, and scale saturation and value, in the YIQ space."""
    given: Any = tf.convert_to_tensor(image)
    if given.shape[-1] != 3 or len(given.shape) < 3:
        raise ArgumentError(message("image", expected="RGB images (..., height, width, 3)", got=tuple(given.shape)))
    x = given if given.dtype.is_floating else tf.image.convert_image_dtype(given, "float32")
    hue, saturation, value = (tf.cast(v, x.dtype) for v in (delta_hue, scale_saturation, scale_value))
    along, across = value * saturation * tf.cos(hue), value * saturation * tf.sin(hue)
    zero = tf.zeros_like(value)
    change = tf.stack([[value, zero, zero], [zero, along, across], [zero, -across, along]])
    matrix = tf.constant(_YIQ, x.dtype) @ change @ tf.constant(_RGB, x.dtype)
    return tf.image.convert_image_dtype(tf.tensordot(x, matrix, 1), given.dtype)


def random_hsv_in_yiq(
    image: TensorLike,
    max_delta_hue: float = 0,
    lower_saturation: float = 1,
    upper_saturation: float = 1,
    lower_value: float = 1,
    upper_value: float = 1,
    seed: int | None = None,
    name: str | None = None,
) -> TensorResult:
    """`adjust_hsv_in_yiq` with random numbers between these bounds."""
    ranges = {
        "max_delta_hue": (-max_delta_hue, max_delta_hue),
        "lower_saturation": (lower_saturation, upper_saturation),
        "lower_value": (lower_value, upper_value),
    }
    for argument, (low, high) in ranges.items():
        if low > high or (low < 0 and argument != "max_delta_hue"):
            raise ArgumentError(message(argument, expected="a range of numbers of at least 0", got=f"{low} to {high}"))
    hue, saturation, value = (
        low if low == high else tf.random.uniform([], low, high, seed=seed) for low, high in ranges.values()
    )
    return adjust_hsv_in_yiq(image, hue, saturation, value)
