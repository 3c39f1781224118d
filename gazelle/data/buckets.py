"""Batches of sequences of similar lengths, padded to few different lengths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, DataError, message, unknown
from gazelle.core.traceback import filtered
from gazelle.core.types import ArrayLike
from gazelle.data.arrays import as_arrays
from gazelle.data.dataset import Dataset, generator


@filtered
def bucket_by_length(
    x: Sequence[ArrayLike],
    y: Sequence[ArrayLike] | ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    batch_size: int = 32,
    max_shapes: int = 8,
    padding: str = "post",
    value: float = 0,
    shuffle: bool = True,
    seed: int = 0,
) -> Dataset:
    """Combine sequences of many lengths to batches, each padded to one of a few lengths.

    Every shape of a batch is compiled once. The lengths are quantiles of those of the data, so batches are padded
    little; the last samples of a bucket move to the next longer one, so that only one batch is short. Batches are
    not in the order of the samples: for `predict`, use `pad_sequences`.

    Args:
        x: sequences: lists of integers or numbers, or arrays (steps, ...).
        y: one label per sequence; or sequences as long as those of x, which are padded with 0.
        sample_weight: one weight per sequence.
        batch_size: sequences in a batch.
        max_shapes: number of different shapes of batches, at least 2.
        padding: where to pad: 'post' or 'pre'.
        value: the value for padding x; layers ignore it with `Masking` or `Embedding(mask_zero=True)`.
        shuffle: draw new sequences for each batch, and a new order of the batches, in each epoch.
        seed: the seed of the order, a function of (seed, epoch), so that a training can be resumed.

    Returns:
        A dataset of (x, y, sample_weight), without those that are None.

    Raises:
        ArgumentError: an argument is invalid.
        DataError: there are no sequences, or the numbers of sequences and labels differ.

    >>> data = bucket_by_length([[1], [2, 3], [4, 5, 6], [7]], y=[0, 1, 1, 0], batch_size=2)
    >>> sorted((x.shape, y.shape) for x, y in data)
    [((2, 1), (2,)), ((2, 3), (2,))]
    """
    for name, number, least in (("batch_size", batch_size, 1), ("max_shapes", max_shapes, 2)):
        if isinstance(number, bool) or not hasattr(number, "__index__") or number < least:
            raise ArgumentError(message(name, expected=f"an integer >= {least}", got=repr(number)))
    if padding not in ("post", "pre"):
        raise unknown("padding", padding, ("post", "pre"))
    sequences = _sequences("x", x)
    labels = None if y is None else _labels(y, sequences)
    weights = None if sample_weight is None else as_arrays("sample_weight", sample_weight)
    for what, part in (("y", labels), ("sample_weight", weights)):
        if part is not None and len(part) != len(sequences):
            raise DataError(message(what, expected=f"{len(sequences)} as in x", got=len(part)))
    lengths = np.array([len(sequence) for sequence in sequences])
    bounds = _bounds(lengths, max_shapes - 1)
    buckets = np.searchsorted(bounds, lengths)

    def batch(rows: Any, length: int) -> Any:
        parts: list[Any] = [_padded([sequences[row] for row in rows], length, padding, value)]
        if labels is not None:
            nested = isinstance(labels, list)
            parts.append(_padded([labels[row] for row in rows], length, padding, 0) if nested else labels[rows])
        if weights is not None:
            parts += [None, weights[rows]] if labels is None else [weights[rows]]
        return tuple(parts) if len(parts) > 1 else parts[0]

    def begin(number: int, start: int) -> Iterator[Any]:
        draw = generator(seed, number) if shuffle else None
        for rows, length in _plan(buckets, bounds, batch_size, draw)[start:]:
            yield batch(rows, length)

    return Dataset(begin, -(-len(sequences) // batch_size), batch_size=batch_size)


def _sequences(what: str, values: Any) -> list[np.ndarray[Any, Any]]:
    if not hasattr(values, "__len__") or not len(values):
        raise DataError(message(what, expected="at least one sequence", got="none"))
    arrays = [as_arrays(f"{what}[{index}]", value) for index, value in enumerate(values)]
    flat = next((index for index, array in enumerate(arrays) if not np.ndim(array)), None)
    if flat is not None:
        raise DataError(message(f"{what}[{flat}]", expected="a sequence", got=f"the number {arrays[flat]}"))
    return arrays


def _labels(y: Any, sequences: list[Any]) -> Any:
    """One array of labels; a list of sequences if they have the lengths of those of x, which differ."""
    lengths = [len(sequence) for sequence in sequences]
    if len(set(lengths)) > 1 and [np.shape(label)[:1] for label in y] == [(length,) for length in lengths]:
        return _sequences("y", y)
    return as_arrays("y", y)


def _bounds(lengths: Any, count: int) -> np.ndarray[Any, Any]:
    """At most `count` lengths to which sequences are padded, the last one the largest."""
    quantiles = np.quantile(lengths, np.arange(1, count + 1) / count, method="higher")
    return np.unique(np.maximum(quantiles, 1))


def _plan(buckets: Any, bounds: Any, size: int, draw: np.random.Generator | None) -> list[tuple[Any, int]]:
    """The rows and the length of every batch of a pass."""
    plan: list[tuple[Any, int]] = []
    rest = np.zeros(0, int)
    for index, length in enumerate(bounds.tolist()):
        rows = np.flatnonzero(buckets == index)
        rows = np.concatenate([rest, rows if draw is None else draw.permutation(rows)])
        full = len(rows) if index == len(bounds) - 1 else len(rows) // size * size
        plan += [(rows[start : min(start + size, full)], length) for start in range(0, full, size)]
        rest = rows[full:]
    return plan if draw is None else [plan[index] for index in draw.permutation(len(plan))]


def _padded(sequences: list[Any], length: int, padding: str, value: float) -> np.ndarray[Any, Any]:
    first = sequences[0]
    dtype = np.result_type(*{sequence.dtype for sequence in sequences if len(sequence)} or {first.dtype})
    out = np.full((len(sequences), length, *first.shape[1:]), value, dtype)
    for row, sequence in zip(out, sequences, strict=True):
        start = 0 if padding == "post" else length - len(sequence)
        row[start : start + len(sequence)] = sequence
    return out
