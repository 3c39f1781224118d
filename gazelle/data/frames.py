"""Data frames and series of pandas, polars, pyarrow and others as arrays: column by column, to a common dtype."""

from __future__ import annotations

import contextlib
import sys
import weakref
from typing import Any

import numpy as np

from gazelle.core.errors import DataError, message
from gazelle.core.types import Foreign
from gazelle.data.rows import narrow

_PACKAGES = ("pandas", "polars", "pyarrow", "modin", "cudf")
_NUMBERS = "iufb"
#: what reads data on demand: how it is read as a whole, how in batches, and what leaves a column out
_READERS = (
    ("collect", ".collect_batches(chunk_size=32)", "drop"),  # a LazyFrame of polars
    ("to_table", ".to_batches(batch_size=32)", "drop_columns"),  # a dataset of pyarrow
    ("iter_batches", ".iter_batches(batch_size=32)", "drop_columns"),  # a file of parquet
    ("read_all", "", "drop_columns"),  # a stream of record batches
)


#: id of the memory of an array made from a frame -> a reference to it, and the names of the columns
_NAMES: dict[int, tuple[weakref.ref[Any], list[Any]]] = {}


def note_columns(array: object, frame: Foreign) -> None:
    """Note the names of the columns of a frame for errors about the array that was made from it."""
    names = frame.schema.names if hasattr(frame, "itercolumns") else getattr(frame, "columns", None)
    if names is not None and isinstance(array, np.ndarray) and array.ndim == 2:
        owner = _owner(array)
        key = id(owner)
        _NAMES[key] = weakref.ref(owner, lambda _: _NAMES.pop(key, None)), list(names)


def columns_of(array: object) -> list[Any] | None:
    """Return the names of the columns of the frame that an array, or the array it is a part of, was made from."""
    if not isinstance(array, np.ndarray) or array.ndim != 2:
        return None
    owner = _owner(array)
    noted = _NAMES.get(id(owner))
    return noted[1] if noted is not None and noted[0]() is owner and len(noted[1]) == array.shape[1] else None


