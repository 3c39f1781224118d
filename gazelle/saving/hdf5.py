"""Reading and writing HDF5 files: the structure is checked completely before any array is read."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import jax.numpy as jnp
import numpy as np

from gazelle.core.errors import DamagedFileError, UnsafeFileError, message
from gazelle.core.types import DTypeLike, PathLike
from gazelle.saving import checksum
from gazelle.saving.hdf5_file import (
    CHUNKED,
    COMPACT,
    CONTIGUOUS,
    EXTERNAL,
    VIRTUAL,
    LimitedReader,
    Node,
    open_source,
    read_chunks,
    root_group,
)
from gazelle.saving.safetensors import Array, damaged

if TYPE_CHECKING:
    from h5py import Group

_MAX_OBJECTS = 200_000
_MAX_DEPTH = 64
_MAX_EXTRA = 2**25  # bytes that decompressed data may have beyond twenty times the stored size


class Reader:
    """Datasets of an open HDF5 file.

    Args:
        file: an open binary file.
        size: the declared size in bytes.
        label: name of the file in errors.

    Attributes:
        declared: {path: (shape, dtype)} of all datasets; the data of each are inside the file.
        nodes: {path: Node} of groups ("" is the root) and datasets, in the order of the file.
        names: {path of a group: the name of the layer whose variables it contains}.

    Raises:
        UnsafeFileError: the file refers to other files or to itself, or declares more data than it can contain.
    """

    def __init__(self, file: BinaryIO, size: int, label: str) -> None:
        self.label, self._file = label, file
        self.declared: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
        self.nodes: dict[str, Node] = {}
        self.names: dict[str, str] = {}
        self._seen: set[int] = set()
        self._remaining = size  # bytes for datasets that are not chunked
        self._remaining_chunked = 20 * size + _MAX_EXTRA
        self._limited = LimitedReader(file, size)
        self._visit_group(root_group(self._limited), "", 0)

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes of the root."""
        return self.attributes_of("")

    def attributes_of(self, path: str) -> dict[str, Any]:
        """The attributes of a group or dataset; {} if there is none at this path."""
        with _hdf5_errors(self.label):
            return self.nodes[path].attributes() if path in self.nodes else {}

    @property
    def groups(self) -> set[str]:
        """The names of the root's members."""
        return {path for path in self.nodes if path and "/" not in path}

    def _visit_group(self, group: Node, path: str, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise self._unsafe(path, f"groups at most {_MAX_DEPTH} deep", "deeper ones")
        self._visit(group, path)
        name = group.attributes().get("name") if path.rsplit("/", 1)[-1] == "vars" else None
        if isinstance(name, str):
            self.names[path] = name
        for key, offset in group.members().items():
            inner = f"{path}/{key}" if path else key
            if isinstance(offset, str):
                raise self._unsafe(inner, "data in the file itself", offset)
            member = Node(self._limited, offset, group.heaps)
            if member.is_group:
                self._visit_group(member, inner, depth + 1)
            elif member.is_dataset:
                self._visit(member, inner)
                self._visit_dataset(member, inner)
            else:
                raise self._unsafe(inner, "groups and datasets", "something else")

    def _visit(self, member: Node, path: str) -> None:
        """Register an object; one with two paths is a cycle, or multiplies the content of a small file."""
        if member.offset in self._seen:
            raise self._unsafe(path, "one path for each object", "an object with another path")
        self._seen.add(member.offset)
        self.nodes[path] = member
        if len(self._seen) > _MAX_OBJECTS:
            raise self._unsafe(path, f"at most {_MAX_OBJECTS} objects", "more")

    def _visit_dataset(self, dataset: Node, path: str) -> None:
        """Check that the declared sizes of all datasets together fit into the file."""
        if EXTERNAL in dataset.kinds:
            raise self._unsafe(path, "data in the file itself", "external storage, which reads other files")
        storage, offset, stored = dataset.layout()
        if storage == VIRTUAL:
            raise self._unsafe(path, "data in the file itself", "a virtual dataset, which reads other files")
        shape = dataset.header.shape
        if shape is None:
            raise self._unsafe(path, "an array", "nothing")
        dtype = self._dtype(dataset)
        size = math.prod(shape) * dtype.itemsize
        if storage in (COMPACT, CONTIGUOUS) and size and (offset < 0 or stored not in (size, -1)):
            raise self._unsafe(path, f"the {size} bytes it declares", f"{max(stored, 0) if offset >= 0 else 0} bytes")
        if storage == CHUNKED:
            self._remaining_chunked -= size
        else:
            self._remaining -= size
        if self._remaining < 0 or self._remaining_chunked < 0:
            raise self._unsafe(path, "data in proportion to the file", f"{size} bytes, more than the file can contain")
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

    def read(self, path: str, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """Read a dataset.

        Args:
            path: the path of the dataset.
            shape: the expected shape.
            dtype: a dtype of the expected kind (float, int ...).

        Raises:
            DamagedFileError: the declared shape or kind is another one; nothing is read then.
        """
        found_shape, found = self.declared[path]
        if found_shape != tuple(shape) or kind(found) != kind(np.dtype(dtype)):
            raise DamagedFileError(
                message(
                    f"'{path}' in '{self.label}'",
                    expected=f"{dtype} of shape {tuple(shape)}",
                    got=f"{found} of shape {found_shape}",
                )
            )
        with _hdf5_errors(self.label):
            return self._read_array(self.nodes[path], path, found_shape, found)

    def _read_array(self, node: Node, path: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        storage, offset, _ = node.layout()
        if storage == CHUNKED:
            return read_chunks(node, shape, dtype, lambda expected, got: self._unsafe(path, expected, got))
        array = np.empty(shape, dtype)
        if not array.nbytes:
            return array
        target = memoryview(array.reshape(-1).view(np.uint8))
        if storage == COMPACT:
            target[:] = node.header.msg_data[offset : offset + array.nbytes]
            return array
        self._file.seek(offset)
        if self._file.readinto(target) != array.nbytes:  # type: ignore[attr-defined]
            raise damaged(self.label, f"'{path}' ends too early")
        return array

    def _unsafe(self, path: str, expected: str, got: str) -> UnsafeFileError:
        return UnsafeFileError(
            message(
                f"'{path or '/'}' in '{self.label}' is refused",
                expected=expected,
                got=got,
                hint="Use a file written by save_weights or model.save.",
            )
        )


def kind(dtype: np.dtype[Any]) -> str:
    """'float', 'int', 'bool' ...: dtypes of one kind are converted to each other when weights are loaded."""
    if jnp.issubdtype(dtype, jnp.floating):
        return "float"
    return {"i": "int", "u": "int", "b": "bool", "c": "complex"}.get(dtype.kind, str(dtype))


@contextmanager
def opened(source: PathLike | bytes | memoryview, label: str) -> Iterator[Reader]:
    """Open an HDF5 file for reading.

    Args:
        source: a path, or the bytes of a file.
        label: name of the file in errors.

    Raises:
        DamagedFileError: the file is not HDF5, is truncated, or was changed.
        UnsafeFileError: it refers to other files or to itself.
    """
    file, size = open_source(source)
    with file:
        with _hdf5_errors(label):
            end = checksum.declared_end(file, size)
            reader = Reader(file, end, label)
            checksum.verify_checksum(file, end, size)
        yield reader


@contextmanager
def _hdf5_errors(label: str) -> Iterator[None]:
    """Convert the errors of pyfive to DamagedFileError."""
    try:
        yield
    except (UnsafeFileError, DamagedFileError):
        raise
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise damaged(label, f"it is not an HDF5 file as written by Keras ({reason})") from error


def file_of(datasets: Mapping[str, Array], names: Mapping[str, str]) -> bytes:
    """The bytes of an HDF5 file.

    Args:
        datasets: {path: array}.
        names: {path of a group: its attribute "name"}.
    """
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for path, name in names.items():
            file.create_group(path).attrs["name"] = name
        for path, array in datasets.items():
            write_array(file, path, array)
    return checksum.append_checksum(buffer.getbuffer())


def write_array(group: Group, path: str, array: Array) -> None:
    """Write a dataset; an attribute marks bfloat16, which HDF5 does not have."""
    dataset = group.create_dataset(path, data=array)
    if array.dtype == jnp.dtype("bfloat16"):
        dataset.attrs["dtype"] = "bfloat16"
