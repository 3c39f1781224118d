"""`tf.Tensor`: an array of NumPy or JAX (or a tracer) with the manners of TensorFlow."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.tensorflow.calls import call, guarded
from gazelle.compat.tensorflow.dtypes import DType, TensorShape, name_of
from gazelle.compat.tensorflow.recording import unboxed
from gazelle.core.errors import ArgumentError, message
from gazelle.core.symbolic import KerasTensor
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.variable import Variable

#: what may stand beside a tensor in an operation, as it is
_PLAIN = (bool, int, float, complex, np.ndarray, np.generic, list, tuple)


class Tensor(TensorWrapper):
    """A value. Small work on the host stays with NumPy; what meets an array of JAX becomes one.

    >>> x = Tensor(np.array([1.0, 2.0], "float32"))
    >>> (x * 2 + 1).numpy().tolist(), x.shape.as_list(), x.dtype
    ([3.0, 5.0], [2], tf.float32)
    """

    __slots__ = ("array",)
    __array_priority__ = 100
    array: Any

    def __init__(self, array: Any) -> None:
        self.array = array

    @classmethod
    def dispatch(cls, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        return call(function, args, kwargs)

    # What it is ------------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> TensorShape:
        return TensorShape(self.array.shape)

    def get_shape(self) -> TensorShape:
        return self.shape

    def set_shape(self, shape: Any) -> None:
        if not self.shape.is_compatible_with(shape):
            raise ArgumentError(message("set_shape", expected=f"what fits {tuple(self.shape)}", got=tuple(shape)))

    @property
    def dtype(self) -> DType:
        return DType(name_of(self.array.dtype))

    @property
    def ndim(self) -> int:
        return int(self.array.ndim)

    @property
    def device(self) -> str:
        return "/job:localhost/replica:0/task:0/device:CPU:0"

    @property
    def name(self) -> str:
        return "tensor"

    def numpy(self) -> Any:
        """The values: an array of NumPy, of a scalar its number."""
        array = np.asarray(self.array)
        return array[()] if array.ndim == 0 else array

    def eval(self, *_: Any, **__: Any) -> Any:
        return self.numpy()

    def ref(self) -> Reference:
        """A key for dictionaries."""
        return Reference(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(self.array, dtype=dtype)

    def __jax_array__(self) -> Any:
        return on_device(self.array)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = _UFUNCS.get(ufunc.__name__)
        if method == "__call__" and name is not None and not kwargs:  # array + tensor
            return _operate(name, *inputs)
        plain = [np.asarray(v) if isinstance(v, Tensor | Variable) else v for v in inputs]
        return getattr(ufunc, method)(*plain, **kwargs)

    def __bool__(self) -> bool:
        return bool(self.array)

    def __int__(self) -> int:
        return int(self.array)

    __index__ = __int__

    def __float__(self) -> float:
        return float(self.array)

    def __len__(self) -> int:
        return len(self.array)

    def __hash__(self) -> int:
        return id(self)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self.array)))

    def __format__(self, spec: str) -> str:
        return str(self) if isinstance(self.array, jax.core.Tracer) else format(self.numpy(), spec)

    def __getitem__(self, index: Any) -> Any:
        places = index if isinstance(index, tuple) else (index,)
        coded = tuple(_coded(place) for place in places)
        return call(_taken, (self, coded), {}, host=_taken)

    def __getattr__(self, name: str) -> Any:
        numpy_asks = str(sys._getframe(1).f_globals.get("__name__", "")).startswith("numpy")
        if name not in _METHODS or numpy_asks:  # np.squeeze(tensor) is an array of NumPy
            raise AttributeError(f"A tensor has no attribute {name!r}", name=name, obj=self)
        if name in ("T", "size"):
            return getattr(self.array, name) if name == "size" else call(_transposed, (self,), {}, host=_transposed)
        return lambda *args, **kwargs: call(_method, (name, self, *args), kwargs, host=_method)

    def __repr__(self) -> str:
        if isinstance(self.array, jax.core.Tracer):
            return f"<tf.Tensor: shape={tuple(self.shape)}, dtype={self.dtype.name}>"
        return f"<tf.Tensor: shape={tuple(self.shape)}, dtype={self.dtype.name}, numpy={self.numpy()!r}>"

    def __str__(self) -> str:
        if isinstance(self.array, jax.core.Tracer):
            return f'Tensor("tensor", shape={tuple(self.shape)}, dtype={self.dtype.name})'
        return f"tf.Tensor({self.numpy()}, shape={tuple(self.shape)}, dtype={self.dtype.name})"


#: methods of arrays, which code for arrays of JAX that meets a tensor asks for
_METHODS = (
    "T",
    "all",
    "any",
    "astype",
    "clip",
    "flatten",
    "max",
    "mean",
    "min",
    "prod",
    "ravel",
    "reshape",
    "size",
    "squeeze",
    "std",
    "sum",
    "transpose",
    "var",
    "item",
    "tolist",
)


def _method(name: str, x: Any, *args: Any, **kwargs: Any) -> Any:
    return getattr(x, name)(*args, **kwargs)


def _transposed(x: Any) -> Any:
    return x.T


class Reference:
    """What `tensor.ref()` gives: equal for one tensor, hashable."""

    def __init__(self, target: Any) -> None:
        self.target = target

    def deref(self) -> Any:
        return self.target

    def __hash__(self) -> int:
        return id(self.target)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and other.target is self.target


class Span(tuple[Any, ...]):
    """A slice as (start, stop, step)."""

    __slots__ = ()


def _coded(place: Any) -> Any:
    """A slice as something that is told apart and compared like any argument."""
    if isinstance(place, slice):
        return Span(_number(v) for v in (place.start, place.stop, place.step))
    if isinstance(place, Tensor) and place.ndim == 0 and isinstance(place.array, np.ndarray | np.generic):
        return int(place) if place.dtype.is_integer else place
    return np.asarray(place) if isinstance(place, list) else place


def _number(value: Any) -> Any:
    return value if value is None else int(value)


def _taken(x: Any, index: Any) -> Any:
    return x[tuple(slice(*place) if isinstance(place, Span) else place for place in index)]


def on_device(array: Any) -> Any:
    """An array of JAX from whatever a tensor holds."""
    if isinstance(array, np.ndarray | np.generic) and array.dtype.kind in "OSU":
        raise ArgumentError(message("A tensor of strings", expected="numbers where a network computes", got="strings"))
    return jnp.asarray(array)


# Operators ------------------------------------------------------------------------------------------------------------

_OPERATORS: dict[str, Callable[..., Any]] = {
    name: getattr(operator, name)
    for name in (
        "add",
        "sub",
        "mul",
        "floordiv",
        "mod",
        "pow",
        "matmul",
        "lt",
        "le",
        "gt",
        "ge",
        "eq",
        "ne",
        "and_",
        "or_",
        "xor",
        "neg",
        "pos",
        "abs",
        "invert",
    )
}
_UFUNCS = {
    "add": "add",
    "subtract": "sub",
    "multiply": "mul",
    "true_divide": "truediv",
    "divide": "truediv",
    "power": "pow",
    "matmul": "matmul",
    "floor_divide": "floordiv",
    "remainder": "mod",
    "less": "lt",
    "less_equal": "le",
    "greater": "gt",
    "greater_equal": "ge",
    "equal": "eq",
    "not_equal": "ne",
}


def quotient(a: Any, b: Any) -> Any:
    """a / b: of whole numbers of 32 and 64 bits in float64, of shorter ones in float32."""
    kinds = [jnp.dtype(v.dtype) for v in (a, b) if hasattr(v, "dtype")]
    if kinds and all(kind.kind in "iu" for kind in kinds) and not isinstance(a, float) and not isinstance(b, float):
        wide = "float32" if max(kind.itemsize for kind in kinds) < 4 else "float64"
        if not isinstance(a, jax.Array) and not isinstance(b, jax.Array):
            return np.true_divide(a, b).astype(wide)
    return operator.truediv(a, b)


_OPERATORS["truediv"] = quotient


def _operate(name: str, *operands: Any) -> Any:
    """An operation on tensors and what stands beside them; plain numbers take the tensor's dtype."""
    other = next((v for v in operands if hasattr(v, "dtype") and not isinstance(v, np.ndarray | np.generic)), None)
    given = [_beside(v, other) for v in operands]
    if any(v is NotImplemented for v in given):
        return NotImplemented
    function = _OPERATORS[name]
    return guarded(function, tuple(given), {}, host=function, wide=name == "truediv" and _whole(given))


