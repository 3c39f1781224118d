"""Input of `adapt`: one array, or batches of an iterable, a dataset or a `PyDataset`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.errors import DataError, message
from gazelle.data.rows import as_rows, parts_of, unmasked

if TYPE_CHECKING:
    from gazelle.core.types import Data


def is_array(data: object) -> bool:
    """Whether data is one array: arrays, tensors of other libraries, columns of a data frame."""
    return hasattr(data, "__array__") and not hasattr(data, "as_numpy_iterator")


def batches(owner: str, data: Data, steps: int | None = None, lists: bool = False) -> Iterator[np.ndarray[Any, Any]]:
    """The batches of x in `data`, at most `steps` of them. With `lists` a list or tuple is one array."""
    given: Any = unmasked("data", data)
    rows = as_rows("data", given)
    if rows is not None and rows.stored.kind in "biuf":  # a file, memory map or sparse matrix
        yield from (part for _, part in parts_of(rows))
        return
    if is_array(given) or (lists and isinstance(given, (list, tuple))):
        yield np.asarray(given)
        return
    if hasattr(given, "as_numpy_iterator"):  # a dataset of tf.data
        given = given.as_numpy_iterator()
    elif hasattr(given, "__getitem__") and hasattr(given, "__len__") and not hasattr(given, "__iter__"):
        given = (given[i] for i in range(len(given)))
    if not hasattr(given, "__iter__"):
        raise DataError(
            message(
                f"adapt of {owner}", expected="an array, a dataset or an iterable of batches", got=type(given).__name__
            )
        )
    empty = True
    for number, batch in enumerate(given):
        if steps is not None and number >= steps:
            break
        empty = False
        yield np.asarray(unmasked("data", batch[0] if isinstance(batch, tuple) else batch))
    if empty:
        raise DataError(message(f"adapt of {owner}", expected="at least one batch", got="none"))
