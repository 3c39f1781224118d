"""CSV files: `tf.io.decode_csv`, `tf.data.experimental.CsvDataset` and `make_csv_dataset`."""

from __future__ import annotations

import csv
import glob
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.data.dataset import Dataset
from gazelle.compat.tensorflow.dtypes import DType, name_of
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.files import opened, texts
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.ops.arrays import array_of, convert
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import PathLike, TensorLike
from gazelle.core.errors import DataError, message


@named("io.decode_csv", "decode_csv")
def decode_csv(
    records: TensorLike,
    record_defaults: Sequence[Any],
    field_delim: str = ",",
    use_quote_delim: bool = True,
    na_value: str = "",
    select_cols: Sequence[int] | None = None,
) -> list[Any]:
    """`tf.io.decode_csv`: the fields of lines, with the dtypes of the defaults, which replace empty fields."""
    lines = array_of(records)
    quoting = csv.QUOTE_MINIMAL if use_quote_delim else csv.QUOTE_NONE
    rows = list(csv.reader([v.decode() for v in lines.flat], delimiter=field_delim, quoting=quoting))
    columns = []
    for index, given in zip(range(len(record_defaults)) if select_cols is None else select_cols, record_defaults):
        default = array_of(given)
        values = [row[index] if row[index] not in ("", na_value) else default.reshape(-1)[0] for row in rows]
        text_column = default.dtype == object
        column = convert(values) if text_column else Tensor(np.asarray(values, default.dtype))
        columns.append(Tensor(unboxed(column).reshape(lines.shape)))
    return columns


def _rows(
    name: str, delimiter: str, header: bool, quotes: bool = True, compression_type: TensorLike = None
) -> Iterator[list[str]]:
    with opened(name, compression_type) as plain, io.TextIOWrapper(plain, encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE)
        if header:
            next(rows, None)
        yield from (row for row in rows if row)


def _column(default: Any) -> tuple[Any, Any]:
    """(dtype, value of empty fields) of a column; if `default` is a dtype, empty fields are an error."""
    if isinstance(default, DType | type):
        name = name_of(default)
        return np.dtype(object if name == "string" else name), None
    array = array_of(default)
    return array.dtype, array.reshape(-1)[0]


def _field(value: str, column: tuple[Any, Any], where: str) -> Any:
    """One field as a scalar array."""
    dtype, fill = column
    if value == "":
        if fill is None:
            hint = "Give a value that replaces empty fields instead of a dtype."
            raise DataError(message(where, expected="a value", got="an empty field", hint=hint))
        return np.asarray(fill, dtype)
    if dtype.kind == "O":
        return np.asarray(value.encode(), object)
    try:
        return np.asarray(value, dtype)
    except ValueError:
        raise DataError(message(where, expected=f"a number ({dtype})", got=repr(value))) from None


@named("data.experimental.CsvDataset")
@ignores("buffer_size@3 exclude_cols=None name")
def csv_dataset(
    filenames: PathLike | TensorLike,
    record_defaults: Sequence[Any],
    compression_type: str | None = None,
    header: bool = False,
    field_delim: str = ",",
    use_quote_delim: bool = True,
    na_value: str = "",
    select_cols: Sequence[int] | None = None,
) -> Dataset:
    """`tf.data.experimental.CsvDataset`: a tuple of fields for each line."""
    columns = [_column(default) for default in record_defaults]

    def rows() -> Iterator[tuple[str, list[str]]]:
        for name in texts(filenames):
            rows_of_file = _rows(name, field_delim, header, use_quote_delim, compression_type)
            yield from ((f"Line {number} of {name}", row) for number, row in enumerate(rows_of_file, 1 + header))

    def fields(where_and_row: tuple[str, list[str]]) -> Any:
        where, row = where_and_row
        selected = [row[index] for index in select_cols] if select_cols is not None else row
        if len(selected) != len(columns):
            raise DataError(message(where, expected=f"{len(columns)} fields", got=len(selected)))
        return tuple(_field("" if v == na_value else v, c, where) for v, c in zip(selected, columns, strict=True))

    return Dataset(lambda: map(fields, rows()))  # an error of one row does not end the iterator


def _inferred_default(values: list[str]) -> Any:
    """The default of a column: zero of the narrowest dtype that can represent the values, or an empty string."""
    for dtype in ("int32", "int64", "float32"):
        try:
            for value in values:
                if value != "":
                    np.asarray(value, dtype)
        except (ValueError, OverflowError):
            continue
        return np.zeros((), dtype)
    return np.asarray(b"", object)


@named("data.experimental.make_csv_dataset")
@ignores("prefetch_buffer_size num_parallel_reads sloppy encoding='utf-8'")
def make_csv_dataset(
    file_pattern: PathLike | TensorLike,
    batch_size: int,
    column_names: Sequence[str] | None = None,
    column_defaults: Sequence[Any] | None = None,
    label_name: str | None = None,
    select_columns: Sequence[str | int] | None = None,
    field_delim: str = ",",
    use_quote_delim: bool = True,
    na_value: str = "",
    header: bool = True,
    num_epochs: TensorLike = None,
    shuffle: bool = True,
    shuffle_buffer_size: int = 10000,
    shuffle_seed: TensorLike = None,
    num_rows_for_inference: int = 100,
    compression_type: TensorLike = None,
    ignore_errors: bool = False,
    **_: Any,
) -> Dataset:
    """`tf.data.experimental.make_csv_dataset`: batches of {column: values}, with labels if `label_name` is given."""
    names = sorted(found for pattern in texts(file_pattern) for found in glob.glob(pattern))
    if not names:
        raise DataError(message("file_pattern of make_csv_dataset", expected="files", got=repr(file_pattern)))
    reading = use_quote_delim, compression_type
    columns = list(column_names) if column_names is not None else next(_rows(names[0], field_delim, False, *reading))
    chosen = list(columns if select_columns is None else select_columns)
    column_indices = [name if isinstance(name, int) else columns.index(name) for name in chosen]
    chosen = [columns[index] for index in column_indices]
    if label_name is not None and label_name not in chosen:
        raise DataError(message("label_name of make_csv_dataset", expected=f"one of {chosen}", got=repr(label_name)))
    if column_defaults is None:
        sample_rows = [
            row
            for row, _ in zip(
                _rows(names[0], field_delim, header, *reading), range(num_rows_for_inference), strict=False
            )
        ]
        column_defaults = [_inferred_default([row[index] for row in sample_rows]) for index in column_indices]
    data = csv_dataset(
        names,
        column_defaults,
        compression_type,
        header=header,
        field_delim=field_delim,
        use_quote_delim=use_quote_delim,
        na_value=na_value,
        select_cols=column_indices,
    )
    if ignore_errors:
        data = data.ignore_errors()
    if shuffle:
        data = data.shuffle(shuffle_buffer_size, shuffle_seed)
    data = data.repeat(num_epochs).batch(batch_size)

    def parts(*values: Any) -> Any:
        features = dict(zip(chosen, values, strict=True))
        return features if label_name is None else (features, features.pop(label_name))

    return data.map(parts)