def _whole(operands: list[Any]) -> bool:
    """Whether all are whole numbers."""
    return all(isinstance(v, int) or "int" in str(getattr(v, "dtype", "")) for v in operands)


def _beside(value: Any, other: Any) -> Any:
    """Numbers as arrays: their values may change from step to step, and nothing is compiled anew for it."""
    if value is None or isinstance(value, str):
        return NotImplemented if not isinstance(value, str) else np.asarray(value.encode(), object)
    if isinstance(value, list | tuple) and any(isinstance(v, Tensor | Variable) for v in value):
        value = jnp.stack([jnp.asarray(unboxed(v)) for v in value])
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "U":
        return np.char.encode(np.asarray(value, str)).astype(object)
    if isinstance(value, float) and other is not None and "float" in str(other.dtype):
        return np.asarray(value, jnp.dtype(str(other.dtype)))
    if isinstance(value, list | tuple):
        array = np.asarray(value)
        return array.astype(np.float32) if array.dtype == np.float64 else array
    return value


def _install(cls: type, names: Any = (*_OPERATORS,)) -> None:
    """Give a class the operators of tensors."""
    for name in names:
        word = name.strip("_")
        if name in ("neg", "pos", "abs", "invert"):
            setattr(cls, f"__{word}__", lambda self, n=name: _operate(n, self))
            continue
        setattr(cls, f"__{word}__", lambda self, other, n=name: _operate(n, self, other))
        if name not in ("lt", "le", "gt", "ge", "eq", "ne"):
            setattr(cls, f"__r{word}__", lambda self, other, n=name: _operate(n, other, self))


_install(Tensor)

jax.tree_util.register_pytree_node(Tensor, lambda t: ((t.array,), None), lambda _, children: Tensor(children[0]))


def is_tensor(x: Any) -> bool:
    """`tf.is_tensor`."""
    return isinstance(x, Tensor | Variable | KerasTensor)
