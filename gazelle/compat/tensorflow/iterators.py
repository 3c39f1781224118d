"""Sequences of the elements of datasets, one after the other: functions of functions that begin an iterator."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gazelle.compat.tensorflow.elements import Begin
from gazelle.core.traceback import warn


def interleaved(
    elements: Iterator[Any], begin: Callable[[Any], Iterator[Any]], width: int, block_length: int
) -> Iterator[Any]:
    """Blocks of the iterators that begin at `width` of the elements, in turn."""
    iterators: list[Any] = [begin(element) for element in itertools.islice(elements, width)]
    while iterators:
        for index, iterator in enumerate(list(iterators)):
            block = list(itertools.islice(iterator, block_length))
            yield from block
            if len(block) < block_length:
                following = next(elements, None)
                iterators[index] = None if following is None else begin(following)
        iterators = [iterator for iterator in iterators if iterator is not None]


def chosen(begins: list[Begin], indices: Iterator[Any], stop_on_empty: bool) -> Iterator[Any]:
    """The next element of the iterator at each index."""
    iterators = [begin() for begin in begins]
    for index in indices:
        try:
            yield next(iterators[int(index)])
        except StopIteration:
            if stop_on_empty:
                return


def repeated(begin: Begin, times: int) -> Iterator[Any]:
    """The elements `times` times; without end if it is negative and there is an element."""
    for _ in itertools.count() if times < 0 else range(times):
        empty = True
        for element in begin():
            empty = False
            yield element
        if empty:
            return


def cached(begin: Begin) -> Begin:
    """The same elements, which are kept when all of them have been read once."""
    kept: list[list[Any]] = []

    def again() -> Iterator[Any]:
        if kept:
            yield from kept[0]
            return
        read = []
        for element in begin():
            read.append(element)
            yield element
        kept[:] = [read]

    return again


def distinct(elements: Iterator[Any]) -> Iterator[Any]:
    """Each value once."""
    seen = set()
    for element in elements:
        array = np.asarray(element)
        key = tuple(array.ravel().tolist()) if array.dtype == object else array.tobytes()
        if key not in seen:
            seen.add(key)
            yield element


def without_errors(elements: Iterator[Any], log_warning: bool) -> Iterator[Any]:
    """The elements whose function raises no error."""
    while True:
        try:
            yield next(elements)
        except StopIteration:
            return
        except Exception as error:  # of the program's function
            if log_warning:
                warn(f"An element was left out: {error}")