def _owner(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array that owns the memory: a part of a part refers to it, not to the part."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def is_frame(value: object) -> bool:
    """Whether `value` is an object of a package of data frames, none of which is imported for this."""
    package = type(value).__module__.split(".")[0]
    return package in _PACKAGES and package in sys.modules


def from_frame(what: str, value: Foreign) -> np.ndarray[Any, Any] | None:
    """Convert a frame to an array (rows, columns), a series to (rows,).

    Args:
        what: name of the data in errors.
        value: a frame or series.

    Returns:
        An array; other objects of these packages unchanged.

    Raises:
        DataError: a column holds no numbers, or the frame is not in memory.
    """
    _check_in_memory(what, value)
    whole = _whole(value)
    if whole is not None:
        return whole
    columns = _columns(value)
    if columns is None:
        return _series(value)
    arrays = [_numbers(what, name, column) for name, column in columns]
    out = np.empty((len(arrays[0]) if arrays else 0, len(arrays)), _common({a.dtype for a in arrays}))
    for index, array in enumerate(arrays):
        out[:, index] = array
    return out


def _whole(value: Any) -> Any:
    """Convert a frame of numbers with its own package, ten times faster than by column; None if it cannot."""
    if hasattr(value, "iloc") and getattr(value, "ndim", 0) == 2:
        dtypes = set(value.dtypes)
        plain = all(isinstance(dtype, np.dtype) and dtype.kind in _NUMBERS for dtype in dtypes)
        return value.to_numpy(_common(dtypes)) if plain else None
    if hasattr(value, "get_columns"):
        return (
            value.to_numpy(order="c") if all(dtype.is_float() or dtype.is_integer() for dtype in value.dtypes) else None
        )
    if hasattr(value, "to_tensor") and hasattr(value, "schema"):
        with contextlib.suppress(TypeError, ValueError, NotImplementedError):  # pyarrow: there are bools, or text
            return value.to_tensor(null_to_nan=True).to_numpy()
    return None


def _common(dtypes: Any) -> np.dtype[Any]:
    """The dtype for all columns; integers keep 64 bits until their range was checked."""
    dtype = np.result_type(*dtypes) if dtypes else np.dtype(np.float64)
    return narrow(dtype) if dtype.kind == "f" else dtype


def _columns(value: Any) -> list[tuple[str, Any]] | None:
    """Names and columns by position, as a name may occur twice; None for a series."""
    if hasattr(value, "iloc") and getattr(value, "ndim", 0) == 2:
        return [(str(name), value.iloc[:, index]) for index, name in enumerate(value.columns)]
    if hasattr(value, "schema") and hasattr(value, "itercolumns"):  # a table or record batch of pyarrow
        return list(zip(value.schema.names, value.itercolumns(), strict=True))
    if hasattr(value, "get_columns"):
        return [(column.name, column) for column in value.get_columns()]
    return None


def _series(series: Any) -> Any:
    """A series as an array; vectors of equal length are stacked."""
    package = type(series).__module__.split(".")[0]
    if package == "pyarrow" and hasattr(series, "to_numpy"):
        array = series.to_numpy() if hasattr(series, "chunks") else series.to_numpy(zero_copy_only=False)
    elif isinstance(getattr(series, "dtype", None), np.dtype) or package == "polars":
        array = series.to_numpy()
    else:  # nullable columns of pandas, and other packages
        import narwhals

        wrapped = narwhals.from_native(series, allow_series=True, pass_through=True)
        array = wrapped.to_numpy() if hasattr(wrapped, "to_numpy") else series
    kind = getattr(getattr(array, "dtype", None), "kind", "")
    if kind == "O" and len({np.shape(item) for item in array}) == 1 and np.ndim(array[0]):
        return np.stack([np.asarray(item) for item in array])
    return array


def _numbers(what: str, name: str, column: Any) -> np.ndarray[Any, Any]:
    array = _series(column)
    if isinstance(array, np.ndarray) and array.ndim == 1 and array.dtype.kind in _NUMBERS:
        return array
    values = [v for v in (array[:1] if np.ndim(array) > 1 else np.asarray(array, object)[:1000]) if v is not None]
    example = next((v for v in values if isinstance(v, (str, bytes))), values[0] if values else None)
    where = f"{what}[{name!r}]"
    if isinstance(example, (str, bytes)):
        hint = (
            "Encode text with a StringLookup layer, numbers of categories with CategoryEncoding; "
            "utils.FeatureSpace encodes all columns of a frame."
        )
    elif getattr(example, "ndim", 0):
        hint = f"Pass the vectors as an input of their own: np.stack({where})."
    elif hasattr(example, "year") or np.asarray(array).dtype.kind in "mM":
        hint = f"Convert dates to numbers, for example days: ({where} - {where}.min()) / np.timedelta64(1, 'D')."
    else:
        hint = f"Fill missing values, and convert the column: {where}.astype('float32')."
    dtype = getattr(column, "dtype", getattr(column, "type", np.asarray(array).dtype))
    raise DataError(
        message(f"{what}, column {name!r}", expected="numbers", got=f"dtype {dtype} with {_shown(example)}", hint=hint)
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check_in_memory(what: str, value: Any) -> None:
    """Refuse queries and files, whose columns can only be read as a whole."""
    ways = [way for way in _READERS if hasattr(value, way[0])]
    if not ways or hasattr(value, "iloc") or hasattr(value, "itercolumns") or hasattr(value, "get_columns"):
        return
    whole, batches, drop = ways[0]
    whole = "read" if whole == "iter_batches" else whole
    raise DataError(
        message(
            what,
            expected="a frame in memory, or a generator of batches",
            got=f"a {type(value).__name__}, which is read on demand",
            hint=f"Read it: {what}.{whole}(). If it is too large: "
            f"fit((part.{drop}('y'), part['y']) for part in {what}{batches}).",
        )
    )
