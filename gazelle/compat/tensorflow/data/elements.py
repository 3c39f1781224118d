"""The elements of a dataset: NumPy arrays in tuples and dicts, and functions of one or several of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from gazelle.compat.backend import sessions
from gazelle.compat.old_variable import TensorShape
from gazelle.compat.tensorflow.dtypes import host_array, name_of
from gazelle.compat.tensorflow.eager.recording import in_dataset, is_box, unboxed
from gazelle.compat.tensorflow.ops.ragged import RaggedTensor
from gazelle.compat.tensorflow.ops.sparse import SparseTensor
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.tensorflow.tensor_specs import TensorSpec, type_spec_from_value
from gazelle.compat.types import DTypeLike, Nested, TensorLike
from gazelle.core.context_variables import assigned
from gazelle.core.errors import DataError, message
from gazelle.core.types import Tree

#: special lengths
INFINITE, UNKNOWN = -1, -2

Begin = Callable[[], Iterator[Any]]


class Elements:
    """Base class of datasets, which may be elements of a dataset."""


def _rebuilt(like: tuple[Any, ...], parts: Iterable[Any]) -> Any:
    """A tuple of the kind of another one, which may be a named tuple."""
    return type(like)._make(parts) if hasattr(like, "_fields") else tuple(parts)


def structured(value: Tree) -> Tree:
    """Convert the values in tuples and dicts, including lists, to NumPy arrays; None stays."""
    if value is None:
        return None
    if isinstance(value, tuple):
        return _rebuilt(value, (structured(v) for v in value))
    if isinstance(value, dict):
        return {k: structured(v) for k, v in value.items()}
    if isinstance(value, RaggedTensor | SparseTensor):
        return value
    if isinstance(value, list) and any(is_box(v) for v in value):
        return np.stack([np.asarray(unboxed(v)) for v in value])
    array = sessions.fed_value(unboxed(value))
    return np.asarray(array) if is_box(value) or isinstance(array, jax.Array) else host_array(array)


def is_ragged(value: object) -> bool:
    """Whether a value is a ragged tensor, which is a leaf of an element."""
    return isinstance(value, RaggedTensor)


def in_order(tree: Tree, like: Tree) -> Tree:
    """A structure with the keys of its dicts in the order of another one; `jax.tree` sorts them."""
    if isinstance(like, dict):
        return {key: in_order(tree[key], like[key]) for key in like}
    if isinstance(like, tuple):
        return _rebuilt(like, (in_order(*pair) for pair in zip(tree, like, strict=True)))
    return tree


def specs_of(element: Tree, batch: int | None) -> Tree:
    """The specs of the leaves; the number of rows is unknown in batches, as the last one may be smaller."""

    def spec(value: Any) -> Any:
        has_spec = isinstance(value, RaggedTensor | SparseTensor | jax.Array)
        return type_spec_from_value(value if has_spec else np.asarray(value))

    specs = jax.tree.map(lambda v: v if isinstance(v, Elements) else spec(v), element, is_leaf=is_ragged)
    leaves = [leaf for leaf in jax.tree.leaves(specs) if isinstance(leaf, TensorSpec)]
    rows = next((leaf.shape[0] for leaf in leaves if leaf.shape.rank), -1)
    for leaf in leaves:
        if batch and rows <= batch and leaf.shape[:1] == (rows,):
            leaf.shape = TensorShape((None, *leaf.shape[1:]))
    return in_order(specs, element)


def given_specs(dtypes: Nested[DTypeLike], shapes: Nested[Any]) -> Nested[TensorSpec]:
    """The specs with these dtypes and shapes, in the structure of the dtypes."""
    if isinstance(dtypes, dict):
        return {key: given_specs(dtypes[key], shapes[key]) for key in dtypes}
    if isinstance(dtypes, tuple | list):
        return tuple(given_specs(*pair) for pair in zip(dtypes, shapes, strict=True))
    return TensorSpec(shapes, dtypes)


def row_of(tree: Tree, index: int) -> Tree:
    """Row `index` of each array."""
    return in_order(jax.tree.map(lambda array: _row(array, unboxed(array[index])), tree, is_leaf=is_ragged), tree)


def _row(rows: Any, row: Any) -> Any:
    return row.view(RaggedRow) if isinstance(rows, RaggedTensor) and isinstance(row, np.ndarray) else row


def plain(leaf: TensorLike) -> Tree:
    """A leaf as a NumPy array."""
    if isinstance(leaf, SparseTensor):
        return leaf
    array = np.asarray(unboxed(leaf)) if not isinstance(leaf, bytes) else leaf
    return array[()] if isinstance(array, np.ndarray) and array.ndim == 0 else array


def called(function: Callable[..., Any], element: Tree) -> Tree:
    """The result of a function of tensors for an element, as arrays."""
    given = tensors_of(element)
    with assigned(in_dataset, True):
        out = function(*given) if isinstance(given, tuple) else function(given)
    return arrays_of(out)


def tensors_of(element: Tree) -> Tree:
    """The leaves of an element as tensors."""
    tensors = jax.tree.map(
        lambda leaf: (
            leaf
            if isinstance(leaf, Elements | RaggedTensor | SparseTensor)
            else Tensor(leaf if hasattr(leaf, "dtype") else host_array(leaf))
        ),
        element,
        is_leaf=is_ragged,
    )
    return in_order(tensors, element)


def arrays_of(out: Tree) -> Tree:
    """The result of a user-defined function as an element."""
    if isinstance(out, Elements):
        return out
    if isinstance(out, list):
        out = tuple(out) if any(is_box(v) for v in out) else host_array(out)
    if isinstance(out, tuple):
        return _rebuilt(out, (arrays_of(v) for v in out))
    if isinstance(out, dict):
        return {k: arrays_of(v) for k, v in out.items()}
    array = sessions.fed_value(unboxed(out))
    return array if hasattr(array, "dtype") or array is None else host_array(array)


class RaggedRow(np.ndarray[Any, Any]):
    """A row of a ragged tensor: a batch of such rows is ragged again."""


def arrays_of_leaves(leaves: Sequence[Any]) -> list[np.ndarray[Any, Any]]:
    """Leaves as arrays; texts are objects, as NumPy has strings of a fixed length."""
    return [np.asarray(leaf) if not isinstance(leaf, bytes) else np.asarray(leaf, object) for leaf in leaves]


def stacked(*leaves: Any) -> Tree:
    """Stack leaves of equal shape along a new first axis."""
    if any(isinstance(leaf, RaggedRow | RaggedTensor) for leaf in leaves):
        return RaggedTensor.of_rows(
            [leaf if isinstance(leaf, RaggedTensor) else Tensor(np.asarray(leaf)) for leaf in leaves]
        )
    if isinstance(leaves[0], SparseTensor):
        return SparseTensor.of_rows(leaves)
    arrays = arrays_of_leaves(leaves)
    shapes = {a.shape for a in arrays}
    if len(shapes) > 1:
        got = " and ".join(map(str, sorted(shapes)[:3]))
        hint = "Bring them to one shape in map, or use padded_batch."
        raise DataError(message("batch", expected="elements of equal shape", got=got, hint=hint))
    return np.stack(arrays)


def padded(group: list[Any], shapes: Nested[Any], values: Nested[Any], unknown: int | None = None) -> Tree:
    """Stack elements along a new first axis, padded to a common shape; unknown sizes are `unknown`, or the largest."""

    def join(shape: Any, fill: Any, *leaves: Any) -> Any:
        arrays = arrays_of_leaves(leaves)
        wanted = [None] * arrays[0].ndim if shape is None else [None if n in (None, -1) else int(n) for n in shape]
        largest = [max(a.shape[i] for a in arrays) if unknown is None else unknown for i in range(arrays[0].ndim)]
        sizes = [most if n is None else n for most, n in zip(largest, wanted, strict=True)]
        empty = b"" if arrays[0].dtype == object else 0
        out = np.full((len(arrays), *sizes), empty if fill is None else host_array(unboxed(fill)), arrays[0].dtype)
        for number, array in enumerate(arrays):
            out[(number, *(slice(n) for n in array.shape))] = array[()]
        return out

    leaves, structure = jax.tree.flatten(group[0])
    each = _per_leaf(
        shapes,
        structure,
        len(leaves),
        lambda v: isinstance(v, list | tuple) and all(n is None or isinstance(n, int) for n in v),
    )
    fills = _per_leaf(values, structure, len(leaves), lambda v: not isinstance(v, dict | tuple))
    columns = zip(*(jax.tree.leaves(e) for e in group), strict=True)
    return jax.tree.unflatten(structure, [join(s, f, *c) for s, f, c in zip(each, fills, columns, strict=True)])


def _per_leaf(given: Any, structure: Any, count: int, is_leaf: Callable[[Any], bool]) -> list[Any]:
    if given is None or (is_leaf(given) and count == 1) or not isinstance(given, dict | tuple | list):
        return [given] * count
    return jax.tree.flatten(given, is_leaf=lambda v: v is None or (v is not given and is_leaf(v)))[0]


def kind_of(spec: TensorSpec | DTypeLike) -> str:
    """The dtype of a spec."""
    return name_of(spec.dtype if isinstance(spec, TensorSpec) else spec)


def typed(element: Tree, dtypes: Nested[DTypeLike]) -> Tree:
    """Convert an element to these dtypes."""
    if isinstance(dtypes, dict):
        return {k: typed(element[k], dtypes[k]) for k in dtypes}
    if isinstance(dtypes, tuple | list):
        return tuple(typed(e, k) for e, k in zip(element, dtypes, strict=True))
    if isinstance(element, RaggedTensor | SparseTensor):
        return element
    return host_array(np.asarray(unboxed(element)), dtypes)
