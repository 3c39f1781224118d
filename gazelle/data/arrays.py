"""Data as arrays: data frames, lists and foreign tensors become NumPy, 64 bits become 32, strings are refused."""

from __future__ import annotations

import datetime
import numbers
import sys
from typing import Any

import jax
import numpy as np

from gazelle.core import dtypes
from gazelle.core.errors import ArgumentError, DataError, message


def as_arrays(what: str, data: Any) -> Any:
    """`data` with every leaf an array; lists of arrays, tuples and dicts stay the structure they are."""
    if data is None:
        return None
    if isinstance(data, dict):
        return {key: as_arrays(f"{what}[{key!r}]", value) for key, value in data.items()}
    if isinstance(data, (list, tuple)) and data and all(_is_array(item) for item in data):
        return [as_arrays(f"{what}[{i}]", item) for i, item in enumerate(data)]
    return _as_array(what, data)


def _is_array(value: Any) -> bool:
    return getattr(value, "ndim", 0) >= 1 or (isinstance(value, (list, tuple)) and any(map(_is_array, value)))


def _as_array(what: str, value: Any) -> Any:
    if isinstance(value, jax.Array):
        return value
    value = _from_frame(value)
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DataError(
            message(
                what,
                expected="numbers in rows of equal length",
                got=f"a ragged {type(value).__name__}",
                hint="Pad the rows to one length, for instance with zeros.",
            )
        ) from error
    if array.dtype.kind in "USOmM" or array.dtype.type is np.void:  # bfloat16 is of kind V, too
        raise _no_numbers(what, array)
    if isinstance(array, np.memmap):  # read in chunks while it is used; 64 bits are narrowed there
        return array
    if array.dtype == np.float64:
        return array.astype(narrow(array.dtype))
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        if array.size and (array.max() > np.iinfo(np.int32).max or array.min() < np.iinfo(np.int32).min):
            raise DataError(
                message(
                    what,
                    expected="whole numbers below 2**31",
                    got=int(array.max()),
                    hint="Number the ids from 0, for instance by np.unique(ids, return_inverse=True).",
                )
            )
        return array.astype(narrow(array.dtype))
    return array


def _no_numbers(what: str, array: Any) -> DataError:
    """The error for text, dates and objects, with the first value that is no number."""
    some = array.ravel()[:1000].astype(object)
    others = [v for v in some if not isinstance(v, numbers.Number)]
    example = others[0] if others else some[0] if len(some) else None
    if array.dtype.kind in "mM" or isinstance(example, (datetime.date, datetime.timedelta)):
        hint = "Turn dates into numbers, for instance days: (x - x.min()) / np.timedelta64(1, 'D')."
    elif not others:
        hint = f"The dtype alone stands in the way: {what}.astype('float32')."
    elif array.ndim == 0:
        hint = "Read the file first, for instance by gazelle.utils.load_img, np.loadtxt or pandas.read_csv."
    elif what.startswith("y") or "_y" in what:
        hint = "Turn class names into numbers: classes, y = np.unique(y, return_inverse=True)."
    else:
        hint = "Turn text into numbers first, for instance by a vocabulary; drop or fill missing values."
    return DataError(message(what, expected="numbers", got=f"dtype {array.dtype} with {example!r}", hint=hint))


def narrow(dtype: Any) -> np.dtype[Any]:
    """The dtype in which samples are computed with: the default float for float64, 32 bits for whole numbers of 64."""
    if dtype == np.float64:
        return np.dtype(dtypes.floatx())
    return np.dtype(np.int32) if dtype.kind in "iu" and dtype.itemsize == 8 else np.dtype(dtype)


def _from_frame(value: Any) -> Any:
    """Columns of a data frame (pandas, polars, pyarrow ...) as one array. Told by module, never by importing one."""
    module = type(value).__module__.split(".")[0]
    if module in ("pandas", "polars", "pyarrow", "modin", "cudf") and module in sys.modules:
        import narwhals

        frame = narwhals.from_native(value, allow_series=True, pass_through=True)
        return frame.to_numpy() if hasattr(frame, "to_numpy") else value
    if module == "torch" and hasattr(value, "detach"):
        return value.detach().cpu().numpy()
    return value


def check_lengths(named: dict[str, Any]) -> int:
    """The number of samples; all arrays must agree and hold at least one."""
    sizes: dict[str, int] = {}
    for what, tree in named.items():
        for place, leaf in jax.tree.leaves_with_path(tree):
            if not getattr(leaf, "ndim", 0):
                raise DataError(message(what, expected="an array with one row per sample", got="a single number"))
            sizes.setdefault(what, leaf.shape[0])
            if leaf.shape[0] != next(iter(sizes.values())):
                first, which = next(iter(sizes)), f"{what}{jax.tree_util.keystr(place)}"
                raise DataError(
                    message(
                        "The arrays have different numbers of samples",
                        expected=f"{sizes[first]} as in {first}",
                        got=f"{leaf.shape[0]} in {which}",
                        hint="One label (and one weight) belongs to each row of x.",
                    )
                )
    count = next(iter(sizes.values()), 0)
    if count == 0:
        raise DataError(message(next(iter(named)), expected="at least one sample", got="none"))
    return int(count)


def split(data: Any, fraction: float, start: bool) -> tuple[Any, Any]:
    """(rest, part): `fraction` of the rows are set apart, from the start or the end, before any shuffling."""
    if not 0 < fraction < 1:
        raise ArgumentError(message("validation_split", expected="a share between 0 and 1", got=fraction))
    count = jax.tree.leaves(data)[0].shape[0]
    size = count - int(count * (1 - fraction))
    if size == 0 or size == count:
        raise ArgumentError(
            message(
                f"validation_split={fraction} of {count} samples",
                expected="a sample on each side",
                got=f"{count - size} for training and {size} for validation",
                hint="Give validation_data=(x, y), or another share.",
            )
        )
    cut = size if start else count - size
    first, second = jax.tree.map(lambda a: a[:cut], data), jax.tree.map(lambda a: a[cut:], data)
    return (second, first) if start else (first, second)
