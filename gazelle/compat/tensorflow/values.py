"""Conversion of values to NumPy arrays with the dtypes of TensorFlow."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.core.errors import ArgumentError, message


def host_array(value: Any, dtype: Any = None) -> Any:
    """A NumPy array with the dtypes of TensorFlow: Python floats are float32, integers int32, strings bytes."""
    if hasattr(value, "to_numpy"):  # a data frame or a column
        value = value.to_numpy()
    array = np.asarray(value)
    if array.dtype.kind == "S":  # an array of dtype S would lose trailing zero bytes
        array = np.asarray(value, object)
    if array.dtype.kind in "USO":
        if array.dtype == object and array.size and not isinstance(array.flat[0], str | bytes):
            try:
                return host_array(array.astype(np.float32), dtype)
            except (TypeError, ValueError) as error:
                expected = "numbers or strings, with all rows of equal length"
                raise ArgumentError(message("A tensor", expected=expected, got=repr(value)[:60])) from error
        encoded = np.empty(array.shape, object)
        encoded.flat = [v.encode() if isinstance(v, str) else bytes(v) for v in array.flat]
        return encoded
    if dtype is not None:
        return array.astype(jnp.dtype(name_of(dtype)))
    if not isinstance(value, np.ndarray | np.generic):
        if array.dtype == np.float64:
            return array.astype(np.float32)
        if array.dtype == np.int64 and (not array.size or np.abs(array).max() < 2**31):
            return array.astype(np.int32)
    return array
