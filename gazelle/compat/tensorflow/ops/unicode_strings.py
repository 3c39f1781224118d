"""tf.strings.unicode_*: strings as characters and code points."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tables import lists
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.ops.arrays import array_of, convert
from gazelle.compat.tensorflow.ops.ragged import RaggedTensor, map_values
from gazelle.compat.tensorflow.ops.strings import elementwise, object_tensor, split_strings
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.errors import StateError, message


def _decoded(string: bytes, encoding: str, errors: str, replacement: int = 65533) -> str:
    """The characters of a string; undecodable bytes are replaced, ignored or an error ("strict")."""
    return string.decode(encoding, errors).replace("\ufffd", chr(replacement))


@named("strings.unicode_split")
def unicode_split(
    input: TensorLike, input_encoding: str = "UTF-8", errors: str = "replace", replacement_char: int = 65533
) -> TensorResult:
    """`tf.strings.unicode_split`: the characters."""
    characters = lambda v: _decoded(v, input_encoding, errors, replacement_char)  # noqa: E731
    return split_strings(input, lambda v: [c.encode(input_encoding) for c in characters(v)])


@named("strings.unicode_decode")
@ignores("replace_control_characters=False")
def unicode_decode(
    input: TensorLike, input_encoding: str, errors: str = "replace", replacement_char: int = 65533
) -> TensorResult:
    """`tf.strings.unicode_decode`: the code points of the characters."""
    points = lambda v: [ord(c) for c in _decoded(v, input_encoding, errors, replacement_char)]  # noqa: E731
    return _integers(split_strings(input, points), "int32")


def _integers(rows: Any, dtype: str) -> Any:
    return map_values(lambda v: Tensor(np.asarray(v.numpy(), dtype)), rows)


def _with_offsets(split: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """Also return the position of the first byte of each character."""

    @functools.wraps(split)
    def function(input: Any, input_encoding: str, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        def offsets(string: bytes) -> list[int]:
            sizes = [len(c.encode(input_encoding)) for c in _decoded(string, input_encoding, "replace")]
            return [0, *np.cumsum(sizes).tolist()][:-1]

        return split(input, input_encoding, *args, **kwargs), _integers(split_strings(input, offsets), "int64")

    return function


named("strings.unicode_split_with_offsets")(_with_offsets(unicode_split))
named("strings.unicode_decode_with_offsets")(_with_offsets(unicode_decode))


@named("strings.unicode_encode")
@ignores("errors replacement_char=65533")
def unicode_encode(input: TensorLike, output_encoding: str) -> TensorResult:
    """`tf.strings.unicode_encode`: a string for each row of code points."""
    if isinstance(input, RaggedTensor) and isinstance(input.values, RaggedTensor):
        return input.with_values(unicode_encode(input.values, output_encoding))
    if isinstance(input, RaggedTensor):
        return convert([unicode_encode(row, output_encoding) for row in input])
    array = array_of(input)
    shape = array.shape[:-1]
    return object_tensor(
        ("".join(map(chr, array[index])).encode(output_encoding) for index in np.ndindex(shape)), shape
    )


@named("strings.unicode_transcode")
@ignores("replace_control_characters=False")
def unicode_transcode(
    input: TensorLike, input_encoding: str, output_encoding: str, errors: str = "replace", replacement_char: int = 65533
) -> TensorResult:
    """`tf.strings.unicode_transcode`: strings in another encoding."""
    return elementwise(lambda v: _decoded(v, input_encoding, errors, replacement_char).encode(output_encoding))(input)


@named("strings.unicode_script")
def unicode_script(input: TensorLike) -> TensorResult:
    """`tf.strings.unicode_script`: the number of the script of each code point, as ICU counts scripts.

    Raises:
        StateError: fonttools is not installed.
    """
    try:
        from fontTools import unicodedata
    except ImportError as error:
        hint = "Install it: pip install fonttools."
        raise StateError(message("tf.strings.unicode_script", expected="the package fonttools", hint=hint)) from error
    codes = lists("tensorflow", "scripts")["by number"]
    numbers = {code: number for number, code in enumerate(codes)}
    script = lambda point: numbers.get(unicodedata.script(chr(point)), numbers["Zzzz"])  # noqa: E731
    of_array = lambda v: Tensor(np.reshape([script(point) for point in v.numpy().flat], v.shape).astype("int32"))  # noqa: E731
    return map_values(of_array, input if isinstance(input, RaggedTensor) else convert(input))
