"""tf.io: files, with the standard library, and images in them, with Pillow."""

from __future__ import annotations

import glob as globbing
import gzip
import io
import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import IO, Any

import jax.numpy as jnp
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tables import resolve, with_parameters
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.errors import AlreadyExistsError, NotFoundError
from gazelle.compat.tensorflow.function_tables import LISTS, TABLE
from gazelle.compat.tensorflow.names import NAMES, fixed_value, named
from gazelle.compat.tensorflow.ops.arrays import array_of, convert
from gazelle.compat.tensorflow.ops.randoms import generator
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import DTypeLike, PathLike, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message


def text(value: TensorLike) -> str:
    """A string from a string, bytes, a path, or a tensor of them."""
    value = unboxed(value)
    if isinstance(value, np.ndarray | np.generic) and not isinstance(value, bytes):
        value = value.item() if getattr(value, "ndim", 0) == 0 else value
    return (
        value.decode() if isinstance(value, bytes) else os.fspath(value) if hasattr(value, "__fspath__") else str(value)
    )


def texts(values: TensorLike) -> list[str]:
    """The strings of a string, or of a list or tensor of strings."""
    given = unboxed(values)
    return [text(given)] if isinstance(given, str | bytes) or np.ndim(given) == 0 else [text(v) for v in given]


def glob(pattern: PathLike | TensorLike) -> list[str]:
    patterns = np.ravel(array_of(pattern)).tolist() if hasattr(pattern, "shape") else pattern
    patterns = patterns if isinstance(patterns, list | tuple) else [patterns]
    return [found for each in patterns for found in sorted(globbing.glob(text(each)))]


for _names, _entry in TABLE["files"].items():
    _path, *_parameters = _entry.split()
    named(*_names.split())(with_parameters(resolve(_path, __name__), _parameters, {"text": text}))
named("io.gfile.join")(lambda *parts: os.path.join(*map(text, parts)))


def _moved(move: Callable[[str, str], object]) -> Callable[..., None]:
    def moved(src: TensorLike, dst: TensorLike, overwrite: bool = False) -> None:
        if not overwrite and os.path.exists(text(dst)):
            raise AlreadyExistsError(message("tf.io.gfile", expected="overwrite=True", got=f"an existing {text(dst)}"))
        move(text(src), text(dst))

    return moved


named("io.gfile.copy")(_moved(shutil.copy))
named("io.gfile.rename")(_moved(os.replace))


@named("io.gfile.GFile", "gfile.GFile", "gfile.FastGFile")
class GFile:
    """`tf.io.gfile.GFile`: a file of Python that also has `size`."""

    def __init__(self, name: PathLike | TensorLike, mode: str = "r") -> None:
        self.name, self.mode = text(name), mode
        try:
            self._file = open(self.name, mode)  # noqa: SIM115 - the program closes it
        except FileNotFoundError as error:
            raise NotFoundError(message("GFile", expected="a file", got=self.name)) from error

    def size(self) -> int:
        return os.path.getsize(self.name)

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self)["_file"], name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._file)

    def __next__(self) -> Any:
        return next(self._file)

    def __enter__(self) -> GFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


@named("io.gfile.stat")
def stat(path: PathLike | TensorLike) -> SimpleNamespace:
    """`tf.io.gfile.stat`: the size, the time of the last change, and the values of `os.stat`."""
    found = os.stat(text(path))
    own = {name: getattr(found, name) for name in dir(found) if name.startswith("st_")}
    is_folder = os.path.isdir(text(path))
    return SimpleNamespace(length=found.st_size, mtime_nsec=found.st_mtime_ns, is_directory=is_folder, **own)


@named("io.decode_compressed", "decode_compressed")
def decode_compressed(bytes: TensorLike, compression_type: str = "") -> TensorResult:
    """`tf.io.decode_compressed`: the bytes that "ZLIB" or "GZIP" compressed."""
    given = array_of(bytes)
    bits = {"": None, "ZLIB": zlib.MAX_WBITS, "GZIP": zlib.MAX_WBITS | 16}[compression_type]
    out = np.empty(given.shape, object)
    out.flat = [one if bits is None else zlib.decompress(one, bits) for one in given.flat]
    return Tensor(out)


