"""Sources of single samples, which are combined to batches: rows of generators and of map-style datasets."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, DataError, message
from gazelle.core.traceback import filtered
from gazelle.core.types import Indexable
from gazelle.data.dataset import stacked


class Batches:
    """Batches of samples that can be iterated again; see `batched`.

    Args:
        samples: the samples.
        batch_size: samples in a batch.
        drop_remainder: omit a shorter last batch.
    """

    def __init__(self, samples: Iterable[Any] | Indexable, batch_size: int, drop_remainder: bool) -> None:
        self._samples, self._batch_size, self._drop = samples, batch_size, drop_remainder

    def __iter__(self) -> Iterator[Any]:
        data = self._samples
        samples = iter(data) if hasattr(data, "__iter__") else (data[index] for index in range(len(data)))
        return _groups(samples, self._batch_size, self._drop)


@filtered
def batched(samples: Iterable[Any] | Indexable, batch_size: int = 32, drop_remainder: bool = False) -> Iterable[Any]:
    """Combine single samples to batches, for data that yields one row at a time.

    Args:
        samples: a generator or dataset of (x, y), of x, or of other structures of numbers and arrays.
        batch_size: samples in a batch.
        drop_remainder: omit a shorter last batch.

    Returns:
        The batches: a generator for a generator, otherwise an object that can be iterated again.

    Raises:
        ArgumentError: `batch_size` is not an integer >= 1.

    >>> [(x.shape, y.tolist()) for x, y in batched([(np.ones(3), 0), (np.ones(3), 1), (np.ones(3), 2)], 2)]
    [((2, 3), [0, 1]), ((1, 3), [2])]
    """
    if isinstance(batch_size, bool) or not hasattr(batch_size, "__index__") or batch_size < 1:
        raise ArgumentError(message("batched's batch_size", expected="an integer >= 1", got=repr(batch_size)))
    if hasattr(samples, "__next__"):
        return _groups(samples, int(batch_size), drop_remainder)
    return Batches(samples, int(batch_size), drop_remainder)


def _groups(samples: Any, size: int, drop: bool) -> Iterator[Any]:
    while group := list(itertools.islice(samples, size)):
        if len(group) < size and drop:
            return
        yield _joined(group)


def _joined(group: list[Any]) -> Any:
    try:
        return stacked(group)
    except ValueError as error:
        shapes = sorted({np.shape(leaf) for sample in group for leaf in _first_leaf(sample)})
        raise DataError(
            message(
                "The samples of a batch differ",
                expected="samples of equal shapes and structures",
                got=f"x of shapes {', '.join(map(str, shapes[:3]))}" if len(shapes) > 1 else f"{error}",
                hint="Sequences of several lengths: gazelle.utils.bucket_by_length, or pad_sequences.",
            )
        ) from None


def _first_leaf(sample: Any) -> list[Any]:
    first = sample[0] if isinstance(sample, (tuple, list)) and len(sample) else sample
    return [] if isinstance(first, dict) else [first]


def is_map_style(x: object) -> bool:
    """Whether x is a map-style dataset of torch, whose items are single samples."""
    bases = [base for base in type(x).__mro__ if base.__module__.startswith("torch.utils.data")]
    is_dataset = any(base.__name__ == "Dataset" for base in bases)
    return is_dataset and not hasattr(x, "__iter__") and hasattr(x, "__getitem__") and hasattr(x, "__len__")


def map_style_batches(
    x: Indexable, batch_size: int, order: Callable[[int, int], Any]
) -> Callable[[int, int], Iterator[Any]]:
    """Batches of a map-style dataset.

    Args:
        x: the dataset; if it has `__getitems__`, that reads a batch.
        batch_size: samples in a batch.
        order: (seed, epoch) -> the indices of the samples.

    Returns:
        A function (seed, epoch) -> iterator over the batches.
    """
    read = getattr(x, "__getitems__", None) or (lambda rows: [x[row] for row in rows])

    def batches(seed: int, epoch: int) -> Iterator[Any]:
        rows = order(seed, epoch)
        for start in range(0, len(rows), batch_size):
            yield _joined(list(read(rows[start : start + batch_size].tolist())))

    return batches


def check_columns(what: str, x: object) -> None:
    """Refuse a Hugging Face dataset of rows, which does not state what x and y are.

    Args:
        what: name of the data in errors.
        x: the data.

    Raises:
        DataError: x is one.
    """
    names = getattr(x, "column_names", None)
    if _package(x) == "datasets" and isinstance(names, list) and hasattr(x, "__len__"):
        raise DataError(
            message(
                what,
                expected="columns or batches",
                got=f"a dataset of rows with the columns {', '.join(map(str, names[:8]))}",
                hint=f"Pass its columns: fit(data[{names[0]!r}], data[{names[-1]!r}])." if names else "",
            )
        )


def batching_hint(x: object) -> str:
    """The line of code that converts a source which does not yield batches of (x, y)."""
    if _package(x) == "datasets":
        return "Data must yield batches of (x, y): fit((b['x'], b['y']) for b in data.batch(32))."
    if _package(x) == "webdataset":
        return "Data must yield batches of (x, y): data.decode('rgb').to_tuple('jpg', 'cls').batched(32)."
    if _package(x) == "grain":
        return "Data must yield batches of (x, y): data.batch(32)."
    return "Data must yield batches of (x, y); gazelle.utils.batched(data, 32) combines single samples."


def _package(x: object) -> str:
    return type(x).__module__.split(".")[0]
