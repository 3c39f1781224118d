"""Shapes and sizes: a known size is an integer, an unknown one a `Size`, which is an integer when the graph runs."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import ops
from gazelle.compat.backend.lifting import lifted, of_program
from gazelle.compat.recorded_variable import has_variable, recorder_of_program
from gazelle.compat.types import AxisLike, DTypeLike, Nested, ShapeLike, SymbolicShape, TensorLike, TensorResult
from gazelle.core import dtypes, symbolic
from gazelle.core.errors import ShapeError, message
from gazelle.core.symbolic import KerasTensor


class Size:
    """An integer that is computed from the shapes of symbolic tensors: `function(*shapes)`.

    It is a pytree whose leaves are the tensors. With arrays as leaves it becomes a Python integer, so that other
    tensors can have this size.
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


def _unflatten(function: Callable[..., Any], tensors: Any) -> Any:
    known = all(hasattr(t, "shape") and not isinstance(t, KerasTensor) for t in tensors)
    return int(function(*(t.shape for t in tensors))) if known else Size(tuple(tensors), function)


jax.tree_util.register_pytree_node(Size, lambda s: (s.tensors, s.function), _unflatten)


class Shape(tuple[Any, ...]):
    """A shape with elementwise arithmetic, as a tensor of sizes has: `shape(x)[1:3] * 2` doubles both sizes."""

    def __getitem__(self, index: Any) -> Any:
        part = super().__getitem__(index)
        return Shape(part) if isinstance(part, tuple) else part

    def _elementwise_with(self, other: Any, op: Callable[[Any, Any], Any]) -> Any:
        if isinstance(other, int | Size):
            return Shape(op(size, other) for size in self)
        if isinstance(other, list | tuple) and len(other) == len(self):
            return Shape(op(size, each) for size, each in zip(self, other, strict=True))
        return NotImplemented

    def __add__(self, other: Any) -> Any:
        sums = self._elementwise_with(other, operator.add)
        return Shape((*self, *other)) if sums is NotImplemented and isinstance(other, list | tuple) else sums


