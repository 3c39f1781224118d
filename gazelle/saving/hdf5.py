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
from gazelle.saving.tensors import Array, damaged

_MOST_OBJECTS = 200_000
_DEEPEST = 64
_FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32"}  # others may load a library named by the file


class Reader:
    """The datasets of an open file.

    Attributes:
        declared: {path: (shape, dtype)} of all datasets; every one is plain, inside the file, and as long as it says.
        names: {path of a group: the name of the layer whose variables it holds}.
        attributes, groups: names of the attributes and members of the root.
    """

    def __init__(self, file: Any, label: str) -> None:
        self.label = label
        self.declared: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
        self.names: dict[str, str] = {}
        self.attributes, self.groups = set(file.attrs.keys()), set(file.keys())
        self._file = file
        self._seen: set[Any] = set()
        self._group(file, "", 0)

    def _group(self, group: Any, path: str, depth: int) -> None:
        import h5py

        if depth > _DEEPEST:
            raise self._unsafe(path, f"groups at most {_DEEPEST} deep", "deeper ones")
        self._once(group, path)
        name = group.attrs.get("name") if path.rsplit("/", 1)[-1] == "vars" else None
        if isinstance(name, str):
            self.names[path] = name
        for key in group:
            inner = f"{path}/{key}" if path else key
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise self._unsafe(inner, "data in the file itself", f"a link of kind {type(link).__name__}")
            member = group[key]
            if isinstance(member, h5py.Group):
                self._group(member, inner, depth + 1)
            elif isinstance(member, h5py.Dataset):
                self._once(member, inner)
                self.declared[inner] = (tuple(member.shape or ()), self._dtype(member, inner))
            else:
                raise self._unsafe(inner, "groups and datasets", f"a {type(member).__name__}")

    def _once(self, member: Any, path: str) -> None:
        """An object under two paths is a loop, or a way to multiply what a small file holds."""
        import h5py

        info = h5py.h5o.get_info(member.id)
        if info.addr in self._seen:
            raise self._unsafe(path, "each object under one path", "one that stands elsewhere too")
        self._seen.add(info.addr)
        if len(self._seen) > _MOST_OBJECTS:
            raise self._unsafe(path, f"at most {_MOST_OBJECTS} objects", "more")

    def _dtype(self, dataset: Any, path: str) -> np.dtype[Any]:
        if dataset.external:
            raise self._unsafe(path, "data in the file itself", "external storage, which reads other files")
        if dataset.is_virtual:
            raise self._unsafe(path, "data in the file itself", "a virtual dataset, which reads other files")
        if dataset.dtype.kind == "V" and dataset.dtype.itemsize == 2 and dataset.attrs.get("dtype") == "bfloat16":
            return jnp.dtype("bfloat16")
        return np.dtype(dataset.dtype)

    def _plain(self, dataset: Any, path: str, size: int) -> None:
        """Refuse storage that declares more than it holds, or that needs foreign code to be read."""
        plan = dataset.id.get_create_plist()
        filters = [plan.get_filter(n)[0] for n in range(plan.get_nfilters())]
        foreign = [f for f in filters if f not in _FILTERS]
        if foreign:
            raise self._unsafe(path, f"filters {', '.join(_FILTERS.values())}", f"filter {foreign[0]}")
        stored = dataset.id.get_storage_size()
        if dataset.chunks is None:
            if stored != size:
                raise self._unsafe(path, f"the {size} bytes it declares", f"{stored} bytes")
        elif math.prod(dataset.chunks) * dataset.dtype.itemsize > size + 2**20 or size > 1100 * stored + 2**20:
            raise self._unsafe(path, "data in proportion to what it declares", f"{stored} bytes for {size}")

    def read(self, path: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """A dataset that must have this shape and a dtype of the same kind; compared before anything is read."""
        found_shape, found = self.declared[path]
        if found_shape != tuple(shape) or kind(found) != kind(np.dtype(dtype)):
            raise DamagedFileError(
                message(f"'{path}' in '{self.label}'", expected=f"{dtype} of shape {tuple(shape)}",
                        got=f"{found} of shape {found_shape}")
            )  # fmt: skip
        dataset = self._file[path]
        self._plain(dataset, path, math.prod(shape) * found.itemsize)
        with _translated(self.label):
            array = np.asarray(dataset[()])
        return array.view(found) if found.kind == "V" or array.dtype.kind == "V" else array

    def _unsafe(self, path: str, expected: str, got: str) -> UnsafeFileError:
        return UnsafeFileError(
            message(f"'{path or '/'}' in '{self.label}' is refused", expected=expected, got=got,
                    mend="Ask for a file written by save_weights or model.save.")
        )  # fmt: skip


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
    import h5py

    with _translated(label):
        file = h5py.File(io.BytesIO(source) if isinstance(source, bytes) else source, "r")
    with file:
        with _translated(label):
            reader = Reader(file, label)
        yield reader


@contextmanager
def _translated(label: str) -> Iterator[None]:
    """What the HDF5 library says about a broken file, in our words."""
    try:
        yield
    except (UnsafeFileError, DamagedFileError, FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, RecursionError) as error:
        raise damaged(label, f"the HDF5 library cannot read it ({error})") from error


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
    return buffer.getvalue()
