"""`tf.data.Dataset`: elements that are read when they are asked for; the work on them is NumPy's."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from gazelle.core import random
from gazelle.core.errors import ArgumentError, DataError, message
from gazelle.legacy.tensorflow.arrays import host_array
from gazelle.legacy.tensorflow.calls import boxed
from gazelle.legacy.tensorflow.control import TensorSpec
from gazelle.legacy.tensorflow.dtypes import name_of
from gazelle.legacy.tensorflow.function import NotCompilable, tracing
from gazelle.legacy.tensorflow.recording import is_box, unboxed
from gazelle.legacy.tensorflow.tensor import Tensor

AUTOTUNE = -1
INFINITE, UNKNOWN = -1, -2

Begin = Callable[[], Iterator[Any]]


class Dataset:
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

    class_names: list[str] | None = None
    file_paths: list[str] | None = None

    @classmethod
    def of(cls, data: Any) -> Dataset:
        """A data set of gazelle as one of these, with its names of classes and files."""
        out = cls(lambda: data.as_numpy_iterator(), len(data))
        out.class_names, out.file_paths = data.class_names, data.file_paths
        return out

    # Where elements come from ----------------------------------------------------------------------------------------

    @staticmethod
    def from_tensor_slices(tensors: Any, name: Any = None) -> Dataset:
        """The rows of an array, or of the arrays of a tuple or dict together."""
        data = structured(tensors)
        leaves = jax.tree.leaves(data)
        lengths = {len(leaf) for leaf in leaves}
        if len(lengths) != 1:
            raise DataError(
                message("from_tensor_slices", expected="arrays with one number of rows", got=sorted(lengths))
            )
        (count,) = lengths
        return Dataset(lambda: (_row(data, i) for i in range(count)), count)

    @staticmethod
    def from_tensors(tensors: Any, name: Any = None) -> Dataset:
        """One element."""
        data = structured(tensors)
        return Dataset(lambda: iter([data]), 1)

    @staticmethod
    def from_generator(
        generator: Callable[..., Any], output_types: Any = None, output_shapes: Any = None, args: Any = None,
        output_signature: Any = None, name: Any = None,
    ) -> Dataset:  # fmt: skip
        """What a generator function yields."""
        spec = output_signature if output_signature is not None else output_types
        kinds = jax.tree.map(_kind, spec, is_leaf=lambda v: isinstance(v, TensorSpec | str | type))
        given = [np.asarray(unboxed(v)) for v in args or ()]

        def begin() -> Iterator[Any]:
            for element in generator(*given):
                if isinstance(element, list) and isinstance(kinds, tuple):
                    element = tuple(element)
                if kinds is None or isinstance(kinds, str):
                    yield host_array(unboxed(element), kinds)
                else:
                    yield _typed(element, kinds)

        return Dataset(begin)

    @staticmethod
    def range(*args: Any, output_type: Any = "int64", name: Any = None) -> Dataset:
        """`tf.data.Dataset.range(start, stop, step)`."""
        numbers = np.arange(*(int(a) for a in args)).astype(name_of(output_type))
        return Dataset(lambda: iter(numbers), len(numbers))

    @staticmethod
    def zip(*datasets: Any, name: Any = None) -> Dataset:
        """Elements side by side, in the structure of `datasets`."""
        given = datasets[0] if len(datasets) == 1 and not isinstance(datasets[0], Dataset) else datasets
        given = tuple(given) if isinstance(given, list) else given
        parts, structure = jax.tree.flatten(given, is_leaf=lambda v: isinstance(v, Dataset))
        lengths = [part._length for part in parts]
        known = [n for n in lengths if n >= 0]
        length = UNKNOWN if UNKNOWN in lengths else min(known) if known else INFINITE
        return Dataset(
            lambda: (
                jax.tree.unflatten(structure, row) for row in zip(*(part._begin() for part in parts), strict=False)
            ),
            length,
        )

    @staticmethod
    def list_files(file_pattern: Any, shuffle: bool = True, seed: Any = None, name: Any = None) -> Dataset:
        """The paths that fit a pattern with * and ?, as strings."""
        from gazelle.legacy.tensorflow.files import glob

        patterns = [file_pattern] if isinstance(file_pattern, str | bytes | Tensor) else list(file_pattern)
        paths = [path for pattern in patterns for path in glob(pattern)]
        if not paths:
            raise DataError(message(f"list_files({file_pattern!r})", expected="files that fit", got="none"))
        out = Dataset.from_tensor_slices(paths)
        return out.shuffle(len(paths), seed) if shuffle else out

    # What is done with them ------------------------------------------------------------------------------------------

    def map(self, map_func: Callable[..., Any], num_parallel_calls: Any = None, deterministic: Any = None,
            name: Any = None) -> Dataset:  # fmt: skip
        """Each element after `map_func(x)`, or `map_func(x, y)` where it is a tuple."""
        return Dataset(lambda: (_called(map_func, e) for e in self._begin()), self._length)

    def filter(self, predicate: Callable[..., Any], name: Any = None) -> Dataset:
        """The elements of which `predicate` is true."""
        return Dataset(lambda: (e for e in self._begin() if bool(_called(predicate, e))))

    def flat_map(self, map_func: Callable[..., Any], name: Any = None) -> Dataset:
        """The elements of the datasets that `map_func` makes of the elements."""

        def begin() -> Iterator[Any]:
            for element in self._begin():
                yield from _made(map_func, element)._begin()

        return Dataset(begin)

    def interleave(self, map_func: Callable[..., Any], cycle_length: Any = None, block_length: Any = 1,
                   num_parallel_calls: Any = None, deterministic: Any = None, name: Any = None) -> Dataset:  # fmt: skip
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

    def batch(self, batch_size: Any, drop_remainder: bool = False, num_parallel_calls: Any = None,
              deterministic: Any = None, name: Any = None) -> Dataset:  # fmt: skip
        """`batch_size` elements as one, with a new first axis."""
        size = int(batch_size)

        def begin() -> Iterator[Any]:
            elements = self._begin()
            while group := list(itertools.islice(elements, size)):
                if len(group) == size or not drop_remainder:
                    yield jax.tree.map(_stacked, *group)

        whole = self._length // size if drop_remainder else -(-self._length // size)
        return Dataset(begin, whole if self._length >= 0 else self._length)

    def padded_batch(self, batch_size: Any, padded_shapes: Any = None, padding_values: Any = None,
                     drop_remainder: bool = False, name: Any = None) -> Dataset:  # fmt: skip
        """`batch`, with elements filled up to the longest of the batch or to `padded_shapes`."""
        size = int(batch_size)

        def begin() -> Iterator[Any]:
            elements = self._begin()
            while group := list(itertools.islice(elements, size)):
                if len(group) == size or not drop_remainder:
                    yield _padded(group, padded_shapes, padding_values)

        whole = self._length // size if drop_remainder else -(-self._length // size)
        return Dataset(begin, whole if self._length >= 0 else self._length)

    def unbatch(self, name: Any = None) -> Dataset:
        """The rows of the elements."""

        def begin() -> Iterator[Any]:
            for element in self._begin():
                for i in range(len(jax.tree.leaves(element)[0])):
                    yield _row(element, i)

        return Dataset(begin)

    def shuffle(self, buffer_size: Any, seed: Any = None, reshuffle_each_iteration: Any = None,
                name: Any = None) -> Dataset:  # fmt: skip
        """The next element is drawn from `buffer_size` that were read ahead; another order in each pass."""
        size, passes = max(1, int(buffer_size)), itertools.count()
        first = random.next_seed() if seed is None else int(seed) % 2**63

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

    def window(self, size: Any, shift: Any = None, stride: Any = 1, drop_remainder: bool = False,
               name: Any = None) -> Dataset:  # fmt: skip
        """Datasets of `size` elements, `stride` apart, each begun `shift` elements after the one before."""
        size, stride = int(size), int(stride)
        shift = size if shift is None else int(shift)
        span = (size - 1) * stride + 1

        def begin() -> Iterator[Any]:
            elements, held = self._begin(), list[Any]()
            while True:
                held.extend(itertools.islice(elements, span - len(held)))
                chosen = held[::stride]
                if not chosen or (drop_remainder and len(chosen) < size):
                    return
                structure = jax.tree.structure(chosen[0])
                columns = zip(*(jax.tree.leaves(e) for e in chosen), strict=True)
                parts = [Dataset(functools.partial(iter, column), len(column)) for column in columns]
                yield jax.tree.unflatten(structure, parts)
                if shift > len(held):
                    for _ in itertools.islice(elements, shift - len(held)):
                        pass
                held = held[shift:]

        return Dataset(begin)

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
        return Dataset(lambda: itertools.takewhile(lambda e: bool(_called(predicate, e)), self._begin()))

    def unique(self, name: Any = None) -> Dataset:
        """Each value once."""
        return Dataset(lambda: iter(list({np.asarray(e).tobytes(): e for e in self._begin()}.values())))

    def apply(self, transformation_func: Callable[[Dataset], Dataset]) -> Dataset:
        return transformation_func(self)

    def get_single_element(self, name: Any = None) -> Any:
        return next(iter(self))

    def rejection_resample(self, *_: Any, **__: Any) -> Any:
        raise ArgumentError(message("Dataset.rejection_resample is not there", mend="Use filter, or class_weight."))

    # What is asked ---------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        if tracing():
            raise NotCompilable  # the loop would be as long as the data
        return (boxed(element) for element in self._begin())

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements as arrays of NumPy."""
        return (jax.tree.map(_plain, element) for element in self._begin())

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


