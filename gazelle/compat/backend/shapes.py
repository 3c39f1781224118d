"""Shapes and sizes: known ones are numbers; an unknown one is a `Size`, which is a number once the graph runs."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import ops
from gazelle.compat.backend.lifting import lifted
from gazelle.core import dtypes, symbolic
from gazelle.core.symbolic import KerasTensor


class Size:
    """A whole number that follows from the shapes of symbolic tensors: `function(*shapes)`.

    For JAX it is a tree with the tensors as leaves: with arrays in their place it becomes a Python number, so that it
    may be a size of other tensors.
    """

    def __init__(self, tensors: tuple[Any, ...], function: Callable[..., Any]) -> None:
        self.tensors, self.function = tensors, function

    def _with(self, other: Any, op: Callable[[Any, Any], Any]) -> Any:
        if isinstance(other, Size):
            n = len(self.tensors)
            both = (*self.tensors, *other.tensors)
            return Size(both, lambda *s: op(self.function(*s[:n]), other.function(*s[n:])))
        if isinstance(other, int):
            return Size(self.tensors, lambda *s: op(self.function(*s), other))
        return NotImplemented

    def __rsub__(self, other: int) -> Any:
        return self._with(other, lambda a, b: b - a)

    def __repr__(self) -> str:
        return "<Size of a symbolic tensor>"


for _name in ("add", "sub", "mul", "floordiv", "mod"):
    _op = getattr(operator, _name)
    setattr(Size, f"__{_name}__", lambda self, other, op=_op: self._with(other, op))
    if _name in ("add", "mul"):
        setattr(Size, f"__r{_name}__", lambda self, other, op=_op: self._with(other, op))


def _refill(function: Callable[..., Any], tensors: Any) -> Any:
    known = all(hasattr(t, "shape") and not isinstance(t, KerasTensor) for t in tensors)
    return int(function(*(t.shape for t in tensors))) if known else Size(tuple(tensors), function)


jax.tree_util.register_pytree_node(Size, lambda s: (s.tensors, s.function), _refill)


class Shape(tuple[Any, ...]):
    """Sizes that compute like the tensor of whole numbers that a shape was: `shape(x)[1:3] * 2` doubles both."""

    def __getitem__(self, index: Any) -> Any:
        part = super().__getitem__(index)
        return Shape(part) if isinstance(part, tuple) else part

    def _each(self, other: Any, op: Callable[[Any, Any], Any]) -> Any:
        if isinstance(other, int | Size):
            return Shape(op(size, other) for size in self)
        if isinstance(other, list | tuple) and len(other) == len(self):
            return Shape(op(size, each) for size, each in zip(self, other, strict=True))
        return NotImplemented

    def __add__(self, other: Any) -> Any:
        sums = self._each(other, operator.add)
        return Shape((*self, *other)) if sums is NotImplemented and isinstance(other, list | tuple) else sums


def _of_each(op: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda self, other: self._each(other, op)


for _name in ("sub", "mul", "floordiv", "mod"):
    setattr(Shape, f"__{_name}__", _of_each(getattr(operator, _name)))
Shape.__rmul__ = Shape.__mul__  # type: ignore[method-assign]
jax.tree_util.register_pytree_node(Shape, lambda shape: (tuple(shape), None), lambda _, sizes: Shape(sizes))


def size_of(x: Any, axis: int) -> Any:
    """The size of one axis: a number where it is known."""
    known = x.shape[axis]
    return Size((x,), lambda shape: shape[axis]) if known is None else int(known)


def shape(x: Any) -> Any:
    """The shape, to be used as sizes of other tensors.

    >>> x = gazelle.Input((3,))
    >>> shape(x)
    (<Size of a symbolic tensor>, 3)
    """
    return Shape(size_of(x, axis) for axis in range(len(x.shape)))


def int_shape(x: Any) -> Any:
    """The shape, None where a size is not known; None for what has no shape."""
    return tuple(x.shape) if hasattr(x, "shape") else None


def ndim(x: Any) -> int:
    """The number of axes."""
    return len(x.shape)


def dtype(x: Any) -> str:
    """The name of the dtype."""
    return dtypes.standardize(x.dtype)


def size(x: Any, name: Any = None) -> Any:
    """The number of elements."""
    out: Any = 1
    for n in shape(x):
        out = n * out if isinstance(n, Size) else out * n
    return out


def count_params(x: Any) -> int:
    """The number of numbers in a variable or a tensor of known shape."""
    return int(np.prod(x.shape))


def _host(x: Any) -> bool:
    """Whether x is made of Python's and NumPy's numbers alone: sizes stay numbers then."""
    if isinstance(x, list | tuple):
        return all(map(_host, x))
    return isinstance(x, int | np.integer) or (isinstance(x, np.ndarray) and np.issubdtype(x.dtype, np.integer))


def _of_sizes(x: Any) -> bool:
    """Whether a list holds nothing but sizes, known and unknown."""
    return all(isinstance(v, int | np.integer | Size) for v in x) and any(isinstance(v, Size) for v in x)


def stack(x: Any, axis: int = 0) -> Any:
    """Tensors of one shape along a new axis; of sizes, sizes."""
    return tuple(x) if _of_sizes(x) else _stack(x, axis)


@lifted
def _stack(x: Any, axis: int) -> Any:
    return np.stack(x, axis) if _host(x) else ops.stack([ops.convert_to_tensor(v) for v in x], axis=axis)


def concatenate(tensors: Any, axis: int = -1) -> Any:
    """Tensors one after the other along `axis`; of sizes, sizes."""
    if all(isinstance(t, list | tuple) for t in tensors) and _of_sizes([n for t in tensors for n in t]):
        return tuple(n for t in tensors for n in t)
    return _concatenate(tensors, axis)


@lifted
def _concatenate(tensors: Any, axis: int) -> Any:
    if _host(tensors):
        return np.concatenate([np.atleast_1d(v) for v in tensors], axis)
    return jnp.concatenate([jnp.asarray(v) for v in tensors], axis)


@lifted
def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The product over `axis`; of sizes, a size."""
    return np.prod(np.asarray(x), axis=axis) if _host(x) else ops.prod(x, axis, keepdims)


