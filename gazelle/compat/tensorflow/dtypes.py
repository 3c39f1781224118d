"""`tf.DType` and `tf.TensorShape`: a dtype is a string, a shape is a tuple, with the attributes of TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.compat.listed import listed
from gazelle.core.errors import ShapeError, message
from gazelle.core.types import DTypeLike

_ALIASES = {"double": "float64", "half": "float16", "object": "string", "str": "string", "bytes": "string"}

_PYTHON_TYPES: dict[type, str] = {float: "float32", int: "int32", str: "string", bytes: "string", object: "string"}


class DType(str):
    """A dtype. It is its name as a string, so functions of gazelle and NumPy accept it.

    >>> DType("float32") == np.float32, DType("int64").is_integer
    (True, True)
    """

    __slots__ = ()
    name = property(lambda self: str.__str__(self))
    as_numpy_dtype = property(lambda self: np.object_ if self.name == "string" else jnp.dtype(self.name).type)
    base_dtype = property(lambda self: self)
    is_floating = property(lambda self: "float" in self)
    is_integer = property(lambda self: "int" in self)
    is_bool = property(lambda self: self.name == "bool")
    is_complex = property(lambda self: "complex" in self)
    size = property(lambda self: int(jnp.dtype(self.name).itemsize))
    max = property(lambda self: (jnp.finfo if self.is_floating else jnp.iinfo)(jnp.dtype(self.name)).max)
    min = property(lambda self: (jnp.finfo if self.is_floating else jnp.iinfo)(jnp.dtype(self.name)).min)

    def __eq__(self, other: object) -> bool:
        return other is not None and str.__eq__(self, name_of(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return str.__hash__(self)

    def __repr__(self) -> str:
        return f"tf.{self.name}"


def name_of(dtype: DTypeLike | None) -> str:
    """The name of a dtype in any form."""
    if isinstance(dtype, str):
        return _ALIASES.get(str.__str__(dtype), str.__str__(dtype))
    if isinstance(dtype, type) and dtype in _PYTHON_TYPES:
        return _PYTHON_TYPES[dtype]
    try:
        found = np.dtype(dtype)
    except TypeError:
        return str(dtype)
    return "string" if found.kind in "SUO" else found.name


def as_dtype(dtype: DTypeLike | None) -> DType:
    return DType(name_of(dtype))


#: tf.float32, tf.int64 ...
DTYPES = {
    name: DType(name)
    for name in listed("""float16 bfloat16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64
        bool string complex64 complex128""")
} | {"half": DType("float16"), "double": DType("float64")}


class TensorShape(tuple[Any, ...]):
    """A shape: a tuple of sizes, with None for unknown ones.

    >>> TensorShape([None, 3]).as_list(), TensorShape([2, 3]) == [2, 3]
    ([None, 3], True)
    """

    def __new__(cls, dims: Any = ()) -> TensorShape:
        return super().__new__(cls, (None if n is None else int(n) for n in ([] if dims is None else dims)))

    def as_list(self) -> list[int | None]:
        return list(self)

    rank = property(lambda self: len(self))
    ndims = rank
    dims = property(lambda self: list(self))

    def num_elements(self) -> int | None:
        return math.prod(self) if self.is_fully_defined() else None

    def is_fully_defined(self) -> bool:
        return None not in tuple(self)

    def is_compatible_with(self, other: Sequence[int | None]) -> bool:
        return len(self) == len(other) and all(a == b or None in (a, b) for a, b in zip(self, other, strict=True))

    def assert_has_rank(self, rank: int) -> None:
        if len(self) != rank:
            raise ShapeError(message("A shape", expected=f"{rank} axes", got=f"{len(self)}: {tuple(self)}"))

    def assert_is_compatible_with(self, other: Sequence[int | None]) -> None:
        if not self.is_compatible_with(other):
            raise ShapeError(message("A shape", expected=tuple(other), got=tuple(self)))

    def concatenate(self, other: Sequence[int | None]) -> TensorShape:
        return TensorShape((*self, *other))

    def __getitem__(self, index: Any) -> Any:
        out = super().__getitem__(index)
        return TensorShape(out) if isinstance(index, slice) else out

    def __add__(self, other: Any) -> TensorShape:
        return TensorShape((*self, *other))

    def __radd__(self, other: Sequence[int | None]) -> TensorShape:
        return TensorShape((*other, *self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list | tuple) and tuple(self) == tuple(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"TensorShape({list(self)})"

    def __str__(self) -> str:
        return str(tuple(self))
