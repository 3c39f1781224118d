"""Whole numbers of 4 bits, two in a byte: the first of a pair is in its low half."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.core.config import ArgumentTypeError
from gazelle.core.errors import ArgumentError, message
from gazelle.ops.base import array


def pack_int4(arr: Any, axis: int = 0, dtype: str = "int8") -> tuple[Any, tuple[int, ...], int]:
    """(bytes, their shape, size of `axis` before): pairs along `axis` in a byte each; a last one alone is with 0.

    Args:
        arr: whole numbers of `dtype` from -8 to 7 (0 to 15 where it is 'uint8').

    >>> packed, shape, size = pack_int4(np.array([[-3, 7], [2, -8], [1, 0]], "int8"))
    >>> packed, shape, size
    (Array([[  45, -121],
           [   1,    0]], dtype=int8), (2, 2), 3)
    """
    _check("pack_int4", arr, dtype, (dtype,))
    x = np.moveaxis(np.asarray(array(arr)).view("uint8"), axis, 0) & 0x0F  # on the host: nothing is compiled for it
    size = len(x)
    x = np.concatenate([x, np.zeros_like(x[: size % 2])])
    packed = np.moveaxis(x[::2] | x[1::2] << 4, 0, axis).view(dtype)
    return jnp.asarray(packed), packed.shape, size


def unpack_int4(packed: Any, orig_len: int, axis: int = 0, dtype: str = "int8") -> Any:
    """What `pack_int4` packed:  (..., ceil(orig_len / 2), ...)  ->  (..., orig_len, ...).

    >>> unpack_int4(np.array([[45, -121], [1, 0]], "int8"), 3)
    Array([[-3,  7],
           [ 2, -8],
           [ 1,  0]], dtype=int8)
    """
    _check("unpack_int4", packed, dtype, ("int8", "uint8"))
    x = jnp.moveaxis(jnp.asarray(array(packed)), axis, 0).astype("uint8")
    x = jnp.stack([x & 0x0F, x >> 4], axis=1).reshape(2 * len(x), *x.shape[1:])[:orig_len]
    x = x.astype(dtype)
    if dtype == "int8":
        x = (x ^ 8) - 8  # 8 to 15 are the negative ones
    return jnp.moveaxis(x, 0, axis)


def _check(owner: str, arr: Any, dtype: str, accepted: tuple[str, ...]) -> None:
    if dtype not in ("int8", "uint8"):
        raise ArgumentError(message(f"dtype of {owner}", expected="'int8' or 'uint8'", got=repr(dtype)))
    if str(arr.dtype) not in accepted:
        raise ArgumentTypeError(message(owner, expected=f"an array of {' or '.join(accepted)}", got=str(arr.dtype)))
