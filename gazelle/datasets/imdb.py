"""IMDB: 50,000 reviews of films, as numbers of words, for or against."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from gazelle.core import era
from gazelle.datasets.sources import Arrays, arrays, cached, mixed
from gazelle.datasets.words import limited, numbered, objects


@era.listening
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
    """((x_train, y_train), (x_test, y_test)): x an array of lists of numbers, y 1 for a good review, 0 for a bad one.

    Args:
        num_words: numbers from here on become `oov_char`; a word's number is its rank by frequency.
        skip_top: so do those below this.
        maxlen: reviews of that many words and more are left out.
        seed: gives the order.
        start_char: stands before each review; None is nothing.
        oov_char: None leaves such words out.
        index_from: is added to all ranks.

    Source: Maas et al., Learning Word Vectors for Sentiment Analysis (ACL 2011).

    Raises:
        DataError: no network; the message says where to put the file.
    """
    data = arrays(cached("imdb.npz", path))
    parts, draw = [], np.random.RandomState(seed)
    for part in ("train", "test"):
        x, y = mixed(draw, data[f"x_{part}"], data[f"y_{part}"])
        parts.append(numbered(x, y, maxlen, start_char, index_from))
    (train, y_train), (test, y_test) = parts
    rows = limited(train + test, num_words, skip_top, oov_char)
    return (objects(rows[: len(train)]), y_train), (objects(rows[len(train) :]), y_test)


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, Any]:
    """{word: its rank by frequency, from 1 on}."""
    with open(cached("imdb_word_index.json", path), encoding="utf-8") as file:
        return json.load(file)
