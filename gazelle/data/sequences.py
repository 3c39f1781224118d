"""Sequences: brought to one length, and windows over a series."""

from __future__ import annotations

from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, ShapeError, message, unknown
from gazelle.data.dataset import Dataset, generator


def pad_sequences(
    sequences: Any,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray[Any, Any]:
    """Lists of unlike length as the rows of one array.

    Args:
        maxlen: length of the rows; that of the longest list if None.
        padding, truncating: at which end short ones are filled with `value` and long ones cut: 'pre' or 'post'.

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
    words = np.issubdtype(np.dtype(dtype), np.character) or np.dtype(dtype) == object
    if isinstance(value, str) and not words:
        raise ArgumentError(message("value", expected=f"a number for dtype {dtype}", got=repr(value)))
    out = np.full((len(sequences), length, *inner), value, dtype=dtype)
    for place, row in enumerate(sequences):
        cut: Any = np.asarray(row[-length:] if truncating == "pre" else row[:length], dtype=dtype) if length else []
        if not len(cut):
            continue
        if cut.shape[1:] != inner:
            raise ShapeError(message(f"Sequence {place}", expected=f"steps of shape {inner}", got=f"{cut.shape[1:]}"))
        out[place, slice(None, len(cut)) if padding == "post" else slice(-len(cut), None)] = cut
    return out


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
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
    """Windows over a series: the window of place p holds the rows p, p + r, ..., p + (sequence_length - 1) r.

    data (time, ...)  ->  batches of (batch, sequence_length, ...), with targets[p] where there are targets

    Args:
        sequence_stride: distance of the places p.
        sampling_rate: r, distance of the rows within a window.
        batch_size: None gives window by window.
        start_index, end_index: use only the rows between them.

    >>> dataset = timeseries_dataset_from_array(np.arange(5), np.arange(5) * 10, sequence_length=3)
    >>> x, y = next(iter(dataset))
    >>> x.tolist(), y.tolist()
    ([[0, 1, 2], [1, 2, 3], [2, 3, 4]], [0, 10, 20])
    """
    count = len(data)
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
    rows = np.asarray(data)[first:last]
    labels = None if targets is None else np.asarray(targets)[first:last]
    places = last - first - (sequence_length - 1) * sampling_rate
    places = places if labels is None else min(places, len(targets))
    starts = np.arange(0, places, sequence_stride)
    window = np.arange(sequence_length) * sampling_rate
    size, seed = batch_size or 1, int(np.random.randint(10**6)) if seed is None else seed

    def begin(number: int, start: int) -> Any:
        order = generator(seed, number).permutation(starts) if shuffle else starts
        for at in range(start * size, len(order), size):
            p = order[at : at + size] if batch_size else order[at]
            x = rows[p[..., None] + window]
            yield x if labels is None else (x, labels[p])

    return Dataset(begin, -(-len(starts) // size), batch_size=batch_size)
