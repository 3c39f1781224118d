"""Sharded weights: several files of limited size and an index in JSON, the `.weights.json` of Keras 3."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.errors import ArgumentError, DamagedFileError, UnsafeFileError, message
from gazelle.core.types import DTypeLike, PathLike
from gazelle.saving import config as configs
from gazelle.saving import hdf5, keras_weights
from gazelle.saving.atomic import FileWriter, replace_file
from gazelle.saving.regular_file import open_file
from gazelle.saving.safetensors import Array, damaged

if TYPE_CHECKING:
    from gazelle.models import Model

_NAME = re.compile(r"[\w.-]*_\d{5}(-[0-9a-f]{12})?\.weights\.h5")
_MAX_SHARDS = 100_000


def save(model: Model, filepath: PathLike, gigabytes: float) -> None:
    """Write all weights into files of at most `gigabytes` GiB each, then the index.

    New files have unique names and the index is replaced last, so after a crash either the old or the new weights are
    complete. `<name>_00000.weights.h5` is empty: Keras opens it first, regardless of the index.

    Args:
        model: a built model.
        filepath: the path of the index, or of a `.weights.h5` file.
        gigabytes: the maximum size of a file.

    Raises:
        ArgumentError: a single array is larger.
        OSError: the files could not be written; the old weights are unchanged.
    """
    path = os.fspath(filepath)
    path = path if path.endswith(".json") else re.sub(r"\.h5$", "", path) + ".json"
    stem = re.sub(r"(\.weights)?\.json$", "", os.path.basename(path))
    folder = os.path.dirname(os.path.abspath(path))
    previous = _existing_shards(path)
    arrays, names = keras_weights.arrays_of(model)
    weight_map: dict[str, list[str]] = {}
    checksums: dict[str, str] = {}
    for number, content in enumerate(_split(arrays, int(gigabytes * 2**30)), start=1):
        groups = {group: name for group, name in names.items() if any(p.startswith(f"{group}/") for p in content)}
        data = hdf5.file_of(content, groups)
        digest = hashlib.sha256(data).hexdigest()
        shard = f"{stem}_{number:05}-{digest[:12]}.weights.h5"
        replace_file(os.path.join(folder, shard), functools.partial(_write_bytes, data))
        checksums[shard] = digest
        for group in dict.fromkeys(p.rpartition("/")[0] for p in content):
            weight_map.setdefault(f"/{group}", []).append(shard)
    total = sum(a.nbytes for a in arrays.values())
    index = {
        "metadata": {"total_size": float(total), "sha256": checksums},
        "weight_map": {group: v[0] if len(v) == 1 else v for group, v in weight_map.items()},
    }
    replace_file(path, lambda file: file.write(json.dumps(index, indent=4).encode()))
    empty, first = hdf5.file_of({}, {}), f"{stem}_00000.weights.h5"
    replace_file(os.path.join(folder, first), lambda file: file.write(empty))
    for shard in previous - set(checksums) - {first}:
        with contextlib.suppress(OSError):
            os.remove(os.path.join(folder, shard))


def _write_bytes(data: bytes, file: FileWriter) -> None:
    file.write(data)


def _split(arrays: Mapping[str, Array], limit: int) -> Iterator[dict[str, Array]]:
    shard: dict[str, Array] = {}
    size = 0
    for path, array in arrays.items():
        if array.nbytes > limit:
            raise ArgumentError(
                message(
                    f"max_shard_size: '{path}' alone has {array.nbytes:,} bytes",
                    expected=f"at most {limit:,}",
                    hint="Pass a larger max_shard_size (in GiB).",
                )
            )
        if shard and size + array.nbytes > limit:
            yield shard
            shard, size = {}, 0
        shard[path] = array
        size += array.nbytes
    yield shard


def _existing_shards(path: str) -> set[str]:
    """The files named by the current index at `path`; they are removed after it is replaced."""
    try:
        with open_file(path) as file:
            return set(_shard_names(configs.parse(file.read(2**25), path), path)[0]) - {""}
    except (OSError, DamagedFileError, UnsafeFileError):
        return set()


def _shard_names(index: dict[str, Any], path: str) -> tuple[list[str], dict[str, str]]:
    """The names of the files, and their checksums where gazelle wrote them."""
    weight_map = index.get("weight_map")
    metadata = index.get("metadata")
    checksums = metadata.get("sha256", {}) if isinstance(metadata, dict) else {}
    if not isinstance(weight_map, dict) or not isinstance(checksums, dict):
        raise damaged(path, "it has no weight_map")
    names: dict[str, None] = {}
    for shards in weight_map.values():
        for name in shards if isinstance(shards, list) else [shards]:
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise UnsafeFileError(
                    message(
                        f"'{path}' is refused", expected="names such as model_00001.weights.h5", got=repr(name)[:80]
                    )
                )
            names[name] = None
    if len(names) > _MAX_SHARDS:
        raise UnsafeFileError(message(f"'{path}' is refused", expected=f"at most {_MAX_SHARDS} files", got=len(names)))
    return list(names), checksums


class ShardReader:
    """Several HDF5 files with the interface of one.

    Args:
        label: name of the index in errors.
        readers: the open files.

    Attributes:
        declared: {path: (shape, dtype)} of all datasets.
        names: {path of a group: the name of the layer}.

    Raises:
        DamagedFileError: a dataset is in two files.
    """

    def __init__(self, label: str, readers: list[hdf5.Reader]) -> None:
        self.label = label
        self.declared: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
        self.names: dict[str, str] = {}
        self._reader_of: dict[str, hdf5.Reader] = {}
        for reader in readers:
            for path, declared in reader.declared.items():
                if path in self.declared:
                    raise damaged(label, f"'{path}' is in two of its files")
                self.declared[path], self._reader_of[path] = declared, reader
            self.names |= reader.names

    def read(self, path: str, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """Read a dataset; see `hdf5.Reader.read`."""
        return self._reader_of[path].read(path, shape, dtype)


@contextmanager
def opened(path: str) -> Iterator[ShardReader]:
    """Open all files named by an index. They must be in its folder, and none may be a link.

    Args:
        path: the path of the index.

    Raises:
        DamagedFileError: a file is missing or was changed.
        UnsafeFileError: the index names files in other folders.
    """
    with open_file(path) as file:
        names, checksums = _shard_names(configs.parse(file.read(configs.MAX_BYTES + 1), path), path)
    folder = os.path.dirname(os.path.abspath(path))
    with contextlib.ExitStack() as stack:
        readers = []
        for name in names:
            shard = os.path.join(folder, name)
            try:
                is_file = stat.S_ISREG(os.lstat(shard).st_mode)
            except FileNotFoundError:
                raise damaged(path, f"its file '{name}' is missing") from None
            if not is_file:
                raise UnsafeFileError(message(f"'{shard}' is refused", expected="a file", got="a link or a folder"))
            if name in checksums and _sha256(shard) != checksums[name]:
                raise damaged(shard, "its checksum does not match its content")
            readers.append(stack.enter_context(hdf5.opened(shard, shard)))
        yield ShardReader(path, readers)


def _sha256(path: str) -> str:
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
