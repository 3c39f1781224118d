"""`tf.TensorArray`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gazelle.compat.arguments.ignored import ignores, methods_ignore
from gazelle.compat.tensorflow.dtypes import as_dtype
from gazelle.compat.tensorflow.errors import InvalidArgumentError, OutOfRangeError
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.ops.arrays import concat, convert, stack
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import DTypeLike, Option, TensorLike, TensorResult
from gazelle.core.errors import message
from gazelle.core.symbolic import is_symbolic


@named("TensorArray")
@methods_ignore("name")
class TensorArray:
    """`tf.TensorArray`: a list of tensors."""

    @ignores("clear_after_read@4 tensor_array_name@5 handle@6 flow@7 infer_shape@8 colocate_with_first_write_call")
    def __init__(
        self, dtype: DTypeLike, size: TensorLike = None, dynamic_size: bool | None = None, element_shape: Option = None
    ) -> None:
        self.dtype, self._shape = as_dtype(dtype), element_shape
        self._grows = bool(dynamic_size) or size is None
        self._size = size if is_symbolic(size) else None
        self._items = [] if is_symbolic(size) else [None] * int(0 if size is None else size)

    def in_graph(self) -> TensorArray:
        """Return the array as a tensor of rows, which has no elements before."""
        from gazelle.compat.tensorflow.v1 import tensor_arrays

        filled, size = self._filled(), len(self._items) if self._size is None else self._size
        made = tensor_arrays.graph_array(self.dtype, size, self._grows, self._shape)
        return made.unstack(stack(filled)) if filled else made

    def write(self, index: TensorLike, value: TensorLike) -> TensorArray:
        if is_symbolic(index) or self._size is not None:
            return self.in_graph().write(index, value)
        position = int(index)
        if position >= len(self._items) and not self._grows:
            hint = "tf.TensorArray(dtype, size, dynamic_size=True)"
            raise OutOfRangeError(
                message("Index of a tf.TensorArray", expected=f"less than {len(self._items)}", got=position, hint=hint)
            )
        self._items.extend([None] * (position + 1 - len(self._items)))
        self._items[position] = convert(value, None if hasattr(value, "dtype") else self.dtype)
        return self

    def read(self, index: TensorLike) -> TensorResult:
        if is_symbolic(index):
            return self.in_graph().read(index)
        value = self._items[int(index)]
        if value is None:
            raise InvalidArgumentError(
                message("tf.TensorArray.read", expected="an element that was written", got=index)
            )
        return value

    def stack(self) -> TensorResult:
        return stack(items) if (items := self._filled()) else NAMES["zeros"]([0], self.dtype)

    def _filled(self) -> list[Any]:
        """The elements, with zeros for those that were not written."""
        first = next((v for v in self._items if v is not None), None)
        return [NAMES["zeros_like"](first) if v is None else v for v in self._items] if first is not None else []

    def concat(self) -> TensorResult:
        return concat(self._filled(), 0)

    def unstack(self, value: TensorLike) -> TensorArray:
        if is_symbolic(value := convert(value)):
            return self.in_graph().unstack(value)
        self._items = list(value)
        return self

    def split(self, value: TensorLike, lengths: TensorLike) -> TensorArray:
        """Write the parts of these lengths."""
        self._items = NAMES["split"](convert(value), lengths)
        return self

    def identity(self) -> TensorArray:
        return self

    def gather(self, indices: Sequence[TensorLike] | TensorLike) -> TensorResult:
        """Return a stack of the elements with these indices."""
        if is_symbolic(indices):
            return self.in_graph().gather(indices)
        return stack([self.read(index) for index in indices])

    def scatter(self, indices: Sequence[TensorLike] | TensorLike, value: TensorLike) -> TensorArray:
        """Write each row at one of the indices."""
        if is_symbolic(indices) or self._size is not None:
            return self.in_graph().scatter(indices, value)
        value = convert(value)
        for number, index in enumerate(indices):
            self.write(index, value[number])
        return self

    def size(self) -> TensorResult:
        return Tensor(np.asarray(len(self._items), "int32")) if self._size is None else self._size

    def close(self) -> None:
        self._items = []

    def mark_used(self) -> None:
        """Nothing warns of results that are not used."""
