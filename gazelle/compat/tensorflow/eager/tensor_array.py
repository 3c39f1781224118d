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
from gazelle.compat.types import DTypeLike, TensorLike, TensorResult
from gazelle.core.errors import message


@named("TensorArray")
@methods_ignore("name")
class TensorArray:
    """`tf.TensorArray`: a list of tensors."""

    @ignores("clear_after_read tensor_array_name handle flow infer_shape element_shape colocate_with_first_write_call")
    def __init__(
        self,
        dtype: DTypeLike,
        size: TensorLike = None,
        dynamic_size: bool | None = None,
    ) -> None:
        self.dtype, self._items = as_dtype(dtype), [None] * int(size or 0)
        self._grows = bool(dynamic_size) or size is None

    def write(self, index: TensorLike, value: TensorLike) -> TensorArray:
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
        self._items = list(convert(value))
        return self

    def split(self, value: TensorLike, lengths: TensorLike) -> TensorArray:
        """Write the parts of these lengths."""
        self._items = NAMES["split"](convert(value), lengths)
        return self

    def identity(self) -> TensorArray:
        return self

    def gather(self, indices: Sequence[TensorLike] | TensorLike) -> TensorResult:
        """Return a stack of the elements with these indices."""
        return stack([self.read(index) for index in indices])

    def scatter(self, indices: Sequence[TensorLike] | TensorLike, value: TensorLike) -> TensorArray:
        """Write each row at one of the indices."""
        for index, row in zip(indices, convert(value), strict=True):
            self.write(index, row)
        return self

    def size(self) -> TensorResult:
        return Tensor(np.asarray(len(self._items), "int32"))

    def close(self) -> None:
        self._items = []

    def mark_used(self) -> None:
        """Nothing warns of results that are not used."""