def structured(value: Any) -> Any:
    """Tuples and dicts stay; what they hold, also lists, becomes arrays of NumPy."""
    if isinstance(value, tuple):
        return tuple(structured(v) for v in value)
    if isinstance(value, dict):
        return {k: structured(v) for k, v in value.items()}
    if isinstance(value, list) and any(is_box(v) for v in value):
        return np.stack([np.asarray(unboxed(v)) for v in value])
    array = unboxed(value)
    return np.asarray(array) if is_box(value) or isinstance(array, jax.Array) else host_array(array)


def _row(tree: Any, place: int) -> Any:
    return jax.tree.map(lambda array: array[place], tree)


def _plain(leaf: Any) -> Any:
    array = np.asarray(unboxed(leaf)) if not isinstance(leaf, bytes) else leaf
    return array[()] if isinstance(array, np.ndarray) and array.ndim == 0 else array


def _called(function: Callable[..., Any], element: Any) -> Any:
    """What a function of tensors gives, as arrays."""
    given = _tensors(element)
    out = function(*given) if isinstance(given, tuple) else function(given)
    return _arrays(out)


def _tensors(element: Any) -> Any:
    return jax.tree.map(
        lambda leaf: (
            leaf if isinstance(leaf, Dataset) else Tensor(leaf if hasattr(leaf, "dtype") else host_array(leaf))
        ),
        element,
    )


