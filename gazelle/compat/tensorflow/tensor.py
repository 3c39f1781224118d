"""`tf.Tensor`: an array of NumPy or JAX, or a tracer, with the methods and operators of TensorFlow."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat import era
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.arguments.one_element import as_numbers
from gazelle.compat.old_variable import TensorShape, reference
from gazelle.compat.operators import add_operators, exceeds_32_bits
from gazelle.compat.tables import listed, pairs
from gazelle.compat.tensorflow.calls import call, guarded
from gazelle.compat.tensorflow.dtypes import DType, name_of, of_dtype
from gazelle.compat.tensorflow.eager.recording import look_at_values
from gazelle.compat.tensorflow.errors import InvalidArgumentError
from gazelle.compat.tensorflow.names import one_tensor
from gazelle.compat.types import ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.core.masks import get_mask, remove_mask, set_mask
from gazelle.core.symbolic import KerasTensor
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.variable import Variable

#: operands that need no conversion
_PLAIN = (bool, int, float, complex, np.ndarray, np.generic, list, tuple)


def _in_graph(tensor: Tensor, name: str) -> Any:
    """The graph or the operation of a constant in a program for TensorFlow 1; None outside of graphs."""
    from gazelle.compat.tensorflow.v1 import default_graphs, graphs

    if not graphs.active():
        return None
    return default_graphs.current() if name == "graph" else SimpleNamespace(name=tensor.name[:-2], type="Const")


class _TensorType(type):
    def __instancecheck__(cls, value: object) -> bool:  # symbolic tensors, before TensorFlow 2
        if super().__instancecheck__(value):
            return True
        return isinstance(value, KerasTensor) and era.is_before_tf_keras_2() and not era.called_by_gazelle(1)


class Tensor(TensorWrapper, metaclass=_TensorType):
    """A value: a NumPy array on the host, or an array of JAX as soon as another operand is one.

    >>> x = Tensor(np.array([1.0, 2.0], "float32"))
    >>> (x * 2 + 1).numpy().tolist(), x.shape.as_list(), x.dtype
    ([3.0, 5.0], [2], tf.float32)
    """

    __slots__ = ("array",)
    __module__ = "tensorflow.python.framework.ops"  # by which packages recognize tensors
    __array_priority__ = 100
    array: Any

    def __init__(self, array: TensorLike) -> None:
        self.array = array

    @classmethod
    def dispatch(cls, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> TensorResult:
        return call(function, args, kwargs)

    # Properties and conversions --------------------------------------------------------------------------------------

    shape = property(lambda self: TensorShape(self.array.shape))

    def get_shape(self) -> TensorShape:
        return self.shape

    @property
    def _keras_shape(self) -> tuple[int | None, ...]:
        return tuple(self.shape)

    @_keras_shape.setter
    @ignores("shape")
    def _keras_shape(self, shape: ShapeLike) -> None:
        """Layers for Keras 2 copied it to results of functions, whose shapes are known here."""

    @property
    def _uses_learning_phase(self) -> bool:
        return False

    @_uses_learning_phase.setter
    @ignores("value")
    def _uses_learning_phase(self, value: bool) -> None:
        """They copied it, too."""

    @property
    def _keras_mask(self) -> Tensor:
        mask = get_mask(self.array)
        if mask is None:
            raise AttributeError("A tensor has no attribute '_keras_mask'", name="_keras_mask", obj=self)
        return Tensor(mask)

    @_keras_mask.setter
    def _keras_mask(self, mask: TensorLike) -> None:
        """Attach a mask, which layers that are called on the tensor receive."""
        if isinstance(self.array, np.ndarray) and self.array.dtype.kind in "biufc":
            self.array = jnp.asarray(self.array)  # an array of the host carries no mask
        if mask is not None:
            set_mask(self.array, jnp.asarray(getattr(mask, "array", mask)))
        elif get_mask(self.array) is not None:
            remove_mask(self.array)

    def set_shape(self, shape: ShapeLike) -> None:
        if not self.shape.is_compatible_with(shape):
            raise ArgumentError(
                message("set_shape", expected=f"a shape compatible with {tuple(self.shape)}", got=tuple(shape))
            )

    dtype = property(lambda self: DType(name_of(self.array.dtype)))
    ndim = property(lambda self: int(self.array.ndim))
    device = property(lambda self: "/job:localhost/replica:0/task:0/device:CPU:0")

    @property
    def name(self) -> str:
        from gazelle.compat.tensorflow.v1 import graphs, scopes

        return f"{scopes.name_of_constant(self)}:0" if graphs.active() else "tensor"

    def numpy(self) -> TensorResult:
        """Return a copy of the values as a NumPy array; a scalar as a number."""
        look_at_values()
        array = np.array(self.array)
        return array[()] if array.ndim == 0 else as_numbers(array)

    @ignores("feed_dict session")
    def eval(self) -> TensorResult:
        return self.numpy()

    ref = experimental_ref = reference

    def __reduce__(self) -> tuple[Any, ...]:
        return tensor_of, (np.asarray(self.array),)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        look_at_values()
        return np.array(self.array, dtype) if copy else np.asarray(self.array, dtype)

    def __jax_array__(self) -> Any:
        return on_device(self.array)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = _UFUNCS.get(ufunc.__name__)
        if method == "__call__" and name is not None and not kwargs:  # array + tensor
            return operate(name, *inputs)
        plain = [np.asarray(v) if isinstance(v, Tensor | Variable) else v for v in inputs]
        return getattr(ufunc, method)(*plain, **kwargs)

    def __bool__(self) -> bool:
        return bool(self.array)

    __nonzero__ = __bool__  # of Python 2; packages give it to their own classes

    def __int__(self) -> int:
        return int(self._number())

    __index__ = __int__

    def __float__(self) -> float:
        return float(self._number())

    def _number(self) -> Any:
        """The only element: NumPy converted arrays of one element to numbers up to version 2.4."""
        return self.array.reshape(()) if self.array.size == 1 else self.array

    def __len__(self) -> int:
        return len(self.array)

    def __hash__(self) -> int:
        return id(self)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self.array)))

    def __format__(self, spec: str) -> str:
        return str(self) if isinstance(self.array, jax.core.Tracer) else format(self.numpy(), spec)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):  # as in TensorFlow
            index = tuple(index)
        indices = index if isinstance(index, tuple) else (index,)
        coded = tuple(_hashable_index(item) for item in indices)
        return guarded(_get_items, (self, coded), {}, host=_get_items)

    def __getattr__(self, name: str) -> Any:
        if name in ("graph", "op") and (found := _in_graph(self, name)) is not None:
            return found
        if name == "op" and isinstance(self.array, jax.core.Tracer):  # `return weight.assign(value).op`
            return self
        called_by_numpy = str(sys._getframe(1).f_globals.get("__name__", "")).startswith("numpy")
        if name not in _METHODS or called_by_numpy:  # np.squeeze(tensor) is a NumPy array
            raise AttributeError(f"A tensor has no attribute {name!r}", name=name, obj=self)
        if name in ("size", "item", "tolist"):  # numbers of Python
            return getattr(self.array if name == "size" else self.numpy(), name)
        if name == "T":
            return call(_transposed, (self,), {}, host=_transposed)
        return lambda *args, **kwargs: call(_method, (name, self, *args), kwargs, host=_method)

    def __delattr__(self, name: str) -> None:
        if name == "_keras_mask" and get_mask(self.array) is not None:
            remove_mask(self.array)
        else:
            super().__delattr__(name)

    def __repr__(self) -> str:
        if isinstance(self.array, jax.core.Tracer):
            return f"<tf.Tensor: shape={tuple(self.shape)}, dtype={self.dtype.name}>"
        return f"<tf.Tensor: shape={tuple(self.shape)}, dtype={self.dtype.name}, numpy={shown(self.numpy())}>"

    def __str__(self) -> str:
        if isinstance(self.array, jax.core.Tracer):
            return f'Tensor("tensor", shape={tuple(self.shape)}, dtype={self.dtype.name})'
        return f"tf.Tensor({_on_lines(str(self.numpy()))}, shape={tuple(self.shape)}, dtype={self.dtype.name})"


def shown(value: object) -> str:
    """A value as TensorFlow shows it: a number without the name of its type."""
    return str(value) if isinstance(value, np.generic) else _on_lines(repr(value))


def _on_lines(text: str) -> str:
    """A text of several lines begins on a line of its own, so that its columns are aligned."""
    return f"\n{text}" if "\n" in text else text


#: methods of arrays that tensors also have, for code written for JAX arrays
_METHODS = listed("""T all any astype clip flatten max mean min prod ravel reshape size squeeze std sum
    transpose var item tolist""")


def _method(name: str, x: Any, *args: Any, **kwargs: Any) -> Any:
    return getattr(x, name)(*args, **kwargs)


def _transposed(x: Any) -> Any:
    return x.T


def tensor_of(array: TensorLike) -> Tensor:
    """Return a tensor of an array of a pickle."""
    return Tensor(array)


class HashableSlice(tuple[Any, ...]):
    """A slice as a hashable tuple (start, stop, step)."""

    __slots__ = ()


def _hashable_index(item: Any) -> Any:
    """An index that can be part of a program key; slices become hashable."""
    if isinstance(item, slice):
        return HashableSlice(_as_int(v) for v in (item.start, item.stop, item.step))
    if isinstance(item, Tensor) and item.ndim == 0 and isinstance(item.array, np.ndarray | np.generic):
        return int(item) if item.dtype.is_integer else item
    return np.asarray(item) if isinstance(item, list) else item


def _as_int(value: Any) -> Any:
    return value if value is None else int(value)


def _get_items(x: Any, index: Any) -> Any:
    axis = 0
    for item in index:
        if item is Ellipsis:
            break
        if type(item) is int and axis < x.ndim and not -x.shape[axis] <= item < x.shape[axis]:
            size = x.shape[axis]  # of which JAX takes the last element
            raise IndexError(f"index {item} is out of bounds for axis {axis} with size {size}")
        axis += item is not None
    return x[tuple(slice(*item) if isinstance(item, HashableSlice) else item for item in index)]


def on_device(array: TensorLike) -> TensorResult:
    """The array of a tensor as an array of JAX."""
    if isinstance(array, np.ndarray | np.generic) and array.dtype.kind in "OSU":
        raise ArgumentError(message("A tensor of strings", expected="numbers as inputs of a network", got="strings"))
    return jnp.asarray(array)


# Operators ------------------------------------------------------------------------------------------------------------

OPERATORS: dict[str, Callable[..., Any]] = {
    name: getattr(operator, name)
    for name in listed("add sub mul floordiv mod pow matmul lt le gt ge eq ne and_ or_ xor neg pos abs invert")
}
_UFUNCS = pairs("""add=add subtract=sub multiply=mul true_divide=truediv divide=truediv power=pow
    matmul=matmul floor_divide=floordiv remainder=mod less=lt less_equal=le greater=gt greater_equal=ge equal=eq
    not_equal=ne bitwise_and=and_ bitwise_or=or_ bitwise_xor=xor""")


def quotient(a: TensorLike, b: TensorLike) -> TensorResult:
    """a / b; the result is float64 for integers of 32 and 64 bits, float32 for shorter ones."""
    kinds = [jnp.dtype(v.dtype) for v in (a, b) if hasattr(v, "dtype")]
    if kinds and all(kind.kind in "iu" for kind in kinds) and not isinstance(a, float) and not isinstance(b, float):
        wide = "float32" if max(kind.itemsize for kind in kinds) < 4 else "float64"
        if not isinstance(a, jax.Array) and not isinstance(b, jax.Array):
            return np.true_divide(a, b).astype(wide)
    return operator.truediv(a, b)


def floor_quotient(a: TensorLike, b: TensorLike) -> TensorResult:
    """a // b; of floats the floor of the quotient: that of NumPy is 9 for 1 and 0.1, since 0.1 is rounded up."""
    if _are_integers([a, b]):
        return operator.floordiv(a, _divisor(b))
    return (np if not any(isinstance(v, jax.Array) for v in (a, b)) else jnp).floor(operator.truediv(a, b))


