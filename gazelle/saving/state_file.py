"""The kept state of a training: named arrays and a few words about them, under one checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from gazelle.core.errors import DamagedFileError, message
from gazelle.saving import tensors as tensor_file
from gazelle.saving.atomic import replace_file
from gazelle.saving.tensors import Array, damaged

FORMAT = "gazelle-state"
VERSION = 1
_NO_SUM = "0" * 64


def write_state(path: Any, tensors: Mapping[str, Array], meta: Mapping[str, Any]) -> None:
    """Write the state to `path`, replacing the old one in one step.

    Args:
        tensors: {name: array}; any dtype of NumPy and bfloat16.
        meta: what JSON can hold; NumPy's numbers are taken as Python's.

    >>> write_state("last.state", {"params/w": np.ones(2)}, {"epoch": 3})
    >>> read_state("last.state")
    ({'params/w': array([1., 1.])}, {'epoch': 3})
    """
    arrays = {name: np.asarray(array) for name, array in tensors.items()}
    words = {"format": FORMAT, "version": str(VERSION), "meta": json.dumps(meta, default=plain), "sha256": _NO_SUM}
    header = tensor_file.header_of(arrays, words)
    # The checksum is over every byte of the file, with zeros where it will stand itself.
    digest = hashlib.sha256(header)
    for array in arrays.values():
        digest.update(tensor_file.raw(array))
    mark = f'"sha256":"{_NO_SUM}"'.encode()
    signed = header.replace(mark, mark.replace(_NO_SUM.encode(), digest.hexdigest().encode()), 1)

    def write(file: Any) -> None:
        file.write(signed)
        for array in arrays.values():
            file.write(tensor_file.raw(array))

    replace_file(path, write)


def read_state(path: Any) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays and the words of a kept state.

    Raises:
        DamagedFileError: the file is cut, was changed, or is no kept state.
    """
    name = str(path)
    with open(path, "rb") as file:
        header, entries = tensor_file.read_header(file, name)
        words = entries.pop("__metadata__", {})
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
                message(f"'{name}' has another version", expected=VERSION, got=words.get("version"),
                        mend="Read it with the gazelle that wrote it, or with a newer one.")
            )  # fmt: skip
        given = words.get("sha256", "")
        mark = f'"sha256":"{given}"'.encode()
        digest = hashlib.sha256(header.replace(mark, f'"sha256":"{_NO_SUM}"'.encode(), 1))
        arrays = {}
        for key, entry in tensor_file.in_order(entries):
            arrays[key] = tensor_file.read_array(file, entry, name)
            digest.update(tensor_file.raw(arrays[key]))
    if digest.hexdigest() != given:
        raise damaged(name, "its checksum does not fit its content")
    return arrays, json.loads(words["meta"])


def plain(value: Any) -> Any:
    """NumPy's and JAX's numbers and arrays as what JSON can hold."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(message(f"{value!r} cannot be kept in a state's words", expected="text, numbers, lists, dicts"))
