"""tf.sparse: indices and values; functions compute with the dense array. `tf.sets`, whose results are sparse."""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO

from gazelle import ops
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.losses import ctc_length
from gazelle.compat.old_variable import TensorShape
from gazelle.compat.tables import with_parameters
from gazelle.compat.tensorflow.calls import OBJECTS
from gazelle.compat.tensorflow.dtypes import as_dtype
from gazelle.compat.tensorflow.eager.recording import is_box, unboxed
from gazelle.compat.tensorflow.function_tables import TABLE
from gazelle.compat.tensorflow.names import NAMES, fixed_value, named, op
from gazelle.compat.tensorflow.ops.arrays import array_of, convert
from gazelle.compat.tensorflow.ops.linalg import matmul
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.tensorflow.v1.host_nodes import in_graph, with_gradients
from gazelle.compat.types import AxisLike, DTypeLike, ShapeLike, TensorLike, TensorResult
from gazelle.core.symbolic import KerasTensor, is_symbolic, map_in_order
from gazelle.core.types import Tree


@named("SparseTensor", "sparse.SparseTensor")
class SparseTensor:
    """`tf.SparseTensor`: indices and values; functions convert it with `tf.sparse.to_dense`."""

    def __init__(self, indices: TensorLike, values: TensorLike, dense_shape: ShapeLike) -> None:
        if in_graph(indices, values, dense_shape):
            self.indices, self.values, self.dense_shape = indices, values, dense_shape
            return
        if isinstance(unboxed(indices), jax.core.Tracer):  # made by a layer
            self.indices, self.values, self.dense_shape = map(convert, (indices, values, fixed_value(dense_shape)))
            return
        given = np.asarray(unboxed(indices), "int64")
        self.indices = convert(given.reshape(len(given), len(fixed_value(dense_shape))))
        self.values, self.dense_shape = convert(values), convert(np.asarray(fixed_value(dense_shape), "int64"))

    @property
    def shape(self) -> TensorShape:
        sizes = self.dense_shape
        return TensorShape([None] * sizes.shape[0] if is_symbolic(sizes) else fixed_value(sizes))

    dtype = property(lambda self: self.values.dtype)

    def get_shape(self) -> TensorShape:
        return self.shape

    def arrays(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return the indices and the values as arrays of NumPy."""
        return np.asarray(self.indices.array), np.asarray(self.values.array)

    def dense(self) -> TensorResult:
        """Return the dense tensor, for `keras.backend.to_dense`."""
        return to_dense(self)

    def with_values(self, new_values: TensorLike) -> SparseTensor:
        """Return a tensor with other values at the same indices."""
        return SparseTensor(self.indices, new_values, self.dense_shape)

    def __repr__(self) -> str:
        return f"SparseTensor(indices={self.indices!s}, values={self.values!s}, dense_shape={self.dense_shape!s})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """The dense values, for `fit` and the layers."""
        return np.asarray(to_dense(self).array, dtype)

    def __jax_array__(self) -> jax.Array:
        return jnp.asarray(to_dense(self).array)

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, index: int) -> SparseTensor:
        """Return a row, an element of a dataset."""
        indices, values = self.arrays()
        found = indices[:, 0] == index
        return SparseTensor(indices[found, 1:], values[found], self.shape[1:])

    @classmethod
    def of_rows(cls, rows: Sequence[SparseTensor]) -> SparseTensor:
        """Stack rows along a new first axis."""
        indices, values = zip(*(row.arrays() for row in rows), strict=True)
        numbered = [np.insert(of_row, 0, number, axis=1) for number, of_row in enumerate(indices)]
        return cls(np.concatenate(numbered), np.concatenate(values), (len(rows), *rows[0].shape))

    def __mul__(self, other: TensorLike) -> SparseTensor:
        return self._with(operator.mul, other)

    def __truediv__(self, other: TensorLike) -> SparseTensor:
        return self._with(operator.truediv, other)

    def _with(self, operation: Callable[[Any, Any], Any], other: TensorLike) -> SparseTensor:
        """The stored values with those of a dense tensor that broadcasts to the shape."""
        if not is_symbolic(other) and np.ndim(unboxed(other)) == 0:
            return SparseTensor(self.indices, operation(self.values, other), self.dense_shape)
        if in_graph(self.indices, other):
            here = NAMES["gather_nd"](other + NAMES["zeros_like"](to_dense(self)), self.indices)  # in the whole shape
            return SparseTensor(self.indices, operation(self.values, here), self.dense_shape)
        here = np.broadcast_to(np.asarray(unboxed(other)), tuple(self.shape))[tuple(array_of(self.indices).T)]
        return SparseTensor(self.indices, operation(self.values, here.astype(self.dtype.as_numpy_dtype)), self.shape)


@jax.tree_util.register_dataclass
@dataclasses.dataclass
class SparseOutput:
    """What is attached to the dense array that a layer returns for a sparse tensor; a call returns this tensor."""

    indices: Any
    values: Any
    shape: tuple[int, ...] = dataclasses.field(metadata={"static": True})

    def __call__(self, _: TensorLike) -> SparseTensor:
        return SparseTensor(Tensor(self.indices), Tensor(self.values), self.shape)


def as_outputs(tree: Tree) -> Tree:
    """The outputs of a layer with a dense array for each sparse tensor, which the next layer receives again."""

    def of(value: Any) -> Any:
        if not isinstance(value, SparseTensor) or value.dtype == "string":
            return value
        array = jnp.asarray(unboxed(to_dense(value)))
        parts = jnp.asarray(unboxed(value.indices)), jnp.asarray(unboxed(value.values))
        OBJECTS.set(array, SparseOutput(*parts, tuple(value.shape)))
        return array

    return map_in_order(of, tree, lambda value: isinstance(value, SparseTensor) or is_box(value))


def of_arrays(tree: Tree) -> Tree:
    """The outputs of a layer of gazelle with a sparse tensor for each sparse array."""

    def of(value: Any) -> Any:
        if not isinstance(value, BCOO):
            return value
        stored = slice(None)
        if not isinstance(value.indices, jax.core.Tracer):
            stored = np.asarray(value.indices < np.array(value.shape)).all(-1)  # the others fill up the arrays
        return SparseTensor(Tensor(value.indices[stored]), Tensor(value.data[stored]), value.shape)

    return map_in_order(of, tree, lambda value: isinstance(value, BCOO) or is_box(value))


@named("sparse.to_dense", "sparse_tensor_to_dense")
@ignores("validate_indices")
@with_gradients(lambda given: KerasTensor.derived(given["sp_input"].shape, given["sp_input"].dtype))
def to_dense(sp_input: SparseTensor, default_value: TensorLike = None) -> TensorResult:
    default = (b"" if sp_input.dtype == "string" else 0) if default_value is None else default_value
    default = default.encode() if isinstance(default, str) else default
    out = np.full(tuple(sp_input.shape), default, as_dtype(sp_input.dtype).as_numpy_dtype)
    indices, values = unboxed(sp_input.indices), unboxed(sp_input.values)
    if any(isinstance(part, jax.core.Tracer) for part in (indices, values)):
        return Tensor(jnp.asarray(out).at[tuple(jnp.asarray(indices).T)].set(values))
    indices = tuple(np.asarray(indices).T)
    out[indices] = np.asarray(values)
    return Tensor(out)


@named("sparse.from_dense")
def from_dense(tensor: TensorLike) -> SparseTensor:
    """`tf.sparse.from_dense`: the values that are not 0 or an empty string."""
    array = array_of(tensor)
    return SparseTensor(np.argwhere(array), Tensor(array[np.nonzero(array)]), array.shape)


@named("nn.ctc_loss")
@ignores("unique@5 name preprocess_collapse_repeated=False ctc_merge_repeated=True ignore_longer_outputs_than_inputs")
@with_gradients(lambda _: KerasTensor.derived((None,), "float32"))
def ctc_loss(
    labels: SparseTensor | TensorLike,
    logits: TensorLike = None,
    label_length: TensorLike = None,
    logit_length: TensorLike = None,
    logits_time_major: bool = True,
    blank_index: int | None = None,
    inputs: TensorLike = None,
    sequence_length: TensorLike = None,
    time_major: bool = True,
) -> TensorResult:
    """`tf.nn.ctc_loss`; in TensorFlow 1, `labels, inputs, sequence_length` with sparse labels."""
    logits = logits if inputs is None else inputs
    if logit_length is None:  # the third argument of TensorFlow 1
        label_length, logit_length = None, label_length if sequence_length is None else sequence_length
    if isinstance(labels, SparseTensor):
        label_length = np.bincount(array_of(labels.indices)[:, 0], minlength=labels.shape[0])
        labels, blank_index = to_dense(labels), -1 if blank_index is None else blank_index
    elif label_length is None:  # sparse labels that `keras.ops.cast` made dense: trailing zeros are no labels
        label_length, blank_index = _ctc_lengths(labels), -1
    return _ctc_loss(labels, logits, label_length, logit_length, logits_time_major and time_major, blank_index or 0)


@op(host=False)
def _ctc_lengths(labels: Any) -> Any:
    return jnp.max(jnp.where(labels != 0, jnp.arange(1, labels.shape[1] + 1), 0), axis=1)


@op(host=False)
def _ctc_loss(labels: Any, logits: Any, label_length: Any, logit_length: Any, time_major: bool, blank: int) -> Any:
    logits = jnp.swapaxes(logits, 0, 1) if time_major else logits
    label_length, logit_length = jnp.asarray(label_length), jnp.asarray(logit_length)
    if blank == -1:
        label_length = ctc_length(labels, label_length, logits.shape[-1] - 1)
    return ops.ctc_loss(jnp.asarray(labels), logits, label_length, logit_length, blank % logits.shape[-1])


@named("sparse.reorder")
def reorder(sp_input: SparseTensor) -> SparseTensor:
    """`tf.sparse.reorder`: the indices sorted by rows."""
    indices, values = sp_input.arrays()
    order = np.lexsort(indices.T[::-1])
    return SparseTensor(indices[order], Tensor(values[order]), sp_input.dense_shape)


@named("sparse.sparse_dense_matmul")
def sparse_dense_matmul(
    sp_a: TensorLike, b: TensorLike, adjoint_a: bool = False, adjoint_b: bool = False
) -> TensorResult:
    a, b = (to_dense(v) if isinstance(v, SparseTensor) else v for v in (sp_a, b))
    return matmul(a, b, adjoint_a=adjoint_a, adjoint_b=adjoint_b)


def _on_dense(name: str, function: Callable[..., Any], keeps_sparse: bool) -> None:
    """Register a function of sparse tensors that computes with the dense ones; zeros of a result are not stored."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        if kwargs.pop("output_is_sparse", False):
            return _where_stored(called, *args, **kwargs)
        args, kwargs = jax.tree.map(lambda v: to_dense(v) if isinstance(v, SparseTensor) else v, (args, kwargs))
        out = function(*args, **kwargs)
        return from_dense(out) if keeps_sparse else out

    named(f"sparse.{name}", f"sparse_{name}")(called)


for _name, _entry in TABLE["sparse"].items():
    _dense, *_parameters = _entry.split()
    _function = with_parameters(lambda *values, name=_dense: NAMES[name](*values), _parameters)
    _on_dense(_name, _function, keeps_sparse=not _name.startswith("reduce_"))


def _where_stored(reduction: Callable[..., Any], sp_input: SparseTensor, *args: Any, **kwargs: Any) -> SparseTensor:
    """The sparse result of a reduction: it has the entries to which a stored value contributes."""
    ones = SparseTensor(sp_input.indices, np.ones(len(sp_input.indices), np.float32), sp_input.dense_shape)
    out = np.asarray(reduction(sp_input, *args, **kwargs))
    indices = np.argwhere(np.asarray(NAMES["sparse.reduce_sum"](ones, *args, **kwargs)))
    return SparseTensor(indices, out[tuple(indices.T)].reshape(len(indices)), np.asarray(out.shape, "int64"))


@named("sparse.reduce_max", "sparse_reduce_max")
def reduce_max(
    sp_input: SparseTensor, axis: AxisLike = None, keepdims: bool = False, output_is_sparse: bool = False
) -> TensorResult | SparseTensor:
    """`tf.sparse.reduce_max`: the largest of the stored values; 0 where there is none."""
    if output_is_sparse:
        return _where_stored(reduce_max, sp_input, axis, keepdims)
    least = as_dtype(sp_input.dtype).min
    out = NAMES["reduce_max"](to_dense(sp_input, least), axis, keepdims)
    return NAMES["where"](NAMES["equal"](out, least), NAMES["zeros_like"](out), out)


@named("sparse.map_values")
def map_values(op: Callable[..., Any], *args: Any, **kwargs: Any) -> SparseTensor:
    """`tf.sparse.map_values`: the function of the stored values; all sparse tensors have the same indices."""
    is_sparse = lambda v: isinstance(v, SparseTensor)  # noqa: E731
    first = next(v for v in jax.tree.leaves((args, kwargs), is_leaf=is_sparse) if is_sparse(v))
    args, kwargs = jax.tree.map(lambda v: v.values if is_sparse(v) else v, (args, kwargs), is_leaf=is_sparse)
    return first.with_values(op(*args, **kwargs))


@named("sparse.softmax", "sparse_softmax")
def softmax(sp_input: SparseTensor) -> SparseTensor:
    """`tf.sparse.softmax`: over the stored values of each row."""
    dense = NAMES["nn.softmax"](to_dense(sp_input, -np.inf))
    return sp_input.with_values(NAMES["gather_nd"](dense, sp_input.indices))


@named("sparse.split", "sparse_split")
def split(sp_input: SparseTensor, num_split: TensorLike, axis: TensorLike) -> list[SparseTensor]:
    """`tf.sparse.split`: parts along an axis, of which the first ones are longer if they differ."""
    (index, values), parts = sp_input.arrays(), list[SparseTensor]()
    sizes = [len(part) for part in np.array_split(np.arange(int(sp_input.shape[axis])), int(num_split))]
    for start, size in zip(np.cumsum([0, *sizes]), sizes, strict=False):
        inside = (index[:, axis] >= start) & (index[:, axis] < start + size)
        shape, rows = list(sp_input.shape), index[inside]
        shape[axis] = size
        rows[:, axis] -= start
        parts.append(SparseTensor(rows, Tensor(values[inside]), shape))
    return parts


@named("sparse.to_indicator", "sparse_to_indicator")
def to_indicator(sp_input: SparseTensor, vocab_size: TensorLike) -> TensorResult:
    """`tf.sparse.to_indicator`: which of the numbers below `vocab_size` each row stores."""
    out = np.zeros((*sp_input.shape[:-1], int(vocab_size)), bool)
    indices, values = sp_input.arrays()
    out[(*indices[:, :-1].T, values)] = True
    return Tensor(out)


@named("sparse_to_dense")
def sparse_to_dense(
    sparse_indices: TensorLike, output_shape: ShapeLike, sparse_values: TensorLike, default_value: TensorLike = 0
) -> TensorResult:
    """`tf.sparse_to_dense` of TensorFlow 1, whose values may be one number."""
    shape = tuple(np.reshape(fixed_value(output_shape), -1))
    indices = np.asarray(unboxed(sparse_indices)).reshape(-1, len(shape))
    values = np.broadcast_to(array_of(sparse_values), len(indices))
    return to_dense(SparseTensor(indices, Tensor(values), shape), unboxed(default_value))


@named("edit_distance", "compat.v1.edit_distance")
@with_gradients(lambda given: KerasTensor.derived(given["truth"].shape[:-1], "float32"))
def edit_distance(
    hypothesis: SparseTensor | TensorLike, truth: SparseTensor | TensorLike, normalize: bool = True
) -> TensorResult:
    """`tf.edit_distance`: insertions, deletions and substitutions between the sequences along the last axis."""
    pair = [_sequences(v) for v in (hypothesis, truth)]
    shape = tuple(max(sizes) for sizes in zip(*(shape for _, shape in pair), strict=True))
    out = np.zeros(shape, "float32")
    for index in np.ndindex(shape):
        given, wanted = (sequences.get(index, []) for sequences, _ in pair)
        distance = _levenshtein(given, wanted)
        out[index] = distance if not normalize else distance / len(wanted) if wanted else np.inf if given else 0
    return Tensor(out)


def _sequences(tensor: Any) -> tuple[dict[Any, list[Any]], tuple[int, ...]]:
    """{index: values along the last axis}, and the shape of the other axes."""
    sparse = tensor if isinstance(tensor, SparseTensor) else NAMES["sparse.from_dense"](tensor)
    found: dict[Any, list[Any]] = {}
    for index, value in zip(*sparse.arrays(), strict=True):
        found.setdefault(tuple(index[:-1].tolist()), []).append(value)
    return found, tuple(sparse.shape)[:-1]


def _levenshtein(given: list[Any], wanted: list[Any]) -> int:
    row = list(range(len(wanted) + 1))
    for i, one in enumerate(given, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(wanted, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return row[-1]


def rows_of(x: SparseTensor | TensorLike) -> tuple[tuple[int, ...], list[Any], DTypeLike]:
    """(the shape without the last axis, the elements of each row, the dtype)."""
    if isinstance(x, SparseTensor):
        indices, values = x.arrays()
        *outer, _ = (int(n) for n in array_of(x.dense_shape))
        return tuple(outer), [values[(indices[:, :-1] == row).all(1)] for row in np.ndindex(*outer)], values.dtype
    array = array_of(x)
    return array.shape[:-1], list(array.reshape(-1, array.shape[-1])), array.dtype


def _sets(join: Callable[[Any, Any], Any]) -> Callable[..., SparseTensor]:
    @ignores("validate_indices")
    def function(a: Any, b: Any, aminusb: bool = True) -> SparseTensor:
        (shape, left, dtype), (_, right, _) = rows_of(a), rows_of(b)
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
@ignores("validate_indices")
def size(a: SparseTensor) -> Tensor:
    """The number of distinct elements of each row."""
    shape, rows, _ = rows_of(a)
    return Tensor(np.asarray([len(np.unique(row)) for row in rows], "int32").reshape(shape))
