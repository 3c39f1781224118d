"""Columns of Hugging Face datasets as views of Arrow's memory: rows in any order are read without the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle.core.types import Foreign
from gazelle.data.rows import Parts, rows_of_array


def reader_of_column(column: Foreign, shape: tuple[int, ...]) -> Callable[[Any], Parts] | None:
    """Return what reads rows of a column of numbers.

    Args:
        column: a column of a dataset of the package datasets.
        shape: the shape of a row.

    Returns:
        A function (indices of samples) -> pairs of positions among them and values; None if the rows are computed, or
        are not stored as numbers, all of this shape.
    """
    source: Any = getattr(column, "source", None)
    if not hasattr(source, "_indices") or source.format["type"] == "custom":
        return None
    chunks = source.data.column(column.column_name).chunks
    views = [view for chunk in chunks if (view := _view(chunk)) is not None and view.shape[1:] == shape]
    if len(views) < len(chunks) or not views:
        return None
    ends = np.cumsum([len(view) for view in views])
    selected = None if source._indices is None else source._indices.column(0).to_numpy()
    if len(source) != (ends[-1] if selected is None else len(selected)):
        return None

    def read(rows: Any) -> Parts:
        rows = rows if selected is None else selected[rows].astype(np.int64)
        if len(views) == 1:
            yield from rows_of_array(views[0], rows)
            return
        numbers = np.searchsorted(ends, rows, side="right")
        order = np.argsort(numbers, kind="stable")
        for positions in np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1):
            number = numbers[positions[0]]
            view, first = views[number], ends[number] - len(views[number])
            for where, values in rows_of_array(view, rows[positions] - first):
                yield positions[where], values

    return read


def _view(array: Any) -> np.ndarray[Any, Any] | None:
    """An array of Arrow without a copy; None unless it contains numbers, or lists of one length of these."""
    array = getattr(array, "storage", array)  # of the types for arrays of several axes
    if array.null_count:
        return None
    if hasattr(array, "value_lengths"):
        lengths = np.asarray(array.value_lengths())
        inner = _view(array.flatten()) if len(lengths) and (lengths == lengths[0]).all() else None
        return None if inner is None else inner.reshape(len(lengths), lengths[0], *inner.shape[1:])
    try:
        found = array.to_numpy(zero_copy_only=True)
    except (AttributeError, NotImplementedError, TypeError, ValueError):  # texts, booleans, structures
        return None
    return found if isinstance(found, np.ndarray) and found.dtype.kind in "iuf" else None
