"""Functions from iterators over the elements of datasets to iterators: in another order, in groups and in windows."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import numpy as np

from gazelle.compat.tensorflow.data.elements import Begin, arrays_of_leaves, called, in_order
from gazelle.compat.tensorflow.names import fixed_shape
from gazelle.compat.tensorflow.ops.arrays import array_of
from gazelle.compat.tensorflow.ops.ragged import RaggedTensor
from gazelle.compat.tensorflow.ops.sparse import SparseTensor
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import Array, Nested, ShapeLike, TensorLike, TensorResult
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


# Groups and windows ---------------------------------------------------------------------------------------------------


def grouped(
    elements: Iterator[Any], sizes: Iterable[int], drop_remainder: bool, join: Callable[[list[Any]], Any]
) -> Iterator[Any]:
    """`join(group)` for groups of as many elements as `sizes` has in turn."""
    for size in sizes:
        group = list(itertools.islice(elements, size))
        if not group:
            return
        if len(group) == size or not drop_remainder:
            yield in_order(join(group), group[0])


def windows(elements: Iterator[Any], size: int, shift: int, stride: int, drop_remainder: bool) -> Iterator[list[Any]]:
    """Lists of `size` elements at distance `stride`, starting every `shift` elements."""
    span = (size - 1) * stride + 1
    window: list[Any] = []
    while True:
        window.extend(itertools.islice(elements, span - len(window)))
        chosen = window[::stride]
        if not chosen or (drop_remainder and len(chosen) < size):
            return
        yield chosen
        if shift > len(window):
            for _ in itertools.islice(elements, shift - len(window)):
                pass
        window = window[shift:]


def datasets_of(window: list[Any], dataset: Callable[[Callable[[], Iterator[Any]], int], Any]) -> Nested[Any]:
    """The structure of the elements of a window, with a dataset in the place of each array."""
    structure = jax.tree.structure(window[0])
    columns = zip(*(jax.tree.leaves(element) for element in window), strict=True)
    parts = [dataset(functools.partial(iter, column), len(column)) for column in columns]
    return in_order(jax.tree.unflatten(structure, parts), window[0])


def groups_by_key(
    elements: Iterator[Any], key_of: Callable[..., Any], size_of: Callable[[Any], Any]
) -> Iterator[tuple[Any, list[Any]]]:
    """(key, elements) for every `size_of(key)` elements with the same key, and for the rest of each key at the end."""
    waiting: dict[int, list[Any]] = {}
    for element in elements:
        key = int(called(key_of, element))
        waiting.setdefault(key, []).append(element)
        if len(waiting[key]) == int(size_of(np.int64(key))):
            yield Tensor(np.asarray(key, "int64")), waiting.pop(key)
    for key in sorted(waiting):
        yield Tensor(np.asarray(key, "int64")), waiting[key]


def drawn(begins: list[Callable[[], Iterator[Any]]], weights: Array, seed: int, stop_on_empty: bool) -> Iterator[Any]:
    """Elements of several datasets, each drawn with these weights."""
    draw, remaining = np.random.Generator(np.random.Philox(seed)), weights.copy()
    iterators = [begin() for begin in begins]
    while remaining.sum() > 0:
        index = int(draw.choice(len(iterators), p=remaining / remaining.sum()))
        try:
            yield next(iterators[index])
        except StopIteration:
            if stop_on_empty:
                return
            remaining[index] = 0


def class_draws(
    elements: Iterator[Any],
    class_of: Callable[..., Any],
    target: TensorLike,
    initial: TensorLike,
    draw: np.random.Generator,
) -> Iterator[tuple[Any, Any]]:
    """(class, element) of the elements that are accepted, so that the classes have these frequencies."""
    wanted = array_of(target).astype("float64")
    counts = np.full(wanted.shape, 10 / len(wanted))  # an estimate of the frequencies, if none are given
    for element in elements:
        label = called(class_of, element)
        counts[int(label)] += 1
        present = counts / counts.sum() if initial is None else array_of(initial)
        rates = wanted / np.maximum(present, np.finfo("float32").tiny)
        if draw.random() < rates[int(label)] / rates.max():
            yield label, element


def reduced_by_key(
    elements: Iterator[Any], key_of: Callable[..., Any], functions: tuple[Callable[..., Any], ...]
) -> Iterator[Any]:
    """What a `Reducer` makes of the elements of each key, in the order of the keys."""
    first, following, result = functions
    states: dict[int, Any] = {}
    for element in elements:
        key = int(called(key_of, element))
        if key not in states:
            states[key] = called(first, np.int64(key))
        states[key] = called(following, (states[key], element))
    for key in sorted(states):
        yield called(result, states[key])


def sparse_rows(row_shape: ShapeLike, *leaves: Any) -> SparseTensor:
    """Arrays as the rows of a sparse tensor, which stores all of their elements."""
    arrays = arrays_of_leaves(leaves)
    indices = [(number, *index) for number, array in enumerate(arrays) for index in np.ndindex(array.shape)]
    values = np.concatenate([array.ravel() for array in arrays])
    return SparseTensor(indices, values, (len(arrays), *fixed_shape(row_shape)))


def as_rows(*leaves: Any) -> TensorResult:
    """Arrays of different lengths as the rows of a ragged tensor."""
    if np.ndim(leaves[0]) == 0:
        return np.stack(arrays_of_leaves(leaves))
    return RaggedTensor.of_rows([Tensor(np.asarray(leaf)) for leaf in leaves])
