"""Names of dtypes, the default float type, and the rules by which two dtypes meet."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core.errors import ArgumentError, message, unknown

FLOATS = ("bfloat16", "float16", "float32", "float64")
NAMES = (*FLOATS, "bool", "complex64", "complex128", *(f"{s}int{b}" for s in ("", "u") for b in (8, 16, 32, 64)))
TEXT = "string"  # of symbolic tensors alone: arrays of strings are NumPy's and stay on the host

_floatx = "float32"


def floatx() -> str:
    """The float type of new weights and of data that comes without one."""
    return _floatx


def set_floatx(value: str) -> None:
    """Set the default float type: 'bfloat16', 'float16', 'float32' or 'float64'."""
    global _floatx
    if value not in FLOATS:
        raise unknown("float type", value, FLOATS)
    require_x64(value)
    _floatx = value


def require_x64(dtype: str) -> None:
    """An error for 'float64' where JAX would make float32 of it."""
    if dtype == "float64" and not jax.config.jax_enable_x64:
        raise ArgumentError(
            message(
                "dtype 'float64'",
                expected="JAX with 64 bits",
                got="JAX as it starts, with 32",
                hint='Write jax.config.update("jax_enable_x64", True) at the start of the program.',
            )
        )


def standardize(dtype: Any) -> str:
    """The name of a dtype however it was written; None is the default float type."""
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
    """True for NumPy's strings, bytes and objects."""
    try:
        return np.dtype(dtype).kind in "USO"
    except TypeError:
        return False


def is_float(dtype: Any) -> bool:
    """True for every real floating type, bfloat16 included."""
    return dtype != TEXT and bool(jnp.issubdtype(dtype, jnp.floating))


def is_int(dtype: Any) -> bool:
    """True for every whole type, signed or not; not for bool."""
    return dtype != TEXT and bool(jnp.issubdtype(dtype, jnp.integer))


def result_type(*dtypes: Any) -> str:
    """The dtype in which values of these dtypes meet, by JAX's lattice; Python's `int` and `float` follow arrays.

    Without JAX's 64 bits it has 32 at most.

    >>> result_type("int32", "float16"), result_type("bfloat16", "float16"), result_type("int8", float)
    ('float16', 'float32', 'float32')
    """
    arrays = [standardize(dtype) for dtype in dtypes if dtype not in (int, float)]
    out = functools.reduce(lambda a, b: jnp.promote_types(a, b).name, arrays, "bool")
    if (float in dtypes and not is_float(out) and out[:7] != "complex") or not dtypes:
        return floatx()
    return "int32" if int in dtypes and out == "bool" else device_dtype(out).name


def device_dtype(dtype: Any) -> np.dtype[Any]:
    """The dtype that an array of `dtype` has once it is on the device (64 bits become 32 without x64)."""
    return np.dtype(jax.dtypes.canonicalize_dtype(dtype))