def _arrays(out: Any) -> Any:
    if isinstance(out, Dataset):
        return out
    if isinstance(out, list):
        out = tuple(out) if any(is_box(v) for v in out) else host_array(out)
    if isinstance(out, tuple):
        return tuple(_arrays(v) for v in out)
    if isinstance(out, dict):
        return {k: _arrays(v) for k, v in out.items()}
    array = unboxed(out)
    return array if hasattr(array, "dtype") else host_array(array)


def _made(function: Callable[..., Any], element: Any) -> Dataset:
    given = _tensors(element)
    out = function(*given) if isinstance(given, tuple) else function(given)
    return out if isinstance(out, Dataset) else Dataset.from_tensor_slices(out)


def _stacked(*leaves: Any) -> Any:
    arrays = [np.asarray(leaf) if not isinstance(leaf, bytes) else np.asarray(leaf, object) for leaf in leaves]
    shapes = {a.shape for a in arrays}
    if len(shapes) > 1:
        raise DataError(
            message("batch", expected="elements of one shape", got=" and ".join(map(str, sorted(shapes)[:3])),
                    mend="Bring them to one shape in map, or use padded_batch.")
        )  # fmt: skip
    return np.stack(arrays)


def _padded(group: list[Any], shapes: Any, values: Any) -> Any:
    def join(shape: Any, fill: Any, *leaves: Any) -> Any:
        arrays = [np.asarray(leaf) for leaf in leaves]
        wanted = [None] * arrays[0].ndim if shape is None else [None if n in (None, -1) else int(n) for n in shape]
        sizes = [max(a.shape[i] for a in arrays) if n is None else n for i, n in enumerate(wanted)]
        empty = b"" if arrays[0].dtype == object else 0
        out = np.full((len(arrays), *sizes), empty if fill is None else np.asarray(unboxed(fill)), arrays[0].dtype)
        for row, array in zip(out, arrays, strict=True):
            row[tuple(slice(n) for n in array.shape)] = array
        return out

    leaves, structure = jax.tree.flatten(group[0])
    each = _per_leaf(shapes, structure, len(leaves), lambda v: isinstance(v, list | tuple) and all(
        n is None or isinstance(n, int) for n in v))  # fmt: skip
    fills = _per_leaf(values, structure, len(leaves), lambda v: not isinstance(v, dict | tuple))
    columns = zip(*(jax.tree.leaves(e) for e in group), strict=True)
    return jax.tree.unflatten(structure, [join(s, f, *c) for s, f, c in zip(each, fills, columns, strict=True)])


def _per_leaf(given: Any, structure: Any, count: int, is_leaf: Callable[[Any], bool]) -> list[Any]:
    if given is None or (is_leaf(given) and count == 1) or not isinstance(given, dict | tuple | list):
        return [given] * count
    return jax.tree.flatten(given, is_leaf=lambda v: v is None or (is_leaf(v) and v != given))[0]


def _kind(spec: Any) -> str:
    return name_of(spec.dtype if isinstance(spec, TensorSpec) else spec)


def _typed(element: Any, kinds: Any) -> Any:
    if isinstance(kinds, dict):
        return {k: _typed(element[k], kinds[k]) for k in kinds}
    if isinstance(kinds, tuple | list):
        return tuple(_typed(e, k) for e, k in zip(element, kinds, strict=True))
    return host_array(np.asarray(unboxed(element)), kinds)
