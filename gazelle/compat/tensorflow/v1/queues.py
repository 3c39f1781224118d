"""Queues, readers and batches of TensorFlow 1: tensors with the values of the next element at each run of a session.

There threads fill queues; here an element is computed when a session needs it, by runs of the operations that fill.
"""

from __future__ import annotations

import glob
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from gazelle.compat.arguments.ignored import ignores, methods_ignore
from gazelle.compat.backend import sessions
from gazelle.compat.backend.variables import placeholder
from gazelle.compat.tensorflow import queues
from gazelle.compat.tensorflow.data.records import record_iterator
from gazelle.compat.tensorflow.dtypes import name_on_device
from gazelle.compat.tensorflow.eager.function import numpy_function
from gazelle.compat.tensorflow.errors import InvalidArgumentError, OutOfRangeError
from gazelle.compat.tensorflow.files import opened, text
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.ops.arrays import array_of
from gazelle.compat.tensorflow.v1 import graphs
from gazelle.compat.types import DTypeLike, Nested, ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import message

#: the arrays of an element
Element = Sequence[Any]


class Source:
    """Tensors of a graph that have the values of the next element at each run that needs them."""

    def __init__(self, elements: Iterable[Element], shapes: Sequence[Any], dtypes: Sequence[Any]) -> None:
        self._elements = iter(elements)
        kinds = map(name_on_device, dtypes)
        graphs.build_graphs()
        self.tensors = [placeholder(shape, dtype=kind) for shape, kind in zip(shapes, kinds, strict=True)]
        sessions.iterators.update(dict.fromkeys(self.tensors, self))

    def next_values(self, fed: Mapping[Any, Any]) -> dict[Any, Any]:
        """Return {tensor: value} for the next element."""
        with sessions.feeding({key: value for key, value in fed.items() if key not in sessions.iterators}):
            for element in self._elements:
                return dict(zip(self.tensors, element, strict=True))
        raise OutOfRangeError(message("Session.run", expected="another element", got="an empty queue that is closed"))


