"""tf.image: images (height, width, channels), single or in batches."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import ops
from gazelle.compat.tensorflow.calls import call
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import NAMES, fixed_value, named, op, space
from gazelle.compat.tensorflow.ops.arrays import cast_array
from gazelle.compat.tensorflow.ops.image_resizing import resize
from gazelle.compat.tensorflow.ops.randoms import StatelessSeed, generator, next_key, seed_of_draw
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import DTypeLike, ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.core.symbolic import KerasTensor
from gazelle.ops.image.filters import gaussian, smoothed


def _flip(axis: int) -> Any:
    return lambda image: space(image).flip(image, axis)


def _drawn_when_run(function: Callable[..., Any]) -> Callable[..., Any]:
    """A random function of an image; of a symbolic one it draws whenever the graph runs."""
    first = next(iter(inspect.signature(function).parameters))

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        image, *rest = args or (kwargs.pop(first),)
        if not isinstance(image, KerasTensor):
            return function(image, *rest, **kwargs)
        known = {name: fixed_value(value) for name, value in kwargs.items()}  # a size may contain that of a batch
        run = lambda array, *rest, **kwargs: unboxed(function(array, *rest, **kwargs))  # noqa: E731
        return call(run, (image, *map(fixed_value, rest)), known)

    return called


def _randomly(flip: Callable[[Any], Any]) -> Any:
    """The function that flips each image with probability 1/2."""
    select = op()(lambda image, flipped: space(image, flipped).where(flipped, flip(image), image))

    def flipped(image: Any, seed: Any = None) -> Any:
        shape = (image.shape[0], 1, 1, 1) if len(image.shape) == 4 else ()
        return select(image, unboxed(_between(0.0, 1.0, seed, shape)) < 0.5)

    return _drawn_when_run(flipped)


for _name, _axis in {"left_right": -2, "up_down": -3}.items():
    op(f"image.flip_{_name}")(_flip(_axis))
    named(f"image.random_flip_{_name}", f"image.stateless_random_flip_{_name}")(_randomly(_flip(_axis)))


def _as_float(image: Any) -> tuple[Any, Any]:
    """An image as floats in [0, 1], and the function that restores its dtype."""
    kind = np.dtype(image.dtype)
    if kind.kind not in "iu":
        return image, lambda out: out.astype(kind)
    most = np.iinfo(kind).max
    return image.astype("float32") / most, lambda out: (out * (most + 0.5)).clip(*_limits(kind, out.dtype)).astype(kind)


def _limits(integers: Any, floats: Any) -> tuple[Any, Any]:
    """The least and the largest float of a dtype that are integers of another one."""
    info = np.iinfo(integers)
    with np.errstate(over="ignore"):
        most = np.asarray(info.max, floats)
    return np.asarray(info.min, floats), most if float(most) <= info.max else np.nextafter(most, np.asarray(0, floats))


def _adjusted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of an image of floats for images of every dtype."""
    first = next(iter(inspect.signature(function).parameters))

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        image, *rest = args or (kwargs.pop(first),)
        as_float, restore = _as_float(image)
        return restore(function(as_float, *rest, **kwargs))

    return called


def _adjust_contrast(images: Any, contrast_factor: Any) -> Any:
    mean = images.mean((-3, -2), keepdims=True)
    return (images - mean) * contrast_factor + mean


def _of_pixels(convert: Callable[..., Any]) -> Callable[[Any], Any]:
    """The conversion of colours for any number of axes; in TensorFlow the channels are always last."""
    return lambda images: convert(images.reshape(1, -1, 3), data_format="channels_last").reshape(images.shape)


_hsv, _rgb = _of_pixels(ops.image.rgb_to_hsv), _of_pixels(ops.image.hsv_to_rgb)
op("image.rgb_to_hsv", host=False)(lambda images: _hsv(jnp.asarray(images)))
op("image.hsv_to_rgb", host=False)(lambda images: _rgb(jnp.asarray(images)))


#: by which images are multiplied, so that no color of an image with 32 bits is too small for its hue
_SCALE = np.float32(2**32)


def _with_hsv(image: Any, change: Callable[..., list[Any]]) -> Any:
    """The image for which `change(hue, saturation, value)` returns those of its pixels."""
    scale = _SCALE if image.dtype == np.float32 else 1
    return _rgb(jnp.concatenate(change(*jnp.split(_hsv(image * scale), 3, -1)), -1)) / scale


