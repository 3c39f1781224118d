"""Rarely used operations of tf.nn and tf.image."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import ops
from gazelle.compat.tensorflow.names import NAMES, fixed_value, named, op
from gazelle.compat.tensorflow.nn import inner_sizes
from gazelle.compat.tensorflow.randoms import generator
from gazelle.compat.tensorflow.recording import unboxed
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import AxisLike


@op("nn.atrous_conv2d", static=("rate",), host=False)
def atrous_conv2d(value: TensorLike, filters: TensorLike, rate: int, padding: str) -> TensorResult:
    return ops.conv(value, filters, 1, padding.lower(), dilation_rate=rate)


@op("nn.max_pool_with_argmax", static=("ksize", "strides"), host=False)
def max_pool_with_argmax(
    input: TensorLike,
    ksize: Sequence[int],
    strides: Sequence[int],
    padding: str,
    data_format: str = "NHWC",
    output_dtype: Any = "int64",
    include_batch_in_index: bool = False,
) -> TensorResult:
    size, step = (inner_sizes(v, 2, data_format) for v in (ksize, strides))
    batch, height, width, channels = input.shape
    numbers = jnp.arange(height * width * channels).reshape(1, height, width, channels)
    if include_batch_in_index:
        numbers = numbers + (jnp.arange(batch) * height * width * channels)[:, None, None, None]
    window, moves = (1, *size, 1), (1, *step, 1)

    def larger(a: Any, b: Any) -> Any:
        keep = (a[0] > b[0]) | ((a[0] == b[0]) & (a[1] < b[1]))
        return jnp.where(keep, a[0], b[0]), jnp.where(keep, a[1], b[1])

    numbers = jnp.broadcast_to(numbers, input.shape)
    first = (jnp.asarray(-jnp.inf, input.dtype), jnp.asarray(np.iinfo("int32").max, numbers.dtype))
    _, found = jax.lax.reduce_window(
        (jax.lax.stop_gradient(input), numbers), first, larger, window, moves, padding.upper()
    )
    return ops.max_pool(input, size, step, padding.lower()), found


@op("nn.weighted_moments", static=("axes",), host=False)
def weighted_moments(
    x: TensorLike, axes: AxisLike, frequency_weights: TensorLike, keepdims: bool = False
) -> TensorResult:
    weights = jnp.broadcast_to(frequency_weights, x.shape).astype(x.dtype)
    total = jnp.sum(weights, axes, keepdims=True)
    mean = jnp.sum(x * weights, axes, keepdims=True) / total
    variance = jnp.sum((x - mean) ** 2 * weights, axes, keepdims=keepdims) / jnp.sum(weights, axes, keepdims=keepdims)
    return mean if keepdims else jnp.squeeze(mean, axes), variance


@named("image.adjust_jpeg_quality")
def adjust_jpeg_quality(image: TensorLike, jpeg_quality: TensorLike, name: str | None = None) -> TensorResult:
    """`tf.image.adjust_jpeg_quality`: the image as it is after an encoding with this quality."""
    from PIL import Image

    array = np.asarray(unboxed(image))
    pixels = array if array.dtype == np.uint8 else np.clip(array * 255, 0, 255).astype("uint8")
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, "JPEG", quality=int(jpeg_quality))
    decoded = np.asarray(Image.open(file)).reshape(pixels.shape)
    return Tensor(decoded if array.dtype == np.uint8 else (decoded / 255).astype(array.dtype))


@named("image.random_jpeg_quality")
def random_jpeg_quality(
    image: TensorLike, min_jpeg_quality: int, max_jpeg_quality: int, seed: int | None = None
) -> TensorResult:
    """`tf.image.random_jpeg_quality`."""
    return adjust_jpeg_quality(image, generator(seed).integers(min_jpeg_quality, max_jpeg_quality))


@named("io.is_jpeg", "image.is_jpeg")
def is_jpeg(contents: TensorLike, name: str | None = None) -> TensorResult:
    """`tf.io.is_jpeg`: whether bytes begin as a JPEG image does."""
    given = unboxed(contents)
    start = (given if isinstance(given, bytes) else np.asarray(given, object).reshape(-1)[0])[:3]
    return Tensor(np.asarray(start == b"\xff\xd8\xff"))


@named("io.decode_and_crop_jpeg", "image.decode_and_crop_jpeg")
def decode_and_crop_jpeg(contents: TensorLike, crop_window: TensorLike, channels: int = 0, **_: Any) -> TensorResult:
    """`tf.io.decode_and_crop_jpeg`."""
    top, left, height, width = fixed_value(crop_window)
    return NAMES["io.decode_jpeg"](contents, channels=channels)[top : top + height, left : left + width]


@named("image.non_max_suppression_with_scores")
def non_max_suppression_with_scores(
    boxes: TensorLike,
    scores: TensorLike,
    max_output_size: int | TensorLike,
    iou_threshold: float = 0.5,
    score_threshold: float = float("-inf"),
    soft_nms_sigma: float = 0.0,
    name: str | None = None,
) -> tuple[Any, Any]:
    """`tf.image.non_max_suppression_with_scores`, without a soft threshold."""
    if soft_nms_sigma:
        raise ArgumentError(message("soft_nms_sigma of tf.image", expected="0.0", got=repr(soft_nms_sigma)))
    kept = NAMES["image.non_max_suppression"](boxes, scores, max_output_size, iou_threshold, score_threshold)
    return kept, NAMES["gather"](scores, kept)