@named("io.read_file", "read_file")
def read_file(filename: PathLike | TensorLike) -> Tensor:
    """`tf.io.read_file`: the bytes of a file."""
    try:
        with open(text(filename), "rb") as file:
            return convert(file.read())
    except FileNotFoundError as error:
        raise NotFoundError(message("tf.io.read_file", expected="a file", got=text(filename))) from error


@named("io.write_file", "write_file")
def write_file(filename: PathLike | TensorLike, contents: TensorLike) -> None:
    os.makedirs(os.path.dirname(text(filename)) or ".", exist_ok=True)
    with open(text(filename), "wb") as file:
        file.write(bytes(array_of(contents).item()))


@named("io.decode_raw")
def decode_raw(
    input_bytes: TensorLike, out_type: DTypeLike, little_endian: bool = True, fixed_length: TensorLike = None
) -> Tensor:
    """`tf.io.decode_raw`: the numbers that bytes contain; with a fixed length they are cut, or padded with zeros."""
    given, kind = array_of(input_bytes), np.dtype(jnp.dtype(name_of(out_type)))
    rows = list(given.flat)
    if fixed_length is not None:
        rows = [row[: int(fixed_length)].ljust(int(fixed_length), b"\0") for row in rows]
    arrays = [np.frombuffer(row, kind if little_endian else kind.newbyteorder(">")).astype(kind) for row in rows]
    return Tensor(np.stack(arrays).reshape(*given.shape, -1))


def opened(name: str, compression_type: TensorLike = None) -> IO[bytes]:
    """A file that is read, which "GZIP" or "ZLIB" may have compressed."""
    kind = "" if compression_type is None else text(compression_type).upper()
    if kind == "GZIP":
        return gzip.open(name)
    if kind == "ZLIB":
        with open(name, "rb") as file:
            return io.BytesIO(zlib.decompress(file.read()))
    if kind:
        raise ArgumentError(message("compression_type of a dataset", expected="'', 'GZIP' or 'ZLIB'", got=repr(kind)))
    return open(name, "rb")


named("io.matching_files")(lambda pattern, name=None: convert(np.array(sorted(glob(pattern)), "O")))


@named(*LISTS["decoders of images"])
def decode_image(
    contents: TensorLike, channels: TensorLike = None, dtype: DTypeLike = "uint8", expand_animations: bool = True
) -> Tensor:
    """`tf.io.decode_image`: the pixels (height, width, channels), read by Pillow; those of a GIF (frames, ...)."""
    try:
        from PIL import Image, ImageSequence
    except ImportError:
        raise ArgumentError(
            message("tf.io.decode_image", expected="Pillow", got="none installed", hint="pip install pillow")
        ) from None
    data = bytes(array_of(contents).item())
    image: Any = Image.open(io.BytesIO(data))
    if image.format == "GIF" and expand_animations:
        frames = np.stack([np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)])
        return NAMES["image.convert_image_dtype"](frames, dtype)
    if image.mode.startswith("I"):  # 16 bits
        array = np.asarray(image).astype("uint16")[..., None]
        array = array if name_of(dtype) == "uint16" else (array >> 8).astype("uint8")
        array = np.repeat(array, 3, -1) if channels == 3 else array
        return (
            Tensor(array) if name_of(dtype) in ("uint8", "uint16") else NAMES["image.convert_image_dtype"](array, dtype)
        )
    if channels == 1 and image.format == "PNG" and image.mode in ("RGB", "RGBA"):  # Pillow rounds the brightness
        brightness = np.asarray(image.convert("RGB")).astype(int) @ [9797, 19234, 3737] >> 15
        image = Image.fromarray(brightness.astype("uint8"))
    elif channels == 1:
        image.draft("L", image.size)  # a JPEG contains the brightness
    if channels:
        image = image.convert({1: "L", 3: "RGB", 4: "RGBA"}[int(channels)])
    elif image.mode not in ("L", "RGB", "RGBA"):
        image = image.convert("RGB")
    array = np.asarray(image)
    array = array[..., None] if array.ndim == 2 else array
    if name_of(dtype) == "uint16":
        if image.format == "PNG" and data[24] == 16:  # the bits of a color
            hint = "Store each channel as an image of its own, or read 8 bits, with dtype=tf.uint8."
            raise ArgumentError(message("tf.io.decode_png", expected="gray", got="colors of 16 bits", hint=hint))
        return Tensor(array.astype("uint16") * 257)
    return Tensor(array) if name_of(dtype) == "uint8" else NAMES["image.convert_image_dtype"](array, dtype)


