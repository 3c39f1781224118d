"""Objects and chunks of HDF5 files, parsed by pyfive in pure Python: a malicious file can only raise an error."""

from __future__ import annotations

import io
import logging
import math
import struct
import time
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from gazelle.core.errors import UnsafeFileError, message
from gazelle.core.types import PathLike
from gazelle.saving.regular_file import open_file
from gazelle.saving.safetensors import Array

logging.getLogger("pyfive").setLevel(logging.WARNING)  # it reports each object that it reads

# types of messages in an object's header, as numbered in the HDF5 file format
DATASPACE, LINK_INFO, DATATYPE, LINK, EXTERNAL, LAYOUT, GROUP_INFO, SYMBOLS = 1, 2, 3, 6, 7, 8, 10, 17
COMPACT, CONTIGUOUS, CHUNKED, VIRTUAL = 0, 1, 2, 3
_UNDEFINED = 2**64 - 1
_SECONDS = 4.0  # of CPU time for a file's structure, and one more for each 16 MiB
_KINDS_OF_LINKS = {1: "soft link", 64: "external link"}
_GZIP, _SHUFFLE, _FLETCHER32 = 1, 2, 3
_FILTERS = {_GZIP: "gzip", _SHUFFLE: "shuffle", _FLETCHER32: "fletcher32"}  # others need compiled code
_MAX_EXCESS = 2**20  # bytes by which a chunk may be larger than its dataset


class LimitedReader:
    """File of which at most about twice its size can be read, so that cyclic references end with an error.

    Args:
        file: an open binary file.
        size: its size in bytes.

    >>> LimitedReader(io.BytesIO(b"12345"), 5).read(3)
    b'123'
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self.size = file, size
        self._left = 2 * size + 2**20
        self._deadline = time.process_time() + _SECONDS + size / 2**24

    def read(self, count: int = -1) -> bytes:
        """The next bytes, fewer at the end of the file.

        Raises:
            ValueError: the limit of bytes or of time is reached.
        """
        rest = max(0, self.size - self._file.tell())
        count = rest if count < 0 else min(count, rest)
        self._left -= max(count, 16)
        if self._left < 0 or time.process_time() > self._deadline:
            raise ValueError("its objects refer to each other in a cycle")
        data: bytes = self._file.read(count)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to an offset.

        Raises:
            ValueError: it is outside of the file.
        """
        if whence == 0 and not 0 <= offset <= self.size:
            raise ValueError(f"it points to byte {offset} of {self.size}")
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        """The current offset."""
        return int(self._file.tell())


class Node:
    """Object of the file: a group or a dataset.

    Args:
        file: the file.
        offset: where the object's header begins.
        heaps: cache of global heaps, shared by all objects of the file.
    """

    def __init__(self, file: LimitedReader, offset: int, heaps: dict[int, Any]) -> None:
        from pyfive.dataobjects import DataObjects

        self.file, self.offset, self.heaps = file, offset, heaps
        self.header = DataObjects(file, offset, global_heaps=heaps)
        self.kinds = {m["type"] for m in self.header.msgs}
        shared = [m for m in self.header.msgs if m["flags"] & 2 and m["type"] in (DATASPACE, DATATYPE, LAYOUT)]
        if shared:
            raise NotImplementedError("it has a type that is stored in another object")

    @property
    def is_group(self) -> bool:
        """Whether the object is a group."""
        return bool(self.kinds & {SYMBOLS, LINK_INFO, GROUP_INFO, LINK})

    @property
    def is_dataset(self) -> bool:
        """Whether the object is a dataset."""
        return LAYOUT in self.kinds and not self.is_group

    def members(self) -> dict[str, int | str]:
        """{name: offset of the member}, or a description in place of the offset where the member is a soft link.

        Raises:
            UnsafeFileError: a member is an external link.
        """
        for part in self.header.find_msg_type(LINK):
            kind = _kind_of_link(self.header.msg_data, part["offset_to_message"])
            if kind not in (0, 1):
                raise UnsafeFileError(
                    message(
                        "The file is refused",
                        expected="data in the file itself",
                        got=f"an {_KINDS_OF_LINKS.get(kind, 'unknown link')}",
                    )
                )
        links = self.header.get_links().items()
        return {name: "a soft link" if isinstance(target, str) else target for name, target in links}

    def attributes(self) -> dict[str, Any]:
        """{name: value}: strings as str, arrays of strings as lists, numbers as NumPy scalars and arrays."""
        return {name: _text(value) for name, value in self.header.get_attributes().items()}

    def layout(self) -> tuple[int, int, int]:
        """The location of the data: (storage class, offset, size).

        For compact storage it is the offset in the header, for chunked storage the offset of the chunk index and its
        number of axes.
        """
        start, kind, offset = self.header.get_id_storage_params()
        version, data = self.header.msg_data[start], self.header.msg_data
        if kind == COMPACT and version == 3:
            return COMPACT, offset + 2, struct.unpack_from("<H", data, offset)[0]
        if kind == CONTIGUOUS:
            address = struct.unpack_from("<Q", data, offset)[0]
            size = struct.unpack_from("<Q", data, offset + 8)[0] if version >= 3 else -1
            return CONTIGUOUS, -1 if address == _UNDEFINED else address, size
        if kind == CHUNKED and version == 3:
            count, address = struct.unpack_from("<BQ", data, offset)
            return CHUNKED, -1 if address == _UNDEFINED else address, count
        if kind == VIRTUAL:
            return VIRTUAL, 0, 0
        raise NotImplementedError(f"storage of class {kind}, version {version}")


