"""tf.io and tf.strings: files, pictures and text, with Python's and Pillow's own means."""

from __future__ import annotations

import csv
import glob as globbing
import io
import os
import re
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, message
from gazelle.legacy.tensorflow.arrays import convert
from gazelle.legacy.tensorflow.dtypes import name_of
from gazelle.legacy.tensorflow.names import named
from gazelle.legacy.tensorflow.recording import unboxed
from gazelle.legacy.tensorflow.tensor import Tensor


def text(value: Any) -> str:
    """A string from a string, bytes, a path, or a tensor of them."""
    value = unboxed(value)
    if isinstance(value, np.ndarray | np.generic) and not isinstance(value, bytes):
        value = value.item() if getattr(value, "ndim", 0) == 0 else value
    return (
        value.decode() if isinstance(value, bytes) else os.fspath(value) if hasattr(value, "__fspath__") else str(value)
    )


def glob(pattern: Any) -> list[str]:
    return sorted(globbing.glob(text(pattern)))


named("io.gfile.glob", "gfile.Glob", "compat.v1.gfile.Glob")(glob)
named("io.gfile.exists", "gfile.Exists")(lambda path: os.path.exists(text(path)))
named("io.gfile.isdir")(lambda path: os.path.isdir(text(path)))
named("io.gfile.listdir")(lambda path: os.listdir(text(path)))
named("io.gfile.makedirs", "gfile.MakeDirs")(lambda path: os.makedirs(text(path), exist_ok=True))
named("io.gfile.rmtree")(lambda path: shutil.rmtree(text(path)))
named("io.gfile.remove")(lambda path: os.remove(text(path)))
named("io.gfile.join")(lambda *parts: os.path.join(*map(text, parts)))
named("io.gfile.copy")(lambda src, dst, overwrite=False: shutil.copy(text(src), text(dst)) and None)
named("io.gfile.GFile", "gfile.GFile", "compat.v1.gfile.GFile", "gfile.FastGFile")(
    lambda name, mode="r": open(text(name), mode)  # noqa: SIM115 - the program closes it
)


@named("io.read_file", "read_file")
def read_file(filename: Any, name: Any = None) -> Tensor:
    """`tf.io.read_file`: the bytes of a file."""
    with open(text(filename), "rb") as file:
        return convert(file.read())


@named("io.write_file", "write_file")
def write_file(filename: Any, contents: Any, name: Any = None) -> None:
    """`tf.io.write_file`."""
    with open(text(filename), "wb") as file:
        file.write(bytes(unboxed(convert(contents)).item()))


@named("io.decode_jpeg", "image.decode_jpeg", "io.decode_png", "image.decode_png", "io.decode_image",
       "image.decode_image", "io.decode_bmp", "image.decode_bmp", "io.decode_gif")  # fmt: skip
def decode_image(contents: Any, channels: Any = None, dtype: Any = "uint8", name: Any = None,
                 expand_animations: bool = True, **_: Any) -> Tensor:  # fmt: skip
    """`tf.io.decode_image`: a picture's numbers, (height, width, channels); Pillow reads it."""
    try:
        from PIL import Image
    except ImportError:
        raise ArgumentError(message("tf.io.decode_image", expected="Pillow", got="none installed",
                                    mend="pip install pillow")) from None  # fmt: skip
    picture: Any = Image.open(io.BytesIO(bytes(unboxed(convert(contents)).item())))
    if channels:
        picture = picture.convert({1: "L", 3: "RGB", 4: "RGBA"}[int(channels)])
    elif picture.mode not in ("L", "RGB", "RGBA"):
        picture = picture.convert("RGB")
    array = np.asarray(picture)
    array = array[..., None] if array.ndim == 2 else array
    return Tensor(array if name_of(dtype) == "uint8" else (array / 255).astype(name_of(dtype)))


@named("io.encode_jpeg", "image.encode_jpeg", "io.encode_png", "image.encode_png")
def encode_png(image: Any, *_: Any, **__: Any) -> Tensor:
    """`tf.io.encode_png`."""
    from PIL import Image

    array = np.asarray(unboxed(image))
    buffer = io.BytesIO()
    Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).save(buffer, "PNG")
    return convert(buffer.getvalue())


@named("io.decode_raw")
def decode_raw(input_bytes: Any, out_type: Any, **_: Any) -> Tensor:
    """`tf.io.decode_raw`."""
    return Tensor(np.frombuffer(unboxed(convert(input_bytes)).item(), name_of(out_type)))


# Strings ------------------------------------------------------------------------------------------------------------


def _each(function: Callable[..., Any], dtype: Any = object) -> Callable[..., Tensor]:
    """A function of one string as one of tensors of strings."""

    def called(input: Any, *args: Any, **kwargs: Any) -> Tensor:
        kwargs.pop("name", None)
        array = np.asarray(unboxed(convert(input)), object)
        out = np.empty(array.shape, dtype)
        out.flat = [function(v, *args, **kwargs) for v in array.flat]
        return Tensor(out)

    return called


named("strings.lower")(_each(lambda v, encoding="": v.lower()))
named("strings.upper")(_each(lambda v, encoding="": v.upper()))
named("strings.strip")(_each(lambda v: v.strip()))
named("strings.length")(_each(lambda v, unit="BYTE": len(v.decode() if unit == "UTF8_CHAR" else v), "int32"))
named("strings.substr")(_each(lambda v, pos, len, unit="BYTE": v[int(pos) : int(pos) + int(len)]))
named("strings.regex_full_match")(_each(lambda v, pattern: re.fullmatch(text(pattern).encode(), v) is not None, bool))


