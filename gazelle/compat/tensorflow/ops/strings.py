"""tf.strings: functions of strings, which are bytes, with the standard library."""

from __future__ import annotations

import base64
import functools
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.errors import InvalidArgumentError
from gazelle.compat.tensorflow.files import text
from gazelle.compat.tensorflow.names import NAMES, fixed_value, named
from gazelle.compat.tensorflow.ops.arrays import array_of, convert
from gazelle.compat.tensorflow.ops.ragged import RaggedTensor, map_values
from gazelle.compat.tensorflow.ops.unicode_classes import with_ranges
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import AxisLike, DTypeLike, Nested, PathLike, ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import message
from gazelle.core.shape_inference import call_op
from gazelle.core.symbolic import any_symbolic
from gazelle.core.text_array import TextArray, call_on_host
from gazelle.layers.hashing import farmhash64, siphash64


def elementwise(function: Callable[..., Any], dtype: DTypeLike = object) -> Callable[..., Tensor]:
    """Turn a function of one string into one of tensors of strings."""

    def called(input: Any, *args: Any, **kwargs: Any) -> Tensor:
        kwargs.pop("name", None)
        if isinstance(input, RaggedTensor):
            return map_values(lambda v: called(v, *args, **kwargs), input)
        if isinstance(unboxed(input), TextArray):
            strings = unboxed(input)
            kind = None if dtype is object else np.dtype(dtype).name
            return Tensor(call_on_host(lambda v: called(v, *args, **kwargs).array, (strings,), strings.shape, kind))
        array = array_of(input)
        out = np.empty(array.shape, dtype)
        out.flat = [function(v, *args, **kwargs) for v in array.flat]
        return Tensor(out)

    return called


named("strings.lower")(elementwise(lambda v, encoding="": v.decode().lower().encode() if encoding else v.lower()))
named("strings.upper")(elementwise(lambda v, encoding="": v.decode().upper().encode() if encoding else v.upper()))
named("strings.strip")(elementwise(lambda v: v.strip()))
named("strings.length")(elementwise(lambda v, unit="BYTE": len(v.decode() if unit == "UTF8_CHAR" else v), "int32"))


def _pattern(pattern: PathLike | TensorLike) -> re.Pattern[str]:
    """A pattern of RE2: it matches characters of UTF-8, and its classes of letters contain ASCII characters alone."""
    source = text(pattern)
    source = with_ranges(source) if re.search(r"\\[pP]", source) else source
    return re.compile(re.sub(r"\[:(\^?)(\w+):\]", _posix_class, source), re.ASCII)


#: classes of POSIX, which `re` does not have
_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}


def _posix_class(match: re.Match[str]) -> str:
    """The characters of a class such as [:punct:], or all others for [:^punct:]."""
    own = _CLASSES.get(match[2], match[0])
    if not match[1] or own == match[0]:
        return own
    return "".join(rf"\x{code:02x}" for code in range(128) if not re.match(f"[{own}]", chr(code))) + r"\x80-\U0010ffff"


def _decoded(string: bytes) -> str:
    return string.decode("utf-8", "surrogateescape")


named("strings.regex_full_match")(
    elementwise(lambda v, pattern: _pattern(pattern).fullmatch(_decoded(v)) is not None, bool)
)


@named("strings.substr", "substr")
def substr(input: TensorLike, pos: TensorLike, len: TensorLike, unit: str = "BYTE") -> Tensor:
    """`tf.strings.substr`: `len` bytes or characters of each string, starting at `pos`."""
    strings, starts, counts = np.broadcast_arrays(*(array_of(v) for v in (input, pos, len)))
    out = np.empty(strings.shape, object)
    for index in np.ndindex(out.shape):
        given: Any = strings[index]
        string = given.decode() if unit == "UTF8_CHAR" else given
        start = int(starts[index]) + (string.__len__() if starts[index] < 0 else 0)
        part = string[start : start + int(counts[index])]
        out[index] = part.encode() if isinstance(part, str) else part
    return Tensor(out)


