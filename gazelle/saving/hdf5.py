"""HDF5 files of unknown origin: what they declare is checked as a whole before any number is read."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.core.errors import DamagedFileError, UnsafeFileError, message
from gazelle.saving import checksum, hdf5_file
from gazelle.saving.hdf5_chunks import read_chunks
from gazelle.saving.hdf5_file import CHUNKED, COMPACT, CONTIGUOUS, EXTERNAL, VIRTUAL, Metered, Node
from gazelle.saving.safetensors import Array, damaged

_MOST_OBJECTS = 200_000
_DEEPEST = 64
_MOST_EXTRA = 2**25  # bytes that compressed data may take beyond twenty times what is stored


class Reader:
    """The datasets of an open file.

    Attributes:
        declared: {path: (shape, dtype)} of all datasets; every one is plain and inside the file.
        nodes: {path: Node} of groups ("" is the root) and datasets, in the order of the file.
        names: {path of a group: the name of the layer whose variables it holds}.
    """

    def __init__(self, file: Any, size: int, label: str) -> None:
        self.label, self._file = label, file
        self.declared: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
        self.nodes: dict[str, Node] = {}
        self.names: dict[str, str] = {}
        self._seen: set[int] = set()
        self._namespace = size
        self._extra = 20 * size + _MOST_EXTRA
        self._metered = Metered(file, size)
        self._group(hdf5_file.root(self._metered), "", 0)

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes of the root."""
        return self.words("")

    def words(self, path: str) -> dict[str, Any]:
        """The attributes of a group or dataset; none where there is no such."""
        with _translated(self.label):
            return self.nodes[path].attributes() if path in self.nodes else {}

    @property
    def groups(self) -> set[str]:
        """The names of the root's members."""
        return {path for path in self.nodes if path and "/" not in path}

    def _group(self, group: Node, path: str, depth: int) -> None:
        if depth > _DEEPEST:
            raise self._unsafe(path, f"groups at most {_DEEPEST} deep", "deeper ones")
        self._once(group, path)
        name = group.attributes().get("name") if path.rsplit("/", 1)[-1] == "vars" else None
        if isinstance(name, str):
            self.names[path] = name
        for key, place in group.members().items():
            inner = f"{path}/{key}" if path else key
            if isinstance(place, str):
                raise self._unsafe(inner, "data in the file itself", place)
            member = Node(self._metered, place, group.heaps)
            if member.is_group:
                self._group(member, inner, depth + 1)
            elif member.is_dataset:
                self._once(member, inner)
                self._dataset(member, inner)
            else:
                raise self._unsafe(inner, "groups and datasets", "something else")

    def _once(self, member: Node, path: str) -> None:
        """An object under two paths is a loop, or a way to multiply what a small file holds."""
        if member.place in self._seen:
            raise self._unsafe(path, "each object under one path", "one that stands elsewhere too")
        self._seen.add(member.place)
        self.nodes[path] = member
        if len(self._seen) > _MOST_OBJECTS:
            raise self._unsafe(path, f"at most {_MOST_OBJECTS} objects", "more")

    def _dataset(self, dataset: Node, path: str) -> None:
        """Declared is what lies in the file: all of it together has to fit there."""
        if EXTERNAL in dataset.kinds:
            raise self._unsafe(path, "data in the file itself", "external storage, which reads other files")
        storage, place, stored = dataset.layout()
        if storage == VIRTUAL:
            raise self._unsafe(path, "data in the file itself", "a virtual dataset, which reads other files")
        shape = dataset.header.shape
        if shape is None:
            raise self._unsafe(path, "numbers", "nothing")
        dtype = self._dtype(dataset)
        size = math.prod(shape) * dtype.itemsize
        if storage in (COMPACT, CONTIGUOUS) and size and (place < 0 or stored not in (size, -1)):
            raise self._unsafe(path, f"the {size} bytes it declares", f"{max(stored, 0) if place >= 0 else 0} bytes")
        if storage == CHUNKED:
            self._extra -= size
        else:
            self._namespace -= size
        if self._namespace < 0 or self._extra < 0:
            raise self._unsafe(path, "data in proportion to the file", f"{size} bytes more than there is room for")
        self.declared[path] = (tuple(shape), dtype)

    def _dtype(self, dataset: Node) -> np.dtype[Any]:
        from pyfive.p5t import P5EnumType

        kind = dataset.header.ptype
        if isinstance(kind, P5EnumType) and kind.dtype.itemsize == 1:
            return np.dtype("bool")
        found = np.dtype(kind.dtype)
        if found.kind == "V" and found.itemsize == 2 and dataset.attributes().get("dtype") == "bfloat16":
            return jnp.dtype("bfloat16")
        return np.dtype(object) if found.itemsize == 0 else found

    def read(self, path: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """A dataset that must have this shape and a dtype of the same kind; compared before anything is read."""
        found_shape, found = self.declared[path]
        if found_shape != tuple(shape) or kind(found) != kind(np.dtype(dtype)):
            raise DamagedFileError(
                message(
                    f"'{path}' in '{self.label}'",
                    expected=f"{dtype} of shape {tuple(shape)}",
                    got=f"{found} of shape {found_shape}",
                )
            )
        with _translated(self.label):
            return self._numbers(self.nodes[path], path, found_shape, found)

    def _numbers(self, node: Node, path: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        storage, place, _ = node.layout()
        if storage == CHUNKED:
            return read_chunks(node, shape, dtype, lambda expected, got: self._unsafe(path, expected, got))
        array = np.empty(shape, dtype)
        if not array.nbytes:
            return array
        target = memoryview(array.reshape(-1).view(np.uint8))
        if storage == COMPACT:
            target[:] = node.header.msg_data[place : place + array.nbytes]
            return array
        self._file.seek(place)
        if self._file.readinto(target) != array.nbytes:
            raise damaged(self.label, f"'{path}' ends too early")
        return array

    def _unsafe(self, path: str, expected: str, got: str) -> UnsafeFileError:
        return UnsafeFileError(
            message(
                f"'{path or '/'}' in '{self.label}' is refused",
                expected=expected,
                got=got,
                hint="Ask for a file written by save_weights or model.save.",
            )
        )


def kind(dtype: np.dtype[Any]) -> str:
    """'float', 'int', 'bool' ...: dtypes of one kind may stand for each other."""
    if jnp.issubdtype(dtype, jnp.floating):
        return "float"
    return {"i": "int", "u": "int", "b": "bool", "c": "complex"}.get(dtype.kind, str(dtype))


@contextmanager
def opened(source: Any, label: str) -> Iterator[Reader]:
    """A reader of the file at a path, or of the bytes of one.

    Raises:
        DamagedFileError: not HDF5, cut, or changed. UnsafeFileError: it refers to other files or to itself.
    """
    file, size = hdf5_file.opened(source)
    with file:
        with _translated(label):
            end = checksum.end_of(file, size)
            reader = Reader(file, end, label)
            checksum.compare(file, end, size)
        yield reader


@contextmanager
def _translated(label: str) -> Iterator[None]:
    """Whatever a broken file makes pyfive say, in our words: being written in Python, it can do no more than that."""
    try:
        yield
    except (UnsafeFileError, DamagedFileError):
        raise
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise damaged(label, f"it is no HDF5 file as Keras writes them ({reason})") from error


def file_of(datasets: Mapping[str, Array], names: Mapping[str, str]) -> bytes:
    """The bytes of an HDF5 file with these datasets; `names` of groups are their attribute "name"."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for path, name in names.items():
            file.create_group(path).attrs["name"] = name
        for path, array in datasets.items():
            dataset = file.create_dataset(path, data=array)
            if array.dtype == jnp.dtype("bfloat16"):
                dataset.attrs["dtype"] = "bfloat16"
    return checksum.sealed(buffer.getbuffer())
