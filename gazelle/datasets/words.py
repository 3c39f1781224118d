"""Texts as lists of numbers of words, the frequent ones first."""

from __future__ import annotations

from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, message


def numbered(
    texts: Any, labels: Any, maxlen: int | None, start_char: int | None, index_from: int | None
) -> tuple[list[list[int]], Any]:
    """Texts with the first number `start_char`, all others moved up, without those of `maxlen` or more."""
    shift, first = index_from or 0, [] if start_char is None else [start_char]
    rows = [[*first, *(word + shift for word in text)] for text in texts]
    if maxlen:
        keep = [i for i, row in enumerate(rows) if len(row) < maxlen]
        if not keep:
            raise ArgumentError(message(f"maxlen={maxlen}", expected="a text below it", got="none", hint="Raise it."))
        rows, labels = [rows[i] for i in keep], np.asarray(labels)[keep]
    return rows, labels


def limited(rows: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None) -> list[list[int]]:
    """Numbers from `skip_top` to below `num_words`; the others become `oov_char`, or are left out if it is None."""
    most = num_words or max(map(max, rows))
    if oov_char is None:
        return [[word for word in row if skip_top <= word < most] for row in rows]
    return [[word if skip_top <= word < most else oov_char for word in row] for row in rows]


def objects(rows: list[list[int]]) -> np.ndarray[Any, Any]:
    """Lists as an array of lists."""
    out = np.empty(len(rows), dtype=object)
    out[:] = rows
    return out
