"""tf.io and tf.image: images in files, read and written by Pillow."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from gazelle.compat.tensorflow.arrays import convert
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.function_tables import LISTS
from gazelle.compat.tensorflow.names import NAMES, fixed_value, named
from gazelle.compat.tensorflow.randoms import generator
from gazelle.compat.tensorflow.recording import unboxed
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import DTypeLike


@named(*LISTS["decoders of images"])
def decode_image(
    contents: TensorLike,
    channels: TensorLike = None,
    dtype: DTypeLike | None = "uint8",
    expand_animations: bool = True,
    **_: Any,
) -> Tensor:
    """`tf.io.decode_image`: the pixels (height, width, channels), read by Pillow."""
    try:
        from PIL import Image
    except ImportError:
        raise ArgumentError(
            message("tf.io.decode_image", expected="Pillow", got="none installed", hint="pip install pillow")
        ) from None
    image: Any = Image.open(io.BytesIO(bytes(unboxed(convert(contents)).item())))
    if channels:
        image = image.convert({1: "L", 3: "RGB", 4: "RGBA"}[int(channels)])
    elif image.mode not in ("L", "RGB", "RGBA"):
        image = image.convert("RGB")
    array = np.asarray(image)
    array = array[..., None] if array.ndim == 2 else array
    return Tensor(array if name_of(dtype) == "uint8" else (array / 255).astype(name_of(dtype)))


@named("io.encode_jpeg", "image.encode_jpeg", "io.encode_png", "image.encode_png")
def encode_png(image: TensorLike, *_: Any, **__: Any) -> Tensor:
    from PIL import Image

    array = np.asarray(unboxed(image))
    buffer = io.BytesIO()
    Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).save(buffer, "PNG")
    return convert(buffer.getvalue())


@named("image.adjust_jpeg_quality")
def adjust_jpeg_quality(image: TensorLike, jpeg_quality: TensorLike) -> TensorResult:
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
def is_jpeg(contents: TensorLike) -> TensorResult:
    """`tf.io.is_jpeg`: whether bytes begin as a JPEG image does."""
    given = unboxed(contents)
    start = (given if isinstance(given, bytes) else np.asarray(given, object).reshape(-1)[0])[:3]
    return Tensor(np.asarray(start == b"\xff\xd8\xff"))


@named("io.decode_and_crop_jpeg", "image.decode_and_crop_jpeg")
def decode_and_crop_jpeg(contents: TensorLike, crop_window: TensorLike, channels: int = 0, **_: Any) -> TensorResult:
    """`tf.io.decode_and_crop_jpeg`."""
    top, left, height, width = fixed_value(crop_window)
    return NAMES["io.decode_jpeg"](contents, channels=channels)[top : top + height, left : left + width]
