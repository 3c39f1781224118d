"""Checkpoints of TensorFlow: an index with the names of the arrays, files of their values, and a graph of objects."""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
import struct
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.core.crc32c import masked_crc32c
from gazelle.core.errors import DamagedFileError, message
from gazelle.saving.regular_file import open_file
from gazelle.saving.safetensors import Array
from gazelle.saving.tensorflow_format.protobuf import Fields, content, contents, fields, number, varint
from gazelle.saving.tensorflow_format.table import read_table

_MAX_INDEX = 2**27  # bytes
_TEXT = 7
_DTYPES: dict[int, Any] = {
    **dict(zip((1, 2, 3, 4, 5, 6, 9, 10), ("f4", "f8", "i4", "u1", "i2", "i1", "i8", "?"), strict=True)),
    14: jnp.bfloat16,
    17: "u2",
    19: "f2",
    22: "u4",
    23: "u8",
}
_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


@dataclasses.dataclass
class Entry:
    """Where an array is stored.

    Attributes:
        dtype: number of the dtype.
        shape: sizes.
        shard: number of the file.
        offset: of the first byte in the file.
        size: number of bytes.
        checksum: of the bytes.
    """

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int


@dataclasses.dataclass
class Object:
    """An object that was saved: a model, layer, list, optimizer or variable.

    Attributes:
        children: {name of the attribute: number of the object}.
        key: of the array of a variable; "" for other objects.
        name: of a variable, such as "dense/kernel".
        slots: (name, number of the weight, number of the variable) of an optimizer's slots.
        arrays: {name: key of the array} of what other objects store.
    """

    children: dict[str, int]
    key: str
    name: str
    slots: list[tuple[str, int, int]]
    arrays: dict[str, str]


def is_checkpoint(path: str) -> bool:
    """Whether there is a checkpoint with this prefix, such as "training/cp.ckpt".

    Args:
        path: the prefix of the files.
    """
    return os.path.isfile(f"{path}.index")