def _adjust_saturation(image: Any, saturation_factor: Any) -> Any:
    return _with_hsv(image, lambda hue, s, value: [hue, jnp.clip(s * saturation_factor, 0, 1), value])


def _adjust_hue(image: Any, delta: Any) -> Any:
    return _with_hsv(image, lambda hue, s, value: [(hue + delta) % 1.0, s, value])


op("image.adjust_brightness")(_adjusted(lambda image, delta: image + delta))
op("image.adjust_contrast")(_adjusted(_adjust_contrast))
op("image.adjust_saturation", host=False)(_adjusted(_adjust_saturation))
op("image.adjust_hue", host=False)(_adjusted(_adjust_hue))
op("image.adjust_gamma")(_adjusted(lambda image, gamma=1, gain=1: gain * image**gamma))


def _between(low: Any, high: Any, seed: Any, shape: Any = ()) -> Any:
    return NAMES["random.uniform"](shape, low, high, seed=seed_of_draw(seed))


def _random_adjustment(adjust: Any, symmetric: bool) -> Any:
    """The function that adjusts an image by a random amount: up to `max_delta`, or from `lower` to `upper`."""
    if symmetric:
        return _drawn_when_run(lambda image, max_delta, seed=None: adjust(image, _between(-max_delta, max_delta, seed)))
    return _drawn_when_run(lambda image, lower, upper, seed=None: adjust(image, _between(lower, upper, seed)))


for _name in ("brightness", "contrast", "saturation", "hue"):
    _adjustment = _random_adjustment(NAMES[f"image.adjust_{_name}"], _name in ("brightness", "hue"))
    named(f"image.random_{_name}", f"image.stateless_random_{_name}")(_adjustment)


@named("image.random_crop", "random_crop", "image.stateless_random_crop")
@_drawn_when_run
def random_crop(value: TensorLike, size: TensorLike, seed: TensorLike = None) -> TensorResult:
    """`tf.image.random_crop`: a part of this size at a random position."""
    array = unboxed(value)
    sizes = [s if n == -1 else int(n) for n, s in zip(np.asarray(unboxed(size)).tolist(), array.shape, strict=True)]
    slack = [a - s for a, s in zip(array.shape, sizes, strict=True)]
    seed = seed_of_draw(seed)
    if isinstance(array, jax.core.Tracer) or isinstance(seed, StatelessSeed):
        keys = [jax.random.fold_in(next_key(seed), i) for i in range(len(slack))]
        starts = [jax.random.randint(key, (), 0, r + 1) for key, r in zip(keys, slack, strict=True)]
        return Tensor(jax.lax.dynamic_slice(array, starts, sizes))
    draw = generator(seed)
    offsets = [int(draw.integers(0, r + 1)) for r in slack]
    tensor = value if isinstance(value, Tensor) else Tensor(array)
    return tensor[tuple(slice(p, p + s) for p, s in zip(offsets, sizes, strict=True))]


@op("image.central_crop")
def central_crop(image: TensorLike, central_fraction: float) -> TensorResult:
    height, width = image.shape[-3:-1]
    top, left = int((height - height * central_fraction) / 2), int((width - width * central_fraction) / 2)
    return image[..., top : height - top, left : width - left, :]


@op("image.crop_to_bounding_box")
def crop_to_bounding_box(
    image: TensorLike, offset_height: int, offset_width: int, target_height: int, target_width: int
) -> TensorResult:
    bottom, right = offset_height + target_height, offset_width + target_width
    if min(offset_height, offset_width) < 0 or bottom > image.shape[-3] or right > image.shape[-2]:
        expected = f"a part of an image of {image.shape[-3]} x {image.shape[-2]}"
        got = f"rows {offset_height} to {bottom} and columns {offset_width} to {right}"
        raise ArgumentError(message("tf.image.crop_to_bounding_box", expected=expected, got=got))
    return image[..., offset_height:bottom, offset_width:right, :]


@op("image.pad_to_bounding_box")
def pad_to_bounding_box(
    image: TensorLike, offset_height: int, offset_width: int, target_height: int, target_width: int
) -> TensorResult:
    height, width = image.shape[-3:-1]
    if (
        min(offset_height, offset_width, target_height - height - offset_height, target_width - width - offset_width)
        < 0
    ):
        expected, got = f"a place for an image of {height} x {width}", f"{target_height} x {target_width}"
        raise ArgumentError(message("tf.image.pad_to_bounding_box", expected=expected, got=got))
    edges = [(0, 0)] * (image.ndim - 3) + [
        (offset_height, target_height - height - offset_height),
        (offset_width, target_width - width - offset_width),
        (0, 0),
    ]
    return space(image).pad(image, edges)


