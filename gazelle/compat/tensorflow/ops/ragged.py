"""tf.ragged: rows of different lengths, stored as one array of values and the start positions of rows."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from gazelle.compat.arguments.ignored import ignores, methods_ignore
from gazelle.compat.old_variable import TensorShape
from gazelle.compat.operators import add_operators
from gazelle.compat.tables import listed
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.errors import InvalidArgumentError
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.ops.arrays import array_of, concat, convert, stack
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import AxisLike, DTypeLike, Function, ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import message


@named("RaggedTensor")
@methods_ignore("name validate")
class RaggedTensor:
    """`tf.RaggedTensor`: row n is `values[row_splits[n] : row_splits[n + 1]]`; the values may be ragged, too.

    >>> rows = RaggedTensor.from_row_lengths([1, 2, 3], [2, 1])
    >>> rows.to_list(), rows.to_tensor().numpy().tolist(), (rows * 2)[0].numpy().tolist()
    ([[1, 2], [3]], [[1, 2], [3, 0]], [2, 4])
    """

    __array_priority__ = 200

    def __init__(self, values: TensorLike, row_splits: TensorLike, uniform_row_length: int | None = None) -> None:
        self.values = values if isinstance(values, RaggedTensor) else convert(values)
        self.splits = np.asarray(row_splits, "int64")
        self.uniform_row_length = uniform_row_length

    # Constructors ----------------------------------------------------------------------------------------------------

    @classmethod
    def from_row_splits(cls, values: TensorLike, row_splits: TensorLike) -> RaggedTensor:
        return cls(values, array_of(row_splits))

    @classmethod
    def from_row_lengths(cls, values: TensorLike, row_lengths: TensorLike) -> RaggedTensor:
        return cls(values, np.concatenate([[0], np.cumsum(array_of(row_lengths))]))

    @classmethod
    def from_row_limits(cls, values: TensorLike, row_limits: TensorLike) -> RaggedTensor:
        return cls(values, np.concatenate([[0], array_of(row_limits)]))

    @classmethod
    def from_row_starts(cls, values: TensorLike, row_starts: TensorLike) -> RaggedTensor:
        return cls(values, np.append(array_of(row_starts), len(values)))

    @classmethod
    def from_uniform_row_length(
        cls, values: TensorLike, uniform_row_length: TensorLike, nrows: TensorLike = None
    ) -> RaggedTensor:
        count = len(values) // int(uniform_row_length) if nrows is None else int(nrows)
        return cls(values, np.arange(count + 1) * int(uniform_row_length), int(uniform_row_length))

    @classmethod
    def from_nested_row_splits(cls, flat_values: TensorLike, nested_row_splits: Sequence[TensorLike]) -> RaggedTensor:
        return functools.reduce(cls.from_row_splits, reversed(nested_row_splits), flat_values)

    @classmethod
    def from_nested_row_lengths(cls, flat_values: TensorLike, nested_row_lengths: Sequence[TensorLike]) -> RaggedTensor:
        return functools.reduce(cls.from_row_lengths, reversed(nested_row_lengths), flat_values)

    @classmethod
    def from_nested_value_rowids(
        cls,
        flat_values: TensorLike,
        nested_value_rowids: Sequence[TensorLike],
        nested_nrows: Sequence[TensorLike] | None = None,
    ) -> RaggedTensor:
        counts = [None] * len(nested_value_rowids) if nested_nrows is None else nested_nrows
        levels = reversed(list(zip(nested_value_rowids, counts, strict=True)))
        return functools.reduce(lambda values, level: cls.from_value_rowids(values, *level), levels, flat_values)

    @classmethod
    def from_sparse(cls, st_input: TensorLike) -> RaggedTensor:
        return cls.from_value_rowids(st_input.values, array_of(st_input.indices)[:, 0], st_input.shape[0])

    @classmethod
    def from_value_rowids(cls, values: TensorLike, value_rowids: TensorLike, nrows: TensorLike = None) -> RaggedTensor:
        rows = array_of(value_rowids)
        count = int(nrows) if nrows is not None else int(rows.max(initial=-1)) + 1
        return cls.from_row_lengths(values, np.bincount(rows.astype(int), minlength=count))

    @classmethod
    @ignores("name row_splits_dtype")
    def from_tensor(
        cls, tensor: TensorLike, lengths: TensorLike = None, padding: TensorLike = None, ragged_rank: int = 1
    ) -> RaggedTensor:
        """The rows of a tensor: of these lengths, or without the padding at their ends, or whole."""
        given = convert(tensor)
        count, size = (int(n) for n in given.shape[:2])
        nested = list(lengths) if isinstance(lengths, list | tuple) and np.ndim(array_of(lengths[0])) else [lengths]
        rank = max(int(ragged_rank), len(nested))
        counts = np.full(count, size) if nested[0] is None else array_of(nested[0])
        if padding is not None and rank == 1:
            real = (array_of(given) != array_of(padding)).reshape(count, size, -1).any(-1)
            counts = np.where(real.any(1), size - real[:, ::-1].argmax(1), 0)
        values = NAMES["reshape"](given, [count * size, *given.shape[2:]])
        values = rows_at(values, ranges(np.arange(count) * size, counts))
        if rank > 1:
            values = cls.from_tensor(values, nested[1:] or None, padding, rank - 1)
        if lengths is None and (padding is None or rank > 1):
            return cls.from_uniform_row_length(values, size, count)
        return cls.from_row_lengths(values, counts)

    @classmethod
    def of_rows(cls, rows: list[Any]) -> RaggedTensor:
        """Return a ragged tensor with these rows, which may be ragged, too."""
        return cls.from_row_lengths(joined(rows), np.asarray([len(row) for row in rows], "int64"))

    # Properties ------------------------------------------------------------------------------------------------------

    @property
    def flat_values(self) -> TensorResult:
        return self.values.flat_values if isinstance(self.values, RaggedTensor) else self.values

    row_splits = property(lambda self: Tensor(self.splits))
    dtype = property(lambda self: self.values.dtype)
    shape = property(lambda self: TensorShape((len(self), self.uniform_row_length, *self.values.shape[1:])))
    ragged_rank: Any = property(lambda self: 1 + getattr(self.values, "ragged_rank", 0))

    def get_shape(self) -> TensorShape:
        return self.shape

    def nrows(self, out_type: DTypeLike = "int64") -> Tensor:
        return Tensor(np.asarray(len(self), name_of(out_type)))

    def row_lengths(self, axis: int = 1) -> TensorResult:
        return Tensor(np.diff(self.splits)) if axis == 1 else self.with_values(self.values.row_lengths(axis - 1))

    def row_starts(self) -> Tensor:
        return Tensor(self.splits[:-1])

    def row_limits(self) -> Tensor:
        return Tensor(self.splits[1:])

    def _levels(self) -> list[RaggedTensor]:
        return [self, *(self.values._levels() if isinstance(self.values, RaggedTensor) else ())]

    nested_row_splits: Any = property(lambda self: tuple(level.row_splits for level in self._levels()))

    def nested_row_lengths(self) -> tuple[Tensor, ...]:
        return tuple(level.row_lengths() for level in self._levels())

    def nested_value_rowids(self) -> tuple[Tensor, ...]:
        return tuple(level.value_rowids() for level in self._levels())

    def value_rowids(self) -> Tensor:
        return Tensor(np.repeat(np.arange(len(self)), np.diff(self.splits)))

    @ignores("name")
    def bounding_shape(self, axis: AxisLike = None, out_type: DTypeLike = "int64") -> Tensor:
        sizes = np.asarray(self.to_tensor().shape, name_of(out_type))
        return Tensor(sizes if axis is None else sizes[axis])

    def with_values(self, new_values: TensorLike) -> RaggedTensor:
        return RaggedTensor(new_values, self.splits, self.uniform_row_length)

    def with_flat_values(self, new_values: TensorLike) -> RaggedTensor:
        return map_values(lambda _: new_values, self)

    def to_list(self) -> list[Any]:
        return [row.to_list() if isinstance(row, RaggedTensor) else array_of(row).tolist() for row in self]

    def to_tensor(
        self, default_value: TensorLike = None, name: str | None = None, shape: ShapeLike | None = None
    ) -> Tensor:
        """Pad the rows to the longest one, or to `shape`."""
        rows = [array_of(row.to_tensor(default_value) if isinstance(row, RaggedTensor) else row) for row in self]
        wanted = [None if n is None or n == -1 else int(n) for n in shape or ()][1:]
        count = int(shape[0]) if shape is not None and shape[0] not in (None, -1) else len(rows)
        inner = [max((row.shape[i] for row in rows), default=0) for i in range(self.values.ndim)]
        sizes: list[Any] = [inner[i] if i >= len(wanted) or wanted[i] is None else wanted[i] for i in range(len(inner))]
        kind = array_of(self.flat_values).dtype
        fill = (b"" if kind.kind == "O" else 0) if default_value is None else array_of(default_value)
        out = np.empty((count, *sizes), kind)
        out[...] = fill
        for target, row in zip(out, rows, strict=False):
            part = row[tuple(slice(n) for n in sizes)]
            target[tuple(slice(n) for n in part.shape)] = part
        return Tensor(out)

    def to_sparse(self) -> TensorResult:
        indices = self.positions(self.ndim)
        return NAMES["SparseTensor"](indices, NAMES["reshape"](self.flat_values, [-1]), self.bounding_shape())

    def positions(self, depth: int) -> TensorResult:
        """The indices of all elements along the first axes, as many as `depth`."""
        if not isinstance(self.values, RaggedTensor):
            inner = np.asarray(list(np.ndindex(*self.values.shape[: depth - 1])), "int64").reshape(-1, depth - 1)
        else:
            inner = self.values.positions(depth - 1)
        rows = self.value_rowids().numpy()
        return np.concatenate(
            [rows[inner[:, :1]], inner[:, :1] - self.splits[:-1][rows[inner[:, :1]]], inner[:, 1:]], 1
        )

    @ignores("dtype")
    def with_row_splits_dtype(self, dtype: DTypeLike) -> RaggedTensor:
        """Return the tensor itself, whose splits have 64 bits."""
        return self

    def numpy(self) -> TensorResult:
        return np.asarray(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        rows = [np.asarray(row) if isinstance(row, RaggedTensor) else array_of(row) for row in self]
        if len({row.shape for row in rows}) == 1:
            return np.array(rows, dtype)
        out = np.empty(len(rows), object)
        out[:] = rows
        return out

    ndim = property(lambda self: 1 + int(self.values.ndim))

    def __len__(self) -> int:
        return len(self.splits) - 1

    def __iter__(self) -> Iterator[Any]:
        return (self.values[int(a) : int(b)] for a, b in zip(self.splits, self.splits[1:], strict=False))

    def __getitem__(self, index: Any) -> Any:
        given = index if isinstance(index, tuple) else (index,)
        if any(one is Ellipsis for one in given):
            at = next(n for n, one in enumerate(given) if one is Ellipsis)
            used = sum(one is not None for one in given) - 1
            given = (*given[:at], *[slice(None)] * (self.ndim - used), *given[at + 1 :])
        first, *rest = given
        if first is None:
            return expanded(self[tuple(rest)] if rest else self, 0)
        if isinstance(first, slice):
            kept = self if first == slice(None) else rows_at(self, np.arange(len(self))[first])
            return kept._in_rows(*rest) if rest else kept
        number = int(first) + (len(self) if first < 0 else 0)
        if not 0 <= number < len(self):
            raise InvalidArgumentError(message("Row of a ragged tensor", expected=f"less than {len(self)}", got=first))
        row = self.values[int(self.splits[number]) : int(self.splits[number + 1])]
        return row[tuple(rest)] if rest else row

    def _in_rows(self, first: Any, *rest: Any) -> Any:
        """Index each row."""
        if first is None:
            return expanded(self._in_rows(*rest) if rest else self, 1)
        if not isinstance(first, slice):
            rows = [row[(first, *rest)] for row in self]
            return RaggedTensor.of_rows(rows) if any(isinstance(row, RaggedTensor) for row in rows) else stack(rows)
        kept = [np.arange(a, b)[first] for a, b in itertools.pairwise(self.splits)]
        values = rows_at(self.values, np.concatenate([np.zeros(0, "int64"), *kept]))
        values = values[(slice(None), *rest)] if rest else values
        return RaggedTensor.from_row_lengths(values, [len(row) for row in kept])

    def merge_dims(self, outer_axis: int, inner_axis: int) -> TensorResult:
        """Merge the axes from `outer_axis` to `inner_axis` into one."""
        return _merged(self, outer_axis % self.ndim, inner_axis % self.ndim)

    def __repr__(self) -> str:
        return f"<tf.RaggedTensor {self.to_list()}>"


def _merged(value: Any, first: int, last: int) -> Any:
    if first == last:
        return value
    if not isinstance(value, RaggedTensor):
        return NAMES["reshape"](value, [*value.shape[:first], -1, *value.shape[last + 1 :]])
    values = value.values
    if first == 0:
        return _merged(values, 0, last - 1)
    if first > 1:
        return value.with_values(_merged(values, first - 1, last - 1))
    splits = values.splits if isinstance(values, RaggedTensor) else np.arange(len(values) + 1) * values.shape[1]
    return _merged(RaggedTensor(_merged(values, 0, 1), splits[value.splits]), 1, last - 1)


def ranges(starts: TensorResult, lengths: TensorResult) -> TensorResult:
    """The indices of rows with these starts and lengths, one after another."""
    ends = np.cumsum(lengths)
    return np.repeat(np.asarray(starts) - ends + lengths, lengths) + np.arange(ends[-1] if len(ends) else 0)


def rows_at(data: TensorLike | RaggedTensor, indices: TensorResult) -> TensorResult:
    """The rows of a tensor or ragged tensor at these indices."""
    if not isinstance(data, RaggedTensor):
        return NAMES["gather"](data, indices)
    if len(indices) and not -len(data) <= np.min(indices) <= np.max(indices) < len(data):
        raise InvalidArgumentError(message("Rows", expected=f"indices less than {len(data)}", got=list(indices)))
    lengths = np.diff(data.splits)[indices]
    values = rows_at(data.values, ranges(data.splits[:-1][indices], lengths))
    return RaggedTensor(values, np.concatenate([[0], np.cumsum(lengths)]), data.uniform_row_length)


def expanded(value: TensorLike | RaggedTensor, axis: int) -> TensorResult:
    """`tf.expand_dims`."""
    if not isinstance(value, RaggedTensor):
        return NAMES["expand_dims"](value, axis)
    if axis > 1:
        return value.with_values(NAMES["expand_dims"](value.values, axis - 1))
    size = 1 if axis else len(value)
    return RaggedTensor.from_uniform_row_length(value, size, len(value) if axis else 1)


def check_lengths(parts: Sequence[RaggedTensor]) -> None:
    """Check that ragged tensors have rows of equal lengths.

    Raises:
        InvalidArgumentError: They have not.
    """
    if any(not np.array_equal(part.splits, parts[0].splits) for part in parts):
        lengths = [np.diff(part.splits).tolist() for part in parts]
        raise InvalidArgumentError(message("Ragged tensors", expected="rows of equal lengths", got=lengths))


def joined(rows: list[Any]) -> TensorResult:
    """Concatenate rows."""
    if not any(isinstance(row, RaggedTensor) for row in rows):
        return concat(rows, 0) if rows else Tensor(np.zeros(0, "float32"))
    return RaggedTensor.of_rows([inner for row in rows for inner in row])


jax.tree_util.register_pytree_node(
    RaggedTensor,
    lambda r: ((r.values,), (r.splits.tobytes(), r.uniform_row_length)),
    lambda rows, children: _unflattened(children[0], *rows),
)


def _unflattened(values: Any, splits: bytes, length: int | None) -> RaggedTensor:
    out = object.__new__(RaggedTensor)
    out.values, out.splits, out.uniform_row_length = values, np.frombuffer(splits, "int64"), length
    return out


@named("ragged.map_flat_values")
def map_values(op: Function, *args: Any, **kwargs: Any) -> TensorResult:
    """`tf.ragged.map_flat_values`: apply `op` to the values of ragged arguments, keeping the rows."""
    first = next((v for v in (*args, *kwargs.values()) if isinstance(v, RaggedTensor)), None)
    if first is None:
        return op(*args, **kwargs)
    rows = [v for v in (*args, *kwargs.values()) if isinstance(v, RaggedTensor)]
    check_lengths(rows)
    inner = [v.values if isinstance(v, RaggedTensor) else v for v in args]
    inner_kwargs = {k: v.values if isinstance(v, RaggedTensor) else v for k, v in kwargs.items()}
    return first.with_values(map_values(op, *inner, **inner_kwargs))


def rows_of(data: TensorLike) -> TensorResult:
    return data if isinstance(data, RaggedTensor) else convert(data)


def elementwise(op: Function, *args: Any, **kwargs: Any) -> TensorResult:
    """`map_values`, with dense arguments of shape (rows, 1) repeated for the elements of each row."""
    rows = next(v for v in (*args, *kwargs.values()) if isinstance(v, RaggedTensor))

    def spread(value: Any) -> Any:
        shape = () if isinstance(value, RaggedTensor | str) else np.shape(unboxed(value))
        if shape == (len(rows), 1):
            return NAMES["gather"](NAMES["reshape"](value, [-1]), rows.value_rowids())
        if shape == (1,) or len(shape) not in (rows.ndim - 1, rows.ndim) or rows.ndim != 2:
            return value
        lengths = np.diff(rows.splits)
        if shape[:-1] not in ((), (1,), (len(rows),)) or (lengths != shape[-1]).any():
            expected = f"a shape for rows of the lengths {lengths.tolist()}"
            raise InvalidArgumentError(message("A tensor next to a ragged tensor", expected=expected, got=shape))
        return NAMES["reshape"](NAMES["broadcast_to"](value, [len(rows), shape[-1]]), [-1])

    return map_values(op, *map(spread, args), **kwargs)


def _operate(name: str, *operands: Any) -> Any:
    return elementwise(getattr(operator, f"__{name}__"), *operands)


add_operators(RaggedTensor, listed("add sub mul truediv floordiv mod pow lt le gt ge eq ne and or xor"), _operate)
for _name in ("neg", "abs", "invert"):
    setattr(
        RaggedTensor,
        f"__{_name}__",
        functools.partialmethod(lambda self, function: map_values(function, self), getattr(operator, _name)),
    )
