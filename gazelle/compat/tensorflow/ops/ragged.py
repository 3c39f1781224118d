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
from gazelle.compat.tensorflow.ops.gathering import boolean_mask
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

    def __init__(self, values: TensorLike, row_splits: TensorLike) -> None:
        self.values = values if isinstance(values, RaggedTensor) else convert(values)
        self._splits = np.asarray(row_splits, "int64")

    uniform_row_length: int | None = None

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
        out = cls.from_row_lengths(values, np.full(count, int(uniform_row_length)))
        out.uniform_row_length = int(uniform_row_length)
        return out

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
    @ignores("ragged_rank=1 name row_splits_dtype")
    def from_tensor(
        cls, tensor: TensorLike, lengths: TensorLike = None, padding: str | ShapeLike | None = None
    ) -> RaggedTensor:
        array = array_of(tensor)
        if lengths is not None:
            counts = array_of(lengths)
        elif padding is not None:  # without the padding at the end of each row
            real = array != array_of(padding)
            counts = np.where(real.any(1), array.shape[1] - real[:, ::-1].argmax(1), 0)
        else:
            counts = np.full(len(array), array.shape[1])
        return cls.of_rows([Tensor(row[:n]) for row, n in zip(array, counts, strict=True)])

    @classmethod
    def of_rows(cls, rows: list[Any]) -> RaggedTensor:
        """Return a ragged tensor with these rows, which may be ragged, too."""
        return cls.from_row_lengths(joined(rows), np.asarray([len(row) for row in rows], "int64"))

    # Properties ------------------------------------------------------------------------------------------------------

    @property
    def flat_values(self) -> TensorResult:
        return self.values.flat_values if isinstance(self.values, RaggedTensor) else self.values

    row_splits = property(lambda self: Tensor(self._splits))
    dtype = property(lambda self: self.values.dtype)
    shape = property(lambda self: TensorShape((len(self), self.uniform_row_length, *self.values.shape[1:])))
    ragged_rank: Any = property(lambda self: 1 + getattr(self.values, "ragged_rank", 0))

    def get_shape(self) -> TensorShape:
        return self.shape

    @ignores("out_type")
    def nrows(self) -> Tensor:
        return Tensor(np.asarray(len(self), "int64"))

    def row_lengths(self, axis: int = 1) -> TensorResult:
        return Tensor(np.diff(self._splits)) if axis == 1 else self.with_values(self.values.row_lengths(axis - 1))

    def row_starts(self) -> Tensor:
        return Tensor(self._splits[:-1])

    def row_limits(self) -> Tensor:
        return Tensor(self._splits[1:])

    def _levels(self) -> list[RaggedTensor]:
        return [self, *(self.values._levels() if isinstance(self.values, RaggedTensor) else ())]

    nested_row_splits: Any = property(lambda self: tuple(level.row_splits for level in self._levels()))

    def nested_row_lengths(self) -> tuple[Tensor, ...]:
        return tuple(level.row_lengths() for level in self._levels())

    def nested_value_rowids(self) -> tuple[Tensor, ...]:
        return tuple(level.value_rowids() for level in self._levels())

    def value_rowids(self) -> Tensor:
        return Tensor(np.repeat(np.arange(len(self)), np.diff(self._splits)))

    @ignores("name out_type")
    def bounding_shape(self, axis: AxisLike = None) -> Tensor:
        sizes = np.asarray(self.to_tensor().shape, "int64")
        return Tensor(sizes if axis is None else sizes[axis])

    def with_values(self, new_values: TensorLike) -> RaggedTensor:
        out = RaggedTensor(new_values, self._splits)
        out.uniform_row_length = self.uniform_row_length
        return out

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
        indices = np.asarray(list(self._positions()), "int64").reshape(-1, self.ndim)
        return NAMES["SparseTensor"](indices, NAMES["reshape"](self.flat_values, [-1]), self.bounding_shape())

    def _positions(self) -> Iterator[tuple[int, ...]]:
        for i, row in enumerate(self):
            inner = row._positions() if isinstance(row, RaggedTensor) else np.ndindex(array_of(row).shape)
            yield from ((i, *position) for position in inner)

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
        return len(self._splits) - 1

    def __iter__(self) -> Iterator[Any]:
        return (self.values[int(a) : int(b)] for a, b in zip(self._splits, self._splits[1:], strict=False))

    def __getitem__(self, index: Any) -> Any:
        first, *rest = index if isinstance(index, tuple) else (index,)
        if first is None:
            return RaggedTensor.of_rows([self[tuple(rest)] if rest else self])
        if first is Ellipsis:
            return self[(*[slice(None)] * (self.ndim - len(rest)), *rest)]
        if isinstance(first, slice):
            rows = [row[tuple(rest)] if rest else row for row in list(self)[first]]
            if not rows:
                return RaggedTensor(self.values[:0], [0])
            is_single = rest and not isinstance(rest[0], slice)  # one value of each row
            return stack(rows) if is_single else RaggedTensor.of_rows(rows)
        index = int(first) + (len(self) if first < 0 else 0)
        if not 0 <= index < len(self):
            raise InvalidArgumentError(message("Row of a ragged tensor", expected=f"less than {len(self)}", got=first))
        row = self.values[int(self._splits[index]) : int(self._splits[index + 1])]
        return row[tuple(rest)] if rest else row

    def merge_dims(self, outer_axis: int, inner_axis: int) -> TensorResult:
        """Merge the axes from `outer_axis` to `inner_axis` into one."""
        if outer_axis > 0:
            return RaggedTensor.of_rows([row.merge_dims(outer_axis - 1, inner_axis - 1) for row in self])
        merged = self.values
        for _ in range(inner_axis - 1):
            merged = merged.values if isinstance(merged, RaggedTensor) else convert(merged)
        return merged

    def __repr__(self) -> str:
        return f"<tf.RaggedTensor {self.to_list()}>"


