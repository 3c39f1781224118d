"""Batches, windows and groups of the elements of a dataset."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from gazelle.compat.tensorflow.elements import Elements, called, is_ragged, lazily, padded, row_of, stacked
from gazelle.compat.tensorflow.names import methods_ignore
from gazelle.compat.tensorflow.ragged import RaggedTensor
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import Nested, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message


@methods_ignore("num_parallel_calls", "deterministic", "name")
class Batches(Elements):
    """Methods of datasets that combine several elements into one."""

    def _grouped(self, join: Callable[[list[Any]], Any], size: int, drop_remainder: bool) -> Any:
        """A dataset of `join(group)` for groups of `size` elements."""

        def begin() -> Iterator[Any]:
            elements = self._begin()
            while group := list(itertools.islice(elements, size)):
                if len(group) == size or not drop_remainder:
                    yield join(group)

        whole = self._length // size if drop_remainder else -(-self._length // size)
        return self._new(begin, whole if self._length >= 0 else self._length)

    def batch(self, batch_size: TensorLike, drop_remainder: bool = False) -> TensorResult:
        """Combine `batch_size` elements along a new first axis."""
        return self._grouped(
            lambda group: jax.tree.map(stacked, *group, is_leaf=is_ragged), int(batch_size), drop_remainder
        )

    def padded_batch(
        self,
        batch_size: TensorLike,
        padded_shapes: Nested[Any] = None,
        padding_values: Nested[Any] = None,
        drop_remainder: bool = False,
    ) -> TensorResult:
        """Batch elements that are padded to the longest of the batch or to `padded_shapes`."""
        return self._grouped(
            lambda group: padded(group, padded_shapes, padding_values), int(batch_size), drop_remainder
        )

    def ragged_batch(self, batch_size: TensorLike, drop_remainder: bool = False, **_: Any) -> TensorResult:
        """Combine `batch_size` elements as the rows of a ragged tensor."""
        return self._grouped(lambda group: jax.tree.map(_as_rows, *group), int(batch_size), drop_remainder)

    @lazily
    def unbatch(self) -> Iterator[Any]:
        """Split elements into their rows."""
        for element in self._begin():
            for i in range(len(jax.tree.leaves(element)[0])):
                yield row_of(element, i)

    def rebatch(self, batch_size: TensorLike, drop_remainder: bool = False) -> TensorResult:
        """Batch the rows of the elements again."""
        return self.unbatch().batch(batch_size, drop_remainder)

    @lazily
    def window(
        self, size: TensorLike, shift: TensorLike = None, stride: TensorLike = 1, drop_remainder: bool = False
    ) -> Iterator[Any]:
        """Return datasets of `size` elements at distance `stride`, starting every `shift` elements."""
        size, stride = int(size), int(stride)
        shift = size if shift is None else int(shift)
        span = (size - 1) * stride + 1
        elements, window = self._begin(), list[Any]()
        while True:
            window.extend(itertools.islice(elements, span - len(window)))
            chosen = window[::stride]
            if not chosen or (drop_remainder and len(chosen) < size):
                return
            structure = jax.tree.structure(chosen[0])
            columns = zip(*(jax.tree.leaves(e) for e in chosen), strict=True)
            parts = [self._new(functools.partial(iter, column), len(column)) for column in columns]
            yield jax.tree.unflatten(structure, parts)
            if shift > len(window):
                for _ in itertools.islice(elements, shift - len(window)):
                    pass
            window = window[shift:]

    @lazily
    def group_by_window(
        self,
        key_func: Callable[..., Any],
        reduce_func: Callable[[Any, Any], Any],
        window_size: TensorLike = None,
        window_size_func: Callable[[Any], int] | None = None,
    ) -> Iterator[Any]:
        """Apply `reduce_func(key, elements)` to every `window_size` elements with the same key."""
        waiting: dict[int, list[Any]] = {}

        def given(key: int) -> Iterator[Any]:
            group = waiting.pop(key)
            part = self._new(lambda: iter(group), len(group))
            return reduce_func(Tensor(np.asarray(key, "int64")), part)._begin()

        for element in self._begin():
            key = int(called(key_func, element))
            waiting.setdefault(key, []).append(element)
            size = window_size if window_size is not None else window_size_func(np.int64(key))
            if len(waiting[key]) == int(size):
                yield from given(key)
        for key in sorted(waiting):
            yield from given(key)

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
    ) -> TensorResult:
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


def _as_rows(*leaves: Any) -> RaggedTensor:
    return RaggedTensor.of_rows([Tensor(np.asarray(leaf)) for leaf in leaves])
