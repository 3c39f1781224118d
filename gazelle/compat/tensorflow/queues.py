"""tf.queue: queues of tensors for code that runs eagerly; `tf.FIFOQueue` of graphs is in `v1.queues`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gazelle.compat.arguments.ignored import methods_ignore
from gazelle.compat.tensorflow.eager.function import is_tracing
from gazelle.compat.tensorflow.eager.programs import NotCompilableError
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.errors import OutOfRangeError
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.ops.arrays import convert, stack
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.tensorflow.v1 import graphs
from gazelle.compat.types import DTypeLike, Nested, Option, ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import StateError, message


def _require_values() -> None:
    """Let a `tf.function` run as plain Python: its program would not change the queue."""
    if is_tracing():
        raise NotCompilableError


@named("queue.FIFOQueue", "queue.QueueBase")
@methods_ignore("name")
class FIFOQueue:
    """`tf.queue.FIFOQueue`: elements are tensors, or tuples of them, or dicts if the components have names.

    >>> queue = FIFOQueue(2, ["int32"], shapes=[()])
    >>> queue.enqueue_many([[1, 2]])
    >>> queue.dequeue().numpy().item(), queue.size().numpy().item()
    (1, 1)
    """

    def __init__(
        self,
        capacity: int,
        dtypes: DTypeLike | Sequence[DTypeLike],
        shapes: Sequence[ShapeLike] | None = None,
        names: Sequence[str] | None = None,
        shared_name: Option = None,
        name: str = "fifo_queue",
    ) -> None:
        if graphs.active():
            hint = "Read data with tf.data.Dataset."
            raise StateError(message("tf.queue in a graph of TensorFlow 1", expected="eager code", hint=hint))
        self.capacity, self.shapes, self.names, self.name = capacity, shapes, names, name
        self.dtypes: list[Any] = list(dtypes) if isinstance(dtypes, list | tuple) else [dtypes]
        self._elements: list[list[Any]] = []
        self._is_closed = False

    def _components(self, values: Any) -> list[Any]:
        """The tensors of an element."""
        if self.names is not None:
            values = [values[name] for name in self.names]
        is_one = len(self.dtypes) == 1 and not (isinstance(values, list | tuple) and len(values) == 1)
        given = [values] if is_one else values
        return [convert(value, dtype) for value, dtype in zip(given, self.dtypes, strict=True)]

    def _element(self, components: list[Any]) -> Any:
        if self.names is not None:
            return dict(zip(self.names, components, strict=True))
        return components[0] if len(components) == 1 else components

    def enqueue(self, vals: Nested[TensorLike]) -> None:
        """Add an element."""
        self._add([self._components(vals)])

    def enqueue_many(self, vals: Nested[TensorLike]) -> None:
        """Add the rows of tensors as elements."""
        self._add([list(row) for row in zip(*self._components(vals), strict=True)])

    def _add(self, elements: list[list[Any]]) -> None:
        _require_values()
        if self._is_closed or len(self._elements) + len(elements) > self.capacity:
            got = (
                "a closed one"
                if self._is_closed
                else f"{len(elements)} elements for one that has {len(self._elements)}"
            )
            hint = "TensorFlow would wait here for another thread that takes elements."
            expected = f"space in a queue of {self.capacity}"
            raise StateError(message(f"enqueue to '{self.name}'", expected=expected, got=got, hint=hint))
        self._elements += elements

    def _next(self) -> int:
        """The index of the element that is taken next."""
        return 0

    def _take(self) -> list[Any]:
        _require_values()
        if not self._elements:
            raise OutOfRangeError(message(f"dequeue from '{self.name}'", expected="an element", got="an empty queue"))
        return self._elements.pop(self._next())

    def dequeue(self) -> Nested[TensorResult]:
        """Remove an element and return it."""
        return self._element(self._take())

    def dequeue_many(self, n: TensorLike) -> Nested[TensorResult]:
        """Remove `n` elements and return them as one, whose tensors have one axis more."""
        return self._element(
            [stack(list(column)) for column in zip(*(self._take() for _ in range(int(n))), strict=True)]
        )

    def dequeue_up_to(self, n: TensorLike) -> Nested[TensorResult]:
        return self.dequeue_many(min(int(n), len(self._elements)))

    def size(self) -> TensorResult:
        return Tensor(np.asarray(len(self._elements), "int32"))

    def close(self, cancel_pending_enqueues: bool = False) -> None:
        self._is_closed = True

    def is_closed(self) -> TensorResult:
        return Tensor(np.asarray(self._is_closed))


@named("queue.PriorityQueue")
class PriorityQueue(FIFOQueue):
    """`tf.queue.PriorityQueue`: the first component of an element is its priority; the lowest comes first."""

    def __init__(
        self,
        capacity: int,
        types: DTypeLike | Sequence[DTypeLike],
        shapes: Sequence[ShapeLike] | None = None,
        names: Sequence[str] | None = None,
        shared_name: Option = None,
        name: str = "priority_queue",
    ) -> None:
        super().__init__(capacity, types, shapes, names, shared_name, name)
        self.dtypes = ["int64", *self.dtypes]

    def _next(self) -> int:
        return min(range(len(self._elements)), key=lambda i: int(unboxed(self._elements[i][0])))


@named("queue.RandomShuffleQueue")
class RandomShuffleQueue(FIFOQueue):
    """`tf.queue.RandomShuffleQueue`: elements come in random order."""

    def __init__(
        self,
        capacity: int,
        min_after_dequeue: int,
        dtypes: DTypeLike | Sequence[DTypeLike],
        shapes: Sequence[ShapeLike] | None = None,
        names: Sequence[str] | None = None,
        seed: int | None = None,
        shared_name: Option = None,
        name: str = "random_shuffle_queue",
    ) -> None:
        super().__init__(capacity, dtypes, shapes, names, shared_name, name)
        self._draws = np.random.default_rng(seed)

    def _next(self) -> int:
        return int(self._draws.integers(len(self._elements)))