def _elementwise(op: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda self, other: self._elementwise_with(other, op)


for _name in ("sub", "mul", "floordiv", "mod"):
    setattr(Shape, f"__{_name}__", _elementwise(getattr(operator, _name)))
Shape.__rmul__ = Shape.__mul__
jax.tree_util.register_pytree_node(Shape, lambda shape: (tuple(shape), None), lambda _, sizes: Shape(sizes))


def size_of(x: TensorLike, axis: int) -> TensorResult:
    """The size of one axis; an integer if it is known."""
    known = x.shape[axis]
    return Size((x,), lambda shape: shape[axis]) if known is None else int(known)


def shape(x: TensorLike) -> TensorResult:
    """Return the shape, whose sizes can be used in the shapes of other tensors.

    >>> x = gazelle.Input((3,))
    >>> shape(x)
    (<Size of a symbolic tensor>, 3)
    """
    return Shape(size_of(x, axis) for axis in range(len(x.shape))) if hasattr(x, "shape") else Shape(np.shape(x))


def int_shape(x: TensorLike) -> TensorResult:
    """Return the shape with None for unknown sizes; None for objects without a shape."""
    return tuple(x.shape) if hasattr(x, "shape") else None


get_variable_shape = int_shape


def ndim(x: TensorLike) -> int:
    """Return the number of axes."""
    return len(x.shape)


def dtype(x: TensorLike) -> str:
    """Return the name of the dtype; of a number, such as the `decay` of an optimizer, it is that of variables."""
    return dtypes.standardize(x.dtype if hasattr(x, "dtype") else dtypes.floatx())


def size(x: TensorLike, name: str | None = None) -> TensorResult:
    """Return the number of elements."""
    out: Any = 1
    for n in shape(x):
        out = n * out if isinstance(n, Size) else out * n
    return out


def count_params(x: TensorLike) -> int:
    """Return the number of elements of a variable or a tensor of known shape."""
    return int(np.prod(x.shape))


def _is_host_value(x: Any) -> bool:
    """Whether x consists of Python and NumPy integers only, which are not converted to arrays of JAX."""
    if isinstance(x, list | tuple):
        return all(map(_is_host_value, x))
    return isinstance(x, int | np.integer) or (isinstance(x, np.ndarray) and np.issubdtype(x.dtype, np.integer))


def _are_sizes(x: Any) -> bool:
    """Whether a list consists of sizes, of which some are unknown."""
    return all(isinstance(v, int | np.integer | Size) for v in x) and any(isinstance(v, Size) for v in x)


def stack(x: TensorLike, axis: int = 0) -> TensorResult:
    """Stack tensors along a new axis; a list of sizes becomes a shape."""
    box = recorder_of_program() if has_variable(x) else None
    if box is not None:
        return box.dispatch(stack, (x, axis), {})
    return tuple(x) if _are_sizes(x) else of_program(_stack(x, axis), x)


@lifted
def _stack(x: Any, axis: int) -> Any:
    return np.stack(x, axis) if _is_host_value(x) else ops.stack([ops.convert_to_tensor(v) for v in x], axis=axis)


def concatenate(tensors: Nested[TensorLike], axis: int = -1) -> TensorResult:
    """Concatenate tensors along `axis`; shapes become a shape."""
    box = recorder_of_program() if has_variable(tensors) else None
    if box is not None:
        return box.dispatch(concatenate, (tensors, axis), {})
    if all(isinstance(t, list | tuple) for t in tensors) and _are_sizes([n for t in tensors for n in t]):
        return tuple(n for t in tensors for n in t)
    return of_program(_concatenate(tensors, axis), tensors)


@lifted
def _concatenate(tensors: Any, axis: int) -> Any:
    if _is_host_value(tensors):
        return np.concatenate([np.atleast_1d(v) for v in tensors], axis)
    return jnp.concatenate([jnp.asarray(v) for v in tensors], axis)


@lifted
def prod(x: TensorLike, axis: AxisLike = None, keepdims: bool = False) -> TensorResult:
    """Return the product over `axis`; for sizes a size."""
    return np.prod(np.asarray(x), axis=axis, keepdims=keepdims) if _is_host_value(x) else ops.prod(x, axis, keepdims)


def sizes(given: SymbolicShape) -> TensorResult:
    """A shape, given as an integer, a list, a tuple or an array of sizes, as a tuple."""
    if isinstance(given, int | Size):
        return (given,)
    return tuple(n if n is None or isinstance(n, Size) or symbolic.is_symbolic(n) else int(n) for n in given)


@lifted
def reshape(x: TensorLike, shape: SymbolicShape) -> TensorResult:
    """Reshape x; one size may be -1."""
    return jnp.reshape(jnp.asarray(x), [-1 if n is None else n for n in sizes(shape)])


@lifted
def batch_flatten(x: TensorLike) -> TensorResult:
    """Flatten all axes except the first."""
    return jnp.reshape(x, (x.shape[0], -1)) if x.size else jnp.reshape(x, (0, int(np.prod(x.shape[1:]))))


@lifted
def repeat(x: TensorLike, n: int) -> TensorResult:
    """Repeat x along a new axis: (batch, size) -> (batch, n, size)."""
    return jnp.repeat(x[:, None], n, axis=1)


@lifted
def slice(x: TensorLike, start: TensorLike | Sequence[int], size: ShapeLike) -> TensorResult:
    """Return the part of x that begins at `start` and has this size; -1 extends to the end."""
    starts = [n if isinstance(n, jax.core.Tracer) else int(n) for n in start]  # traced in a loop over steps
    counts = [axis - first if n == -1 else n for first, n, axis in zip(starts, sizes(size), x.shape, strict=True)]
    for first, count, axis in zip(starts, counts, x.shape, strict=True):
        if not isinstance(first, jax.core.Tracer) and not 0 <= first <= first + count <= axis:
            bounds = f"parts within the shape {x.shape}"
            raise ShapeError(message("K.slice", expected=bounds, got=f"start {starts} and size {counts}"))
    return jax.lax.dynamic_slice(jnp.asarray(x), starts, counts)


@lifted
def gather(reference: TensorLike, indices: TensorLike) -> TensorResult:
    """Return the rows with these indices."""
    return jnp.take(jnp.asarray(reference), jnp.asarray(indices), axis=0, mode="clip")


@lifted
def one_hot(indices: TensorLike, num_classes: int) -> TensorResult:
    """Return one-hot vectors along a new last axis."""
    return ops.one_hot(ops.cast(indices, "int32"), num_classes)


@lifted
def temporal_padding(x: TensorLike, padding: int | Sequence[int] = (1, 1)) -> TensorResult:
    """Add zeros before and after the steps of (batch, steps, size); Keras 1 took one number for both."""
    pair = (padding, padding) if isinstance(padding, int) else tuple(padding)
    return jnp.pad(x, ((0, 0), pair, (0, 0)))


def _spatial_padding(x: Any, padding: Any, data_format: str) -> Any:
    """Add zeros around images or volumes: so many before and after each spatial axis."""
    space = [padding] * (x.ndim - 2) if isinstance(padding, int) else padding
    pairs = [(p, p) if isinstance(p, int) else tuple(p) for p in space]
    return jnp.pad(x, [(0, 0), (0, 0), *pairs] if data_format == "channels_first" else [(0, 0), *pairs, (0, 0)])


def _padded_steps(x: Any, left: int, right: int) -> Any:
    """`K.asymmetric_temporal_padding` of Keras 1."""
    return jnp.pad(x, ((0, 0), (left, right), (0, 0)))


def _padded_image(x: Any, top: int, bottom: int, left: int, right: int, data_format: str) -> Any:
    """`K.asymmetric_spatial_2d_padding` of Keras 1."""
    return _spatial_padding(x, ((top, bottom), (left, right)), data_format)


def channels_first(data_format: str | None) -> bool:
    """Whether a data format, in the names of any era, has the channels before the spatial axes."""
    return (data_format or default_data_format()) in ("channels_first", "th")


def kind_of(dtype: DTypeLike) -> str:
    """The name of a dtype; that of the default float type for None."""
    return dtypes.standardize(dtype or dtypes.floatx())


def format_of(data_format: str | None) -> str:
    """The current name of a data format in the names of any era; that of the process for None."""
    return "channels_first" if channels_first(data_format) else "channels_last"


def default_data_format() -> str:
    """The default data format of the process."""
    from gazelle import config

    return config.image_data_format()
