"""The kept state of a training: named arrays and a few words about them, under one checksum."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gazelle.core.errors import DamagedFileError, message
from gazelle.saving import safetensors as tensor_file
from gazelle.saving.atomic import replace_file
from gazelle.saving.block_io import blocks
from gazelle.saving.checksum import Crc32
from gazelle.saving.safetensors import Array, damaged

FORMAT = "gazelle-state"
VERSION = 1
_WEIGHTS = "gazelle-weights"
#: name in the header -> checksum; the first one is written, files of earlier versions have the other
_SUMS: dict[str, Any] = {"crc32": Crc32, "sha256": hashlib.sha256}

Begun = tuple[dict[str, str], dict[str, Any], Any]  # the words of a header, the entries, the checksum so far


def write_state(path: Any, tensors: Mapping[str, Array], meta: Mapping[str, Any], **marks: str) -> None:
    """Write the state to `path`, replacing the old one in one step.

    Args:
        tensors: {name: array}; any dtype of NumPy and bfloat16.
        meta: what JSON can hold; NumPy's numbers are taken as Python's.
        marks: words that `marks_of` finds without reading the state.

    >>> write_state("last.state", {"params/w": np.ones(2)}, {"epoch": 3})
    >>> read_state("last.state")
    ({'params/w': array([1., 1.])}, {'epoch': 3})
    """
    arrays = {name: np.asarray(array) for name, array in tensors.items()}
    words = {"format": FORMAT, "version": str(VERSION), "meta": json.dumps(meta, default=plain)}
    _write(path, arrays, words | marks)


def write_arrays(path: Any, tensors: Mapping[str, Array]) -> None:
    """Write {name: array} as safetensors with a checksum among the metadata, replacing the old file in one step.

    >>> write_arrays("w.safetensors", {"w": np.ones(2)})
    >>> read_arrays("w.safetensors")
    {'w': array([1., 1.])}
    """
    _write(path, {name: np.asarray(array) for name, array in tensors.items()}, {"format": _WEIGHTS})


def read_arrays(path: Any) -> dict[str, Array]:
    """{name: array} of a safetensors file, held against its checksum where gazelle wrote it.

    Raises:
        DamagedFileError: the file is cut or was changed.
    """
    arrays, words = tensor_file.read_tensors(path)
    if words.get("format") == _WEIGHTS:
        with open(path, "rb") as file:
            _, _, digest = _begun(file, str(path))
            for array in arrays.values():
                digest.update(tensor_file.raw(array))
        _compare(digest, words, str(path))
    return arrays


def _write(path: Any, arrays: Mapping[str, Array], words: Mapping[str, str]) -> None:
    """The checksum is over every byte of the file, with zeros where it will stand itself."""
    header = tensor_file.header_of(arrays, {**words, "crc32": "0" * 8})
    digest = Crc32(header)
    for array in arrays.values():
        digest.update(tensor_file.raw(array))
    signed = header.replace(_mark("crc32", "0" * 8), _mark("crc32", digest.hexdigest()), 1)

    def write(file: Any) -> None:
        file.write(signed)
        for array in arrays.values():
            file.write(tensor_file.raw(array))

    def whole(new: str) -> bool:
        with contextlib.suppress(DamagedFileError):
            return _check(new, _begun, forget=True)["crc32"] == digest.hexdigest()
        return False

    replace_file(path, write, whole)


def read_state(path: Any) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays and the words of a kept state.

    Raises:
        DamagedFileError: the file is cut, was changed, or is no kept state.
    """
    name = str(path)
    with open(path, "rb") as file:
        words, entries, digest = _opened(file, name)
        arrays = {}
        for key, entry in tensor_file.in_order(entries):
            arrays[key] = tensor_file.read_array(file, entry, name)
            digest.update(tensor_file.raw(arrays[key]))
    _compare(digest, words, name)
    return arrays, _words(words, name)


def check_state(path: Any) -> dict[str, str]:
    """Hold every byte of a kept state against its checksum; returns its marks.

    Raises:
        DamagedFileError: the file is cut, was changed, or is no kept state.
    """
    return _check(path, _opened)


def _check(path: Any, opened: Callable[[Any, str], Begun], forget: bool = False) -> dict[str, str]:
    with open(path, "rb") as file:
        words, _, digest = opened(file, str(path))
        for block in blocks(file, forget):
            digest.update(block)
    _compare(digest, words, str(path))
    return words


def marks_of(path: Any) -> dict[str, str]:
    """The marks of a state by its header alone; nothing for a file that is none."""
    try:
        with open(path, "rb") as file:
            return _opened(file, str(path))[0]
    except (OSError, DamagedFileError):
        return {}


def _opened(file: Any, name: str) -> Begun:
    """The header's words, its entries, and the checksum begun."""
    words, entries, digest = _begun(file, name)
    if words.get("format") != FORMAT:
        raise DamagedFileError(
            message(
                f"'{name}' is not a kept state",
                expected=f"the format {FORMAT!r}",
                got=words.get("format") or "another one",
            )
        )
    if words.get("version") != str(VERSION):
        raise DamagedFileError(
            message(
                f"'{name}' has another version",
                expected=VERSION,
                got=words.get("version"),
                hint="Read it with the gazelle that wrote it, or with a newer one.",
            )
        )
    return words, entries, digest


def _begun(file: Any, name: str) -> Begun:
    header, entries = tensor_file.read_header(file, name)
    words = entries.pop("__metadata__", {})
    kind = next((kind for kind in _SUMS if kind in words), "crc32")
    found = words.get(kind, "")
    return words, entries, _SUMS[kind](header.replace(_mark(kind, found), _mark(kind, "0" * len(found)), 1))


def _mark(kind: str, digits: str) -> bytes:
    """How a checksum stands in the header."""
    return f'"{kind}":"{digits}"'.encode()


def _compare(digest: Any, words: Mapping[str, str], name: str) -> None:
    if digest.hexdigest() != words.get(digest.name):
        raise damaged(name, "its checksum does not fit its content")


def _words(words: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        meta = json.loads(words["meta"])
    except (KeyError, ValueError, RecursionError) as error:
        raise damaged(name, f"its words cannot be read, {error}") from error
    if not isinstance(meta, dict):
        raise damaged(name, "its words are no names with values")
    return meta


def plain(value: Any) -> Any:
    """NumPy's and JAX's numbers and arrays as what JSON can hold."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(message(f"{value!r} cannot be kept in a state's words", expected="text, numbers, lists, dicts"))