def root_group(file: LimitedReader) -> Node:
    """The root group of the file."""
    from pyfive.misc_low_level import SuperBlock

    return Node(file, SuperBlock(file, 0).offset_to_dataobjects, {})


def _kind_of_link(data: bytes, offset: int) -> int:
    return int(data[offset + 2]) if data[offset + 1] & 8 else 0


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.rstrip(b"\0").decode("utf-8", "replace")
    if getattr(value, "dtype", None) is not None and value.dtype.kind in "SO":
        return [_text(v) for v in value.ravel().tolist()] if value.ndim else _text(value.item())
    return value


def open_source(source: PathLike | bytes | memoryview) -> tuple[BinaryIO, int]:
    """A file object for a path or for the bytes of a file, and its size."""
    file = io.BytesIO(source) if isinstance(source, (bytes, memoryview)) else open_file(source)
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return file, size


def read_chunks(
    node: Node, shape: tuple[int, ...], dtype: np.dtype[Any], unsafe: Callable[[str, str], Exception]
) -> Array:
    """Read a chunked dataset; each chunk decompresses to exactly the size it declares.

    Args:
        node: the dataset.
        shape: its shape.
        dtype: its dtype.
        unsafe: (expected, got) -> the error to raise.
    """
    from pyfive.btree import BTreeV1RawDataChunks

    filters = [entry["filter_id"] for entry in node.header.filter_pipeline or ()]
    unsupported = [number for number in filters if number not in _FILTERS]
    if unsupported or len(set(filters)) < len(filters):
        raise unsafe(f"filters {', '.join(_FILTERS.values())}", f"filter {(unsupported or filters)[0]}")
    chunks = tuple(node.header.chunks)
    size = math.prod(chunks) * dtype.itemsize
    if len(chunks) != len(shape) or 0 in chunks or size > math.prod(shape) * dtype.itemsize + _MAX_EXCESS:
        raise unsafe("chunks in proportion to what is declared", f"chunks {chunks} of {shape}")
    count = math.prod(-(-n // c) for n, c in zip(shape, chunks, strict=True))
    _, index, axes = node.layout()
    leaves = BTreeV1RawDataChunks(node.file, index, axes).all_nodes[0] if count and index >= 0 else []
    stored = [(key, offset) for leaf in leaves for key, offset in zip(leaf["keys"], leaf["addresses"], strict=True)]
    if len(stored) != count:
        raise unsafe(f"{count} chunks", f"{len(stored)}")
    if sum(key["chunk_size"] for key, _ in stored) > node.file.size:
        raise unsafe("data in the file itself", "chunks that overlap")
    array = np.empty(shape, dtype)
    for key, offset in stored:
        node.file.seek(offset)
        data = node.file.read(key["chunk_size"])
        for number in reversed([f for n, f in enumerate(filters) if not key["filter_mask"] >> n & 1]):
            data = _undo_filter(number, data, size, dtype.itemsize)
        block = np.frombuffer(data, dtype).reshape(chunks)
        region = tuple(slice(o, o + c) for o, c in zip(key["chunk_offset"], chunks, strict=False))
        array[region] = block[tuple(slice(0, n) for n in array[region].shape)]
    return array


def _undo_filter(number: int, data: bytes, size: int, width: int) -> bytes:
    if number == _FLETCHER32:
        if len(data) < 4 or _fletcher32(data[:-4]) != int.from_bytes(data[-4:], "little"):
            raise ValueError("a checksum does not match")
        return data[:-4]
    if number == _GZIP:
        decompressor = zlib.decompressobj()
        data = decompressor.decompress(data, size + 5)  # a checksum may follow the numbers
        if decompressor.unconsumed_tail or not decompressor.eof:
            raise ValueError("a chunk decompresses to more than it declares")
        return data
    end = len(data) // width * width
    return np.frombuffer(data[:end], np.uint8).reshape(width, -1).T.tobytes() + data[end:]


def _fletcher32(data: bytes) -> int:
    """The checksum of HDF5 over big-endian 16-bit integers."""
    values = np.frombuffer(data + b"\0" * (len(data) % 2), ">u2").astype(np.uint64)
    low = high = 0
    for part in np.split(values, range(2**14, len(values), 2**14)):
        count = len(part)
        high = (high + count * low + int((part * np.arange(count, 0, -1, dtype=np.uint64)).sum())) % 65535
        low = (low + int(part.sum())) % 65535
    return (high << 16) | low
