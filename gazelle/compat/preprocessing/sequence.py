"""Windows over time series, and skip-grams."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from gazelle.compat import tables
from gazelle.core.errors import ArgumentError, message
from gazelle.data.pydataset import PyDataset
from gazelle.data.sequences import pad_sequences

__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams", "timeseries_generator_from_json"]


class TimeseriesGenerator(PyDataset):
    """Batches of windows over a time series, with the target of the row after each window.

    data (time, ...), targets (time, ...)  ->  ((batch, length / sampling_rate, ...), (batch, ...))

    >>> windows = TimeseriesGenerator(np.arange(6), np.arange(6), length=2, batch_size=2)
    >>> x, y = windows[0]
    >>> x.tolist(), y.tolist(), len(windows)
    ([[0, 1], [1, 2]], [2, 3], 2)
    """

    def __init__(
        self,
        data: Sequence[Any] | np.ndarray[Any, Any],
        targets: Sequence[Any] | np.ndarray[Any, Any],
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
    ) -> None:
        super().__init__()
        if len(data) != len(targets):
            expected = "as many targets as rows of data"
            got = f"{len(targets)} and {len(data)}"
            raise ArgumentError(message("TimeseriesGenerator", expected=expected, got=got))
        self.data, self.targets, self.length = data, targets, length
        self.sampling_rate, self.stride, self.batch_size = sampling_rate, stride, batch_size
        self.start_index, self.end_index = start_index + length, len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse = shuffle, reverse
        if self.start_index > self.end_index:
            expected = f"more than {length} rows, the length of a window"
            got = f"rows {start_index} to {self.end_index}"
            raise ArgumentError(message("TimeseriesGenerator", expected=expected, got=got))

    def __len__(self) -> int:
        rows = self.batch_size * self.stride
        return (self.end_index - self.start_index + rows) // rows

    def __getitem__(self, index: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        if self.shuffle:
            rows = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        else:
            first = self.start_index + self.batch_size * self.stride * index
            rows = np.arange(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)
        samples = np.array([self.data[row - self.length : row : self.sampling_rate] for row in rows])
        targets = np.array([self.targets[row] for row in rows])
        return (samples[:, ::-1, ...] if self.reverse else samples), targets

    def get_config(self) -> dict[str, Any]:
        """Return arguments, data and targets as values that JSON can hold."""
        config = {name: json.dumps(np.asarray(getattr(self, name)).tolist()) for name in ("data", "targets")}
        for name in tables.listed("length sampling_rate stride start_index end_index shuffle reverse batch_size"):
            config[name] = getattr(self, name)
        return config | {"start_index": self.start_index - self.length}

    def to_json(self, **kwargs: Any) -> str:
        """Return the generator as JSON."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


def timeseries_generator_from_json(json_string: str) -> TimeseriesGenerator:
    """Return the generator from the result of `to_json`."""
    config = json.loads(json_string)["config"]
    return TimeseriesGenerator(**{k: json.loads(v) if k in ("data", "targets") else v for k, v in config.items()})


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray[Any, Any]:
    """Return the probability of keeping each word, by its rank, if frequencies follow Zipf's law (as in word2vec).

    >>> make_sampling_table(3).round(4).tolist()
    [0.0032, 0.0032, 0.0055]
    """
    rank = np.arange(size)
    rank[0] = 1
    inverse = rank * (np.log(rank) + 0.577) + 0.5 - 1.0 / (12.0 * rank)
    fraction = sampling_factor * inverse
    return np.minimum(1.0, fraction / np.sqrt(fraction))


def skipgrams(
    sequence: Sequence[int],
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Sequence[float] | np.ndarray[Any, Any] | None = None,
    seed: int | None = None,
) -> tuple[list[Any], list[Any]]:
    """Return pairs (word, neighboring word) with label 1 and pairs (word, random word) with label 0; 0 is padding.

    >>> pairs, labels = skipgrams([1, 2, 3], 4, window_size=1, negative_samples=0, shuffle=False)
    >>> pairs, labels
    ([[1, 2], [2, 1], [2, 3], [3, 2]], [1, 1, 1, 1])
    """
    pairs: list[Any] = []
    for position, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < random.random()):
            continue
        window = range(max(0, position - window_size), min(len(sequence), position + window_size + 1))
        pairs += [[word, sequence[other]] for other in window if other != position and sequence[other]]
    near: Any = [0, 1] if categorical else 1
    labels = [near] * len(pairs)
    words = [pair[0] for pair in pairs]
    if negative_samples > 0:
        random.shuffle(words)
    drawn = int(len(labels) * negative_samples)
    pairs += [[words[i % len(words)], random.randint(1, vocabulary_size - 1)] for i in range(drawn)]
    far: Any = [1, 0] if categorical else 0
    labels += [far] * drawn
    if shuffle:
        seed = random.randint(0, 10**7) if seed is None else seed
        for entries in (pairs, labels):
            random.seed(seed)
            random.shuffle(entries)
    return pairs, labels