def remainder(a: TensorLike, b: TensorLike) -> TensorResult:
    """a % b."""
    return operator.mod(a, _divisor(b) if _are_integers([a, b]) else b)


def _divisor(value: Any) -> Any:
    """The divisor of integers; a 0 on the host is an error, where NumPy gives 0."""
    if isinstance(value, int | np.ndarray | np.generic) and np.any(np.asarray(value) == 0):
        raise InvalidArgumentError(message("Integer division", expected="divisors other than 0", got=0))
    return value


OPERATORS |= {"truediv": quotient, "floordiv": floor_quotient, "mod": remainder}


def operate(name: str, *operands: Any) -> TensorResult:
    """An operation on tensors and other operands; Python numbers get the dtype of the tensor."""
    other = next((v for v in operands if hasattr(v, "dtype") and not isinstance(v, np.ndarray | np.generic)), None)
    given = [_as_operand(v, other) for v in operands]
    if any(v is NotImplemented for v in given):
        return NotImplemented
    function = OPERATORS[name]
    return guarded(function, tuple(given), {}, host=function, keeps_64_bits=name == "truediv" and _are_integers(given))


def _are_integers(operands: list[Any]) -> bool:
    """Whether all operands are integers."""
    return all(isinstance(v, int) or "int" in str(getattr(v, "dtype", "")) for v in operands)


