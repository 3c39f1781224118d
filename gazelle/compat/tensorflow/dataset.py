"""`tf.data.Dataset`: lazily computed elements, processed with NumPy."""

from __future__ import annotations

import builtins
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from gazelle.compat.tensorflow.batches import Batches
from gazelle.compat.tensorflow.calls import boxed
from gazelle.compat.tensorflow.control import TensorSpec
from gazelle.compat.tensorflow.elements import INFINITE, UNKNOWN, Begin, called, lazily, plain, structured, tensors_of
from gazelle.compat.tensorflow.function import is_tracing
from gazelle.compat.tensorflow.names import methods_ignore
from gazelle.compat.tensorflow.programs import NotCompilableError
from gazelle.compat.tensorflow.sources import Sources
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import Nested, PathLike, TensorLike, TensorResult
from gazelle.core import prng
from gazelle.core.errors import ArgumentError, message
from gazelle.core.traceback import warn
from gazelle.data.dataset import generator, shuffled

AUTOTUNE = -1


@methods_ignore("num_parallel_calls", "deterministic", "name")
class Dataset(Sources, Batches):
    """A sequence of elements, which are arrays or tuples and dicts of arrays.

    Args:
        begin: function that returns an iterator over the elements, as NumPy arrays.
        length: number of elements, INFINITE or UNKNOWN.

    >>> data = Dataset.range(6).map(lambda x: x * 2).batch(4)
    >>> [batch.numpy().tolist() for batch in data]
    [[0, 2, 4, 6], [8, 10]]
    """

    def __new__(cls, begin: Begin, length: int = UNKNOWN) -> Dataset:
        return super().__new__(Finite if length >= 0 else Dataset)

    def __init__(self, begin: Begin, length: int = UNKNOWN) -> None:
        self._begin, self._length = begin, length

    @staticmethod
    def _new(begin: Begin, length: int = UNKNOWN) -> Dataset:
        return Dataset(begin, length)

    class_names: list[str] | None = None
    file_paths: list[str] | None = None

    @classmethod
    def of(cls, data: TensorLike) -> Dataset:
        """Convert a dataset of gazelle, with its class names and file paths."""
        out = cls(lambda: data.as_numpy_iterator(), len(data))
        out.class_names, out.file_paths = data.class_names, data.file_paths
        return out

    # Transformations -------------------------------------------------------------------------------------------------

    def map(self, map_func: Callable[..., Any]) -> Dataset:
        """Apply `map_func(x)` to each element, or `map_func(x, y)` if it is a tuple."""
        return Dataset(lambda: builtins.map(functools.partial(called, map_func), self._begin()), self._length)

    def filter(self, predicate: Callable[..., Any]) -> Dataset:
        """Return the elements for which `predicate` is true."""
        return Dataset(lambda: builtins.filter(lambda e: bool(called(predicate, e)), self._begin()))

    @lazily
    def flat_map(self, map_func: Callable[..., Any]) -> Iterator[Any]:
        """Concatenate the datasets that `map_func` returns for the elements."""
        for element in self._begin():
            yield from _dataset_for(map_func, element)._begin()

    @lazily
    def interleave(
        self, map_func: Callable[..., Any], cycle_length: TensorLike = None, block_length: TensorLike = 1
    ) -> Iterator[Any]:
        """Like `flat_map`, but read `cycle_length` datasets in turn, `block_length` elements each."""
        width = cycle_length if cycle_length and cycle_length > 0 else 4
        waiting = self._begin()
        iterators: list[Any] = [_dataset_for(map_func, e)._begin() for e in itertools.islice(waiting, width)]
        while iterators:
            for index, iterator in enumerate(list(iterators)):
                block = list(itertools.islice(iterator, block_length))
                yield from block
                if len(block) < block_length:
                    next_element = next(waiting, None)
                    iterators[index] = None if next_element is None else _dataset_for(map_func, next_element)._begin()
            iterators = [iterator for iterator in iterators if iterator is not None]

    def shuffle(
        self, buffer_size: TensorLike, seed: TensorLike = None, reshuffle_each_iteration: bool | None = None
    ) -> Dataset:
        """Draw each element from a buffer of `buffer_size` elements; the order differs between epochs."""
        size, epochs = max(1, int(buffer_size)), itertools.count()
        first = prng.next_seed() if seed is None else int(seed) % 2**63

        def begin() -> Iterator[Any]:
            number = next(epochs) if reshuffle_each_iteration is not False else 0
            return shuffled(self._begin(), size, generator(first, number))

        return Dataset(begin, self._length)

    def repeat(self, count: TensorLike = None) -> Dataset:
        """Repeat the elements `count` times; without a count indefinitely."""
        times = -1 if count is None else int(count)

        def begin() -> Iterator[Any]:
            for _ in itertools.count() if times < 0 else range(times):
                empty = True
                for element in self._begin():
                    empty = False
                    yield element
                if empty:
                    return

        length = INFINITE if times < 0 else self._length * times if self._length >= 0 else self._length
        return Dataset(begin, length)

    def take(self, count: TensorLike) -> Dataset:
        """Return the first `count` elements; -1 returns all."""
        limit = int(count)
        if limit < 0:
            return self
        length = min(limit, self._length) if self._length >= 0 else limit if self._length == INFINITE else UNKNOWN
        return Dataset(lambda: itertools.islice(self._begin(), limit), length)

    def skip(self, count: TensorLike) -> Dataset:
        """Return all but the first `count` elements."""
        count_skipped = int(count)
        length = max(0, self._length - count_skipped) if self._length >= 0 else self._length
        return Dataset(lambda: itertools.islice(self._begin(), count_skipped, None), length)

    def shard(self, num_shards: TensorLike, index: TensorLike) -> Dataset:
        """Return every `num_shards`-th element, starting at `index`."""
        length = len(range(int(index), self._length, int(num_shards))) if self._length >= 0 else self._length
        return Dataset(lambda: itertools.islice(self._begin(), int(index), None, int(num_shards)), length)

    def cache(self, filename: PathLike | TensorLike = "") -> Dataset:
        """Keep the elements of the first complete epoch in memory."""
        cached: list[Any] = []
        complete: list[bool] = []

        def begin() -> Iterator[Any]:
            if complete:
                yield from cached
                return
            read = []
            for element in self._begin():
                read.append(element)
                yield element
            cached[:] = read
            complete.append(True)

        return Dataset(begin, self._length)

    def prefetch(self, buffer_size: TensorLike = None) -> Dataset:
        """Return the dataset itself: `fit` prefetches anyway."""
        return self

    def snapshot(self, path: PathLike | TensorLike, *_: Any, **__: Any) -> Dataset:
        """Return the dataset itself: its elements are computed again instead of being stored."""
        return self

    def with_options(self, options: object) -> Dataset:
        return self

    def concatenate(self, dataset: Dataset) -> Dataset:
        """Return the elements of this dataset, then those of the other."""
        both = self._length, dataset._length
        length = sum(both) if min(both) >= 0 else INFINITE if INFINITE in both else UNKNOWN
        return Dataset(lambda: itertools.chain(self._begin(), dataset._begin()), length)

    def enumerate(self, start: TensorLike = 0) -> Dataset:
        """Return pairs (index, element)."""
        return Dataset(lambda: ((np.int64(i), e) for i, e in enumerate(self._begin(), int(start))), self._length)

    def reduce(self, initial_state: Nested[TensorLike], reduce_func: Callable[[Any, Any], Any]) -> TensorResult:
        """Return the last state of state <- reduce_func(state, element)."""
        state = boxed(structured(initial_state))
        for element in self:
            state = reduce_func(state, element)
        return state

    @lazily
    def scan(self, initial_state: Nested[TensorLike], scan_func: Callable[[Any, Any], Any]) -> Iterator[Any]:
        """Return the outputs of (state, output) <- scan_func(state, element)."""
        state = boxed(structured(initial_state))
        for element in self._begin():
            state, out = scan_func(state, boxed(element))
            yield structured(out)

    def take_while(self, predicate: Callable[..., Any]) -> Dataset:
        """Return the elements before the first for which `predicate` is false."""
        return Dataset(lambda: itertools.takewhile(lambda e: bool(called(predicate, e)), self._begin()))

    @lazily
    def unique(self) -> Iterator[Any]:
        """Return each value once."""
        seen = set()
        for element in self._begin():
            array = np.asarray(element)
            key = tuple(array.ravel().tolist()) if array.dtype == object else array.tobytes()
            if key not in seen:
                seen.add(key)
                yield element

    @lazily
    def ignore_errors(self, log_warning: bool = False) -> Iterator[Any]:
        """Leave out elements whose function, given to `map` or `filter`, raises an error."""
        elements = iter(self._begin())
        while True:
            try:
                yield next(elements)
            except StopIteration:
                return
            except Exception as error:  # of the program's function
                if log_warning:
                    warn(f"An element was left out: {error}")

    def apply(self, transformation_func: Callable[[Dataset], Dataset]) -> Dataset:
        return transformation_func(self)

    def get_single_element(self) -> TensorResult:
        return next(iter(self))

    def rejection_resample(self, *_: Any, **__: Any) -> TensorResult:
        raise ArgumentError(message("Dataset.rejection_resample is not supported", hint="Use filter, or class_weight."))

    # Iteration and properties ----------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        if is_tracing():
            raise NotCompilableError  # compiling would unroll the loop over all data
        return (tensors_of(element) for element in self._begin())

    def make_one_shot_iterator(self) -> Dataset:
        """Return the dataset itself, which `fit` accepts in place of an iterator."""
        return self

    def as_numpy_iterator(self) -> Iterator[Any]:
        """Return an iterator over the elements as NumPy arrays."""
        return (jax.tree.map(plain, element) for element in self._begin())

    def __bool__(self) -> bool:
        return True

    def cardinality(self) -> TensorResult:
        return Tensor(np.asarray(self._length, "int64"))

    @property
    def element_spec(self) -> TensorResult:
        """The shapes and dtypes of the first element."""
        first = next(self._begin())
        return jax.tree.map(lambda a: TensorSpec(np.shape(a), np.asarray(a).dtype), first)

    def __repr__(self) -> str:
        return f"<Dataset length={self._length if self._length >= 0 else '?'}>"


class Finite(Dataset):
    """A dataset with a known number of elements."""

    def __len__(self) -> int:
        return self._length


def _dataset_for(function: Callable[..., Any], element: Any) -> Dataset:
    given = tensors_of(element)
    out = function(*given) if isinstance(given, tuple) else function(given)
    return out if isinstance(out, Dataset) else Dataset.from_tensor_slices(out)