@op("image.resize_with_crop_or_pad", "image.resize_image_with_crop_or_pad", static=("target_height", "target_width"))
def resize_with_crop_or_pad(image: TensorLike, target_height: TensorLike, target_width: TensorLike) -> TensorResult:
    for axis, wanted in ((-3, target_height), (-2, target_width)):
        have = image.shape[axis]
        if have > wanted:
            first = (have - wanted) // 2
            image = space(image).take(image, np.arange(first, first + wanted), axis=axis)
        elif have < wanted:
            edges = [(0, 0)] * image.ndim
            edges[axis] = ((wanted - have) // 2, wanted - have - (wanted - have) // 2)
            image = space(image).pad(image, edges)
    return image


@named("image.resize_with_pad")
def resize_with_pad(
    image: TensorLike, target_height: int, target_width: int, method: str = "bilinear", antialias: bool = False
) -> TensorResult:
    """`tf.image.resize_with_pad`: resize without cropping, keeping the aspect ratio."""
    return _with_pad(lambda size: resize(image, size, method, False, antialias), image, target_height, target_width)


@named("compat.v1.image.resize_image_with_pad", "image.resize_image_with_pad")
def resize_image_with_pad(
    image: TensorLike, target_height: int, target_width: int, method: str | int = 0, align_corners: bool = False
) -> TensorResult:
    """`tf.image.resize_image_with_pad` of TensorFlow 1, whose pixels are points at integers."""
    former = NAMES["compat.v1.image.resize_images"]
    return _with_pad(lambda size: former(image, size, method, align_corners), image, target_height, target_width)


def _with_pad(resize: Callable[[list[int]], Any], image: Any, target_height: Any, target_width: Any) -> Any:
    have, target = np.asarray(image.shape[-3:-1], "float32"), np.asarray([target_height, target_width], "float32")
    size = have / np.max(have / target)
    top, left = np.floor((target - size) / 2).clip(0).astype(int).tolist()
    inner = resize(np.floor(size).astype(int).tolist())
    return NAMES["image.pad_to_bounding_box"](inner, top, left, int(target_height), int(target_width))


@op("image.convert_image_dtype")
def convert_image_dtype(image: TensorLike, dtype: DTypeLike, saturate: bool = False) -> TensorResult:
    now, wanted = np.dtype(image.dtype), np.dtype(jnp.dtype(name_of(dtype)))
    if now.kind in "iu" and wanted.kind not in "iu":
        return image.astype(wanted) * np.asarray(1 / np.iinfo(now).max, wanted)  # the limit may overflow in float16
    if now.kind not in "iu" and wanted.kind in "iu":
        image = image * (np.iinfo(wanted).max + 0.5)
        return image.clip(*_limits(wanted, now)).astype(wanted) if saturate else cast_array(image, wanted.name)
    if now.kind in "iu" and wanted.kind in "iu" and now != wanted:
        most, limit = (int(np.iinfo(kind).max) + 1 for kind in (now, wanted))
        if saturate:
            image = image.clip(0 if wanted.kind == "u" else None, None)
        return image.astype(wanted) * (limit // most) if limit > most else (image // (most // limit)).astype(wanted)
    return image.astype(wanted)


@op("image.ssim_multiscale", host=False)
def ssim_multiscale(
    img1: TensorLike,
    img2: TensorLike,
    max_val: float,
    power_factors: Sequence[float] = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333),
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> TensorResult:
    """`tf.image.ssim_multiscale`: contrasts at several scales, and the similarity at the last one, with powers."""
    most = np.float32(np.iinfo(img1.dtype).max if jnp.issubdtype(img1.dtype, jnp.integer) else 1)
    pair, out = [jnp.asarray(image, "float32") / most for image in (img1, img2)], jnp.float32(1)
    taps, c1, c2 = (
        gaussian(filter_size, filter_sigma, "float32"),
        (k1 * max_val / most) ** 2,
        (k2 * max_val / most) ** 2,
    )
    for index, power in enumerate(power_factors):
        if index:
            odd = [(0, 0), *((0, size % 2) for size in pair[0].shape[-3:-1]), (0, 0)]
            padded = (jnp.pad(x.reshape(-1, *x.shape[-3:]), odd, "symmetric") for x in pair)
            small = ((x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4 for x in padded)
            pair = [x.reshape(*img1.shape[:-3], *x.shape[1:]) for x in small]
        a, b = (x.reshape(-1, *x.shape[-3:]) for x in pair)
        mean = lambda x: smoothed(x, taps, taps, "VALID")  # noqa: E731
        products, squares = mean(a) * mean(b), mean(a) ** 2 + mean(b) ** 2
        factor = (2 * (mean(a * b) - products) + c2) / (mean(a * a + b * b) - squares + c2)
        if index == len(power_factors) - 1:
            factor = factor * (2 * products + c1) / (squares + c1)
        out = out * jnp.maximum(factor.mean((1, 2)), 0) ** power
    return out.mean(-1).reshape(img1.shape[:-3])


@op("image.per_image_standardization")
def per_image_standardization(image: TensorLike) -> TensorResult:
    image = image.astype("float32")
    count = np.prod(image.shape[-3:])
    mean, std = image.mean((-3, -2, -1), keepdims=True), image.std((-3, -2, -1), keepdims=True)
    return (image - mean) / space(image).maximum(std, np.float32(1 / np.sqrt(count)))


@op("image.rgb_to_grayscale")
def rgb_to_grayscale(images: TensorLike) -> TensorResult:
    as_float, restore = _as_float(images)
    return restore((as_float * np.asarray([0.2989, 0.587, 0.114], "float32")).sum(-1, keepdims=True))


@op("image.grayscale_to_rgb")
def grayscale_to_rgb(images: TensorLike) -> TensorResult:
    if images.shape[-1] != 1:
        raise ArgumentError(message("channels of tf.image.grayscale_to_rgb", expected=1, got=images.shape[-1]))
    return space(images).concatenate([images] * 3, -1)


@op("image.psnr", host=False)
def psnr(a: TensorLike, b: TensorLike, max_val: TensorLike) -> TensorResult:
    error = jnp.mean(jnp.square(jnp.asarray(a, "float32") - jnp.asarray(b, "float32")), (-3, -2, -1))
    return 20 * jnp.log10(jnp.asarray(max_val, "float32")) - 10 * jnp.log10(error)


@op("image.total_variation", host=False)
def total_variation(images: TensorLike) -> TensorResult:
    images = jnp.asarray(images)
    down = jnp.abs(images[..., 1:, :, :] - images[..., :-1, :, :]).sum((-3, -2, -1))
    right = jnp.abs(images[..., :, 1:, :] - images[..., :, :-1, :]).sum((-3, -2, -1))
    return (down + right).astype(images.dtype)


@op("image.sobel_edges", host=False)
def sobel_edges(image: TensorLike) -> TensorResult:
    padded = jnp.pad(image, [(0, 0), (1, 1), (1, 1), (0, 0)], "reflect")  # `ops.image` pads with zeros
    rows = padded[:, 2:] - padded[:, :-2]
    columns = padded[:, :, 2:] - padded[:, :, :-2]
    down = rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]
    right = columns[:, :-2] + 2 * columns[:, 1:-1] + columns[:, 2:]
    return jnp.stack([down, right], -1)


@op("image.extract_patches", host=False)
def extract_patches(
    images: TensorLike, sizes: ShapeLike, strides: ShapeLike, rates: ShapeLike, padding: str
) -> TensorResult:
    return ops.image.extract_patches(images, sizes[1:3], strides[1:3], rates[1], padding.lower(), "channels_last")


@op("raw_ops.ImageProjectiveTransformV3", host=False)
def projective_transform(
    images: TensorLike,
    transforms: TensorLike,
    output_shape: TensorLike,
    fill_value: TensorLike = 0.0,
    interpolation: str = "NEAREST",
    fill_mode: str = "CONSTANT",
) -> TensorResult:
    """`tf.raw_ops.ImageProjectiveTransformV3` for maps without perspective and results of the size of the images."""
    if tuple(np.asarray(output_shape)) != (sizes := tuple(images.shape[-3:-1])):
        raise ArgumentError(message("output_shape", expected=f"the size of the images, {sizes}", got=output_shape))
    modes = interpolation.lower(), fill_mode.lower()
    return ops.image.affine_transform(images, transforms, *modes, float(np.asarray(fill_value)), "channels_last")


@op("extract_volume_patches", host=False)
def extract_volume_patches(input: TensorLike, ksizes: ShapeLike, strides: ShapeLike, padding: str) -> TensorResult:
    return ops.image.extract_patches_3d(input, ksizes[1:4], strides[1:4], 1, padding.lower(), "channels_last")
