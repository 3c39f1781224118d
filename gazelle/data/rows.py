"""Arrays whose rows are read when a batch needs them: files, memory maps, sparse matrices, columns of datasets."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle.core import dtypes
from gazelle.core.errors import DataError, message
from gazelle.core.types import Foreign

if TYPE_CHECKING:
    from gazelle.core.types import ArrayLike, DTypeLike, Tree

_GAP = 64 * 2**10  # bytes between two rows up to which one slice reads both: another slice would take longer
_SLICE = 4 * 2**20  # bytes of a slice at most, unless the file stores larger parts
_LARGE = 32 * 2**20  # bytes of a view from which it is not copied to convert it

Parts = Iterator[tuple[Any, Any]]  # positions among the rows that are read, and their values


class LazyRows:
    """Samples that are read, and converted to 32 bits, as batches need them.

    Args:
        what: name of the data in errors.
        shape: (samples, ...).
        dtype: dtype of the stored values.
        parts: indices of samples -> pairs of positions among them and values.
        start: index of the first sample.
        by_slices: whether `parts` also reads the rows between them, so that few calls for many rows are faster.
    """

    def __init__(
        self,
        what: str,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        parts: Callable[[Any], Parts],
        start: int = 0,
        by_slices: bool = False,
    ) -> None:
        self.what, self.shape, self.stored = what, tuple(map(int, shape)), np.dtype(dtype)
        self.dtype, self.ndim = narrow(self.stored), len(self.shape)
        self._parts, self._start, self.by_slices = parts, start, by_slices

    def __len__(self) -> int:
        return self.shape[0]

    def part(self, start: int, stop: int) -> LazyRows:
        """The samples `start` ... `stop` - 1, which are not read yet."""
        shape = (stop - start, *self.shape[1:])
        return LazyRows(self.what, shape, self.stored, self._parts, self._start + start, self.by_slices)

    def __getitem__(self, rows: Any) -> np.ndarray[Any, Any]:
        rows = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else np.asarray(rows)
        out = np.empty((len(rows), *self.shape[1:]), self.dtype)
        self.read(rows, out)
        return out

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.asarray(self[:], dtype)

    def read(self, rows: np.ndarray[Any, Any], out: np.ndarray[Any, Any]) -> None:
        """Read samples.

        Args:
            rows: their indices.
            out: the array that receives them.

        Raises:
            DataError: an integer is beyond 32 bits, or a value is masked.
        """
        for where, values in self._parts(rows + self._start) if len(rows) else ():
            values = np.asarray(unmasked(self.what, values))
            dtypes.check_range(self.what, values, "int32")
            out[where] = values


def as_rows(what: str, value: Foreign) -> LazyRows | None:
    """Wrap data whose rows can be read on their own.

    Args:
        what: name of the data in errors.
        value: the data.

    Returns:
        The rows; None for data that is an array already, or has to be converted as a whole.
    """
    if isinstance(value, np.ndarray):
        converts = value.dtype != narrow(value.dtype)
        view = converts and not value.flags.c_contiguous and value.nbytes > _LARGE
        if value.ndim and (isinstance(value, np.memmap) or view):
            return LazyRows(what, value.shape, value.dtype, lambda rows: rows_of_array(value, rows))
        return None
    if _is_sparse(value):
        matrix = value.tocsr() if hasattr(value, "tocsr") else _of_jax(value)
        return LazyRows(what, matrix.shape, matrix.dtype, lambda rows: _of_matrix(matrix, rows))
    if not is_sliceable(value):
        return None
    if not isinstance(getattr(value, "dtype", None), np.dtype):  # a column: it states neither shape nor dtype
        from gazelle.data import arrow  # it imports this module

        first = np.asarray(value[0:1])
        read = arrow.reader_of_column(value, first.shape[1:]) or (lambda rows: _slices(value, rows, first))
        return LazyRows(what, (len(value), *first.shape[1:]), first.dtype, read)
    mapped = _mapped(value)
    if mapped is not None:
        return LazyRows(what, value.shape, value.dtype, lambda rows: rows_of_array(mapped, rows))
    sample = np.empty((1, *value.shape[1:]), value.dtype)
    return LazyRows(what, value.shape, value.dtype, lambda rows: _slices(value, rows, sample), by_slices=True)


def _mapped(data: Any) -> np.ndarray[Any, Any] | None:
    """A memory map of a contiguous dataset of h5py, from which single rows are read fast."""
    if type(data).__module__.split(".")[0] != "h5py" or getattr(data, "chunks", 0) is not None or data.dtype.hasobject:
        return None
    file = data.file
    offset = data.id.get_offset() if file.mode == "r" and file.driver == "sec2" and not file.userblock_size else None
    if offset is None:  # also of virtual and compact datasets, and of those in other files
        return None
    content = mmap.mmap(file.id.get_vfd_handle(), 0, access=mmap.ACCESS_READ)
    return np.frombuffer(content, data.dtype, data.size, offset).reshape(data.shape)


def is_sliceable(value: object) -> bool:
    """Whether slices of `value` are arrays of its rows, and `value` itself is no array.

    That holds for datasets of h5py, arrays of zarr, sparse matrices and columns of Hugging Face datasets.
    """
    if isinstance(value, (np.ndarray, np.generic, jax.Array)):
        return False
    if isinstance(value, LazyRows) or _is_sparse(value):
        return True
    if type(value).__module__.split(".")[0] == "datasets" and hasattr(value, "column_name"):
        return True
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    return isinstance(dtype, np.dtype) and isinstance(shape, tuple) and shape != () and hasattr(value, "__getitem__")


def _is_sparse(value: object) -> bool:
    module = type(value).__module__
    return (module.startswith("scipy.sparse") and hasattr(value, "tocsr")) or (
        module.startswith("jax.experimental.sparse") and hasattr(value, "todense") and getattr(value, "ndim", 0) == 2
    )


def _of_jax(matrix: Any) -> Any:
    """A sparse matrix of JAX as one of SciPy, whose rows can be selected on the host."""
    from scipy import sparse

    if hasattr(matrix, "indptr") or not hasattr(matrix, "indices"):  # other formats than BCOO, which are rare
        return sparse.csr_array(np.asarray(matrix.todense()))
    if matrix.n_batch or matrix.n_dense:
        matrix = matrix.update_layout(n_batch=0, n_dense=0)
    indices, values = np.asarray(matrix.indices), np.asarray(matrix.data)
    inside = (indices < np.asarray(matrix.shape)).all(1)  # others are padding
    return sparse.coo_array((values[inside], tuple(indices[inside].T)), matrix.shape).tocsr()


def _consecutive(rows: Any) -> bool:
    return bool(len(rows) < 2 or (rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all()))


def _portions(data: Any, rows: Any) -> Iterator[tuple[slice, Any]]:
    """Positions and rows of at most `_SLICE` bytes: what is converted needs memory twice."""
    size = max(1, _SLICE // max(1, data.dtype.itemsize * int(np.prod(data.shape[1:]))))
    for start in range(0, len(rows), size):
        yield slice(start, start + size), rows[start : start + size]


def rows_of_array(array: np.ndarray[Any, Any], rows: np.ndarray[Any, Any]) -> Parts:
    """Rows of a memory map or view, without a copy of the rest.

    Args:
        array: an array of NumPy.
        rows: indices of samples.
    """
    if _consecutive(rows):
        yield slice(None), array[rows[0] : rows[0] + len(rows)]
        return
    for where, some in _portions(array, rows):
        yield where, array[some]


def _of_matrix(matrix: Any, rows: Any) -> Parts:
    for where, some in _portions(matrix, rows):
        yield where, matrix[some].toarray()


def _slices(data: Any, rows: Any, sample: Any) -> Parts:
    """Rows of data that is read by slices: neighbours together, rows far apart each on their own."""
    row = max(1, sample.nbytes)
    stored = getattr(data, "chunks", None)  # rows that the file compresses as one
    unit = stored[0] if isinstance(stored, tuple) and stored and isinstance(stored[0], int) else 1
    size = max(unit, _SLICE // row // unit * unit)
    order = np.arange(len(rows)) if _consecutive(rows) else np.argsort(rows, kind="stable")
    ordered = rows[order]
    cuts = (np.diff(ordered) > max(unit, _GAP // row)) | (np.diff(ordered // size) > 0)
    for part in np.split(np.arange(len(rows)), np.flatnonzero(cuts) + 1):
        first, last = int(ordered[part[0]]), int(ordered[part[-1]])
        values = data[first : last + 1]
        values = values if isinstance(values, np.ma.MaskedArray) else np.asarray(values)
        yield order[part], values if len(part) == len(values) else values[ordered[part] - first]


def parts_of(array: ArrayLike | LazyRows) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
    """An array in parts of limited size, as pairs of the index of the first sample and an array.

    Args:
        array: an array or `LazyRows`.
    """
    if not getattr(array, "ndim", 0) or not isinstance(array, LazyRows):
        yield 0, np.asarray(array)
        return
    size = max(1, _LARGE // max(1, array.dtype.itemsize * int(np.prod(array.shape[1:]))))
    for start in range(0, len(array), size):
        yield start, array[start : start + size]


def narrow(dtype: DTypeLike) -> np.dtype[Any]:
    """The dtype of samples in computations, in the byte order of the machine.

    Floats of 64 bits become the default float, integers of 64 bits those of 32.
    """
    dtype = np.dtype(dtype)
    if dtype.kind == "f" and dtype.itemsize >= 8:
        return np.dtype(dtypes.floatx())
    if dtype.kind in "iu" and dtype.itemsize == 8:
        return np.dtype(np.int32)
    return dtype if dtype.isnative else dtype.newbyteorder("=")


def unmasked(what: str, value: Tree) -> Tree:
    """The value, unless it is a masked array with masked values.

    Args:
        what: name of the data in errors.
        value: the data.

    Raises:
        DataError: values are masked.
    """
    if not isinstance(value, np.ma.MaskedArray):
        return value
    masked = np.argwhere(np.ma.getmaskarray(value))
    if len(masked):
        raise DataError(
            message(
                what,
                expected="an array without masked values",
                got=f"{len(masked)} masked, the first at {what}[{', '.join(map(str, masked[0]))}]",
                hint=f"Fill them, for example {what}.filled(0), or drop these rows.",
            )
        )
    return value.data