class Checkpoint:
    """The arrays of a checkpoint, and the objects that they belong to.

    Args:
        prefix: the path without `.index`.

    Attributes:
        prefix: the path without `.index`.
        entries: {key of the array: where it is stored}.
        objects: the saved objects; the first one is the root.

    Raises:
        DamagedFileError: a file is truncated or was changed.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.entries: dict[str, Entry] = {}
        with open_file(f"{prefix}.index") as file:
            data = file.read(_MAX_INDEX + 1)
        try:
            if len(data) > _MAX_INDEX:
                raise ValueError(f"more than {_MAX_INDEX} bytes")
            table = read_table(data)
            header = fields(table.pop(b"", b""))
            if number(header, 2):
                raise ValueError("numbers of another byte order")
            self._shards = number(header, 1)
            for key, value in table.items():
                self.entries[key.decode()] = _entry(value)
            self.objects = _objects(self._read_bytes(self.entries[_GRAPH])) if _GRAPH in self.entries else []
        except (ValueError, IndexError) as error:
            raise self._damaged(str(error)) from error

    def read(self, key: str) -> Array:
        """Read an array.

        Args:
            key: of the array.

        Raises:
            DamagedFileError: the file is truncated or was changed, or holds another type.
        """
        entry = self.entries[key]
        if entry.dtype not in _DTYPES:
            raise self._damaged(f"'{key}' of type {entry.dtype}, no numbers")
        dtype = np.dtype(_DTYPES[entry.dtype])
        if math.prod(entry.shape) * dtype.itemsize != entry.size:
            raise self._damaged(f"'{key}' of {entry.size} bytes with shape {entry.shape} and dtype {dtype}")
        data = self._stored(entry)
        if masked_crc32c(data) != entry.checksum:
            raise self._damaged(f"'{key}' with another checksum")
        return np.frombuffer(data, dtype).reshape(entry.shape)

    def read_texts(self, key: str) -> list[str]:
        """Read a vector of strings: their lengths, a checksum of the lengths, and the bytes.

        Args:
            key: of the array.

        Raises:
            DamagedFileError: the file is truncated or was changed, or holds another type.
        """
        entry = self.entries[key]
        data, sizes, start = self._stored(entry), [], 0
        try:
            if entry.dtype != _TEXT or math.prod(entry.shape) > len(data):
                raise ValueError("no strings")
            for _ in range(math.prod(entry.shape)):
                size, start = varint(data, start)
                sizes.append(size)
            if start + 4 + sum(sizes) != len(data):
                raise ValueError("strings of other lengths")
            lengths = b"".join(struct.pack("<I" if size < 2**32 else "<Q", size) for size in sizes)
            if masked_crc32c(lengths + data[start:]) != entry.checksum:
                raise ValueError("another checksum")
            ends = np.cumsum([start + 4, *sizes])
            return [data[a:b].decode() for a, b in itertools.pairwise(ends)]
        except ValueError as error:
            raise self._damaged(f"'{key}' with {error}") from error

    def _read_bytes(self, entry: Entry) -> bytes:
        """The text of a scalar: its length, a checksum of the length, and the bytes."""
        if entry.dtype != _TEXT or entry.shape:
            raise ValueError("a graph of objects that is no text")
        data = self._stored(entry)
        size, start = varint(data, 0)
        if start + 4 + size != len(data):
            raise ValueError("a graph of objects of another length")
        # the checksum covers the length as a number of four bytes (eight, if it needs them), its checksum and the text
        length = struct.pack("<I" if size < 2**32 else "<Q", size)
        if masked_crc32c(length + data[start:]) != entry.checksum:
            raise ValueError("a graph of objects with another checksum")
        return data[start + 4 :]

    def _stored(self, entry: Entry) -> bytes:
        """The bytes of an entry."""
        path = f"{self.prefix}.data-{entry.shard:05d}-of-{self._shards:05d}"
        if not os.path.exists(path):
            raise self._damaged(f"no file '{path}'")
        with open_file(path) as file:
            if entry.offset + entry.size > os.fstat(file.fileno()).st_size:
                raise self._damaged(f"a file '{path}' that ends early")
            file.seek(entry.offset)
            return file.read(entry.size)

    def _damaged(self, got: str) -> DamagedFileError:
        return DamagedFileError(message(f"'{self.prefix}.index'", expected="a checkpoint of TensorFlow", got=got))


def _entry(data: bytes) -> Entry:
    found = fields(data)
    shape = tuple(number(fields(size), 1) for size in contents(fields(content(found, 2)), 2))
    if 7 in found:
        raise ValueError("an array in slices, which only partitioned variables have")
    checksum = int.from_bytes(content(found, 6), "little")
    return Entry(number(found, 1), shape, number(found, 3), number(found, 4), number(found, 5), checksum)


def _objects(data: bytes) -> list[Object]:
    found = [_object(fields(node)) for node in contents(fields(data), 1)]
    if any(not 0 <= child < len(found) for each in found for child in each.children.values()):
        raise ValueError("a graph of objects with unknown members")
    return found


def _object(node: dict[int, list[int | bytes]]) -> Object:
    stored = list(map(fields, contents(node, 2)))
    values = [value for value in stored if content(value, 1) == b"VARIABLE_VALUE"]
    arrays = {content(value, 1).decode(): content(value, 3).decode() for value in stored}
    slots = [(content(s, 2).decode(), number(s, 1), number(s, 3)) for s in map(fields, contents(node, 3))]
    key, name = (content(values[0], 3).decode(), content(values[0], 2).decode()) if values else ("", "")
    return Object(children_of(node), key, name, slots, arrays)


def children_of(node: Fields) -> dict[str, int]:
    """{name of the attribute: number of the object} of a saved object.

    Args:
        node: the message that describes it.
    """
    return {content(child, 2).decode(): number(child, 1) for child in map(fields, contents(node, 1))}