@named("strings.regex_replace")
def regex_replace(
    input: TensorLike, pattern: PathLike | TensorLike, rewrite: TensorLike, replace_global: bool = True
) -> Tensor:
    r"""`tf.strings.regex_replace`: \0 is the match, \1 a group; RE2 replaces nothing if there is no such group."""
    matcher, new = _pattern(pattern), text(rewrite)
    if any(int(number) > matcher.groups for number in re.findall(r"\\(\d)", new)):
        return elementwise(lambda v: v)(input)

    def written(match: re.Match[str]) -> str:
        return re.sub(r"\\(\d|\\)", lambda part: match[int(part[1])] or "" if part[1].isdigit() else "\\", new)

    count = 0 if replace_global else 1
    return elementwise(lambda v: matcher.sub(written, _decoded(v), count=count).encode("utf-8", "surrogateescape"))(
        input
    )


@named("strings.join", "strings_join")
def join(inputs: Nested[TensorLike], separator: TensorLike = "") -> Tensor:
    """`tf.strings.join`: elementwise."""
    arrays = np.broadcast_arrays(*(array_of(v) for v in inputs))
    joined = (text(separator).encode().join(parts) for parts in zip(*(a.flat for a in arrays), strict=True))
    return object_tensor(joined, arrays[0].shape)


@named("strings.reduce_join")
def reduce_join(
    inputs: Nested[TensorLike], axis: AxisLike = None, keepdims: bool = False, separator: TensorLike = ""
) -> Tensor:
    if isinstance(inputs, RaggedTensor):
        if axis not in (-1, 1) or isinstance(inputs.values, RaggedTensor):
            inputs = inputs.to_tensor()  # "" is what is missing
        else:
            parts = [reduce_join(row, 0, separator=separator).array.item() for row in inputs]
            return object_tensor(parts, (len(parts), 1) if keepdims else len(parts))
    array = array_of(inputs)
    if not array.ndim:
        return Tensor(array)
    if isinstance(axis, list | tuple):  # the first one varies fastest
        moved = np.moveaxis(array, axis, range(-1, -len(axis) - 1, -1))
        found = reduce_join(Tensor(moved.reshape(*moved.shape[: -len(axis)], -1)), -1, False, separator)
        return Tensor(np.expand_dims(found.array, tuple(axis))) if keepdims else found
    if axis is None:
        array, axis = array.reshape((1,) * (array.ndim - 1) * keepdims + (-1,)), -1
    rows = np.moveaxis(array, axis, -1)
    joined = object_tensor(
        (text(separator).encode().join(rows[i]) for i in np.ndindex(rows.shape[:-1])), rows.shape[:-1]
    )
    return Tensor(np.expand_dims(joined.array, axis)) if keepdims else joined


@named("strings.unsorted_segment_join")
def unsorted_segment_join(
    inputs: TensorLike, segment_ids: TensorLike, num_segments: TensorLike, separator: TensorLike = ""
) -> Tensor:
    """`tf.strings.unsorted_segment_join`: the strings with the same number, joined."""
    ids, parts = array_of(segment_ids), array_of(inputs)
    rows = parts.reshape(ids.size, *parts.shape[ids.ndim :])
    out = np.full((int(num_segments), *rows.shape[1:]), b"", object)
    for number in range(int(num_segments)):
        chosen = rows[ids.ravel() == number]
        if len(chosen):
            out[number] = reduce_join(Tensor(chosen), 0, separator=separator).array[()]
    return Tensor(out)


def split_strings(input: TensorLike, split_one: Callable[[bytes], list[Any]]) -> TensorResult:
    """The parts of one string as a tensor; those of several strings as rows of a ragged tensor."""
    if isinstance(input, RaggedTensor):
        return input.with_values(split_strings(input.values, split_one))
    array = array_of(input)
    if array.ndim == 0:
        return object_tensor(parts := split_one(array.item()), len(parts))
    return RaggedTensor.of_rows([split_strings(Tensor(np.asarray(row, object)), split_one) for row in array])


def object_tensor(parts: Iterable[Any], shape: ShapeLike) -> Tensor:
    out = np.empty(shape, object)
    out.flat = list(parts)
    return Tensor(out)


