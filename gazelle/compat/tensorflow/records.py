"""TFRecord files.

A record consists of its length (8 bytes), the checksum of the length, the data, and the checksum of the data. Checksums
are masked CRC-32C.
"""

from __future__ import annotations

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


def checksum(data: bytes) -> int:
    """The masked CRC-32C: rotated by 15 bits, plus a constant."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
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


@named("io.TFRecordWriter", "python_io.TFRecordWriter", "compat.v1.python_io.TFRecordWriter")
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
    """The records of a file; the checksums of lengths are compared, so damaged files raise an error."""
    with _open(path, "rb", compression) as file:
        while head := file.read(12):
            broken = len(head) < 12 or struct.unpack("<I", head[8:])[0] != checksum(head[:8])
            size = 0 if broken else struct.unpack("<Q", head[:8])[0]
            data = file.read(size)
            if broken or len(data) < size or len(file.read(4)) < 4:
                raise DataError(message(f"TFRecord file {path!r}", expected="complete records", got="a damaged one"))
            yield np.asarray(data, object)


@named("data.TFRecordDataset", "compat.v1.data.TFRecordDataset")
class TFRecordDataset:
    """`tf.data.TFRecordDataset(filenames)`: the records of all files in order."""

    def __new__(cls, filenames: Any, compression_type: Any = "", *_: Any, **__: Any) -> Any:
        if isinstance(filenames, Dataset):
            return filenames.flat_map(lambda name: TFRecordDataset(name, compression_type))
        names = np.asarray(unboxed(convert(filenames)), object).reshape(-1)
        return Dataset(lambda: (one for name in names for one in records(text(name), compression_type or "")))
