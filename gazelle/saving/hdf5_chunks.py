"""Datasets in pieces, compressed or not: each piece unpacks to what it declares, never to more."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle.saving.hdf5_file import Node
from gazelle.saving.safetensors import Array

_GZIP, _SHUFFLE, _FLETCHER32 = 1, 2, 3
_NAMES = {_GZIP: "gzip", _SHUFFLE: "shuffle", _FLETCHER32: "fletcher32"}  # others need code that Python has not
_CHUNK_ROOM = 2**20  # bytes by which a piece may be larger than its dataset


def read_chunks(
    node: Node, shape: tuple[int, ...], dtype: np.dtype[Any], unsafe: Callable[[str, str], Exception]
) -> Array:
    """The numbers of a dataset in chunks; `unsafe(expected, got)` makes the error."""
    from pyfive.btree import BTreeV1RawDataChunks

    filters = [part["filter_id"] for part in node.header.filter_pipeline or ()]
    foreign = [number for number in filters if number not in _NAMES]
    if foreign or len(set(filters)) < len(filters):
        raise unsafe(f"filters {', '.join(_NAMES.values())}", f"filter {(foreign or filters)[0]}")
    chunks = tuple(node.header.chunks)
    size = math.prod(chunks) * dtype.itemsize
    if len(chunks) != len(shape) or 0 in chunks or size > math.prod(shape) * dtype.itemsize + _CHUNK_ROOM:
        raise unsafe("chunks in proportion to what is declared", f"chunks {chunks} of {shape}")
    wanted = math.prod(-(-n // c) for n, c in zip(shape, chunks, strict=True))
    _, index, axes = node.layout()
    leaves = BTreeV1RawDataChunks(node.file, index, axes).all_nodes[0] if wanted and index >= 0 else []
    stored = [(key, place) for leaf in leaves for key, place in zip(leaf["keys"], leaf["addresses"], strict=True)]
    if len(stored) != wanted:
        raise unsafe(f"{wanted} chunks", f"{len(stored)}")
    if sum(key["chunk_size"] for key, _ in stored) > node.file.size:
        raise unsafe("data in the file itself", "chunks that overlap")
    array = np.empty(shape, dtype)
    for key, place in stored:
        node.file.seek(place)
        data = node.file.read(key["chunk_size"])
        for number in reversed([f for n, f in enumerate(filters) if not key["filter_mask"] >> n & 1]):
            data = _undone(number, data, size, dtype.itemsize)
        block = np.frombuffer(data, dtype).reshape(chunks)
        spot = tuple(slice(o, o + c) for o, c in zip(key["chunk_offset"], chunks, strict=False))
        array[spot] = block[tuple(slice(0, n) for n in array[spot].shape)]
    return array


def _undone(number: int, data: bytes, size: int, width: int) -> bytes:
    """The bytes as they were before a filter was applied."""
    if number == _FLETCHER32:
        if len(data) < 4 or _fletcher32(data[:-4]) != int.from_bytes(data[-4:], "little"):
            raise ValueError("a checksum does not fit")
        return data[:-4]
    if number == _GZIP:
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(data, size + 5)  # a checksum may come behind the numbers
        if unpacking.unconsumed_tail or not unpacking.eof:
            raise ValueError("a chunk unpacks to more than it declares")
        return data
    whole = len(data) // width * width
    return np.frombuffer(data[:whole], np.uint8).reshape(width, -1).T.tobytes() + data[whole:]


def _fletcher32(data: bytes) -> int:
    """HDF5's sum over 16-bit words, highest byte first."""
    words = np.frombuffer(data + b"\0" * (len(data) % 2), ">u2").astype(np.uint64)
    low = high = 0
    for part in np.split(words, range(2**14, len(words), 2**14)):
        count = len(part)
        high = (high + count * low + int((part * np.arange(count, 0, -1, dtype=np.uint64)).sum())) % 65535
        low = (low + int(part.sum())) % 65535
    return (high << 16) | low