@named("strings.regex_replace")
def regex_replace(input: Any, pattern: Any, rewrite: Any, replace_global: bool = True, name: Any = None) -> Tensor:
    r"""`tf.strings.regex_replace`: RE2's \1 is Python's \1."""
    matcher, new = re.compile(text(pattern).encode()), text(rewrite).encode()
    return _each(lambda v: matcher.sub(new, v, count=0 if replace_global else 1))(input)


@named("strings.join", "strings_join")
def join(inputs: Any, separator: Any = "", name: Any = None) -> Tensor:
    """`tf.strings.join`: element by element."""
    arrays = np.broadcast_arrays(*(np.asarray(unboxed(convert(v)), object) for v in inputs))
    out = np.empty(arrays[0].shape, object)
    out.flat = [text(separator).encode().join(parts) for parts in zip(*(a.flat for a in arrays), strict=True)]
    return Tensor(out)


@named("strings.reduce_join")
def reduce_join(inputs: Any, axis: Any = None, keepdims: bool = False, separator: Any = "", name: Any = None) -> Tensor:
    """`tf.strings.reduce_join`."""
    array = np.asarray(unboxed(convert(inputs)), object)
    if axis is None:
        array, axis = array.reshape(-1), 0
    rows = np.moveaxis(array, axis, -1)
    out = np.empty(rows.shape[:-1], object)
    for place in np.ndindex(out.shape):
        out[place] = text(separator).encode().join(rows[place])
    return Tensor(np.expand_dims(out, axis) if keepdims else out)


@named("strings.split")
def split(input: Any, sep: Any = None, maxsplit: int = -1, name: Any = None) -> Any:
    """`tf.strings.split`: the parts of one string; of several, a list with the parts of each."""
    array = np.asarray(unboxed(convert(input)), object)
    parts = [v.split(None if not sep else text(sep).encode(), maxsplit) for v in array.flat]
    if array.ndim == 0:
        return convert(parts[0])
    if len({len(p) for p in parts}) == 1:
        return convert(parts)
    return [convert(p) for p in parts]


@named("strings.unicode_split", "strings.bytes_split")
def unicode_split(input: Any, input_encoding: str = "UTF-8", errors: str = "replace", name: Any = None) -> Any:
    """`tf.strings.unicode_split`: the characters."""
    array = np.asarray(unboxed(convert(input)), object)
    parts = [[c.encode() for c in v.decode()] for v in array.flat]
    return convert(parts[0]) if array.ndim == 0 else convert(parts) if len({*map(len, parts)}) == 1 else [
        convert(p) for p in parts
    ]  # fmt: skip


@named("strings.to_number")
def to_number(input: Any, out_type: Any = "float32", name: Any = None) -> Tensor:
    """`tf.strings.to_number`."""
    return _each(float, name_of(out_type))(input)


@named("strings.as_string", "as_string")
def as_string(input: Any, precision: int = -1, **_: Any) -> Tensor:
    """`tf.strings.as_string`."""
    array = np.asarray(unboxed(convert(input)))
    out = np.empty(array.shape, object)
    shown = (lambda v: f"{v:.{precision}f}") if precision >= 0 else str
    out.flat = [shown(v).encode() for v in array.reshape(-1).tolist()]
    return Tensor(out)


@named("strings.format")
def format_(template: str, inputs: Any, placeholder: str = "{}", **_: Any) -> Tensor:
    """`tf.strings.format`."""
    values = inputs if isinstance(inputs, list | tuple) else (inputs,)
    for value in values:
        template = template.replace(placeholder, str(np.asarray(unboxed(value))), 1)
    return convert(template)


class LineDataset:
    """`tf.data.TextLineDataset(filenames)`."""

    def __new__(cls, filenames: Any, *_: Any, **__: Any) -> Any:
        from gazelle.legacy.tensorflow.dataset import Dataset

        names = [filenames] if isinstance(filenames, str | bytes) or np.ndim(unboxed(filenames)) == 0 else filenames

        def begin() -> Any:
            for name in names:
                with open(text(name), "rb") as file:
                    for line in file:
                        yield np.asarray(line.rstrip(b"\r\n"), object)

        return Dataset(begin)


named("data.TextLineDataset")(LineDataset)


@named("io.decode_csv")
def decode_csv(records: Any, record_defaults: Any, field_delim: str = ",", **_: Any) -> list[Any]:
    """`tf.io.decode_csv`: the fields of lines, each with the dtype of its default, which stands for an empty field."""
    lines = np.asarray(unboxed(convert(records)), object)
    rows = list(csv.reader([v.decode() for v in lines.flat], delimiter=field_delim))
    columns = []
    for place, given in enumerate(record_defaults):
        default = np.asarray(unboxed(convert(given)))
        values = [row[place] if row[place] != "" else default.reshape(-1)[0] for row in rows]
        text_column = default.dtype == object
        column = convert(values) if text_column else Tensor(np.asarray(values, default.dtype))
        columns.append(Tensor(unboxed(column).reshape(lines.shape)))
    return columns
