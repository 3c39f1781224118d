"""Reuters: 11,228 newswires of 46 topics, as numbers of words."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from gazelle.core import era
from gazelle.datasets.sources import Arrays, arrays, cached, mixed, split
from gazelle.datasets.words import limited, numbered, objects

# fmt: off
TOPICS = (
    "cocoa", "grain", "veg-oil", "earn", "acq", "wheat", "copper", "housing", "money-supply", "coffee", "sugar",
    "trade", "reserves", "ship", "cotton", "carcass", "crude", "nat-gas", "cpi", "money-fx", "interest", "gnp",
    "meal-feed", "alum", "oilseed", "gold", "tin", "strategic-metal", "livestock", "retail", "ipi", "iron-steel",
    "rubber", "heat", "jobs", "lei", "bop", "zinc", "orange", "pet-chem", "dlr", "gas", "silver", "wpi", "hog", "lead",
)
# fmt: on


@era.listening
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
    """((x_train, y_train), (x_test, y_test)): x an array of lists of numbers, y the topic from 0 to 45.

    Arguments are those of `imdb.load_data`; `test_split` is the share of the newswires for the test.

    Raises:
        DataError: no network; the message says where to put the file.
    """
    data = arrays(cached("reuters.npz", path))
    x, y = mixed(seed, data["x"], data["y"])
    rows, labels = numbered(x, y, maxlen, start_char, index_from)
    rows = limited(rows, num_words, skip_top, oov_char)
    (x_train, y_train), (x_test, y_test) = split(objects(rows), np.array(labels), test_split)
    return (x_train, y_train), (x_test, y_test)


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, Any]:
    """{word: its rank by frequency, from 1 on}."""
    with open(cached("reuters_word_index.json", path), encoding="utf-8") as file:
        return json.load(file)


def get_label_names() -> tuple[str, ...]:
    """The names of the topics 0 to 45.

    >>> get_label_names()[3]
    'earn'
    """
    return TOPICS
