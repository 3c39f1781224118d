"""Checkpoint files: named arrays and metadata in the safetensors format, under one checksum."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np

from gazelle.core.errors import DamagedFileError, message
from gazelle.core.types import ArrayLike, PathLike, Serialized
from gazelle.saving import safetensors as tensor_file
from gazelle.saving.atomic import FileWriter, read_blocks, replace_file
from gazelle.saving.checksum import Crc32
from gazelle.saving.regular_file import open_file
from gazelle.saving.safetensors import Array, damaged

FORMAT = "gazelle-state"
VERSION = 1
_WEIGHTS = "gazelle-weights"
#: name in the header -> checksum; the first one is written, files of earlier versions have the other
_CHECKSUMS: dict[str, Any] = {"crc32": Crc32, "sha256": hashlib.sha256}

Header = tuple[dict[str, str], dict[str, Any], Any]  # the metadata, the entries of tensors, the checksum so far


def write_state(path: PathLike, tensors: Mapping[str, ArrayLike], meta: Mapping[str, Any], **metadata: str) -> None:
    """Write a checkpoint to `path`, replacing an existing file atomically.

    Args:
        path: the file to write.
        tensors: {name: array}, of any dtype of NumPy or bfloat16.
        meta: values that JSON can hold; NumPy scalars and arrays are converted.
        metadata: strings that `read_metadata` returns without reading the tensors.

    Raises:
        OSError: the file could not be written; the old one is unchanged.

    >>> write_state("last.state", {"params/w": np.ones(2)}, {"epoch": 3})
    >>> read_state("last.state")
    ({'params/w': array([1., 1.])}, {'epoch': 3})
    """
    arrays = {name: np.asarray(array) for name, array in tensors.items()}
    header = {"format": FORMAT, "version": str(VERSION), "meta": json.dumps(meta, default=to_json)}
    _write(path, arrays, header | metadata)


def write_arrays(path: PathLike, tensors: Mapping[str, ArrayLike]) -> None:
    """Write {name: array} as safetensors with a checksum in the metadata, replacing an existing file atomically.

    Args:
        path: the file to write.
        tensors: {name: array}.

    Raises:
        OSError: the file could not be written; the old one is unchanged.

    >>> write_arrays("w.safetensors", {"w": np.ones(2)})
    >>> read_arrays("w.safetensors")
    {'w': array([1., 1.])}
    """
    _write(path, {name: np.asarray(array) for name, array in tensors.items()}, {"format": _WEIGHTS})


def read_arrays(path: PathLike) -> dict[str, Array]:
    """Read a safetensors file; the checksum is verified where gazelle wrote the file.

    Args:
        path: the file to read.

    Returns:
        {name: array}.

    Raises:
        DamagedFileError: the file is truncated or was changed.
    """
    arrays, metadata = tensor_file.read_tensors(path)
    if metadata.get("format") == _WEIGHTS:
        with open_file(path) as file:
            _, _, checksum = _read_header(file, str(path))
            for array in arrays.values():
                checksum.update(tensor_file.raw(array))
        _verify(checksum, metadata, str(path))
    return arrays


def _write(path: PathLike, arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
    """Write a file whose checksum covers every byte, with zeros in place of the checksum itself."""
    header = tensor_file.header_of(arrays, {**metadata, "crc32": "0" * 8})
    checksum = Crc32(header)
    for array in arrays.values():
        checksum.update(tensor_file.raw(array))
    signed = header.replace(_entry("crc32", "0" * 8), _entry("crc32", checksum.hexdigest()), 1)

    def write(file: FileWriter) -> None:
        file.write(signed)
        for array in arrays.values():
            file.write(tensor_file.raw(array))

    def verify(new: str) -> bool:
        with contextlib.suppress(DamagedFileError):
            return _check(new, _read_header, drop=True)["crc32"] == checksum.hexdigest()
        return False

    replace_file(path, write, verify)


def read_state(path: PathLike) -> tuple[dict[str, Array], dict[str, Any]]:
    """Read a checkpoint.

    Args:
        path: the file to read.

    Returns:
        The tensors by name, and `meta` as given to `write_state`.

    Raises:
        DamagedFileError: the file is truncated, was changed, or is not a checkpoint.
    """
    name = str(path)
    with open_file(path) as file:
        metadata, entries, checksum = _read_checkpoint_header(file, name)
        arrays = {}
        for key, entry in tensor_file.in_order(entries):
            arrays[key] = tensor_file.read_array(file, entry, name)
            checksum.update(tensor_file.raw(arrays[key]))
    _verify(checksum, metadata, name)
    return arrays, _parse_meta(metadata, name)


def check_state(path: PathLike) -> dict[str, str]:
    """Verify the checksum of a checkpoint.

    Args:
        path: the file to read.

    Returns:
        The metadata in its header.

    Raises:
        DamagedFileError: the file is truncated, was changed, or is not a checkpoint.
    """
    return _check(path, _read_checkpoint_header)


def _check(path: PathLike, read: Callable[[BinaryIO, str], Header], drop: bool = False) -> dict[str, str]:
    with open_file(path) as file:
        metadata, _, checksum = read(file, str(path))
        for block in read_blocks(file, drop):
            checksum.update(block)
    _verify(checksum, metadata, str(path))
    return metadata


def read_metadata(path: PathLike) -> dict[str, str]:
    """Read the metadata in the header of a checkpoint; {} for other files."""
    try:
        with open_file(path) as file:
            return _read_checkpoint_header(file, str(path))[0]
    except (OSError, DamagedFileError):
        return {}


def metadata_of(path: PathLike) -> dict[str, Any] | None:
    """Read the `meta` given to `write_state` without the tensors; None if that is impossible."""
    try:
        return _parse_meta(read_metadata(path), str(path))
    except DamagedFileError:
        return None


def _read_checkpoint_header(file: BinaryIO, name: str) -> Header:
    metadata, entries, checksum = _read_header(file, name)
    if metadata.get("format") != FORMAT:
        raise DamagedFileError(
            message(
                f"'{name}' is not a checkpoint",
                expected=f"the format {FORMAT!r}",
                got=metadata.get("format") or "another one",
            )
        )
    if metadata.get("version") != str(VERSION):
        raise DamagedFileError(
            message(
                f"'{name}' has another version",
                expected=VERSION,
                got=metadata.get("version"),
                hint="Read it with the version of gazelle that wrote it, or with a newer one.",
            )
        )
    return metadata, entries, checksum


def _read_header(file: BinaryIO, name: str) -> Header:
    header, entries = tensor_file.read_header(file, name)
    metadata = entries.pop("__metadata__", {})
    kind = next((kind for kind in _CHECKSUMS if kind in metadata), "crc32")
    digits = metadata.get(kind, "")
    unsigned = header.replace(_entry(kind, digits), _entry(kind, "0" * len(digits)), 1)
    return metadata, entries, _CHECKSUMS[kind](unsigned)


def _entry(kind: str, digits: str) -> bytes:
    """The bytes of the checksum's entry in the header."""
    return f'"{kind}":"{digits}"'.encode()


def _verify(checksum: Any, metadata: Mapping[str, str], name: str) -> None:
    if checksum.hexdigest() != metadata.get(checksum.name):
        raise damaged(name, "its checksum does not match its content")


def _parse_meta(metadata: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        meta = json.loads(metadata["meta"])
    except (KeyError, ValueError, RecursionError) as error:
        raise damaged(name, f"its metadata cannot be read, {error}") from error
    if not isinstance(meta, dict):
        raise damaged(name, "its metadata are not a JSON object")
    return meta


def to_json(value: object) -> Serialized:
    """Convert NumPy and JAX scalars and arrays for `json.dumps(default=...)`."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(message(f"{value!r} cannot be saved in a checkpoint", expected="strings, numbers, lists and dicts"))