@named("strings.split")
def split(input: TensorLike, sep: TensorLike = None, maxsplit: int = -1) -> TensorResult:
    """`tf.strings.split`: the parts separated by whitespace or by `sep`."""
    separator = text(sep).encode() if sep else None

    def parts(value: bytes) -> list[bytes]:
        if maxsplit == 0:
            return [value]
        found = value.split(separator, maxsplit)
        return [*found, b""] if separator is None and len(found) == maxsplit else found  # what remains of the text

    return split_strings(input, parts)


@named("compat.v1.strings.split")
def split_into(
    input: TensorLike = None,
    sep: TensorLike = None,
    maxsplit: int = -1,
    result_type: str = "SparseTensor",
    source: TensorLike = None,
) -> TensorResult:
    """`tf.strings.split` of TensorFlow 1, whose result is sparse by default."""
    found = split(convert(source if input is None else input), sep, maxsplit)
    return found.to_sparse() if result_type == "SparseTensor" else found


named("strings.bytes_split")(lambda input: split_strings(input, lambda v: [v[i : i + 1] for i in range(len(v))]))


@named("strings.ngrams")
def ngrams(
    data: TensorLike,
    ngram_width: int | Sequence[int],
    separator: TensorLike = " ",
    pad_values: TensorLike | tuple[TensorLike, TensorLike] | None = None,
    padding_width: int | None = None,
    preserve_short_sequences: bool = False,
) -> TensorResult:
    """`tf.strings.ngrams`: n-grams of each width, of padded rows; the whole row on request if it is too short."""
    rows = data if isinstance(data, RaggedTensor) else convert(data)
    if isinstance(rows, RaggedTensor) or len(rows.shape) > 1:
        options = ngram_width, separator, pad_values, padding_width, preserve_short_sequences
        parts = [ngrams(row, *options) for row in rows]
        return RaggedTensor.of_rows(parts) if isinstance(rows, RaggedTensor) else NAMES["stack"](parts)
    between, found = text(separator).encode(), []
    pads = pad_values if isinstance(pad_values, list | tuple) else ["" if pad_values is None else pad_values] * 2
    left, right = ([text(pad).encode()] for pad in pads)
    for n in np.ravel(fixed_value(ngram_width)).tolist():
        width = 0 if pad_values is None else n - 1 if padding_width is None else min(n - 1, padding_width)
        row = left * width + list(array_of(rows)) + right * width
        found += [between.join(row[i : i + n]) for i in range(len(row) - n + 1)]
    if not found and preserve_short_sequences and len(rows):
        found = [between.join(row)]
    return object_tensor(found, len(found))


def _murmurhash64(data: bytes) -> int:
    """MurmurHash64A with TensorFlow's seed."""
    factor, mask = 0xC6A4A7935BD1E995, 2**64 - 1
    out = 0xDECAFCAFFE ^ (len(data) * factor & mask)
    whole = len(data) // 8 * 8
    for start in range(0, whole, 8):
        part = int.from_bytes(data[start : start + 8], "little") * factor & mask
        out = (out ^ ((part ^ part >> 47) * factor & mask)) * factor & mask
    if rest := data[whole:]:
        out = (out ^ int.from_bytes(rest, "little")) * factor & mask
    out = (out ^ out >> 47) * factor & mask
    return out ^ out >> 47


#: functions that hash strings with FarmHash64, MurmurHash64A and SipHash64 to a number of buckets
named("strings.to_hash_bucket_fast")(elementwise(lambda v, num_buckets: farmhash64(v) % int(num_buckets), "int64"))
named("strings.to_hash_bucket")(elementwise(lambda v, num_buckets: _murmurhash64(v) % int(num_buckets), "int64"))
named("strings.to_hash_bucket_strong")(
    elementwise(lambda v, num_buckets, key: siphash64(v, key=fixed_value(key)) % int(num_buckets), "int64")
)


@named("fingerprint")
@ignores("method='farmhash64'")
def fingerprint(data: TensorLike) -> Tensor:
    """`tf.fingerprint`: the 8 bytes of the FarmHash64 of each row."""
    rows = [row if isinstance(row, bytes) else row.tobytes() for row in array_of(data)]
    found = b"".join(farmhash64(row).to_bytes(8, "little") for row in rows)
    return Tensor(np.frombuffer(found, "uint8").reshape(-1, 8))