def _one_or_all(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else parts


# Producers and readers ------------------------------------------------------------------------------------------------


class Producer:
    """A queue of the rows of arrays, in several epochs."""

    def __init__(self, arrays: Sequence[Any], num_epochs: int | None, shuffle: bool, seed: int | None) -> None:
        if not len(arrays[0]):
            raise InvalidArgumentError(message("string_input_producer", expected="files or rows", got="none"))
        self._arrays, self._shuffles = arrays, shuffle
        self._epochs = itertools.count() if num_epochs is None else range(num_epochs)
        self._draws = np.random.default_rng(seed)
        self._rows = self._all_rows()
        self.tensors: list[Any] = []

    def _all_rows(self) -> Iterator[Element]:
        for _ in self._epochs:
            order = np.arange(len(self._arrays[0]))
            for index in self._draws.permutation(order) if self._shuffles else order:
                yield [array[index] for array in self._arrays]

    def __iter__(self) -> Iterator[Element]:
        return self._rows

    def dequeue(self, name: str | None = None) -> Nested[TensorResult]:
        """Return the tensors of the next row."""
        kinds = ["string" if array.dtype.kind in "OSU" else array.dtype for array in self._arrays]
        return _one_or_all(Source(self, [array.shape[1:] for array in self._arrays], kinds).tensors)


_UNUSED = "capacity shared_name name summary_name cancel_op element_shape"


@named("train.string_input_producer", "train.input_producer")
@ignores(_UNUSED)
def input_producer(
    string_tensor: TensorLike, num_epochs: int | None = None, shuffle: bool = True, seed: int | None = None
) -> Producer:
    """`tf.train.string_input_producer`: a queue of names of files, or of the rows of another tensor."""
    return Producer([array_of(string_tensor)], num_epochs, shuffle, seed)


@named("train.range_input_producer")
@ignores(_UNUSED)
def range_input_producer(
    limit: int, num_epochs: int | None = None, shuffle: bool = True, seed: int | None = None
) -> Producer:
    """`tf.train.range_input_producer`: a queue of the integers below a limit."""
    return Producer([np.arange(limit)], num_epochs, shuffle, seed)


@named("train.slice_input_producer")
@ignores(_UNUSED)
def slice_input_producer(
    tensor_list: Sequence[TensorLike], num_epochs: int | None = None, shuffle: bool = True, seed: int | None = None
) -> list[TensorResult]:
    """`tf.train.slice_input_producer`: the next row of several tensors."""
    made = Producer([array_of(one) for one in tensor_list], num_epochs, shuffle, seed).dequeue()
    return made if isinstance(made, list) else [made]


named("train.match_filenames_once")(lambda pattern, name=None: sorted(glob.glob(text(pattern))))


class Reader:
    """A reader of TensorFlow 1: (key, value) of the next record of the files in a queue."""

    def __init__(self, records: Callable[[str], Iterator[bytes]]) -> None:
        self._records = records

    def read(self, queue: Producer | GraphQueue, name: str | None = None) -> Sequence[TensorResult]:
        """Return the tensors (key, value) of the next record."""

        def elements() -> Iterator[Element]:
            for (file,) in queue:
                path = text(file)
                for number, record in enumerate(self._records(path)):
                    key = path if isinstance(self, WholeFileReader) else f"{path}:{number}"
                    yield [np.asarray(one, object) for one in (key.encode(), record)]

        return Source(elements(), [(), ()], ["string", "string"]).tensors


@named("TFRecordReader")
class TFRecordReader(Reader):
    @ignores("name")
    def __init__(self, options: object = None) -> None:
        super().__init__(lambda path: record_iterator(path, options))


def _lines(path: str, skipped: int) -> Iterator[bytes]:
    with opened(path) as file:
        yield from (line.rstrip(b"\r\n") for line in itertools.islice(file, skipped, None))


@named("TextLineReader")
class TextLineReader(Reader):
    @ignores("name")
    def __init__(self, skip_header_lines: int | None = None) -> None:
        super().__init__(lambda path: _lines(path, skip_header_lines or 0))


def _whole(path: str) -> Iterator[bytes]:
    with opened(path) as file:
        yield file.read()


@named("WholeFileReader")
class WholeFileReader(Reader):
    @ignores("name")
    def __init__(self) -> None:
        super().__init__(_whole)


@named("FixedLengthRecordReader")
class FixedLengthRecordReader(Reader):
    @ignores("name hop_bytes=0 encoding=None")
    def __init__(self, record_bytes: int, header_bytes: int | None = None, footer_bytes: int | None = None) -> None:
        def parts(path: str) -> Iterator[bytes]:
            (content,) = _whole(path)
            content = content[header_bytes or 0 : len(content) - (footer_bytes or 0)]
            yield from (content[i : i + record_bytes] for i in range(0, len(content) - record_bytes + 1, record_bytes))

        super().__init__(parts)


# Batches --------------------------------------------------------------------------------------------------------------


def _rows(tensors: Sequence[Any], enqueue_many: bool) -> Iterator[Element]:
    """The values of tensors in one run after the other."""
    while True:
        try:
            found = sessions.Session().run(list(tensors), dict(sessions.fed_now()))
        except OutOfRangeError:
            return
        yield from zip(*found, strict=True) if enqueue_many else [found]


def _stacked(arrays: Sequence[Any]) -> Any:
    """The arrays along a new axis, padded with zeros to the largest sizes."""
    each = [np.asarray(one, object if isinstance(one, bytes) else None) for one in arrays]
    sizes = np.max([one.shape for one in each], axis=0) if each[0].ndim else ()
    pads = [[(0, int(size) - n) for size, n in zip(sizes, one.shape, strict=True)] for one in each]
    return np.stack([np.pad(one, pad) if any(map(any, pad)) else one for one, pad in zip(each, pads, strict=True)])


def _batches(rows: Iterator[Element], size: int, allows_smaller: bool) -> Iterator[Element]:
    while len(batch := list(itertools.islice(rows, size))) == size or (batch and allows_smaller):
        yield [_stacked(column) for column in zip(*batch, strict=True)]


def _shuffled(rows: Iterator[Element], least: int, seed: int | None) -> Iterator[Element]:
    """Rows in random order, each drawn among more than `least`."""
    draws, waiting = np.random.default_rng(seed), list(itertools.islice(rows, least + 1))
    while waiting:
        index = int(draws.integers(len(waiting)))
        waiting[index], waiting[-1] = waiting[-1], waiting[index]
        yield waiting.pop()
        waiting += itertools.islice(rows, 1)


def _batch(tensors: Any, size: int, enqueue_many: bool, allows_smaller: bool, order: Callable[[Any], Any]) -> Any:
    flat, structure = jax.tree.flatten(tensors)
    elements = _batches(order(_rows(flat, enqueue_many)), size, allows_smaller)
    first = None if allows_smaller else size
    shapes = [(first, *np.shape(tensor)[enqueue_many:]) for tensor in flat]
    made = Source(elements, shapes, [tensor.dtype for tensor in flat])
    return structure.unflatten(made.tensors)


@named("train.batch", "train.batch_join")
@ignores("num_threads capacity shapes dynamic_pad shared_name name")
def batch(
    tensors: Nested[TensorResult],
    batch_size: int,
    *,
    enqueue_many: bool = False,
    allow_smaller_final_batch: bool = False,
) -> Nested[TensorResult]:
    """`tf.train.batch`: tensors of several elements."""
    tensors = _joined(tensors)
    return _batch(tensors, batch_size, enqueue_many, allow_smaller_final_batch, lambda rows: rows)


@named("train.shuffle_batch", "train.shuffle_batch_join")
@ignores("num_threads shapes shared_name name capacity@2")
def shuffle_batch(
    tensors: Nested[TensorResult],
    batch_size: int,
    min_after_dequeue: int = 0,
    *,
    seed: int | None = None,
    enqueue_many: bool = False,
    allow_smaller_final_batch: bool = False,
) -> Nested[TensorResult]:
    """`tf.train.shuffle_batch`: tensors of several elements, drawn among the next `min_after_dequeue`."""
    order = lambda rows: _shuffled(rows, min_after_dequeue, seed)  # noqa: E731
    return _batch(_joined(tensors), batch_size, enqueue_many, allow_smaller_final_batch, order)


def _joined(tensors: Any) -> Any:
    """The tensors of one of several readers, which read from the same queue."""
    return tensors[0] if isinstance(tensors, list | tuple) and isinstance(tensors[0], list | tuple | dict) else tensors


# Queues ---------------------------------------------------------------------------------------------------------------


class QueueOperation(sessions.Fetch):
    """An operation of a queue that a session runs."""

    def __init__(self, fetched: Nested[TensorLike], action: Callable[[TensorResult], None]) -> None:
        self.fetched, self._action = fetched, action

    def result(self, value: TensorResult) -> None:
        self._action(value)


@methods_ignore("name cancel_pending_enqueues")
class GraphQueue:
    """`tf.FIFOQueue` of a graph: a session runs what `enqueue` returns; the operations of runners fill it."""

    def __init__(
        self,
        dtypes: DTypeLike | Sequence[DTypeLike],
        shapes: Sequence[ShapeLike] | None = None,
        least: int | None = None,
        seed: int | None = None,
    ) -> None:
        self.dtypes = list(dtypes) if isinstance(dtypes, list | tuple) else [dtypes]
        given = [()] if shapes is None else shapes if isinstance(shapes, list) else [shapes]
        self._shapes: list[Any] = list(given) * (len(self.dtypes) if len(given) == 1 else 1)
        self._takes_shapes = shapes is None
        self._elements: list[Element] = []
        self._draws = None if least is None else np.random.default_rng(seed)
        self.runners: list[Any] = []

    def enqueue(self, vals: Nested[TensorLike]) -> QueueOperation:
        flat = list(vals) if isinstance(vals, list | tuple) and len(self.dtypes) > 1 else jax.tree.leaves(vals)
        self._take_shapes([np.shape(one) for one in flat])
        return QueueOperation(flat, self._elements.append)

    def _take_shapes(self, shapes: list[Any]) -> None:
        """Use the shapes of the first elements, where the queue was given none."""
        if self._takes_shapes:
            self._shapes, self._takes_shapes = shapes, False

    def enqueue_many(self, vals: Nested[TensorLike]) -> QueueOperation:
        several = isinstance(vals, list | tuple) and len(vals) == len(self.dtypes)
        given: Any = vals if several else [vals]
        flat = [NAMES["convert_to_tensor"](one) for one in given]
        self._take_shapes([one.shape[1:] for one in flat])
        return QueueOperation(flat, lambda found: self._elements.extend(zip(*found, strict=True)))

    def __iter__(self) -> Iterator[Element]:
        return self

    def __next__(self) -> Element:
        if not self._elements and self.runners:
            sessions.Session().run(self.runners, dict(sessions.fed_now()))
        if not self._elements:
            raise StopIteration
        return self._elements.pop(0 if self._draws is None else int(self._draws.integers(len(self._elements))))

    def dequeue(self) -> Nested[TensorResult]:
        return _one_or_all(Source(self, self._shapes, self.dtypes).tensors)

    def dequeue_many(self, n: TensorLike) -> Nested[TensorResult]:
        return self._several(n, False)

    def dequeue_up_to(self, n: TensorLike) -> Nested[TensorResult]:
        return self._several(n, True)

    def _several(self, n: Any, allows_smaller: bool) -> Any:
        size = int(np.asarray(n))
        shapes = [(None if allows_smaller else size, *shape) for shape in self._shapes]
        return _one_or_all(Source(_Batches(self, size, allows_smaller), shapes, self.dtypes).tensors)

    def size(self) -> TensorResult:
        return numpy_function(lambda: np.int32(len(self._elements)), [], "int32")

    def close(self) -> QueueOperation:
        return QueueOperation(None, lambda _: self.runners.clear())


class _Batches:
    """The batches of a queue, which may be filled again after it was empty."""

    def __init__(self, queue: GraphQueue, size: int, allows_smaller: bool) -> None:
        self._arguments = queue, size, allows_smaller

    def __iter__(self) -> _Batches:
        return self

    def __next__(self) -> Element:
        return next(_batches(*self._arguments))


@named("FIFOQueue", "PaddingFIFOQueue", "queue.PaddingFIFOQueue")
@ignores("shared_name name names")
def fifo_queue(
    capacity: int, dtypes: DTypeLike | Sequence[DTypeLike], shapes: Sequence[ShapeLike] | None = None
) -> GraphQueue | queues.FIFOQueue:
    """`tf.FIFOQueue`, in a graph of TensorFlow 1 or in eager code."""
    return GraphQueue(dtypes, shapes) if graphs.active() else queues.FIFOQueue(capacity, dtypes, shapes)


@named("RandomShuffleQueue")
@ignores("shared_name name names")
def random_shuffle_queue(
    capacity: int,
    min_after_dequeue: int,
    dtypes: DTypeLike | Sequence[DTypeLike],
    shapes: Sequence[ShapeLike] | None = None,
    seed: int | None = None,
) -> GraphQueue | queues.FIFOQueue:
    """`tf.RandomShuffleQueue`, in a graph of TensorFlow 1 or in eager code."""
    if graphs.active():
        return GraphQueue(dtypes, shapes, min_after_dequeue, seed)
    return queues.RandomShuffleQueue(capacity, min_after_dequeue, dtypes, shapes, None, seed)
