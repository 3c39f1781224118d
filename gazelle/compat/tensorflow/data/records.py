"""Datasets of the records of files: TFRecord files, lines of texts, blocks of bytes and rows of SQLite.

A record of a TFRecord file consists of its length (8 bytes), the checksum of the length, the data, and the checksum of
the data.
"""

from __future__ import annotations

import contextlib
import gzip
import struct
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from gazelle.compat.arguments.ignored import check, ignores
from gazelle.compat.tensorflow.data.dataset import Dataset
from gazelle.compat.tensorflow.data.elements import typed
from gazelle.compat.tensorflow.files import opened, text, texts
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.ops.arrays import array_of
from gazelle.compat.tensorflow.tensor_specs import TensorSpec
from gazelle.compat.types import DTypeLike, Nested, PathLike, TensorLike
from gazelle.core.crc32c import masked_crc32c
from gazelle.core.errors import DataError, message


@named("io.TFRecordOptions", "python_io.TFRecordOptions")
class TFRecordOptions:
    """`tf.io.TFRecordOptions(compression_type)`: "GZIP" or none."""

    @ignores(
        "flush_mode input_buffer_size output_buffer_size window_bits compression_level mem_level compression_strategy"
    )
    def __init__(self, compression_type: str | None = None) -> None:
        self.compression_type = compression_type


named("python_io.TFRecordCompressionType", "io.TFRecordCompressionType")(
    SimpleNamespace(NONE="", GZIP="GZIP", ZLIB="ZLIB")
)


def _open(path: str, mode: Any, compression: Any) -> Any:
    """Open a file of records, which may be compressed with gzip."""
    if compression not in (None, "", "GZIP"):
        raise DataError(message(f"Compression of {path!r}", expected="GZIP, or none", got=repr(compression)))
    return gzip.open(path, mode) if compression else open(path, mode)


@named("io.TFRecordWriter", "python_io.TFRecordWriter")
class TFRecordWriter:
    def __init__(self, path: PathLike | TensorLike, options: object = None) -> None:
        self._file = _open(text(path), "wb", getattr(options, "compression_type", options))

    def write(self, record: TensorLike) -> None:
        self._file.write(as_record(bytes(array_of(record).item())))

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> TFRecordWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def as_record(data: bytes) -> bytes:
    """A record of these bytes in a file."""
    length = struct.pack("<Q", len(data))
    return length + _checksum(length) + data + _checksum(data)


def _checksum(data: bytes) -> bytes:
    return struct.pack("<I", masked_crc32c(data))


def records(path: str, compression: str = "") -> Iterator[Any]:
    """The records of a file; lengths and checksums are compared, so damaged files raise an error."""
    with _open(path, "rb", compression) as file:
        number = 0
        while head := file.read(12):
            broken = len(head) < 12 or head[8:] != _checksum(head[:8])
            size = 0 if broken else struct.unpack("<Q", head[:8])[0]
            data, sums = file.read(size), file.read(4)
            if broken or len(data) < size or len(sums) < 4:
                raise DataError(message(f"TFRecord file {path!r}", expected="complete records", got="a damaged one"))
            if sums != _checksum(data):
                expected = "records that match their checksums"
                got = f"another checksum for record {number}"
                hint = "The file was changed or damaged: write or download it again."
                raise DataError(message(f"TFRecord file {path!r}", expected=expected, got=got, hint=hint))
            number += 1
            yield np.asarray(data, object)


class RecordsOfFiles(Dataset):
    """Base class of datasets of the records of files, of which programs derive classes of their own."""

    def __new__(cls, *_: object, **__: object) -> RecordsOfFiles:
        return object.__new__(cls)

    def _read(self, filenames: TensorLike | Dataset, records_of: Callable[[str], Iterator[Any]]) -> None:
        lists = filenames if isinstance(filenames, Dataset) else [filenames]
        super().__init__(lambda: (one for some in lists for name in texts(some) for one in records_of(name)))
        self._spec = TensorSpec((), "string")


@named("data.TFRecordDataset")
class TFRecordDataset(RecordsOfFiles):
    """`tf.data.TFRecordDataset`: the records of all files in order."""

    _kind = "TFRecordDatasetV2"

    @ignores("buffer_size num_parallel_reads name")
    def __init__(self, filenames: TensorLike | Dataset, compression_type: str | None = "") -> None:
        self._read(filenames, lambda name: records(name, compression_type or ""))


@named("data.TextLineDataset")
class TextLineDataset(RecordsOfFiles):
    """`tf.data.TextLineDataset`: the lines of all files in order."""

    _kind = "TextLineDatasetV2"

    @ignores("buffer_size num_parallel_reads name")
    def __init__(self, filenames: TensorLike | Dataset, compression_type: TensorLike = None) -> None:
        def lines(name: str) -> Iterator[Any]:
            with opened(name, compression_type) as file:
                yield from (np.asarray(line.rstrip(b"\r\n"), object) for line in file)

        self._read(filenames, lines)


@named("data.FixedLengthRecordDataset")
class FixedLengthRecordDataset(RecordsOfFiles):
    """`tf.data.FixedLengthRecordDataset`: blocks of `record_bytes` bytes of the files between header and footer."""

    _kind = "FixedLengthRecordDatasetV2"

    @ignores("buffer_size@5 num_parallel_reads name")
    def __init__(
        self,
        filenames: TensorLike | Dataset,
        record_bytes: int,
        header_bytes: int = 0,
        footer_bytes: int = 0,
        compression_type: str | None = None,
    ) -> None:
        def blocks(name: str) -> Iterator[Any]:
            with opened(name, compression_type) as file:
                data = file.read()[int(header_bytes) :]
            end = len(data) - int(footer_bytes)
            if end % int(record_bytes):
                got = f"{end} bytes"
                raise DataError(message(f"File {name!r}", expected=f"records of {int(record_bytes)} bytes", got=got))
            yield from (np.asarray(data[i : i + record_bytes], object) for i in range(0, end, int(record_bytes)))

        self._read(filenames, blocks)


@named("data.experimental.SqlDataset")
def sql_dataset(
    driver_name: str, data_source_name: PathLike | TensorLike, query: TensorLike, output_types: Nested[DTypeLike]
) -> Dataset:
    """`tf.data.experimental.SqlDataset`: the rows of the result of a query of an SQLite file."""
    check("driver_name", driver_name, "sqlite", "SqlDataset")

    def begin() -> Iterator[Any]:
        import sqlite3

        with contextlib.closing(sqlite3.connect(text(data_source_name))) as connection:
            yield from (typed(row, output_types) for row in connection.execute(text(query)))

    return Dataset(begin)


@named("python_io.tf_record_iterator", "io.tf_record_iterator", "compat.v1.io.tf_record_iterator")
def record_iterator(path: PathLike | TensorLike, options: object = None) -> Iterator[bytes]:
    """`tf.python_io.tf_record_iterator`: the records of a file as bytes."""
    compression = getattr(options, "compression_type", options) or ""
    return (one.item() for name in texts(path) for one in records(name, compression))


@named("data.experimental.TFRecordWriter")
class DatasetWriter:
    """`tf.data.experimental.TFRecordWriter(path)`: writes a dataset of strings."""

    def __init__(self, filename: PathLike | TensorLike, compression_type: str | None = None) -> None:
        self._arguments = filename, compression_type

    def write(self, dataset: Dataset) -> None:
        with TFRecordWriter(*self._arguments) as writer:
            for record in dataset:
                writer.write(record)
