"""Sequences: padding, and windows of a time series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gazelle.core.argument_types import checks_arguments
from gazelle.core.errors import ArgumentError, ShapeError, message, unknown
from gazelle.core.types import ArrayLike, DTypeLike
from gazelle.data.dataset import Dataset, generator


@checks_arguments
def pad_sequences(
    sequences: Sequence[Sequence[Any] | np.ndarray[Any, Any]],
    maxlen: int | None = None,
    dtype: DTypeLike = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: float | str | ArrayLike = 0.0,
) -> np.ndarray[Any, Any]:
    """Pad or truncate sequences to the same length.

    Args:
        sequences: lists of numbers, or arrays (steps, ...).
        maxlen: the length; by default that of the longest sequence.
        dtype: the dtype of the result.
        padding: where to pad shorter sequences: 'pre' or 'post'.
        truncating: where to truncate longer sequences: 'pre' or 'post'.
        value: the value for padding, or an array of the shape of a step.

    Returns:
        An array (sequences, maxlen, ...).

    Raises:
        ArgumentError: `sequences` is not a list of lists, or an argument is invalid.
        ShapeError: the steps of the sequences have different shapes.

    >>> pad_sequences([[1], [2, 3, 4]], maxlen=2)
    array([[0, 1],
           [3, 4]], dtype=int32)
    """
    for name, end in (("padding", padding), ("truncating", truncating)):
        if end not in ("pre", "post"):
            raise unknown(name, end, ("pre", "post"))
    for row in sequences:
        if not hasattr(row, "__len__"):
            raise ArgumentError(message("pad_sequences", expected="a list of lists", got=f"{row!r} in it"))
    length = max(map(len, sequences), default=0) if maxlen is None else maxlen
    inner = next((np.asarray(row).shape[1:] for row in sequences if len(row)), ())
    is_text = np.issubdtype(np.dtype(dtype), np.character) or np.dtype(dtype) == object
    if isinstance(value, str) and not is_text:
        raise ArgumentError(message("value", expected=f"a number for dtype {dtype}", got=repr(value)))
    if isinstance(value, float) and np.isnan(value) and np.dtype(dtype).kind in "iub":
        raise ArgumentError(message("value", expected=f"a number of dtype {dtype}", got=repr(value)))
    try:
        step = np.broadcast_to(np.asarray(value, dtype), inner)
    except (ValueError, TypeError):
        expected = f"a number of dtype {dtype}" + (f", or an array of shape {inner}" if inner else "")
        raise ArgumentError(message("value", expected=expected, got=repr(value))) from None
    out = np.full((len(sequences), length, *inner), step, dtype=dtype)
    for index, row in enumerate(sequences):
        try:
            cut: Any = np.asarray(row[-length:] if truncating == "pre" else row[:length], dtype=dtype) if length else []
        except (ValueError, TypeError):
            got = f"{row!r} as sequence {index}"[:80]
            hint = "Convert words to integers first, for instance with TextVectorization."
            raise ArgumentError(message("pad_sequences", expected="sequences of numbers", got=got, hint=hint)) from None
        if not len(cut):
            continue
        if cut.shape[1:] != inner:
            raise ShapeError(message(f"Sequence {index}", expected=f"steps of shape {inner}", got=f"{cut.shape[1:]}"))
        out[index, slice(None, len(cut)) if padding == "post" else slice(-len(cut), None)] = cut
    return out


@checks_arguments
def timeseries_dataset_from_array(
    data: ArrayLike,
    targets: ArrayLike | None,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Dataset:
    """Windows of a time series: window p contains the rows p, p + r, ..., p + (sequence_length - 1) r.

    data (time, ...)  ->  batches of (batch, sequence_length, ...), with targets[p] if there are targets

    Args:
        data: the series.
        targets: one target for each row, or None.
        sequence_length: number of rows in a window.
        sequence_stride: distance between the starts p of windows.
        sampling_rate: r, the distance between rows in a window.
        batch_size: windows in a batch; None for single windows.
        shuffle: shuffle the windows.
        seed: seed for shuffling.
        start_index: the first row to use.
        end_index: the row to stop before.
        format: 'tf' or 'grain'; both return a `Dataset` of gazelle.

    Returns:
        The dataset.

    Raises:
        ArgumentError: an argument is out of range.

    >>> dataset = timeseries_dataset_from_array(np.arange(5), np.arange(5) * 10, sequence_length=3)
    >>> x, y = next(iter(dataset))
    >>> x.tolist(), y.tolist()
    ([[0, 1, 2], [1, 2, 3], [2, 3, 4]], [0, 10, 20])
    """
    series = np.asarray(data)
    count = len(series)
    for name, number in (("sampling_rate", sampling_rate), ("sequence_stride", sequence_stride)):
        if not 0 < number < count:
            raise ArgumentError(message(name, expected=f"a number from 1 to {count - 1}", got=number))
    first, last = start_index or 0, end_index or count
    if not 0 <= first < last <= count:
        raise ArgumentError(
            message(
                "start_index and end_index",
                expected=f"0 <= start_index < end_index <= {count}",
                got=f"{start_index} and {end_index}",
            )
        )
    if format not in ("tf", "grain"):
        raise unknown("format", format, ("tf", "grain"))
    rows = series[first:last]
    labels = None if targets is None else np.asarray(targets)[first:last]
    windows = last - first - (sequence_length - 1) * sampling_rate
    windows = windows if labels is None else min(windows, len(np.asarray(targets)))
    starts = np.arange(0, windows, sequence_stride)
    window = np.arange(sequence_length) * sampling_rate
    size, seed = batch_size or 1, int(np.random.randint(10**6)) if seed is None else seed

    def begin(number: int, start: int) -> Any:
        order = generator(seed, number).permutation(starts) if shuffle else starts
        for at in range(start * size, len(order), size):
            p = order[at : at + size] if batch_size else order[at]
            x = rows[p[..., None] + window]
            yield x if labels is None else (x, labels[p])

    return Dataset(begin, -(-len(starts) // size), batch_size=batch_size)
