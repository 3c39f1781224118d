"""Conversion of data to arrays: data frames, lists and tensors to NumPy, 64 bits to 32; strings are refused."""

from __future__ import annotations

import dataclasses
import datetime
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from gazelle import ops
from gazelle.core import dtypes
from gazelle.core.argument_types import checks_arguments
from gazelle.core.errors import ArgumentError, DataError, SymbolicError, message
from gazelle.core.types import ArrayLike, Data, Nested, Tree
from gazelle.data.frames import from_frame, is_frame, note_columns
from gazelle.data.rows import LazyRows, as_rows, is_sliceable, narrow, unmasked


def as_arrays(what: str, data: Data | None, lazy: bool = False) -> Tree:
    """Convert every leaf of `data` to an array; lists of arrays, tuples and dicts keep their structure.

    All data of a user passes through this function, whichever method it is given to.

    Args:
        what: name of the data in errors.
        data: arrays, data frames, lists of numbers, or structures of them.
        lazy: leave data in files, and sparse matrices, to be read by batches, as `LazyRows`.

    Returns:
        The structure with arrays of NumPy or JAX; None for None.

    Raises:
        DataError: the data are not numbers, have rows of unequal length, masked values, or integers beyond 32 bits.
    """
    if data is None:
        return None
    if isinstance(data, Element):
        return Element(as_arrays(what, data.value, lazy))
    if isinstance(data, dict):
        return {key: as_arrays(f"{what}[{key!r}]", value, lazy) for key, value in data.items()}
    if isinstance(data, (list, tuple)) and any(map(_is_array, data)) and all(v is None or _is_array(v) for v in data):
        items = [as_arrays(f"{what}[{i}]", item, lazy) for i, item in enumerate(data)]
        return sequence_like(data, items)
    return _as_array(what, data, lazy)


def sequence_like(given: Sequence[Any], items: list[Any]) -> Sequence[Any]:
    """Return the items in a sequence of the kind of another one, which may be a named tuple.

    Args:
        given: A list or a tuple.
        items: What the result has in it.

    Returns:
        A list or a tuple.
    """
    if hasattr(given, "_fields"):
        return type(given)._make(items)  # type: ignore[attr-defined]
    return tuple(items) if isinstance(given, tuple) else items


def _is_array(value: Any) -> bool:
    return (
        getattr(value, "ndim", 0) >= 1
        or (isinstance(value, (list, tuple)) and any(map(_is_array, value)))
        or (isinstance(value, dict) and any(map(_is_array, value.values())))
        or is_sliceable(value)
        or is_frame(value)
    )


def _as_array(what: str, value: Any, lazy: bool) -> Any:
    if isinstance(value, jax.Array):
        return value
    value = unmasked(what, value)
    if is_frame(value):
        array = _of_numbers(what, from_frame(what, value), lazy)
        note_columns(array, value)
        return array
    if type(value).__module__.split(".")[0] == "torch" and hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    return _of_numbers(what, value, lazy)


def _of_numbers(what: str, value: Any, lazy: bool) -> Any:
    rows = as_rows(what, value) if lazy or not isinstance(value, np.ndarray) else None
    if rows is not None:
        if not _is_numeric(rows.stored):
            raise _not_numbers(what, rows.stored, np.asarray(value[0:1]))
        return rows if lazy else rows[:]
    try:
        array = np.asarray(value)
    except SymbolicError:
        raise
    except (ValueError, TypeError) as error:
        raise DataError(
            message(
                what,
                expected="numbers in rows of equal length",
                got=f"a ragged {type(value).__name__}",
                hint=_PAD,
            )
        ) from error
    if not _is_numeric(array.dtype):
        raise _not_numbers(what, array.dtype, array)
    dtype = narrow(array.dtype)
    if array.dtype == dtype:
        return array
    dtypes.check_range(what, array, "int32")
    return array.astype(dtype)


_PAD = "Pad the rows to one length, for instance with zeros."


def _is_numeric(dtype: np.dtype[Any]) -> bool:
    return dtype.kind not in "USOTmM" and dtype.type is not np.void  # bfloat16 is of kind V, too


def _not_numbers(what: str, dtype: np.dtype[Any], array: Any) -> DataError:
    """The error for strings, dates and objects, with the first value that is not a number."""
    some = array.ravel()[:1000].astype(object)
    others = [v for v in some if not isinstance(v, numbers.Number)]
    example = others[0] if others else some[0] if len(some) else None
    if dtype.kind in "mM" or isinstance(example, (datetime.date, datetime.timedelta)):
        hint = "Convert dates to numbers, for example days: (x - x.min()) / np.timedelta64(1, 'D')."
    elif not others:
        hint = f"Convert the dtype: {what}.astype('float32')."
    elif isinstance(example, (list, tuple, np.ndarray)):  # rows as objects, such as a column of lists
        equal = len({np.size(v) if isinstance(v, np.ndarray) else len(v) for v in others if hasattr(v, "__len__")}) == 1
        hint = f"Stack the rows: np.stack(list({what}))." if equal else _PAD
    elif array.ndim == 0 and str(example).isidentifier():
        hint = f"A name is no data: pass the column itself, such as frame[{str(example)!r}]."
    elif array.ndim == 0:
        hint = "Read the file first, for example with gazelle.utils.load_img, np.loadtxt or pandas.read_csv."
    elif what.startswith("y") or "_y" in what:
        hint = "Convert class names to integers: classes, y = np.unique(y, return_inverse=True)."
    else:
        hint = "Convert text to numbers first, for example with StringLookup; drop or fill missing values."
    return DataError(message(what, expected="numbers", got=f"dtype {dtype} with {example!r}", hint=hint))


