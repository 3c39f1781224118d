"""`tf.data.Dataset`: lazily computed elements, processed with NumPy.

The file is long because `Dataset` is one class of many short methods; the iterators are in `iterators.py`.
"""

from __future__ import annotations

import builtins
import functools
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import jax
import numpy as np

from gazelle.compat import era
from gazelle.compat.arguments.ignored import ignores, methods_ignore
from gazelle.compat.backend import sessions
from gazelle.compat.backend.lifting import GraphVariable
from gazelle.compat.tables import pairs
from gazelle.compat.tensorflow.calls import boxed
from gazelle.compat.tensorflow.data.dataset_iterators import DatasetIterator
from gazelle.compat.tensorflow.data.elements import (
    INFINITE,
    UNKNOWN,
    Begin,
    Elements,
    called,
    given_specs,
    in_order,
    is_ragged,
    kind_of,
    padded,
    plain,
    row_of,
    specs_of,
    stacked,
    structured,
    tensors_of,
    typed,
)
from gazelle.compat.tensorflow.data.iterators import (
    as_rows,
    cached,
    chosen,
    class_draws,
    datasets_of,
    distinct,
    drawn,
    grouped,
    groups_by_key,
    interleaved,
    repeated,
    sparse_rows,
    windows,
    without_errors,
)
from gazelle.compat.tensorflow.dtypes import host_array, name_of
from gazelle.compat.tensorflow.eager.function import is_tracing
from gazelle.compat.tensorflow.eager.programs import NotCompilableError
from gazelle.compat.tensorflow.eager.recording import is_box, look_at_values, unboxed
from gazelle.compat.tensorflow.errors import InvalidArgumentError
from gazelle.compat.tensorflow.names import NAMES
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.tensorflow.tensor_specs import TensorSpec
from gazelle.compat.types import DTypeLike, Nested, PathLike, ShapeLike, TensorLike, TensorResult
from gazelle.core import prng
from gazelle.core.context_variables import assigned
from gazelle.core.errors import ArgumentError, DataError, message
from gazelle.core.symbolic import KerasTensor, is_symbolic
from gazelle.data.dataset import generator, shuffled

AUTOTUNE = -1
#: rows of a placeholder where the first batch is needed for its shapes
_ROWS = 4096
#: whether an iterator is read for the shapes of one element, which needs no shuffled buffer
_peeks: ContextVar[bool] = ContextVar("gazelle_peeks", default=False)


def lazily(method: Callable[..., Iterator[Any]]) -> Callable[..., Dataset]:
    """A method that yields elements as one that returns a dataset of them, whose number is unknown."""

    @functools.wraps(method)
    def made(*args: Any, **kwargs: Any) -> Dataset:
        return Dataset(lambda: method(*args, **kwargs))

    return made


def _with_fed_numbers(method: Callable[..., Dataset]) -> Callable[..., Dataset]:
    """Placeholders for the numbers of a method have the values that a session is fed as the iterator begins."""
    # a placeholder has no value outside of sessions, where some elements are needed for their shapes
    otherwise = {"skip": 0, "range": 1024}.get(method.__name__, 1)

    @functools.wraps(method)
    def called(data: Any, *args: Any, **kwargs: Any) -> Dataset:
        if not any(map(is_symbolic, (*args, *kwargs.values()))):
            return method(data, *args, **kwargs)

        def number(value: Any) -> Any:
            return int(sessions.fed_value(value)) or otherwise if is_symbolic(value) else value

        def now() -> Dataset:
            return method(data, *map(number, args), **{key: number(value) for key, value in kwargs.items()})

        out = Dataset(lambda: now()._begin())
        out._batch = now()._batch
        return out

    return called


@functools.cache
def _class_of_kind(base: type, name: str) -> type:
    """A subclass with the name of TensorFlow's class, which programs read."""
    bases = (base,) if base is Dataset else (base, _class_of_kind(Dataset, name))
    return type(name, bases, {"__module__": base.__module__, "_class": base})


#: the kinds of the results of methods, such as `_Batch`
_KINDS: set[str] = set()


def class_by_name(name: str) -> type | None:
    """The private class of TensorFlow with this name, `_BatchDataset`, which began without `_` until 2.12."""
    kind = name.removesuffix("Dataset").lstrip("_")
    known = next((each for each in (f"_{kind}", kind) if each in _KINDS and name.endswith("Dataset")), None)
    return None if known is None else _class_of_kind(Dataset, f"{known}Dataset")


