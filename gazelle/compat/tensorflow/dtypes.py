"""`tf.DType`: a dtype is a string with the attributes of TensorFlow. Conversion of values to arrays of these dtypes."""

from __future__ import annotations

import functools
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.era import called_by_gazelle
from gazelle.compat.tables import listed
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import DTypeLike

_ALIASES = {"double": "float64", "half": "float16", "object": "string", "str": "string", "bytes": "string"}

#: the numbers of dtypes in TensorFlow's protocol buffers, which every argument `dtype` accepts
NUMBERS = dict(enumerate(listed("float32 float64 int32 uint8 int16 int8 string complex64 int64 bool"), 1)) | {
    14: "bfloat16",
    17: "uint16",
    18: "complex128",
    19: "float16",
    22: "uint32",
    23: "uint64",
}
_PYTHON_TYPES: dict[type, str] = {float: "float32", int: "int32", str: "string", bytes: "string", object: "string"}


class DType(str):
    """A dtype. It is its name as a string, so functions of gazelle and NumPy accept it.

    >>> DType("float32") == np.float32, DType("int64").is_integer
    (True, True)
    """

    __slots__ = ()
    _known: ClassVar[dict[str, DType]] = {}  # programs compare dtypes with `is`, too

    def __new__(cls, name: str) -> DType:
        plain = str.__str__(name)
        return cls._known.get(plain) or cls._known.setdefault(plain, super().__new__(cls, plain))

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

    real_dtype = property(
        lambda self: DType({"complex64": "float32", "complex128": "float64"}.get(self.name, self.name))
    )

    @property
    def limits(self) -> tuple[Any, Any]:
        return (0 if self.is_integer or self.is_bool else self.min), (1 if self.is_bool else self.max)

    def __eq__(self, other: object) -> bool:
        return other is not None and str.__eq__(self, name_of(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return str.__hash__(self)

    def __repr__(self) -> str:
        return f"tf.{self.name}"

    def __str__(self) -> str:
        return self.name if called_by_gazelle(1) else f"<dtype: {self.name!r}>"

    def __format__(self, spec: str) -> str:
        return format(self.name if called_by_gazelle(1) else f"<dtype: {self.name!r}>", spec)


def name_of(dtype: DTypeLike | None) -> str:
    """The name of a dtype in any form."""
    if isinstance(dtype, np.dtype):
        return _numpy_name(dtype)
    if isinstance(dtype, str):
        return _ALIASES.get(str.__str__(dtype), str.__str__(dtype))
    number: object = dtype
    if type(number) is int and number in NUMBERS:
        return NUMBERS[number]
    if isinstance(dtype, type) and dtype in _PYTHON_TYPES:
        return _PYTHON_TYPES[dtype]
    try:
        return _numpy_name(np.dtype(dtype))
    except TypeError:
        return str(dtype)


@functools.cache  # NumPy computes the name of a dtype each time, and each operation needs several
def _numpy_name(dtype: np.dtype[Any]) -> str:
    return "string" if dtype.kind in "SUO" else dtype.name


def name_on_device(dtype: DTypeLike | None) -> str:
    """The name of the dtype that arrays have: JAX has 32 bits by default."""
    name = name_of(dtype)
    return name if jax.config.jax_enable_x64 else {"float64": "float32", "int64": "int32"}.get(name, name)


def as_dtype(dtype: DTypeLike | None) -> DType:
    return DType(name_of(dtype))


#: tf.float32, tf.int64 ...
DTYPES = {
    name: DType(name)
    for name in listed("""float16 bfloat16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64
        bool string complex64 complex128 resource variant""")
} | {"half": DType("float16"), "double": DType("float64")}


def host_array(value: TensorLike, dtype: DTypeLike | None = None) -> np.ndarray[Any, Any]:
    """A NumPy array with the dtypes of TensorFlow: Python floats are float32, integers int32, strings bytes."""
    if hasattr(value, "to_numpy"):  # a data frame or a column
        value = value.to_numpy()
    array = np.asarray(value)
    if array.dtype == object and any(one is None for one in array.flat):
        raise ArgumentError(message("A tensor", expected="numbers or strings", got="None"))
    if array.dtype.kind == "S":  # an array of dtype S would lose trailing zero bytes
        array = np.asarray(value, object)
    if array.dtype.kind in "USO":
        if array.dtype == object and array.size and not isinstance(array.flat[0], str | bytes):
            try:
                return host_array(array.astype(np.float32), dtype)
            except (TypeError, ValueError) as error:
                expected = "numbers or strings, with all rows of equal length"
                raise ArgumentError(message("A tensor", expected=expected, got=repr(value)[:60])) from error
        encoded = np.empty(array.shape, object)
        encoded.flat = [v.encode() if isinstance(v, str) else bytes(v) for v in array.flat]
        return encoded
    if dtype is not None and not array.size and name_of(dtype) == "string":
        return np.empty(array.shape, object)
    if dtype is not None:
        return array.astype(jnp.dtype(name_of(dtype)))
    if not isinstance(value, np.ndarray | np.generic):
        if array.dtype == np.float64 and not keeps_64_bits(value):
            return array.astype(np.float32)
        if array.dtype == np.int64 and (not array.size or np.abs(array).max() < 2**31):
            return array.astype(np.int32)
    return array


def keeps_64_bits(value: TensorLike) -> bool:
    """Whether a list keeps float64, with JAX's 64 bits: its numbers are arrays or of NumPy, not of Python."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return bool(jax.config.jax_enable_x64) and hasattr(value, "dtype")


def of_dtype(value: TensorLike, dtype: DTypeLike) -> TensorResult:
    """Arrays of NumPy and lists with the dtype of the tensor that they are combined with; floats stay floats."""
    if isinstance(value, list | tuple):
        array = host_array(value)
        value = array if array.dtype.kind in "iub" or "float" in name_of(dtype) else value
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fiub":
        kind = jnp.dtype(name_of(dtype))
        return np.asarray(value).astype(kind) if kind.kind != "O" and value.dtype != kind else value
    return value