def _as_operand(value: Any, other: Any) -> Any:
    """An operand; numbers become arrays, so another value compiles nothing again."""
    if value is None or isinstance(value, str):
        return NotImplemented if not isinstance(value, str) else np.asarray(value.encode(), object)
    value = one_tensor(value)
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "U":
        return np.char.encode(np.asarray(value, str)).astype(object)
    if exceeds_32_bits(value, other):
        value = float(value)
    kind = None if other is None else name_of(other.dtype)
    if isinstance(value, float) and kind is not None and "float" in kind:
        return np.asarray(value, jnp.dtype(kind))
    if kind not in (None, "string"):
        value = of_dtype(value, kind)
    if isinstance(value, list | tuple) or type(value).__module__.partition(".")[0] == "pandas":
        array = np.asarray(value)
        return array.astype(np.float32) if array.dtype == np.float64 else array
    return value


add_operators(Tensor, OPERATORS, operate)
Tensor.OVERLOADABLE_OPERATORS = frozenset(  # packages give them to their own classes
    name
    for name in (*(f"__{side}{each.strip('_')}__" for each in OPERATORS for side in ("", "r")), "__getitem__")
    if name in vars(Tensor)
)

jax.tree_util.register_pytree_node(Tensor, lambda t: ((t.array,), None), lambda _, children: Tensor(children[0]))


def is_tensor(x: TensorLike) -> bool:
    return isinstance(x, Tensor | Variable | KerasTensor)