@named("strings.to_number")
def to_number(input: TensorLike, out_type: DTypeLike = "float32") -> Tensor:
    """`tf.strings.to_number`."""
    kind = name_of(out_type)

    def number(text: bytes) -> float:
        try:
            return float(text) if "float" in kind else int(text)
        except ValueError as error:
            got = text.decode(errors="replace")
            raise InvalidArgumentError(
                message("tf.strings.to_number", expected=f"a number ({kind})", got=got)
            ) from error

    return elementwise(number, kind)(input)


named("io.encode_base64")(
    elementwise(lambda v, pad=False: base64.urlsafe_b64encode(v) if pad else base64.urlsafe_b64encode(v).rstrip(b"="))
)
named("io.decode_base64")(elementwise(lambda v: base64.urlsafe_b64decode(v + b"=" * (-len(v) % 4))))


@named("strings.as_string", "as_string")
def as_string(
    input: TensorLike,
    precision: int = -1,
    scientific: bool = False,
    shortest: bool = False,
    width: int = -1,
    fill: str = "",
) -> Tensor:
    array = array_of(input)
    kind = "e" if scientific else "g" if shortest else "f"

    def as_text(v: Any) -> bytes:
        digits = precision if precision >= 0 else 6
        if isinstance(v, complex):
            return f"({v.real:.{digits}{kind}},{v.imag:.{digits}{kind}})".encode()
        found = f"{v:.{digits}{kind}}" if isinstance(v, float) else str(v)
        found = found.lower() if isinstance(v, bool) else found
        # `fill` is a flag of printf: "0" fills after the sign, "-" aligns to the left
        filled = found.ljust(width) if fill == "-" else found.zfill(width) if fill == "0" else found.rjust(width)
        return filled.encode()

    return object_tensor(map(as_text, array.reshape(-1).tolist()), array.shape)


def shown(value: TensorLike, summarize: int) -> str:
    """A value as text; of a long axis only the first and the last elements."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if not hasattr(value, "dtype"):
        return str(value)
    if hasattr(value, "to_list"):  # a ragged tensor
        return str(value.to_list())
    array = np.asarray(value)
    if array.ndim == 0:
        return shown(array.item(), summarize) if array.dtype.kind in "OSU" else _number(array[()])
    most = max(array.size, 1) if summarize < 0 else summarize
    kinds: Any = {"numpystr": lambda v: f'"{shown(v, summarize)}"', "all": _number}
    kinds["object"] = kinds["numpystr"]
    return np.array2string(array, threshold=0, edgeitems=most, formatter=kinds, max_line_width=sys.maxsize)


def _number(value: Any) -> str:
    """A number in so many digits, 6 or 9 (15 or 17), that it is that number; a boolean as 0 or 1."""
    if value.dtype.kind in "biuc":
        return str(int(value) if value.dtype.kind == "b" else value)
    few, many = (15, 17) if value.dtype == np.float64 else (6, 9)
    text = f"{value:.{few}g}"
    return text if value.dtype.type(text) == value or value != value else f"{value:.{many}g}"


@named("strings.format")
def format_(template: str, inputs: Nested[TensorLike], placeholder: str = "{}", summarize: int = 3) -> Tensor:
    values = inputs if isinstance(inputs, list | tuple) else (inputs,)
    for value in values:
        template = template.replace(placeholder, shown(unboxed(convert(value)), summarize), 1)
    return convert(template)


def _symbolic(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of strings that becomes a node of the graph for symbolic tensors."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        return call_op(function, args, kwargs) if any_symbolic(args, kwargs) else function(*args, **kwargs)

    return called


for _name in [name for name in NAMES if name.startswith("strings.")]:
    NAMES[_name].__name__ = _name.partition(".")[2]
    NAMES[_name] = _symbolic(NAMES[_name])
named("compat.as_bytes")(lambda bytes_or_text, encoding="utf-8": text(bytes_or_text).encode(encoding))
named("compat.as_str", "compat.as_text", "compat.as_str_any")(
    lambda value, encoding="utf-8": value.decode(encoding) if isinstance(value, bytes) else str(value)
)