def sizes(given: Any) -> Any:
    """A shape as programs give it, a list, a tuple, an array of sizes, as a tuple of numbers."""
    if isinstance(given, int | Size):
        return (given,)
    return tuple(n if n is None or isinstance(n, Size) or symbolic.is_symbolic(n) else int(n) for n in given)


@lifted
def reshape(x: Any, shape: Any) -> Any:
    """The same numbers in another shape; one size may be -1."""
    return jnp.reshape(jnp.asarray(x), [-1 if n is None else n for n in sizes(shape)])


@lifted
def batch_flatten(x: Any) -> Any:
    """All axes but the first as one."""
    return jnp.reshape(x, (x.shape[0], -1)) if x.size else jnp.reshape(x, (0, int(np.prod(x.shape[1:]))))


@lifted
def flatten(x: Any) -> Any:
    """All axes as one."""
    return jnp.reshape(x, -1)


@lifted
def permute_dimensions(x: Any, pattern: Any) -> Any:
    """The axes in another order."""
    return jnp.transpose(x, tuple(pattern))


@lifted
def repeat(x: Any, n: int) -> Any:
    """(batch, size) -> (batch, n, size)."""
    return jnp.repeat(x[:, None], n, axis=1)


@lifted
def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Each element `rep` times along `axis`."""
    return jnp.repeat(x, rep, axis=axis)


@lifted
def tile(x: Any, n: Any) -> Any:
    """x beside itself, n[i] times along axis i."""
    return jnp.tile(jnp.asarray(x), sizes(n) if not isinstance(n, int) else (n,))


@lifted
def expand_dims(x: Any, axis: int = -1) -> Any:
    """x with one more axis, of size 1."""
    return jnp.expand_dims(jnp.asarray(x), axis)


@lifted
def squeeze(x: Any, axis: Any) -> Any:
    """x without an axis of size 1."""
    return jnp.squeeze(x, axis)


@lifted
def slice(x: Any, start: Any, size: Any) -> Any:
    """The part of x from `start` on, of this size; -1 takes all that follows."""
    parts = zip(sizes(start), sizes(size), strict=True)
    return x[tuple(np.s_[a : None if n == -1 else a + n] for a, n in parts)]


@lifted
def reverse(x: Any, axes: Any) -> Any:
    """x backwards along these axes."""
    return jnp.flip(x, axes if isinstance(axes, int) else tuple(axes))


@lifted
def arange(start: Any, stop: Any = None, step: int = 1, dtype: str = "int32") -> Any:
    """start, start + step, ... below stop; below `start` from 0 on where that is the only number."""
    first, last = (0, start) if stop is None else (start, stop)
    return jnp.arange(first, last, step, dtype=dtype)


@lifted
def gather(reference: Any, indices: Any) -> Any:
    """The rows of these numbers."""
    return jnp.take(jnp.asarray(reference), jnp.asarray(indices), axis=0, mode="clip")


@lifted
def one_hot(indices: Any, num_classes: int) -> Any:
    """A 1 at the place of each index, in a new last axis."""
    return ops.one_hot(ops.cast(indices, "int32"), num_classes)


@lifted
def temporal_padding(x: Any, padding: Any = (1, 1)) -> Any:
    """Zeros before and after the steps of (batch, steps, size)."""
    return jnp.pad(x, ((0, 0), tuple(padding), (0, 0)))


def spatial_2d_padding(
    x: Any, padding: Any = ((1, 1), (1, 1)), data_format: Any = None, dim_ordering: Any = None
) -> Any:
    """Zeros around images."""
    return _spatial_padding(x, padding, data_format or dim_ordering)


def spatial_3d_padding(
    x: Any, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: Any = None, dim_ordering: Any = None
) -> Any:
    """Zeros around volumes."""
    return _spatial_padding(x, padding, data_format or dim_ordering)


@lifted
def _spatial_padding(x: Any, padding: Any, data_format: Any) -> Any:
    pairs = [(p, p) if isinstance(p, int) else tuple(p) for p in padding]
    first = channels_first(data_format)
    return jnp.pad(x, [(0, 0), (0, 0), *pairs] if first else [(0, 0), *pairs, (0, 0)])


def channels_first(data_format: Any) -> bool:
    """Whether channels stand before the places, in the words of any era."""
    return (data_format or dtypes_format()) in ("channels_first", "th")


def dtypes_format() -> str:
    """The order of an image's axes in this process."""
    from gazelle import config

    return config.image_data_format()