def check_lengths(named: Mapping[str, Any], hint: str = "") -> int:
    """Check that all arrays have the same number of samples, at least one.

    Args:
        named: {name in errors: arrays}.
        hint: what else may be wrong.

    Returns:
        The number of samples.

    Raises:
        DataError: the numbers differ, there are none, or an array has no axis.
    """
    sizes: dict[str, int] = {}
    for what, tree in named.items():
        for path, leaf in jax.tree.leaves_with_path(tree):
            if not getattr(leaf, "ndim", 0):
                raise DataError(
                    message(what, expected="an array with one row per sample", got="a single number", hint=hint)
                )
            sizes.setdefault(what, leaf.shape[0])
            if leaf.shape[0] != next(iter(sizes.values())):
                first, which = next(iter(sizes)), f"{what}{jax.tree_util.keystr(path)}"
                raise DataError(
                    message(
                        "The arrays have different numbers of samples",
                        expected=f"{sizes[first]} as in {first}",
                        got=f"{leaf.shape[0]} in {which}",
                        hint=f"There must be one label (and one weight) for each row of x. {hint}".rstrip(),
                    )
                )
    count = next(iter(sizes.values()), 0)
    if count == 0:
        raise DataError(message(next(iter(named)), expected="at least one sample", got="none"))
    return int(count)


def split(data: Tree, fraction: float, start: bool) -> tuple[Any, Any]:
    """Split off a fraction of the samples, before shuffling.

    Args:
        data: arrays with the same number of samples.
        fraction: the fraction to split off, between 0 and 1.
        start: take it from the start instead of the end.

    Returns:
        The remaining samples, and those split off.

    Raises:
        ArgumentError: one of the two would be empty.
    """
    if not 0 < fraction < 1:
        raise ArgumentError(message("validation_split", expected="a fraction between 0 and 1", got=fraction))
    count = jax.tree.leaves(data)[0].shape[0]
    size = count - int(count * (1 - fraction))
    if size == 0 or size == count:
        raise ArgumentError(
            message(
                f"validation_split={fraction} of {count} samples",
                expected="at least one sample on each side",
                got=f"{count - size} for training and {size} for validation",
                hint="Pass validation_data=(x, y), or another fraction.",
            )
        )
    cut = size if start else count - size

    def part(low: int, high: int) -> Any:
        return jax.tree.map(lambda a: a.part(low, high) if isinstance(a, LazyRows) else a[low:high], data)

    first, second = part(0, cut), part(cut, count)
    return (second, first) if start else (first, second)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Element:
    """An element of a dataset that is no (x, y, weight): a custom step receives it as it is."""

    value: tuple[Any, ...]


def unpack_x_y_sample_weight(data: object) -> tuple[Any, Any, Any]:
    """Split a batch of a dataset into its three parts.

    Args:
        data: x, (x,), (x, y) or (x, y, sample_weight).

    Returns:
        (x, y, sample_weight), with None for missing parts.

    Raises:
        DataError: there are more parts.

    >>> unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    parts = tuple(data) if isinstance(data, list) else data if isinstance(data, tuple) else (data,)
    if not 1 <= len(parts) <= 3:
        raise DataError(message("A batch", expected="(x,), (x, y) or (x, y, weight)", got=f"{len(parts)} parts"))
    x, y, weight = (*parts, None, None)[:3]
    return x, y, weight


def pack_x_y_sample_weight(
    x: Nested[ArrayLike], y: Nested[ArrayLike] | None = None, sample_weight: Nested[ArrayLike] | None = None
) -> Nested[ArrayLike] | tuple[Any, ...]:
    """Combine the parts of a batch, without those that are None.

    Args:
        x: the inputs.
        y: the labels.
        sample_weight: the weights of samples.

    Returns:
        (x, y, sample_weight), (x, y), or x; a list or tuple x without labels becomes (x,).

    >>> pack_x_y_sample_weight(1, 2)
    (1, 2)
    """
    if isinstance(x, Element):
        return x.value
    if y is None:
        return (x,) if isinstance(x, list | tuple) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


@checks_arguments
def normalize(x: ArrayLike, axis: int = -1, order: float = 2) -> np.ndarray[Any, Any] | jax.Array:
    """Divide by the norm along an axis:  x / ||x||.

    Args:
        x: an array.
        axis: the axis.
        order: the order of the norm.

    Returns:
        An array of the same shape; vectors of norm 0 are unchanged.

    >>> normalize(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]])
    """
    if not isinstance(x, np.ndarray):
        normalized: jax.Array = ops.normalize(x, axis=axis, order=order)
        return normalized
    if isinstance(axis, int) and not -x.ndim <= axis < x.ndim:
        raise ArgumentError(message("axis of normalize", expected=f"an axis of an array of shape {x.shape}", got=axis))
    norm = np.linalg.norm(x, order, axis, keepdims=True)
    out: np.ndarray[Any, Any] = x / np.where(norm == 0, 1, norm)
    return out
