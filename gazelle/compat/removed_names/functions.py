"""Functions of Python and NumPy that were removed without a replacement of the same arguments."""

from __future__ import annotations

import importlib.util
import inspect
import re
import shutil
import sys
from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from functools import total_ordering
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from gazelle.compat.arguments.ignored import ignores
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import PathLike

negative_infinity = -np.inf
ArgSpec = namedtuple("ArgSpec", "args varargs keywords defaults")


def asscalar(a: np.ndarray) -> complex | str | bytes:
    """np.asscalar(a): the only element of an array as a number of Python."""
    value: complex | str | bytes = a.item()
    return value


def asfarray(a: ArrayLike, dtype: DTypeLike = np.float64) -> np.ndarray:
    """np.asfarray(a): an array of floats."""
    return np.asarray(a, dtype if np.issubdtype(dtype, np.inexact) else np.float64)


def msort(a: ArrayLike) -> np.ndarray:
    """np.msort(a): sorted along the first axis."""
    return np.sort(a, axis=0)


class _Casts:
    def __getitem__(self, kind: DTypeLike) -> Callable[[ArrayLike], np.ndarray]:
        return lambda values: np.asarray(values).astype(kind)


cast = _Casts()

#: the types of each kind
sctypes: dict[str, list[type]] = {
    "int": [np.int8, np.int16, np.int32, np.int64],
    "uint": [np.uint8, np.uint16, np.uint32, np.uint64],
    "float": [np.float16, np.float32, np.float64, np.longdouble],
    "complex": [np.complex64, np.complex128, np.clongdouble],
    "others": [bool, object, bytes, str, np.void],
}


def obj2sctype(rep: DTypeLike, default: type | None = None) -> type | None:
    """np.obj2sctype(rep): the type of the elements of an array, a dtype or a name."""
    try:
        return np.dtype(rep.dtype if isinstance(rep, np.ndarray) else rep).type
    except TypeError:
        return default


def sctype2char(sctype: DTypeLike) -> str:
    """np.sctype2char(sctype): the letter of a type."""
    return np.dtype(obj2sctype(sctype)).char


def issctype(rep: object) -> bool:
    """np.issctype(rep): whether an object is a type of elements."""
    return isinstance(rep, np.dtype) or (isinstance(rep, type) and obj2sctype(rep) not in (None, np.object_))


def maximum_sctype(t: DTypeLike) -> type | None:
    """np.maximum_sctype(t): the largest type of the kind of `t`."""
    kind = obj2sctype(t)
    return next((types[-1] for types in sctypes.values() if kind in types), kind)


def find_common_type(array_types: Sequence[DTypeLike], scalar_types: Sequence[DTypeLike]) -> np.dtype[np.generic]:
    """np.find_common_type(array_types, scalar_types): scalars count only if their kind is a higher one."""
    of_arrays, of_scalars = (np.result_type(*types) if types else None for types in (array_types, scalar_types))
    if of_arrays is None or of_scalars is None:
        return of_arrays or of_scalars or np.dtype(None)
    order = "buifc"
    is_higher = order.find(of_scalars.kind) > order.find(of_arrays.kind)
    return np.result_type(of_arrays, of_scalars) if is_higher else of_arrays


def asbytes(s: str | bytes) -> bytes:
    """numpy.compat.asbytes(s): the bytes of a text."""
    return s if isinstance(s, bytes) else str(s).encode("latin1")


def asstr(s: str | bytes) -> str:
    """numpy.compat.asstr(s): the text of bytes."""
    return s.decode("latin1") if isinstance(s, bytes) else str(s)


def join(strings: Iterable[str], sep: str = " ") -> str:
    """string.join(strings, sep): the strings with a separator between them."""
    return sep.join(strings)


@ignores("name")  # texts have no encoding
def setdefaultencoding(name: str) -> None:
    """sys.setdefaultencoding(name): texts are text already."""


@total_ordering
class LooseVersion:
    """distutils.version.LooseVersion(text): a version of numbers and letters, compared part by part."""

    def __init__(self, vstring: str) -> None:
        self.vstring = vstring
        parts = re.findall(r"\d+|[a-z]+|[^\da-z.]+", vstring)
        self.version = [int(part) if part.isdecimal() else part for part in parts]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str | LooseVersion) and self.version == self._of(other).version

    def __lt__(self, other: str | LooseVersion) -> bool:
        return self.version < self._of(other).version

    def __hash__(self) -> int:
        return hash(tuple(self.version))

    def __str__(self) -> str:
        return self.vstring

    def __repr__(self) -> str:
        return f"LooseVersion ('{self.vstring}')"

    @staticmethod
    def _of(version: str | LooseVersion) -> LooseVersion:
        return LooseVersion(version) if isinstance(version, str) else version


def getargspec(func: Callable[..., Any]) -> ArgSpec:
    """inspect.getargspec(func): names and defaults of the parameters that may be given by position."""
    return ArgSpec(*inspect.getfullargspec(func)[:4])


@ignores("file")  # `pathname` is read
def load_source(name: str, pathname: PathLike, file: object = None) -> ModuleType:
    """imp.load_source(name, pathname): the module in a file."""
    spec = importlib.util.spec_from_file_location(name, pathname)
    if spec is None or spec.loader is None:
        raise ArgumentError(message("pathname of load_source", expected="a file .py", got=repr(pathname)))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def strtobool(val: str) -> int:
    """distutils.util.strtobool(val): 1 for "yes", "true" or "on", 0 for "no", "false" or "off"."""
    if val.lower() in ("y", "yes", "t", "true", "on", "1"):
        return 1
    if val.lower() in ("n", "no", "f", "false", "off", "0"):
        return 0
    raise ArgumentError(message("val of strtobool", expected="'yes' or 'no'", got=repr(val)))


def copy_tree(src: PathLike, dst: PathLike) -> PathLike:
    """distutils.dir_util.copy_tree(src, dst): copies a folder, also into one that exists."""
    return shutil.copytree(src, dst, dirs_exist_ok=True)