def joined(rows: list[Any]) -> TensorResult:
    """Concatenate rows."""
    if not any(isinstance(row, RaggedTensor) for row in rows):
        return concat(rows, 0) if rows else Tensor(np.zeros(0, "float32"))
    return RaggedTensor.of_rows([inner for row in rows for inner in row])


jax.tree_util.register_pytree_node(
    RaggedTensor,
    lambda r: ((r.values,), (r._splits.tobytes(), r.uniform_row_length)),
    lambda rows, children: _unflattened(children[0], *rows),
)


def _unflattened(values: Any, splits: bytes, length: int | None) -> RaggedTensor:
    out = object.__new__(RaggedTensor)
    out.values, out._splits, out.uniform_row_length = values, np.frombuffer(splits, "int64"), length
    return out


@named("ragged.map_flat_values")
def map_values(op: Function, *args: Any, **kwargs: Any) -> TensorResult:
    """`tf.ragged.map_flat_values`: apply `op` to the values of ragged arguments, keeping the rows."""
    first = next((v for v in (*args, *kwargs.values()) if isinstance(v, RaggedTensor)), None)
    if first is None:
        return op(*args, **kwargs)
    rows = [v for v in (*args, *kwargs.values()) if isinstance(v, RaggedTensor)]
    if any(not np.array_equal(v._splits, first._splits) for v in rows):
        lengths = [np.diff(v._splits).tolist() for v in rows]
        raise InvalidArgumentError(message("Ragged tensors", expected="rows of equal lengths", got=lengths))
    inner = [v.values if isinstance(v, RaggedTensor) else v for v in args]
    inner_kwargs = {k: v.values if isinstance(v, RaggedTensor) else v for k, v in kwargs.items()}
    return first.with_values(map_values(op, *inner, **inner_kwargs))


@named("ragged.constant")
@ignores("name row_splits_dtype")
def constant(
    pylist: Sequence[Any], dtype: DTypeLike = None, ragged_rank: int | None = None, inner_shape: ShapeLike | None = None
) -> TensorResult:
    """`tf.ragged.constant`: nested lists, of which the `ragged_rank` outermost axes may have rows of other lengths."""
    inner = None if inner_shape is None else tuple(inner_shape)
    if inner is not None and ragged_rank is None:
        ragged_rank = max(0, _depth(pylist) - 1 - len(inner))
    if ragged_rank == 0 or (inner is None and not any(isinstance(row, list | tuple | np.ndarray) for row in pylist)):
        empty = np.zeros((0, *(inner or ())), name_of(dtype or "float32"))
        return convert(pylist, dtype) if inner is None or len(pylist) else convert(empty)
    flat, counts = [v for row in pylist for v in row], [len(row) for row in pylist]
    return RaggedTensor.from_row_lengths(constant(flat, dtype, ragged_rank and ragged_rank - 1, inner), counts)


def _depth(value: Any) -> int:
    """How deep lists are nested."""
    if isinstance(value, np.ndarray):
        return value.ndim
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list | tuple) else 0


@named("ragged.stack")
def stack_rows(values: TensorLike, axis: int = 0) -> RaggedTensor:
    """`tf.ragged.stack`: tensors as rows, or with an axis > 0 their rows next to each other."""
    if axis > 0:
        return RaggedTensor.of_rows([stack_rows(rows, axis - 1) for rows in zip(*map(rows_of, values), strict=True)])
    return RaggedTensor.of_rows([v if isinstance(v, RaggedTensor) else convert(v) for v in values])


named("ragged.row_splits_to_segment_ids")(
    ignores("name out_type")(lambda splits: RaggedTensor([], array_of(splits)).value_rowids())
)
named("ragged.segment_ids_to_row_splits")(
    ignores("name out_type")(
        lambda segment_ids, num_segments=None: RaggedTensor.from_value_rowids([], segment_ids, num_segments).row_splits
    )
)
named("ragged.stack_dynamic_partitions")(
    lambda data, partitions, num_partitions: RaggedTensor.of_rows(
        NAMES["dynamic_partition"](data, partitions, num_partitions)
    )
)


@named("ragged.cross")
def cross(inputs: Sequence[TensorLike]) -> RaggedTensor:
    """`tf.ragged.cross`: for each row the combinations of one string of each input, joined by "_X_"."""
    rows = zip(*(map(array_of, rows_of(part)) for part in inputs), strict=True)
    combined = [[b"_X_".join(map(_as_bytes, each)) for each in itertools.product(*row)] for row in rows]
    return RaggedTensor.of_rows([Tensor(np.asarray(row, object)) for row in combined])


def _as_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


@named("ragged.range")
@ignores("name row_splits_dtype")
def range_(
    starts: TensorLike, limits: TensorLike = None, deltas: TensorLike = 1, dtype: DTypeLike = None
) -> RaggedTensor:
    """`tf.ragged.range`: a row of numbers for each limit."""
    first, last = (0, starts) if limits is None else (starts, limits)
    ends = np.broadcast_arrays(array_of(first), array_of(last), array_of(deltas))
    kind = np.result_type(*ends) if dtype is None else name_of(dtype)
    return RaggedTensor.of_rows([Tensor(np.arange(*row, dtype=kind)) for row in zip(*ends, strict=True)])


@named("ragged.boolean_mask")
def masked(data: TensorLike, mask: TensorLike) -> RaggedTensor:
    """`tf.ragged.boolean_mask`: the selected elements of each row."""
    rows = [boolean_mask(row, keep) for row, keep in zip(rows_of(data), rows_of(mask), strict=True)]
    return RaggedTensor.of_rows(rows)


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
        lengths = np.diff(rows._splits)
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
