"""Names of dtypes, the default float type, and type promotion."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import conventions
from gazelle.core.errors import ArgumentError, DataError, message, unknown
from gazelle.core.traceback import warn
from gazelle.core.types import DTypeLike

FLOATS = ("bfloat16", "float16", "float32", "float64")
FLOATS_OF_8_BITS = ("float8_e4m3fn", "float8_e5m2")
NAMES = (
    *FLOATS,
    *FLOATS_OF_8_BITS,
    "bool",
    "complex64",
    "complex128",
    *(f"{s}int{b}" for s in ("", "u") for b in (8, 16, 32, 64)),
)
TEXT = "string"  # only for symbolic tensors: arrays of strings are NumPy arrays on the host

_floatx = "float32"
_narrowing = False


def floatx() -> str:
    """Return the default float type: that of new weights and of data without a dtype.

    Returns:
        'bfloat16', 'float16', 'float32' or 'float64'.
    """
    return _floatx


def set_floatx(value: str) -> None:
    """Set the default float type.

    Args:
        value: 'bfloat16', 'float16', 'float32' or 'float64'.

    Raises:
        ArgumentError: If it is another value, or 'float64' without JAX's 64 bits.
    """
    global _floatx
    if value not in FLOATS:
        raise unknown("float type", value, FLOATS)
    _floatx = available(value)


def set_narrowing(value: bool) -> None:
    """Set whether float32 replaces 'float64', with a warning, where JAX has 32 bits. Otherwise that is an error.

    Args:
        value: The setting.
    """
    global _narrowing
    _narrowing = value


def available(dtype: str) -> str:
    """Return the float type to compute in for `dtype`: float64 needs JAX's 64 bits.

    Raises:
        ArgumentError: If it is 'float64' without JAX's 64 bits; with `set_narrowing` the result is 'float32', and with
            `conventions.float64_needs_64_bits` they are switched on.
    """
    if dtype != "float64" or jax.config.jax_enable_x64:
        return dtype
    if conventions.active.float64_needs_64_bits:
        jax.config.update("jax_enable_x64", True)
        return dtype
    hint = 'Write jax.config.update("jax_enable_x64", True) at the start of the program.'
    if not _narrowing:
        raise ArgumentError(message("dtype 'float64'", expected="JAX with 64 bits", got="JAX's default, 32", hint=hint))
    warn(f"dtype 'float64' is computed as float32, since JAX has 32 bits by default.\n{hint}")
    return "float32"


def standardize(dtype: DTypeLike | None) -> str:
    """Return the name of a dtype.

    Args:
        dtype: A name, a dtype of NumPy or JAX, or a type of Python; None is the default float type.

    Returns:
        A name such as 'float32'; 'string' for text.

    Raises:
        ArgumentError: If it is no dtype.
    """
    if dtype is None:
        return floatx()
    name = dtype if isinstance(dtype, str) else getattr(dtype, "name", None)
    if name is None:
        try:
            name = jnp.dtype(dtype).name
        except TypeError:
            raise unknown("dtype", dtype, NAMES) from None
    name = {"float": floatx(), "int": "int32"}.get(name, name)
    if name in NAMES:
        return str(name)
    if name == TEXT or _is_text(dtype):
        return TEXT
    raise unknown("dtype", dtype, NAMES)


def _is_text(dtype: Any) -> bool:
    """Whether it is a NumPy dtype of strings, bytes or objects."""
    try:
        return np.dtype(dtype).kind in "USO"
    except TypeError:
        return False


def is_float(dtype: DTypeLike) -> bool:
    """Return whether a dtype is a real floating-point type, bfloat16 included.

    Args:
        dtype: A dtype.

    Returns:
        A boolean.
    """
    return dtype != TEXT and bool(jnp.issubdtype(dtype, jnp.floating))


def is_int(dtype: DTypeLike) -> bool:
    """Return whether a dtype is an integer type, signed or unsigned; bool is not.

    Args:
        dtype: A dtype.

    Returns:
        A boolean.
    """
    return dtype != TEXT and bool(jnp.issubdtype(dtype, jnp.integer))


def result_type(*dtypes: DTypeLike) -> str:
    """Return the dtype of an operation on values of several dtypes, by JAX's promotion rules.

    Python's `int` and `float` adapt to the arrays. Without JAX's 64 bits the result has at most 32.

    Args:
        *dtypes: Dtypes, or the types `int` and `float` for Python numbers.

    Returns:
        A name such as 'float32'.

    Example:
        >>> result_type("int32", "float16"), result_type("bfloat16", "float16"), result_type("int8", float)
        ('float16', 'float32', 'float32')
    """
    arrays = [standardize(dtype) for dtype in dtypes if dtype not in (int, float)]
    out = functools.reduce(lambda a, b: jnp.promote_types(a, b).name, arrays, "bool")
    if (float in dtypes and not is_float(out) and out[:7] != "complex") or not dtypes:
        return floatx()
    return "int32" if int in dtypes and out == "bool" else device_dtype(out).name


def has_range_of(array: np.ndarray[Any, Any], dtype: DTypeLike | None = None) -> bool:
    """Return whether integers of 64 bits fit into another dtype; False if one does not, True for other arrays.

    Args:
        array: An array of the host.
        dtype: The other dtype; None is that of the array on the device.
    """
    if array.dtype.kind not in "iu" or array.dtype.itemsize < 8 or not array.size:
        return True
    other = device_dtype(array.dtype if dtype is None else dtype)
    limits = np.iinfo(other) if other.kind in "iu" else np.iinfo(array.dtype)
    return bool(limits.min <= array.min() and array.max() <= limits.max)


def check_range(what: str, array: np.ndarray[Any, Any], dtype: DTypeLike | None = None) -> None:
    """Check that integers of 64 bits fit into the array that they become; other arrays pass.

    Args:
        what: Name of the array in errors.
        array: An array of the host.
        dtype: Dtype of its copy; None is that of the device.

    Raises:
        DataError: One does not.
    """
    if has_range_of(array, dtype):
        return
    limits = np.iinfo(device_dtype(array.dtype if dtype is None else dtype))
    raise DataError(
        message(
            what,
            expected=f"integers from {limits.min} to {limits.max}",
            got=int(array.max() if array.max() > limits.max else array.min()),
            hint="Renumber ids from 0, for example with np.unique(ids, return_inverse=True); "
            "make amounts and times floats.",
        )
    )


def array_dtype(dtype: DTypeLike | None) -> str:
    """Return the name of the dtype of a new array: integers have 32 bits where JAX has no 64.

    Args:
        dtype: A dtype; None is the default float type.

    Returns:
        A name. Floats keep theirs, so that JAX warns about the lost precision.
    """
    name = standardize(dtype)
    return device_dtype(name).name if name in ("int64", "uint64") else name


def device_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return the dtype that an array of `dtype` has on the device: without JAX's 64 bits those become 32.

    Args:
        dtype: A dtype.

    Returns:
        A dtype of NumPy.
    """
    return np.dtype(jax.dtypes.canonicalize_dtype(dtype))
