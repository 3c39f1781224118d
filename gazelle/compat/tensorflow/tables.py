"""tf.lookup: tables from keys to values, on the host."""

from __future__ import annotations

from typing import Any

import numpy as np

from gazelle.compat.arguments.ignored import ignores, methods_ignore
from gazelle.compat.backend.sessions import Operations
from gazelle.compat.tensorflow.dtypes import as_dtype, name_of
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.files import text
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.ops.arrays import array_of
from gazelle.compat.tensorflow.ops.ragged import RaggedTensor, map_values
from gazelle.compat.tensorflow.ops.sparse import SparseTensor
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.tensorflow.v1.host_nodes import host_node, in_graph
from gazelle.compat.types import DTypeLike, Nested, PathLike, TensorLike, TensorResult
from gazelle.core.symbolic import KerasTensor
from gazelle.core.text_array import TextArray, call_on_host
from gazelle.layers.hashing import farmhash64


@named("lookup.KeyValueTensorInitializer")
@methods_ignore("name")
class KeyValueTensorInitializer:
    def __init__(
        self, keys: TensorLike, values: TensorLike, key_dtype: DTypeLike = None, value_dtype: DTypeLike = None
    ) -> None:
        self.keys, self.values = array_of(keys, key_dtype), array_of(values, value_dtype)


class TextFileIndex:
    """`tf.lookup.TextFileIndex`: special column indices of lines."""

    WHOLE_LINE, LINE_NUMBER = -2, -1


@named("lookup.TextFileInitializer")
class TextFileInitializer:
    """`tf.lookup.TextFileInitializer`: keys and values from the lines of a file."""

    @ignores("name value_index_offset=0")
    def __init__(
        self,
        filename: PathLike | TensorLike,
        key_dtype: DTypeLike,
        key_index: int,
        value_dtype: DTypeLike,
        value_index: int,
        vocab_size: TensorLike = None,
        delimiter: str = "\t",
    ) -> None:
        with open(text(filename), "rb") as file:
            lines = file.read().splitlines()[:vocab_size]

        def column(index: int, dtype: Any) -> Any:
            found = (
                list(range(len(lines)))
                if index == TextFileIndex.LINE_NUMBER
                else [
                    line if index == TextFileIndex.WHOLE_LINE else line.split(delimiter.encode())[index]
                    for line in lines
                ]
            )
            return np.asarray(found, object if as_dtype(dtype) == "string" else name_of(dtype))

        self.keys, self.values = column(key_index, key_dtype), column(value_index, value_dtype)


@named("lookup.StaticHashTable")
@methods_ignore("name")
class StaticHashTable:
    @ignores("name experimental_is_anonymous")
    def __init__(self, initializer: Nested[TensorLike], default_value: TensorLike) -> None:
        self._dtype = initializer.values.dtype
        keys = initializer.keys.dtype
        self._key_dtype = "string" if keys.kind in "OSU" else keys.name
        self._values = dict(zip(initializer.keys.tolist(), initializer.values.tolist(), strict=True))
        default = array_of(default_value)
        self._default = default.tolist() if default.ndim else default.item()

    def lookup(self, keys: TensorLike) -> TensorResult:
        """Return the value of each key, or the default."""
        if isinstance(keys, RaggedTensor):
            return map_values(self.lookup, keys)
        if isinstance(keys, SparseTensor):
            return keys.with_values(self.lookup(keys.values))
        if in_graph(keys):
            kind = "string" if self._dtype.kind in "OSU" else {"int64": "int32"}.get(self._dtype.name, self._dtype.name)
            return host_node(self.lookup, (keys,), {}, lambda: KerasTensor.derived(keys.shape, kind))
        strings = unboxed(keys)
        if isinstance(strings, TextArray):
            kind = None if self._dtype.kind in "OSU" else self._dtype.name
            return Tensor(call_on_host(lambda v: self.lookup(v.astype(object)).array, (strings,), strings.shape, kind))
        array = array_of(keys)
        out = np.empty((*array.shape, *np.shape(self._default)), self._dtype)
        flat: Any = out.flat if out.ndim == array.ndim else out.reshape(array.size, -1)
        flat[:] = [self._values[k] if k in self._values else self._of_unknown(k) for k in array.reshape(-1).tolist()]
        return Tensor(out)

    def _of_unknown(self, key: Any) -> Any:
        return self._default

    default_value = property(lambda self: Tensor(np.asarray(self._default, self._dtype)))

    __getitem__ = __call__ = lookup
    init = initializer = property(lambda _: Operations())  # fills the table, which is filled already
    key_dtype = property(lambda self: as_dtype(self._key_dtype))
    value_dtype = property(lambda self: as_dtype(self._dtype))

    def export(self) -> tuple[TensorResult, TensorResult]:
        """Return all keys and values."""
        keys, values = np.empty(len(self._values), object), np.empty(len(self._values), self._dtype)
        keys[:], values[:] = list(self._values), list(self._values.values())
        return Tensor(keys if self._key_dtype == "string" else keys.astype(self._key_dtype)), Tensor(values)

    def size(self) -> Tensor:
        return Tensor(np.asarray(len(self._values), "int64"))