def _shown_as(kinds: str) -> Callable[[type[Any]], type[Any]]:
    """Let the results of methods be shown with the names of TensorFlow's classes, `method=_Class`. A decorator."""

    def with_kind(method: Callable[..., Any], kind: str) -> Callable[..., Any]:
        @functools.wraps(method)
        def called(*args: Any, **kwargs: Any) -> Any:
            out = method(*args, **kwargs)
            is_parallel = kwargs.get("num_parallel_calls") is not None
            name = f"{kind.replace('_', '_Parallel') if is_parallel else kind}Dataset"
            out._kind, out.__class__ = name, _class_of_kind(getattr(out, "_class", type(out)), name)
            return out

        return called

    def decorate(cls: type[Any]) -> type[Any]:
        _KINDS.update(pairs(kinds).values())
        for name, kind in pairs(kinds).items():
            method = vars(cls)[name]
            is_constructor = isinstance(method, classmethod)
            shown = with_kind(method.__func__ if is_constructor else method, kind)
            setattr(cls, name, classmethod(shown) if is_constructor else shown)
        return cls

    return decorate


@_shown_as(
    """from_tensor_slices=_TensorSlice from_tensors=_Tensor from_generator=_FlatMap range=_Range random=_Random zip=_Zip
    list_files=_Shuffle sample_from_datasets=_DirectedInterleave choose_from_datasets=_DirectedInterleave map=_Map
    filter=_Filter flat_map=_FlatMap interleave=_Interleave shuffle=_Shuffle repeat=_Repeat take=_Take skip=_Skip
    shard=_Shard cache=Cache prefetch=_Prefetch with_options=_Options concatenate=_Concatenate enumerate=_Zip scan=_Scan
    take_while=_TakeWhile unique=_Unique ignore_errors=_IgnoreErrors batch=_Batch padded_batch=_PaddedBatch
    ragged_batch=_Map unbatch=_Unbatch rebatch=_Rebatch window=_Window group_by_window=_GroupByWindow"""
)
@methods_ignore("num_parallel_calls deterministic name")
class Dataset(Elements):
    """A sequence of elements, which are arrays or tuples and dicts of arrays.

    Args:
        begin: function that returns an iterator over the elements, as NumPy arrays.
        length: number of elements, INFINITE or UNKNOWN.

    >>> data = Dataset.range(6).map(lambda x: x * 2).batch(4)
    >>> [batch.numpy().tolist() for batch in data]
    [[0, 2, 4, 6], [8, 10]]
    """

    def __new__(cls, begin: Begin, length: int = UNKNOWN) -> Dataset:
        return super().__new__(FiniteDataset if length >= 0 else Dataset)

    def __init__(self, begin: Begin, length: int = UNKNOWN) -> None:
        self._begin, self._length = begin, length

    class_names: list[str] | None = None
    file_paths: list[str] | None = None
    _batch: int | None = None  # the size of batches whose last one may be smaller
    _batch_size: int | None = None  # of `batch`; not of what is made from its result
    _spec: Any = None  # the specs that a program gave
    _source: Dataset | None = None  # whose elements, some or all, these are
    _options: Any = None
    _kind = "Dataset"  # the name of its class in texts

    def _like(self, begin: Begin, length: int = UNKNOWN) -> Dataset:
        """A dataset whose elements have the shapes of those of this one."""
        out = Dataset(begin, length)
        out._batch, out._spec, out._options = self._batch, self._spec, self._options
        out._source = self
        return out

    # Constructors ---------------------------------------------------------------------------------------------------

    @classmethod
    def of(cls, data: TensorLike) -> Dataset:
        """Convert a dataset of gazelle, with its class names and file paths."""
        out = cls(lambda: map(structured, data.as_numpy_iterator()), len(data))  # texts are bytes
        out.class_names, out.file_paths, out._batch = data.class_names, data.file_paths, data.batch_size
        return out

    @classmethod
    def from_tensor_slices(cls, tensors: Nested[TensorLike]) -> Dataset:
        """Return a dataset of the rows of an array, or of all arrays in a tuple or dict."""
        given = jax.tree.leaves(tensors, is_leaf=is_box)
        if any(isinstance(leaf, KerasTensor | GraphVariable) for leaf in given):
            shapes = [tuple(np.shape(leaf)) for leaf in given]
            rows = next((shape[0] for shape in shapes if shape and shape[0]), _ROWS)
            values = lambda: jax.tree.map(lambda v: sessions.fed_value(v, rows), tensors, is_leaf=is_symbolic)  # noqa: E731
            return Dataset(lambda: Dataset.from_tensor_slices(values())._begin())
        data = structured(tensors)
        leaves = jax.tree.leaves(data, is_leaf=is_ragged)
        lengths = {len(leaf) for leaf in leaves}
        if len(lengths) != 1:
            raise DataError(
                message("from_tensor_slices", expected="arrays with equal numbers of rows", got=sorted(lengths))
            )
        (count,) = lengths
        return Dataset(lambda: (row_of(data, i) for i in range(count)), count)

    @classmethod
    def from_tensors(cls, tensors: Nested[TensorLike]) -> Dataset:
        """Return a dataset with one element."""
        known = not any(map(is_symbolic, jax.tree.leaves(tensors, is_leaf=is_box)))
        data = structured(tensors) if known else None
        return Dataset(lambda: iter([data if known else structured(tensors)]), 1)

    @classmethod
    def from_generator(
        cls,
        generator: Callable[..., Any],
        output_types: Nested[Any] = None,
        output_shapes: Nested[Any] = None,
        args: Sequence[TensorLike] | None = None,
        output_signature: Nested[Any] = None,
    ) -> Dataset:
        """Return a dataset of the values that a generator function yields."""
        spec = output_signature if output_signature is not None else output_types
        kinds = in_order(jax.tree.map(kind_of, spec, is_leaf=lambda v: isinstance(v, TensorSpec | str | type)), spec)
        given = [np.asarray(unboxed(v)) for v in args or ()]

        def begin() -> Iterator[Any]:
            for element in generator(*given):
                if isinstance(element, list) and isinstance(kinds, tuple):
                    element = tuple(element)
                if kinds is None or isinstance(kinds, str):
                    yield host_array(unboxed(element), kinds)
                else:
                    yield typed(element, kinds)

        out = Dataset(begin)
        if output_signature is not None:
            out._spec = output_signature
        elif output_shapes is not None:
            out._spec = given_specs(kinds, output_shapes)
        return out

    @classmethod
    @_with_fed_numbers
    def range(cls, *args: Sequence[TensorLike] | None, output_type: DTypeLike = "int64") -> Dataset:
        numbers = np.arange(*(int(a) for a in args)).astype(name_of(output_type))
        return Dataset(lambda: iter(numbers), len(numbers))

    @classmethod
    def counter(cls, start: int = 0, step: int = 1, dtype: DTypeLike = "int64") -> Dataset:
        """`tf.data.Dataset.counter`: endless numbers."""
        kind = np.dtype(name_of(dtype)).type
        return Dataset(lambda: map(kind, itertools.count(int(start), int(step))), INFINITE)

    @classmethod
    @ignores("rerandomize_each_iteration=False")
    def random(cls, seed: TensorLike = None) -> Dataset:
        """`tf.data.Dataset.random`: endless integers below 2 ** 32."""
        start = prng.next_seed() if seed is None else int(seed)

        def begin() -> Iterator[Any]:
            draw = generator(start, 0)
            return (np.int64(draw.integers(2**32)) for _ in itertools.count())

        return Dataset(begin, INFINITE)

    @classmethod
    def zip(cls, *datasets: Any) -> Dataset:
        """Combine the elements of several datasets, in the structure of `datasets`."""
        given = datasets[0] if len(datasets) == 1 and not isinstance(datasets[0], Elements) else datasets
        given = tuple(given) if isinstance(given, list) else given
        parts, structure = jax.tree.flatten(given, is_leaf=lambda v: isinstance(v, Elements))
        lengths = [part._length for part in parts]
        known = [n for n in lengths if n >= 0]
        length = UNKNOWN if UNKNOWN in lengths else min(known) if known else INFINITE
        return Dataset(
            lambda: (
                in_order(jax.tree.unflatten(structure, row), given)
                for row in zip(*(part._begin() for part in parts), strict=False)
            ),
            length,
        )

    @classmethod
    def list_files(cls, file_pattern: PathLike | TensorLike, shuffle: bool = True, seed: TensorLike = None) -> Dataset:
        """Return a dataset of the paths that match a pattern with * and ?."""
        from gazelle.compat.tensorflow.files import glob

        patterns = [file_pattern] if isinstance(file_pattern, str | bytes | Tensor) else list(file_pattern)
        paths = [path for pattern in patterns for path in glob(pattern)]
        if not paths:
            raise DataError(message(f"list_files({file_pattern!r})", expected="files that fit", got="none"))
        out = Dataset.from_tensor_slices(paths)
        return out.shuffle(len(paths), seed) if shuffle else out

    @classmethod
    @ignores("rerandomize_each_iteration=False")
    def sample_from_datasets(
        cls,
        datasets: Sequence[Dataset],
        weights: TensorLike = None,
        seed: TensorLike = None,
        stop_on_empty_dataset: bool = False,
    ) -> Dataset:
        """Draw elements from several datasets with these weights."""
        begins = [part._begin for part in datasets]
        probabilities = np.ones(len(begins)) if weights is None else np.asarray(unboxed(weights), "float64")
        first = prng.next_seed() if seed is None else int(seed) % 2**63
        return Dataset(lambda: drawn(begins, probabilities, first, stop_on_empty_dataset), _drawn_length(datasets))

    @classmethod
    def choose_from_datasets(
        cls, datasets: Sequence[Dataset], choice_dataset: Dataset, stop_on_empty_dataset: bool = True
    ) -> Dataset:
        """Take elements from the datasets whose indices are in `choice_dataset`."""
        begins = [part._begin for part in datasets]
        begin = lambda: chosen(begins, choice_dataset._begin(), stop_on_empty_dataset)  # noqa: E731
        return Dataset(begin, _drawn_length(datasets))

    # Transformations -------------------------------------------------------------------------------------------------

    def map(self, map_func: Callable[..., Any]) -> Dataset:
        """Apply `map_func(x)` to each element, or `map_func(x, y)` if it is a tuple."""
        out = self._like(lambda: builtins.map(functools.partial(called, map_func), self._begin()), self._length)
        out._spec = out._source = None
        return out

    def filter(self, predicate: Callable[..., Any]) -> Dataset:
        """Return the elements for which `predicate` is true."""
        return self._like(lambda: builtins.filter(lambda e: bool(called(predicate, e)), self._begin()))

    @lazily
    def flat_map(self, map_func: Callable[..., Any]) -> Iterator[Any]:
        """Concatenate the datasets that `map_func` returns for the elements."""
        for element in self._begin():
            yield from _dataset_for(map_func, element)._begin()

    def interleave(
        self, map_func: Callable[..., Any], cycle_length: TensorLike = None, block_length: TensorLike = 1
    ) -> Dataset:
        """Like `flat_map`, but read `cycle_length` datasets in turn, `block_length` elements each."""
        width = cycle_length if cycle_length and cycle_length > 0 else 4
        begin = lambda element: _dataset_for(map_func, element)._begin()  # noqa: E731
        return Dataset(lambda: interleaved(self._begin(), begin, width, block_length))

    @_with_fed_numbers
    def shuffle(
        self, buffer_size: TensorLike, seed: TensorLike = None, reshuffle_each_iteration: bool | None = None
    ) -> Dataset:
        """Draw each element from a buffer of `buffer_size` elements; the order differs between epochs."""
        size, epochs = max(1, int(buffer_size)), itertools.count()
        first = prng.next_seed() if seed is None else int(seed) % 2**63

        def begin() -> Iterator[Any]:
            if _peeks.get():
                return self._begin()
            number = next(epochs) if reshuffle_each_iteration is not False else 0
            return shuffled(self._begin(), size, generator(first, number))

        return self._like(begin, self._length)

    @_with_fed_numbers
    def repeat(self, count: TensorLike = None) -> Dataset:
        """Repeat the elements `count` times; without a count indefinitely."""
        times = -1 if count is None else int(count)
        length = INFINITE if times < 0 else self._length * times if self._length >= 0 else self._length
        return self._like(lambda: repeated(self._begin, times), length)

    @_with_fed_numbers
    def take(self, count: TensorLike) -> Dataset:
        """Return the first `count` elements; -1 returns all."""
        limit = int(count)
        if limit < 0:
            return self
        length = min(limit, self._length) if self._length >= 0 else limit if self._length == INFINITE else UNKNOWN
        return self._like(lambda: itertools.islice(self._begin(), limit), length)

    @_with_fed_numbers
    def skip(self, count: TensorLike) -> Dataset:
        """Return all but the first `count` elements."""
        count_skipped = int(count) if int(count) >= 0 else sys.maxsize
        length = max(0, self._length - count_skipped) if self._length >= 0 else self._length
        return self._like(lambda: itertools.islice(self._begin(), count_skipped, None), length)

    def shard(self, num_shards: TensorLike, index: TensorLike) -> Dataset:
        """Return every `num_shards`-th element, starting at `index`."""
        length = len(range(int(index), self._length, int(num_shards))) if self._length >= 0 else self._length
        return self._like(lambda: itertools.islice(self._begin(), int(index), None, int(num_shards)), length)

    @ignores("filename")
    def cache(self) -> Dataset:
        """Keep the elements of the first complete epoch in memory."""
        return self._like(cached(self._begin), self._length)

    @ignores("buffer_size")
    def prefetch(self) -> Dataset:
        """Return an equal dataset: `fit` prefetches anyway."""
        return self._like(self._begin, self._length)

    @ignores("path compression reader_func writer_func")
    def snapshot(self, path: PathLike | TensorLike) -> Dataset:
        """Return the dataset itself: its elements are computed again instead of being stored."""
        return self

    def with_options(self, options: object) -> Dataset:
        out = self._like(self._begin, self._length)
        out._options = options
        return out

    def options(self) -> object:
        """Return the options, which have no effect."""
        return self._options if self._options is not None else NAMES["data.Options"]()

    def concatenate(self, dataset: Dataset) -> Dataset:
        """Return the elements of this dataset, then those of the other."""
        both = self._length, dataset._length
        length = sum(both) if min(both) >= 0 else INFINITE if INFINITE in both else UNKNOWN
        return self._like(lambda: itertools.chain(self._begin(), dataset._begin()), length)

    def enumerate(self, start: TensorLike = 0) -> Dataset:
        """Return pairs (index, element)."""
        return Dataset(lambda: ((np.int64(i), e) for i, e in enumerate(self._begin(), int(start))), self._length)

    def reduce(self, initial_state: Nested[TensorLike], reduce_func: Callable[[Any, Any], Any]) -> TensorResult:
        """Return the last state of state <- reduce_func(state, element)."""
        state = boxed(structured(initial_state))
        for element in self:
            state = reduce_func(state, element)
        return state

    def scan(self, initial_state: Nested[TensorLike], scan_func: Callable[[Any, Any], Any]) -> Dataset:
        """Return the outputs of (state, output) <- scan_func(state, element)."""

        def begin() -> Iterator[Any]:
            state = boxed(structured(initial_state))
            for element in self._begin():
                state, out = scan_func(state, boxed(element))
                yield structured(out)

        return Dataset(begin, self._length)

    def take_while(self, predicate: Callable[..., Any]) -> Dataset:
        """Return the elements before the first for which `predicate` is false."""
        return self._like(lambda: itertools.takewhile(lambda e: bool(called(predicate, e)), self._begin()))

    def unique(self) -> Dataset:
        """Return each value once."""
        return Dataset(lambda: distinct(self._begin()))

    def ignore_errors(self, log_warning: bool = False) -> Dataset:
        """Leave out elements whose function, given to `map` or `filter`, raises an error."""
        return self._like(lambda: without_errors(self._begin(), log_warning))

    def apply(self, transformation_func: Callable[[Dataset], Dataset]) -> Dataset:
        return transformation_func(self)

    def get_single_element(self) -> TensorResult:
        """Return the only element."""
        found = list(itertools.islice(self, 2))
        if len(found) != 1:
            got = "more than one" if found else "none"
            raise InvalidArgumentError(message("get_single_element", expected="one element", got=got))
        return found[0]

    @lazily
    def rejection_resample(
        self,
        class_func: Callable[..., Any],
        target_dist: TensorLike,
        initial_dist: TensorLike = None,
        seed: TensorLike = None,
    ) -> Iterator[Any]:
        """Return (class, element), without so many elements that the classes have the frequencies `target_dist`."""
        draw = generator(prng.next_seed() if seed is None else int(seed), 0)
        return class_draws(self._begin(), class_func, target_dist, initial_dist, draw)

    # Groups of elements ----------------------------------------------------------------------------------------------

    def _grouped(self, join: Callable[[list[Any]], Any], batch_size: TensorLike, drop_remainder: bool) -> Dataset:
        size, length = int(batch_size), self._length
        if length >= 0:
            length = length // size if drop_remainder else -(-length // size)
        out = Dataset(lambda: grouped(self._begin(), itertools.repeat(size), drop_remainder, join), length)
        out._batch = None if drop_remainder else size
        out._batch_size = size
        return out

    @_with_fed_numbers
    def batch(self, batch_size: TensorLike, drop_remainder: bool = False) -> Dataset:
        """Combine `batch_size` elements along a new first axis."""
        return self._grouped(_stacked_elements, batch_size, drop_remainder)

    @_with_fed_numbers
    def padded_batch(
        self,
        batch_size: TensorLike,
        padded_shapes: Nested[Any] = None,
        padding_values: Nested[Any] = None,
        drop_remainder: bool = False,
    ) -> Dataset:
        """Batch elements that are padded to the longest of the batch or to `padded_shapes`."""
        join = lambda group: padded(group, padded_shapes, padding_values)  # noqa: E731
        return self._grouped(join, batch_size, drop_remainder)

    @ignores("row_splits_dtype")
    def ragged_batch(self, batch_size: TensorLike, drop_remainder: bool = False) -> Dataset:
        """Combine `batch_size` elements as the rows of a ragged tensor."""
        return self._grouped(lambda group: jax.tree.map(as_rows, *group), batch_size, drop_remainder)

    def sparse_batch(self, batch_size: TensorLike, row_shape: ShapeLike) -> Dataset:
        """Combine `batch_size` elements, of at most this shape, as a sparse tensor."""
        join = functools.partial(sparse_rows, row_shape)
        return self._grouped(lambda group: jax.tree.map(join, *group), batch_size, False)

    @lazily
    def unbatch(self) -> Iterator[Any]:
        """Split elements into their rows."""
        for element in self._begin():
            yield from (row_of(element, i) for i in range(len(jax.tree.leaves(element)[0])))

    def rebatch(self, batch_size: TensorLike, drop_remainder: bool = False) -> Dataset:
        """Batch the rows of the elements again; several sizes take turns."""
        sizes, rows = np.ravel(batch_size).tolist(), self.unbatch()
        if len(sizes) == 1:
            return rows.batch(sizes[0], drop_remainder)
        return Dataset(lambda: grouped(rows._begin(), itertools.cycle(sizes), drop_remainder, _stacked_elements))

    def window(
        self, size: TensorLike, shift: TensorLike = None, stride: TensorLike = 1, drop_remainder: bool = False
    ) -> Dataset:
        """Return datasets of `size` elements at distance `stride`, starting every `shift` elements."""
        how = int(size), int(size if shift is None else shift), int(stride), drop_remainder
        length = self._length
        if length >= 0:  # only whole windows, or one for each start
            last = length - ((how[0] - 1) * how[2] + 1 if drop_remainder else 1)
            length = last // how[1] + 1 if last >= 0 else 0
        return Dataset(lambda: (datasets_of(window, Dataset) for window in windows(self._begin(), *how)), length)

    @lazily
    def group_by_window(
        self,
        key_func: Callable[..., Any],
        reduce_func: Callable[[Any, Any], Any],
        window_size: TensorLike = None,
        window_size_func: Callable[[Any], int] | None = None,
    ) -> Iterator[Any]:
        """Apply `reduce_func(key, elements)` to every `window_size` elements with the same key."""
        size_of = window_size_func if window_size is None else lambda key: window_size
        for key, group in groups_by_key(self._begin(), key_func, size_of):
            yield from reduce_func(key, Dataset(functools.partial(iter, group), len(group)))._begin()

    def bucket_by_sequence_length(
        self,
        element_length_func: Callable[..., Any],
        bucket_boundaries: Sequence[int],
        bucket_batch_sizes: Sequence[int],
        padded_shapes: Nested[Any] = None,
        padding_values: Nested[Any] = None,
        pad_to_bucket_boundary: bool = False,
        no_padding: bool = False,
        drop_remainder: bool = False,
    ) -> Dataset:
        """Batch elements of similar length, padded to the longest of the batch."""
        limits, sizes = list(bucket_boundaries), list(bucket_batch_sizes)
        if pad_to_bucket_boundary and padded_shapes is None:
            hint = "Write padded_shapes=[None], or ([None], []) for pairs."
            raise ArgumentError(message("pad_to_bucket_boundary", expected="padded_shapes", got="none", hint=hint))

        def key(*element: Any) -> Any:
            return np.searchsorted(limits, int(element_length_func(*element)), side="right")

        def batched(bucket: Any, part: Any) -> Any:
            size = sizes[int(bucket)]
            if no_padding:
                return part.batch(size, drop_remainder)
            limit = limits[int(bucket)] - 1 if pad_to_bucket_boundary else None
            return part._grouped(
                lambda group: padded(group, padded_shapes, padding_values, limit), size, drop_remainder
            )

        return self.group_by_window(key, batched, window_size_func=lambda bucket: sizes[int(bucket)])

    # Iteration and properties ----------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        if is_tracing():
            raise NotCompilableError  # compiling would unroll the loop over all data
        look_at_values()  # functions of the dataset run outside of a layer that reads it
        return DatasetIterator(self)

    def get_next(self) -> TensorResult:
        """Return the next element, as the iterator that TensorFlow 1 had in place of the dataset."""
        self._own = vars(self).get("_own") or iter(self)
        return self._own.get_next()

    def make_one_shot_iterator(self) -> Dataset | DatasetIterator:
        """Return an iterator of tensors in a graph and before Keras 3; else the dataset itself, which `fit` accepts."""
        from gazelle.compat.tensorflow.v1 import graphs, iterators

        if graphs.eager():
            return DatasetIterator(self)
        return iterators.Iterator(self) if graphs.active() or era.is_package_before_keras_3() else self

    @ignores("shared_name")
    def make_initializable_iterator(self) -> Dataset | DatasetIterator:
        """Return an iterator, which begins when a session runs its `initializer`."""
        return self.make_one_shot_iterator()

    def as_numpy_iterator(self) -> Iterator[Any]:
        """Return an iterator over the elements as NumPy arrays."""
        return (in_order(jax.tree.map(plain, element), element) for element in self._begin())

    def __bool__(self) -> bool:
        return True

    def cardinality(self) -> TensorResult:
        return Tensor(np.asarray(self._length, "int64"))

    @property
    def element_spec(self) -> TensorResult:
        """The shapes and dtypes of the first element; the size of batches is unknown, as the last may be smaller."""
        if self._spec is not None:
            return self._spec
        look_at_values()
        with assigned(_peeks, True):
            first = next(self._begin(), None)
        if first is not None:
            return specs_of(first, self._batch)
        if self._source is not None:
            return self._source.element_spec
        raise DataError(message("element_spec", expected="a dataset with elements", got="an empty one"))

    output_types = property(lambda self: _specs(self, "dtype"))  # of TensorFlow 1
    output_shapes = property(lambda self: _specs(self, "shape"))
    output_classes = property(lambda self: _specs(self, "__class__"))

    def __repr__(self) -> str:
        """The text of TensorFlow; the element is computed if a program has not given the shapes."""
        try:
            return f"<{self._kind} element_spec={self.element_spec}>"
        except Exception:  # no file yet, or an error of a function, which the loop over the elements raises
            return f"<{self._kind} length={self._length if self._length >= 0 else '?'}>"


def _stacked_elements(group: list[Any]) -> Any:
    return jax.tree.map(stacked, *group, is_leaf=is_ragged)


def _drawn_length(datasets: Sequence[Dataset]) -> int:
    return INFINITE if INFINITE in [part._length for part in datasets] else UNKNOWN


def _specs(dataset: Dataset, attribute: str) -> Any:
    is_leaf = lambda leaf: isinstance(leaf, TensorSpec)  # noqa: E731
    return jax.tree.map(lambda leaf: getattr(leaf, attribute), dataset.element_spec, is_leaf=is_leaf)


class FiniteDataset(Dataset):
    """A dataset with a known number of elements."""

    def __len__(self) -> int:
        return self._length


def _dataset_for(function: Callable[..., Any], element: Any) -> Dataset:
    given = tensors_of(element)
    out = function(*given) if isinstance(given, tuple) else function(given)
    return out if isinstance(out, Dataset) else Dataset.from_tensor_slices(out)
