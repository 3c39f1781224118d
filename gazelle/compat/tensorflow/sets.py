"""`tf.sets`: sets of integers in the rows of arrays; the results are sparse tensors with sorted rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.recording import unboxed
from gazelle.compat.tensorflow.sparse import SparseTensor
from gazelle.compat.tensorflow.tensor import Tensor


def _rows(x: Any) -> tuple[tuple[int, ...], list[Any], Any]:
    """(the shape without the last axis, the elements of each row, the dtype)."""
    if isinstance(x, SparseTensor):
        indices, values = np.asarray(unboxed(x.indices)), np.asarray(unboxed(x.values))
        *outer, _ = (int(n) for n in np.asarray(unboxed(x.dense_shape)))
        return tuple(outer), [values[(indices[:, :-1] == row).all(1)] for row in np.ndindex(*outer)], values.dtype
    array = np.asarray(unboxed(x))
    return array.shape[:-1], list(array.reshape(-1, array.shape[-1])), array.dtype


def _sets(join: Callable[[Any, Any], Any]) -> Callable[..., SparseTensor]:
    def function(a: Any, b: Any, validate_indices: bool = True, aminusb: bool = True) -> SparseTensor:
        (shape, left, dtype), (_, right, _) = _rows(a), _rows(b)
        pairs = zip(left, right, strict=True)
        found = [join(*(pair if aminusb else pair[::-1])) for pair in pairs]
        indices = [(*row, i) for row, values in zip(np.ndindex(*shape), found, strict=True) for i in range(len(values))]
        longest = max(map(len, found), default=0)
        values = np.concatenate(found) if found else np.zeros(0)
        return SparseTensor(
            np.asarray(indices, "int64").reshape(-1, len(shape) + 1), Tensor(values.astype(dtype)), (*shape, longest)
        )

    return function


for _name, _join in {"intersection": np.intersect1d, "union": np.union1d, "difference": np.setdiff1d}.items():
    named(f"sets.{_name}", f"sets.set_{_name}", f"contrib.metrics.set_{_name}")(_sets(_join))


@named("sets.size", "sets.set_size", "contrib.metrics.set_size")
def size(a: SparseTensor, validate_indices: bool = True) -> Tensor:
    """The number of distinct elements of each row."""
    shape, rows, _ = _rows(a)
    return Tensor(np.asarray([len(np.unique(row)) for row in rows], "int32").reshape(shape))
