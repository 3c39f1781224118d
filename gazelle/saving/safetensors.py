"""The safetensors format: a JSON header with names, dtypes and offsets, then the data; nothing is executable."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, BinaryIO

import jax.numpy as jnp
import numpy as np

from gazelle.core.errors import DamagedFileError, message
from gazelle.core.types import PathLike
from gazelle.saving.regular_file import open_file

Array = np.ndarray[Any, Any]

#: names of dtypes in the format -> NumPy's
DTYPES = {
    "BOOL": np.dtype("bool"),
    "C64": np.dtype("complex64"),
    "F64": np.dtype("float64"),
    "F32": np.dtype("float32"),
    "F16": np.dtype("float16"),
    "BF16": jnp.dtype("bfloat16"),
    "F8_E4M3": jnp.dtype("float8_e4m3fn"),
    "F8_E5M2": jnp.dtype("float8_e5m2"),
    **{f"{s}{8 * n}": np.dtype(f"{k}{n}") for s, k in (("I", "i"), ("U", "u")) for n in (1, 2, 4, 8)},
}
_CODES = {dtype: code for code, dtype in DTYPES.items()}
_MAX_HEADER = 100_000_000


def header_of(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
    """The bytes before the data of tensors that follow in this order.

    Args:
        tensors: {name: array}.
        metadata: strings by name.

    Raises:
        TypeError: the format has no name for a dtype.
    """
    entries: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name, array in tensors.items():
        start, end = end, end + array.nbytes
        if array.dtype not in _CODES:
            raise TypeError(message(f"Tensor '{name}'", expected=f"a dtype of {list(_CODES)}", got=array.dtype))
        entries[name] = {"dtype": _CODES[array.dtype], "shape": list(array.shape), "data_offsets": [start, end]}
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the data begin at a multiple of 8
    return len(text).to_bytes(8, "little") + text


def raw(array: Array) -> memoryview:
    """The bytes of an array, without a copy where it is contiguous."""
    return memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8))


def read_header(file: BinaryIO, path: str) -> tuple[bytes, dict[str, Any]]:
    """Read the header and check it against the size of the file; the data are not read.

    Args:
        file: an open binary file.
        path: its path, for errors.

    Returns:
        The bytes of the header, and its entries by name.

    Raises:
        DamagedFileError: the header cannot be read, or does not match the size of the file.
    """
    size = os.fstat(file.fileno()).st_size
    prefix = file.read(8)
    length = int.from_bytes(prefix, "little")
    if len(prefix) < 8 or length > min(size - 8, _MAX_HEADER):
        raise damaged(path, "its header is longer than the file")
    text = file.read(length)
    try:
        entries = json.loads(text, object_pairs_hook=_no_duplicates)
        metadata = entries.get("__metadata__", {})
        is_text = all(isinstance(v, str) for v in metadata.values())
    except (ValueError, RecursionError, AttributeError) as error:
        raise damaged(path, f"its header cannot be read, {error}") from error
    if not is_text:
        raise damaged(path, "its metadata are not strings")
    _check_offsets({k: v for k, v in entries.items() if k != "__metadata__"}, size - 8 - length, path)
    return prefix + text, entries


def read_array(file: BinaryIO, entry: Mapping[str, Any], path: str) -> Array:
    """Read the next tensor of the file."""
    array = np.empty(tuple(entry["shape"]), DTYPES[entry["dtype"]])
    if array.nbytes and file.readinto(raw(array)) != array.nbytes:  # type: ignore[attr-defined]
        raise damaged(path, "it ends too early")
    return array


def read_tensors(path: PathLike) -> tuple[dict[str, Array], dict[str, str]]:
    """Read a safetensors file: {name: array} and the metadata.

    Raises:
        DamagedFileError: the file is truncated or inconsistent.
    """
    with open_file(path) as file:
        _, entries = read_header(file, str(path))
        metadata = entries.pop("__metadata__", {})
        return {name: read_array(file, entry, str(path)) for name, entry in in_order(entries)}, metadata


def in_order(entries: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The entries of the tensors in the order of their data."""
    return sorted(
        ((k, v) for k, v in entries.items() if k != "__metadata__"), key=lambda e: tuple(e[1]["data_offsets"])
    )


def damaged(path: str, why: str) -> DamagedFileError:
    """The error for a damaged file."""
    return DamagedFileError(message(f"'{path}' is damaged: {why}", hint="Load an older file, or train and save again."))


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a name occurs twice")
    return out


def _check_offsets(entries: Mapping[str, Any], size: int, path: str) -> None:
    """Each tensor begins where the previous one ends and has the size of its shape; the last one ends the file."""
    try:
        offset = 0
        for _, entry in in_order(entries):
            start, end = entry["data_offsets"]
            shape, dtype = entry["shape"], DTYPES[entry["dtype"]]
            valid = all(type(n) is int and n >= 0 for n in [start, end, *shape])
            needed = dtype.itemsize
            for n in shape:
                needed *= n
            if not valid or start != offset or end - start != needed:
                raise ValueError("the offsets of its tensors do not match their shapes")
            offset = end
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, f"an entry of its header is wrong ({error})") from error
    if offset != size:
        raise damaged(path, f"its header declares {offset} bytes of data, the file contains {size}")