@named("lookup.StaticVocabularyTable")
@methods_ignore("name")
class StaticVocabularyTable(StaticHashTable):
    """`tf.lookup.StaticVocabularyTable`: indices of words; unknown words are hashed to the buckets after them."""

    @ignores("name experimental_is_anonymous")
    def __init__(
        self, initializer: Nested[TensorLike], num_oov_buckets: int, lookup_key_dtype: DTypeLike = None
    ) -> None:
        if initializer is None:  # all words are hashed
            keys = np.zeros(0, object if as_dtype(lookup_key_dtype) == "string" else "int64")
            initializer = KeyValueTensorInitializer(keys, np.zeros(0, "int64"))
        super().__init__(initializer, -1)
        self._buckets = int(num_oov_buckets)

    def _of_unknown(self, key: Any) -> int:
        word = key if isinstance(key, bytes) else str(key).encode()
        return len(self._values) + farmhash64(word) % self._buckets

    def size(self) -> Tensor:
        return Tensor(np.asarray(len(self._values) + self._buckets, "int64"))


def _index_table(texts: Any, num_oov_buckets: int, default_value: int) -> StaticHashTable:
    entries = KeyValueTensorInitializer(texts, np.arange(len(texts)))
    return (
        StaticVocabularyTable(entries, num_oov_buckets) if num_oov_buckets else StaticHashTable(entries, default_value)
    )


def _lines(vocabulary_file: PathLike | TensorLike, vocab_size: int | None) -> Any:
    return TextFileInitializer(vocabulary_file, "string", TextFileIndex.WHOLE_LINE, "int64", -1, vocab_size).keys


@named("contrib.lookup.index_table_from_tensor")
@ignores("hasher_spec dtype name")
def index_table_from_tensor(mapping: TensorLike, num_oov_buckets: int = 0, default_value: int = -1) -> StaticHashTable:
    """`tf.contrib.lookup.index_table_from_tensor`: the indices of texts."""
    return _index_table(array_of(mapping), num_oov_buckets, default_value)


@named("contrib.lookup.index_table_from_file")
@ignores("hasher_spec key_dtype name key_column_index value_column_index delimiter")
def index_table_from_file(
    vocabulary_file: PathLike | TensorLike,
    num_oov_buckets: int = 0,
    vocab_size: int | None = None,
    default_value: int = -1,
) -> StaticHashTable:
    """`tf.contrib.lookup.index_table_from_file`: the indices of the lines of a file."""
    return _index_table(_lines(vocabulary_file, vocab_size), num_oov_buckets, default_value)


@named("contrib.lookup.index_to_string_table_from_tensor")
def index_to_string_table_from_tensor(mapping: TensorLike, default_value: str = "UNK") -> StaticHashTable:
    """`tf.contrib.lookup.index_to_string_table_from_tensor`: the texts of indices."""
    texts = array_of(mapping)
    return StaticHashTable(KeyValueTensorInitializer(np.arange(len(texts)), texts), default_value)


@named("contrib.lookup.index_to_string_table_from_file")
@ignores("name key_column_index value_column_index delimiter")
def index_to_string_table_from_file(
    vocabulary_file: PathLike | TensorLike, vocab_size: int | None = None, default_value: str = "UNK"
) -> StaticHashTable:
    """`tf.contrib.lookup.index_to_string_table_from_file`: the lines of a file by their indices."""
    return index_to_string_table_from_tensor(_lines(vocabulary_file, vocab_size), default_value)


@named("lookup.experimental.MutableHashTable", "lookup.experimental.DenseHashTable")
@methods_ignore("name")
class MutableHashTable(StaticHashTable):
    """`tf.lookup.experimental.MutableHashTable`: a table that can be extended."""

    @ignores("empty_key deleted_key initial_num_buckets name checkpoint experimental_is_anonymous")
    def __init__(self, key_dtype: DTypeLike, value_dtype: DTypeLike, default_value: TensorLike) -> None:
        kind = object if as_dtype(value_dtype) == "string" else name_of(value_dtype)
        own = name_of(key_dtype)
        empty = KeyValueTensorInitializer(np.zeros(0, object if own == "string" else own), np.zeros(0, kind))
        super().__init__(empty, default_value)
        self._dtype = np.dtype(kind)

    def insert(self, keys: TensorLike, values: TensorLike) -> None:
        own = array_of(keys).reshape(-1)
        found = array_of(values).reshape(len(own), *np.shape(self._default))
        self._values.update(zip(own.tolist(), found.tolist(), strict=True))

    def remove(self, keys: TensorLike) -> None:
        for key in array_of(keys).reshape(-1).tolist():
            self._values.pop(key, None)
