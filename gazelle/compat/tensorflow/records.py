"""TFRecord files.

A record consists of its length (8 bytes), the checksum of the length, the data, and the checksum of the data. Checksums
are masked CRC-32C.
"""

from __future__ import annotations

import functools
import gzip
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from gazelle.compat.tensorflow.arrays import convert
from gazelle.compat.tensorflow.dataset import Dataset
from gazelle.compat.tensorflow.files import text
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.recording import unboxed
from gazelle.compat.types import TensorLike
from gazelle.core.errors import DataError, message
from gazelle.core.types import PathLike

# Records -------------------------------------------------------------------------------------------------------------


def _table() -> list[int]:
    out = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        out.append(number)
    return out


_TABLE = _table()
_BLOCK = 1024  # bytes that are looked up at once in long records


@functools.cache
def _position_table() -> Any:
    """What each byte of a block adds to the state after the block: (position, byte)."""
    table = np.empty((_BLOCK, 256), np.uint32)
    table[-1] = _TABLE
    for position in range(_BLOCK - 2, -1, -1):
        table[position] = table[position + 1] >> 8 ^ table[-1][table[position + 1] & 0xFF]
    return table


def _state(data: bytes) -> int:
    """The state after all bytes. It is linear in them, so that those of long records are looked up in parallel."""
    crc = 0xFFFFFFFF
    if len(data) < 128:
        for byte in data:
            crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
        return crc
    padded = np.zeros(-(-len(data) // _BLOCK) * _BLOCK, np.uint8)  # zeros before the bytes change no state of 0
    padded[-len(data) :] = np.frombuffer(data, np.uint8)
    padded[len(padded) - len(data) :][:4] ^= 0xFF  # the state before them acts like its xor with the first four
    table, index, crc = _position_table(), np.arange(_BLOCK), 0
    first, second, third, fourth = table[:4].tolist()
    for start in range(0, len(padded), 512 * _BLOCK):
        blocks = padded[start : start + 512 * _BLOCK].reshape(-1, _BLOCK)
        for added in np.bitwise_xor.reduce(table[index, blocks], axis=1).tolist():
            crc = first[crc & 0xFF] ^ second[crc >> 8 & 0xFF] ^ third[crc >> 16 & 0xFF] ^ fourth[crc >> 24] ^ added
    return crc


def checksum(data: bytes) -> int:
    """The masked CRC-32C: rotated by 15 bits, plus a constant."""
    crc = _state(data) ^ 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@named("io.TFRecordOptions", "python_io.TFRecordOptions")
class TFRecordOptions:
    """`tf.io.TFRecordOptions(compression_type)`: "GZIP" or none."""

    def __init__(self, compression_type: str | None = None, *_: Any, **__: Any) -> None:
        self.compression_type = compression_type


def _open(path: str, mode: Any, compression: Any) -> Any:
    """Open a file of records, which may be compressed with gzip."""
    if compression not in (None, "", "GZIP"):
        raise DataError(message(f"Compression of {path!r}", expected="GZIP, or none", got=repr(compression)))
    return gzip.open(path, mode) if compression else open(path, mode)


@named("io.TFRecordWriter", "python_io.TFRecordWriter")
class TFRecordWriter:
    """`tf.io.TFRecordWriter(path)`."""

    def __init__(self, path: PathLike | TensorLike, options: object = None) -> None:
        self._file = _open(text(path), "wb", getattr(options, "compression_type", options))

    def write(self, record: TensorLike) -> None:
        data = bytes(unboxed(convert(record)).item())
        head = struct.pack("<Q", len(data))
        self._file.write(head + struct.pack("<I", checksum(head)) + data + struct.pack("<I", checksum(data)))

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> TFRecordWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def records(path: str, compression: str = "") -> Iterator[Any]:
    """The records of a file; lengths and checksums are compared, so damaged files raise an error."""
    with _open(path, "rb", compression) as file:
        number = 0
        while head := file.read(12):
            broken = len(head) < 12 or struct.unpack("<I", head[8:])[0] != checksum(head[:8])
            size = 0 if broken else struct.unpack("<Q", head[:8])[0]
            data, sums = file.read(size), file.read(4)
            if broken or len(data) < size or len(sums) < 4:
                raise DataError(message(f"TFRecord file {path!r}", expected="complete records", got="a damaged one"))
            if struct.unpack("<I", sums)[0] != checksum(data):
                expected = "records that match their checksums"
                got = f"another checksum for record {number}"
                hint = "The file was changed or damaged: write or download it again."
                raise DataError(message(f"TFRecord file {path!r}", expected=expected, got=got, hint=hint))
            number += 1
            yield np.asarray(data, object)


@named("data.TFRecordDataset")
class TFRecordDataset:
    """`tf.data.TFRecordDataset(filenames)`: the records of all files in order."""

    def __new__(cls, filenames: Any, compression_type: Any = "", *_: Any, **__: Any) -> Any:
        if isinstance(filenames, Dataset):
            return filenames.flat_map(lambda name: TFRecordDataset(name, compression_type))
        names = np.asarray(unboxed(convert(filenames)), object).reshape(-1)
        return Dataset(lambda: (one for name in names for one in records(text(name), compression_type or "")))
