"""Weights in several files of bounded size, with a map in JSON: the `.weights.json` of Keras 3."""

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
from typing import Any

from gazelle.core.errors import ArgumentError, DamagedFileError, UnsafeFileError, message
from gazelle.saving import config as configs
from gazelle.saving import hdf5, keras_weights
from gazelle.saving.atomic import replace_file
from gazelle.saving.safetensors import Array, damaged

_NAME = re.compile(r"[\w.-]*_\d{5}(-[0-9a-f]{12})?\.weights\.h5")
_MOST_SHARDS = 100_000


def save(model: Any, filepath: Any, gigabytes: float) -> None:
    """Write all weights into files of at most `gigabytes` GiB each, then the map that names them.

    New files have names of their own and the map is replaced last, so a crash at any moment leaves the old weights or
    the new ones. `<name>_00000.weights.h5` is empty: Keras opens it first, whatever the map says.

    Raises:
        ArgumentError: one array alone is larger. OSError: not written; the old weights are as they were.
    """
    path = os.fspath(filepath)
    path = path if path.endswith(".json") else re.sub(r"\.h5$", "", path) + ".json"
    stem = re.sub(r"(\.weights)?\.json$", "", os.path.basename(path))
    folder = os.path.dirname(os.path.abspath(path))
    before = _old(path)
    arrays, names = keras_weights.arrays_of(model)
    places: dict[str, list[str]] = {}
    sums: dict[str, str] = {}
    for number, part in enumerate(_parts(arrays, int(gigabytes * 2**30)), start=1):
        groups = {group: name for group, name in names.items() if any(p.startswith(f"{group}/") for p in part)}
        data = hdf5.file_of(part, groups)
        digest = hashlib.sha256(data).hexdigest()
        shard = f"{stem}_{number:05}-{digest[:12]}.weights.h5"
        replace_file(os.path.join(folder, shard), functools.partial(_put, data))
        sums[shard] = digest
        for group in dict.fromkeys(p.rpartition("/")[0] for p in part):
            places.setdefault(f"/{group}", []).append(shard)
    total = sum(a.nbytes for a in arrays.values())
    words = {
        "metadata": {"total_size": float(total), "sha256": sums},
        "weight_map": {group: v[0] if len(v) == 1 else v for group, v in places.items()},
    }
    replace_file(path, lambda file: file.write(json.dumps(words, indent=4).encode()))
    empty, first = hdf5.file_of({}, {}), f"{stem}_00000.weights.h5"
    replace_file(os.path.join(folder, first), lambda file: file.write(empty))
    for shard in before - set(sums) - {first}:
        with contextlib.suppress(OSError):
            os.remove(os.path.join(folder, shard))


def _put(data: bytes, file: Any) -> None:
    file.write(data)


def _parts(arrays: Mapping[str, Array], most: int) -> Iterator[dict[str, Array]]:
    part: dict[str, Array] = {}
    size = 0
    for path, array in arrays.items():
        if array.nbytes > most:
            raise ArgumentError(
                message(
                    f"max_shard_size: '{path}' alone has {array.nbytes:,} bytes",
                    expected=f"at most {most:,}",
                    hint="Give a larger max_shard_size (in GiB).",
                )
            )
        if part and size + array.nbytes > most:
            yield part
            part, size = {}, 0
        part[path] = array
        size += array.nbytes
    yield part


def _old(path: str) -> set[str]:
    """The files that the map at `path` names now: they go when a new map is in its place."""
    try:
        with open(path, "rb") as file:
            return set(_shards(configs.parse(file.read(2**25), path), path)[0]) - {""}
    except (OSError, DamagedFileError, UnsafeFileError):
        return set()


def _shards(config: dict[str, Any], path: str) -> tuple[list[str], dict[str, str]]:
    """The names of the files, and their checksums where gazelle wrote them."""
    places = config.get("weight_map")
    words = config.get("metadata")
    sums = words.get("sha256", {}) if isinstance(words, dict) else {}
    if not isinstance(places, dict) or not isinstance(sums, dict):
        raise damaged(path, "it has no weight_map")
    names: dict[str, None] = {}
    for place in places.values():
        for name in place if isinstance(place, list) else [place]:
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise UnsafeFileError(
                    message(
                        f"'{path}' is refused", expected="names such as model_00001.weights.h5", got=repr(name)[:80]
                    )
                )
            names[name] = None
    if len(names) > _MOST_SHARDS:
        raise UnsafeFileError(message(f"'{path}' is refused", expected=f"at most {_MOST_SHARDS} files", got=len(names)))
    return list(names), sums


class Readers:
    """Several files that look like one to who reads weights."""

    def __init__(self, label: str, readers: list[hdf5.Reader]) -> None:
        self.label = label
        self.declared: dict[str, Any] = {}
        self.names: dict[str, str] = {}
        self._of: dict[str, hdf5.Reader] = {}
        for reader in readers:
            for path, declared in reader.declared.items():
                if path in self.declared:
                    raise damaged(label, f"'{path}' stands in two of its files")
                self.declared[path], self._of[path] = declared, reader
            self.names |= reader.names

    def read(self, path: str, shape: tuple[int, ...], dtype: Any) -> Array:
        return self._of[path].read(path, shape, dtype)


@contextmanager
def opened(path: str) -> Iterator[Readers]:
    """A reader over all files that a map names; they lie beside it, and none is a link.

    Raises:
        DamagedFileError: a file is missing or changed. UnsafeFileError: it names files elsewhere.
    """
    with open(path, "rb") as file:
        names, sums = _shards(configs.parse(file.read(configs.LONGEST + 1), path), path)
    folder = os.path.dirname(os.path.abspath(path))
    with contextlib.ExitStack() as stack:
        readers = []
        for name in names:
            shard = os.path.join(folder, name)
            try:
                plain = stat.S_ISREG(os.lstat(shard).st_mode)
            except FileNotFoundError:
                raise damaged(path, f"its file '{name}' is missing") from None
            if not plain:
                raise UnsafeFileError(message(f"'{shard}' is refused", expected="a file", got="a link or a folder"))
            if name in sums and _sum(shard) != sums[name]:
                raise damaged(shard, "its checksum does not fit its content")
            readers.append(stack.enter_context(hdf5.opened(shard, shard)))
        yield Readers(path, readers)


def _sum(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
