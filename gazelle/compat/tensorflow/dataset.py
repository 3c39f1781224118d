"""`tf.data.Dataset`: elements that are read when they are asked for; the work on them is NumPy's."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from gazelle.compat.tensorflow.batches import Batches
from gazelle.compat.tensorflow.calls import boxed
from gazelle.compat.tensorflow.control import TensorSpec
from gazelle.compat.tensorflow.elements import INFINITE, UNKNOWN, Begin, called, plain, structured, tensors_of
from gazelle.compat.tensorflow.function import NotCompilable, is_tracing
from gazelle.compat.tensorflow.sources import Sources
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.core import prng
from gazelle.core.errors import ArgumentError, message

AUTOTUNE = -1


class Dataset(Sources, Batches):
    """Elements (arrays, in tuples and dicts) that come one after the other in each pass.

    Args:
        begin: gives the elements of a pass, as arrays of NumPy.
        length: how many; INFINITE or UNKNOWN.

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
    def of(cls, data: Any) -> Dataset:
        """A data set of gazelle as one of these, with its names of classes and files."""
        out = cls(lambda: data.as_numpy_iterator(), len(data))
        out.class_names, out.file_paths = data.class_names, data.file_paths
        return out

    # What is done with them ------------------------------------------------------------------------------------------

    def map(
        self, map_func: Callable[..., Any], num_parallel_calls: Any = None, deterministic: Any = None, name: Any = None
    ) -> Dataset:
        """Each element after `map_func(x)`, or `map_func(x, y)` where it is a tuple."""
        return Dataset(lambda: (called(map_func, e) for e in self._begin()), self._length)

    def filter(self, predicate: Callable[..., Any], name: Any = None) -> Dataset:
        """The elements of which `predicate` is true."""
        return Dataset(lambda: (e for e in self._begin() if bool(called(predicate, e))))

    def flat_map(self, map_func: Callable[..., Any], name: Any = None) -> Dataset:
        """The elements of the datasets that `map_func` makes of the elements."""

        def begin() -> Iterator[Any]:
            for element in self._begin():
                yield from _made(map_func, element)._begin()

        return Dataset(begin)

    def interleave(
        self,
        map_func: Callable[..., Any],
        cycle_length: Any = None,
        block_length: Any = 1,
        num_parallel_calls: Any = None,
        deterministic: Any = None,
        name: Any = None,
    ) -> Dataset:
        """`flat_map` with `cycle_length` datasets read in turn, `block_length` elements each."""
        width = cycle_length if cycle_length and cycle_length > 0 else 4

        def begin() -> Iterator[Any]:
            waiting = self._begin()
            open_: list[Any] = [_made(map_func, e)._begin() for e in itertools.islice(waiting, width)]
            while open_:
                for place, one in enumerate(list(open_)):
                    block = list(itertools.islice(one, block_length))
                    yield from block
                    if len(block) < block_length:
                        following = next(waiting, None)
                        open_[place] = None if following is None else _made(map_func, following)._begin()
                open_ = [one for one in open_ if one is not None]

        return Dataset(begin)

    def shuffle(
        self, buffer_size: Any, seed: Any = None, reshuffle_each_iteration: Any = None, name: Any = None
    ) -> Dataset:
        """The next element is drawn from `buffer_size` that were read ahead; another order in each pass."""
        size, passes = max(1, int(buffer_size)), itertools.count()
        first = prng.next_seed() if seed is None else int(seed) % 2**63

        def begin() -> Iterator[Any]:
            number = next(passes) if reshuffle_each_iteration is not False else 0
            draw = np.random.Generator(np.random.Philox(key=[first, number]))
            elements = self._begin()
            held = list(itertools.islice(elements, size))
            for element in elements:
                place = int(draw.integers(len(held)))
                held[place], out = element, held[place]
                yield out
            yield from (held[int(i)] for i in draw.permutation(len(held)))

        return Dataset(begin, self._length)

    def repeat(self, count: Any = None, name: Any = None) -> Dataset:
        """Pass after pass, `count` times; for ever without it."""
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

    def take(self, count: Any, name: Any = None) -> Dataset:
        """The first `count` elements; all if it is -1."""
        most = int(count)
        if most < 0:
            return self
        length = min(most, self._length) if self._length >= 0 else most if self._length == INFINITE else UNKNOWN
        return Dataset(lambda: itertools.islice(self._begin(), most), length)

    def skip(self, count: Any, name: Any = None) -> Dataset:
        """All but the first `count` elements."""
        past = int(count)
        length = max(0, self._length - past) if self._length >= 0 else self._length
        return Dataset(lambda: itertools.islice(self._begin(), past, None), length)

    def shard(self, num_shards: Any, index: Any, name: Any = None) -> Dataset:
        """Every `num_shards`-th element, from `index` on."""
        length = len(range(int(index), self._length, int(num_shards))) if self._length >= 0 else self._length
        return Dataset(lambda: itertools.islice(self._begin(), int(index), None, int(num_shards)), length)

    def cache(self, filename: Any = "", name: Any = None) -> Dataset:
        """The elements of the first whole pass are kept in memory."""
        kept: list[Any] = []
        whole: list[bool] = []

        def begin() -> Iterator[Any]:
            if whole:
                yield from kept
                return
            read = []
            for element in self._begin():
                read.append(element)
                yield element
            kept[:] = read
            whole.append(True)

        return Dataset(begin, self._length)

    def prefetch(self, buffer_size: Any = None, name: Any = None) -> Dataset:
        """Itself: `fit` reads ahead anyway."""
        return self

    def with_options(self, options: Any, name: Any = None) -> Dataset:
        return self

    def concatenate(self, dataset: Dataset, name: Any = None) -> Dataset:
        """The elements of this, then those of `dataset`."""
        both = self._length, dataset._length
        length = sum(both) if min(both) >= 0 else INFINITE if INFINITE in both else UNKNOWN
        return Dataset(lambda: itertools.chain(self._begin(), dataset._begin()), length)

    def enumerate(self, start: Any = 0, name: Any = None) -> Dataset:
        """(number, element)."""
        return Dataset(lambda: ((np.int64(i), e) for i, e in enumerate(self._begin(), int(start))), self._length)

    def reduce(self, initial_state: Any, reduce_func: Callable[[Any, Any], Any], name: Any = None) -> Any:
        """The last state of state <- reduce_func(state, element)."""
        state = boxed(structured(initial_state))
        for element in self:
            state = reduce_func(state, element)
        return state

    def scan(self, initial_state: Any, scan_func: Callable[[Any, Any], Any], name: Any = None) -> Dataset:
        """(state, out) <- scan_func(state, element): the outs."""

        def begin() -> Iterator[Any]:
            state = boxed(structured(initial_state))
            for element in self._begin():
                state, out = scan_func(state, boxed(element))
                yield structured(out)

        return Dataset(begin)

    def take_while(self, predicate: Callable[..., Any], name: Any = None) -> Dataset:
        """The elements before the first of which `predicate` is false."""
        return Dataset(lambda: itertools.takewhile(lambda e: bool(called(predicate, e)), self._begin()))

    def unique(self, name: Any = None) -> Dataset:
        """Each value once."""
        return Dataset(lambda: iter(list({np.asarray(e).tobytes(): e for e in self._begin()}.values())))

    def apply(self, transformation_func: Callable[[Dataset], Dataset]) -> Dataset:
        return transformation_func(self)

    def get_single_element(self, name: Any = None) -> Any:
        return next(iter(self))

    def rejection_resample(self, *_: Any, **__: Any) -> Any:
        raise ArgumentError(message("Dataset.rejection_resample is not there", hint="Use filter, or class_weight."))

    # What is asked ---------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        if is_tracing():
            raise NotCompilable  # the loop would be as long as the data
        return (tensors_of(element) for element in self._begin())

    def make_one_shot_iterator(self) -> Dataset:
        """The data themselves: a program of TensorFlow 1 gave the iterator to `fit`."""
        return self

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements as arrays of NumPy."""
        return (jax.tree.map(plain, element) for element in self._begin())

    def __bool__(self) -> bool:
        return True

    def cardinality(self, name: Any = None) -> Any:
        return Tensor(np.asarray(self._length, "int64"))

    @property
    def element_spec(self) -> Any:
        """Shapes and dtypes, as the first element shows them; the first axis of a batch is None."""
        first = next(self._begin())
        return jax.tree.map(lambda a: TensorSpec(np.shape(a), np.asarray(a).dtype), first)

    def __repr__(self) -> str:
        return f"<Dataset length={self._length if self._length >= 0 else '?'}>"


class Finite(Dataset):
    """A data set of which one knows how many elements it has."""

    def __len__(self) -> int:
        return self._length


def _made(function: Callable[..., Any], element: Any) -> Dataset:
    given = tensors_of(element)
    out = function(*given) if isinstance(given, tuple) else function(given)
    return out if isinstance(out, Dataset) else Dataset.from_tensor_slices(out)
