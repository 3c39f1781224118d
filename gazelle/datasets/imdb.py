"""IMDB: 50,000 positive and negative film reviews, as lists of word indices."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.errors import ArgumentError, message
from gazelle.core.module_names import public_names
from gazelle.core.traceback import filtered
from gazelle.datasets.sources import Arrays, cached, read_npz, shuffled

__all__ = ["get_word_index", "load_data"]


@filtered
def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[Arrays, Arrays]:
    """Load the IMDB dataset, downloaded at the first call.

    Source: Maas et al., Learning Word Vectors for Sentiment Analysis (ACL 2011).

    Args:
        path: the name of the file in the cache, or an absolute path.
        num_words: word indices from here on become `oov_char`; the index of a word is its rank by frequency.
        skip_top: word indices below become `oov_char` too.
        maxlen: reviews of this length or longer are omitted.
        seed: seed of the order.
        start_char: index at the start of each review; None for none.
        oov_char: index of unknown words; None omits them.
        index_from: offset that is added to all ranks.

    Returns:
        ((x_train, y_train), (x_test, y_test)): x an array of lists of word indices, y 1 for positive and 0 for negative
        reviews.

    Raises:
        DataError: the download failed; the message gives the path to save the file at.
        ArgumentError: no review is shorter than `maxlen`.
    """
    data = read_npz(cached("imdb.npz", path))
    parts, draw = [], np.random.RandomState(seed)
    for part in ("train", "test"):
        x, y = shuffled(draw, data[f"x_{part}"], data[f"y_{part}"])
        parts.append(add_offset(x, y, maxlen, start_char, index_from))
    (train, y_train), (test, y_test) = parts
    rows = limit_vocabulary(train + test, num_words, skip_top, oov_char)
    return (as_object_array(rows[: len(train)]), y_train), (as_object_array(rows[len(train) :]), y_test)


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """Load the word index of the reviews.

    Args:
        path: the name of the file in the cache, or an absolute path.

    Returns:
        {word: rank by frequency, from 1}.
    """
    with open(cached("imdb_word_index.json", path), encoding="utf-8") as file:
        index: dict[str, int] = json.load(file)
        return index


def add_offset(
    texts: np.ndarray,
    labels: np.ndarray,
    maxlen: int | None,
    start_char: int | None,
    index_from: int | None,
) -> tuple[list[list[int]], Any]:
    """Add `index_from` to all indices and `start_char` in front; texts of `maxlen` or more are omitted."""
    offset, first = index_from or 0, [] if start_char is None else [start_char]
    rows = [[*first, *(word + offset for word in text)] for text in texts]
    if maxlen:
        keep = [i for i, row in enumerate(rows) if len(row) < maxlen]
        if not keep:
            got = f"at least {min(map(len, rows))}"
            raise ArgumentError(message(f"maxlen={maxlen}", expected="more than the shortest text", got=got))
        rows, labels = [rows[i] for i in keep], np.asarray(labels)[keep]
    return rows, labels


def limit_vocabulary(
    rows: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None
) -> list[list[int]]:
    """Replace indices outside of `skip_top` ... `num_words` - 1 by `oov_char`, or omit them if it is None."""
    end = num_words or max(map(max, rows))
    if oov_char is None:
        return [[word for word in row if skip_top <= word < end] for row in rows]
    return [[word if skip_top <= word < end else oov_char for word in row] for row in rows]


def as_object_array(rows: list[list[int]]) -> np.ndarray[Any, Any]:
    """Convert lists to an array of lists."""
    out = np.empty(len(rows), dtype=object)
    out[:] = rows
    return out


if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
