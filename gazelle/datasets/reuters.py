"""Reuters: 11,228 newswires on 46 topics, as lists of word indices."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from gazelle.core.module_names import public_names
from gazelle.core.traceback import filtered
from gazelle.datasets.imdb import add_offset, as_object_array, limit_vocabulary
from gazelle.datasets.sources import Arrays, cached, read_npz, shuffled, split

__all__ = ["get_label_names", "get_word_index", "load_data"]

# fmt: off
TOPICS = (
    "cocoa", "grain", "veg-oil", "earn", "acq", "wheat", "copper", "housing", "money-supply", "coffee", "sugar",
    "trade", "reserves", "ship", "cotton", "carcass", "crude", "nat-gas", "cpi", "money-fx", "interest", "gnp",
    "meal-feed", "alum", "oilseed", "gold", "tin", "strategic-metal", "livestock", "retail", "ipi", "iron-steel",
    "rubber", "heat", "jobs", "lei", "bop", "zinc", "orange", "pet-chem", "dlr", "gas", "silver", "wpi", "hog", "lead",
)
# fmt: on


@filtered
def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[Arrays, Arrays]:
    """Load the Reuters dataset, downloaded at the first call.

    Args:
        path: the name of the file in the cache, or an absolute path.
        num_words: word indices from here on become `oov_char`; the index of a word is its rank by frequency.
        skip_top: word indices below become `oov_char` too.
        maxlen: newswires of this length or longer are omitted.
        test_split: fraction of the newswires for the test.
        seed: seed of the order.
        start_char: index at the start of each newswire; None for none.
        oov_char: index of unknown words; None omits them.
        index_from: offset that is added to all ranks.

    Returns:
        ((x_train, y_train), (x_test, y_test)): x an array of lists of word indices, y the topic from 0 to 45.

    Raises:
        DataError: the download failed; the message gives the path to save the file at.
        ArgumentError: no newswire is shorter than `maxlen`, or an invalid `test_split`.
    """
    data = read_npz(cached("reuters.npz", path))
    x, y = shuffled(seed, data["x"], data["y"])
    rows, labels = add_offset(x, y, maxlen, start_char, index_from)
    rows = limit_vocabulary(rows, num_words, skip_top, oov_char)
    (x_train, y_train), (x_test, y_test) = split(as_object_array(rows), np.array(labels), test_split)
    return (x_train, y_train), (x_test, y_test)


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """Load the word index of the newswires.

    Args:
        path: the name of the file in the cache, or an absolute path.

    Returns:
        {word: rank by frequency, from 1}.
    """
    with open(cached("reuters_word_index.json", path), encoding="utf-8") as file:
        index: dict[str, int] = json.load(file)
        return index


def get_label_names() -> tuple[str, ...]:
    """List the names of the topics.

    Returns:
        The names of the topics 0 to 45.

    >>> get_label_names()[3]
    'earn'
    """
    return TOPICS


if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