@named("io.decode_jpeg", "image.decode_jpeg")
@ignores("ratio=1 fancy_upscaling try_recover_truncated acceptable_fraction dct_method name")
def decode_jpeg(contents: TensorLike, channels: TensorLike = 0) -> Tensor:
    return decode_image(contents, channels)


@named("io.decode_gif", "image.decode_gif")
def decode_gif(contents: TensorLike) -> Tensor:
    return decode_image(contents)


@named("io.encode_png", "image.encode_png")
@ignores("compression name")
def encode_png(image: TensorLike) -> Tensor:
    return _encoded(image, "PNG")


@named("io.encode_jpeg", "image.encode_jpeg")
@ignores("density_unit x_density y_density xmp_metadata=''")
def encode_jpeg(
    image: TensorLike,
    format: str = "",
    quality: int = 95,
    progressive: bool = False,
    optimize_size: bool = False,
    chroma_downsampling: bool = True,
) -> Tensor:
    """`tf.io.encode_jpeg`: the bytes of a JPEG file."""
    options = {"progressive": progressive, "optimize": optimize_size, "subsampling": 2 if chroma_downsampling else 0}
    gray = NAMES["image.rgb_to_grayscale"](image) if format == "grayscale" and image.shape[-1] == 3 else image
    return _encoded(gray, "JPEG", quality=int(quality), **options)


def _encoded(image: Any, kind: str, **options: Any) -> Tensor:
    from PIL import Image

    array = np.asarray(unboxed(image))
    buffer = io.BytesIO()
    Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).save(buffer, kind, **options)
    return convert(buffer.getvalue())


@named("io.extract_jpeg_shape", "image.extract_jpeg_shape")
def extract_jpeg_shape(contents: TensorLike, output_type: DTypeLike = "int32") -> Tensor:
    """`tf.io.extract_jpeg_shape`: (height, width, channels)."""
    return Tensor(np.asarray(decode_image(contents).shape, name_of(output_type)))


@named("image.adjust_jpeg_quality")
def adjust_jpeg_quality(image: TensorLike, jpeg_quality: TensorLike) -> TensorResult:
    """`tf.image.adjust_jpeg_quality`: the image as it is after an encoding with this quality."""
    array = np.asarray(unboxed(image))
    pixels = array if array.dtype == np.uint8 else np.clip(array * 255, 0, 255).astype("uint8")
    decoded = decode_image(_encoded(pixels, "JPEG", quality=int(jpeg_quality))).array
    return Tensor(decoded if array.dtype == np.uint8 else (decoded / 255).astype(array.dtype))


@named("image.random_jpeg_quality")
def random_jpeg_quality(
    image: TensorLike, min_jpeg_quality: int, max_jpeg_quality: int, seed: int | None = None
) -> TensorResult:
    return adjust_jpeg_quality(image, generator(seed).integers(min_jpeg_quality, max_jpeg_quality))


@named("io.is_jpeg", "image.is_jpeg")
def is_jpeg(contents: TensorLike) -> TensorResult:
    """`tf.io.is_jpeg`: whether bytes begin as a JPEG image does."""
    given = unboxed(contents)
    start = (given if isinstance(given, bytes) else np.asarray(given, object).reshape(-1)[0])[:3]
    return Tensor(np.asarray(start == b"\xff\xd8\xff"))


@named("io.decode_and_crop_jpeg", "image.decode_and_crop_jpeg")
@ignores("ratio=1 fancy_upscaling try_recover_truncated acceptable_fraction dct_method name")
def decode_and_crop_jpeg(contents: TensorLike, crop_window: TensorLike, channels: int = 0) -> TensorResult:
    top, left, height, width = fixed_value(crop_window)
    return NAMES["io.decode_jpeg"](contents, channels=channels)[top : top + height, left : left + width]
