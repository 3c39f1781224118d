"""Merging layers: Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate, Dot."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ArgumentTypeError, ShapeError, message
from gazelle.core.types import Array, Shape
from gazelle.layers.base import Layer
from gazelle.layers.spatial import is_integer
from gazelle.ops.max_min import larger, smaller

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


def _input_shapes(layer: Layer, shapes: Any, count: int | None = None) -> list[tuple[Any, ...]]:
    """Return the shapes of a list of inputs; anything else is an error."""
    listed = isinstance(shapes, (list, tuple)) and len(shapes) > 0 and all(isinstance(s, (list, tuple)) for s in shapes)
    if not listed or (count is not None and len(shapes) != count):
        raise ShapeError(
            message(
                layer._label,
                expected=f"a list of {f'{count} ' if count else ''}tensors",
                got=f"a list of {len(shapes)}" if listed else f"one tensor of shape {shapes}",
                hint=f"Call it as {type(layer).__name__}(...)([a, b]).",
            )
        )
    return [tuple(s) for s in shapes]


def _check_list(layer: Layer, args: Sequence[Any]) -> None:
    """Raise an error for one array, whose rows would be taken for the inputs of a layer that is built."""
    if args and not isinstance(args[0], (list, tuple)):
        _input_shapes(layer, tuple(getattr(args[0], "shape", ())))


def check_masks(layer: Layer, inputs: Sequence[Array], mask: Sequence[Array | None] | None) -> None:
    """Raise an error unless there is a mask, or None, for each input."""
    if mask is None:
        return
    for name, value in (("inputs", inputs), ("mask", mask)):
        if not isinstance(value, (list, tuple)):
            what = f"{name} of compute_mask of {layer._label}"
            raise ArgumentError(message(what, expected="a list with one entry per input", got=type(value).__name__))
    if len(inputs) != len(mask):
        got = f"{len(inputs)} inputs and {len(mask)} masks"
        raise ArgumentError(message(f"compute_mask of {layer._label}", expected="a mask or None per input", got=got))


def _masks(layer: Layer, inputs: Any, mask: Any) -> list[Any]:
    """Return the mask of each input as an array; an empty list if there are none."""
    check_masks(layer, inputs, mask)
    return [] if mask is None or all(m is None for m in mask) else [None if m is None else jnp.asarray(m) for m in mask]


def _expand_mask(mask: Any, x: Any) -> Any:
    """Return a mask (batch, steps) with as many axes as x."""
    return jnp.reshape(mask, mask.shape + (1,) * (x.ndim - mask.ndim))


def _mask_like(mask: Any, x: Any) -> Any:
    """Return a mask (batch, steps) in the shape of x; one with as many axes as x is returned unchanged."""
    if mask.ndim >= x.ndim:
        return mask
    known = tuple(mask.shape[i] if n is None else n for i, n in enumerate(x.shape))
    return jnp.broadcast_to(_expand_mask(mask, x), known)


class _Merge(Layer):
    """Elementwise over a list of inputs whose shapes broadcast; a lower rank gets axes after the batch."""

    supports_masking = True
    _sparse_inputs = "kept"
    count: int | None = None  # required number of inputs

    def build(self, input_shape: Sequence[Shape]) -> None:
        shapes = _input_shapes(self, input_shape, self.count)
        rank = max(map(len, shapes))
        spread = [(*s[:1], *(1,) * (rank - len(s)), *s[1:]) for s in shapes]
        for axis, sizes in enumerate(zip(*spread, strict=True)):
            known = {n for n in sizes if n is not None and (axis == 0 or n != 1)}
            if len(known) > 1:
                raise ShapeError(
                    message(
                        self._label,
                        expected=f"equal sizes on axis {axis}, or 1",
                        got=f"shapes {', '.join(map(str, shapes))}",
                    )
                )

    def _check_call_inputs(self, args: Sequence[Any]) -> None:
        _check_list(self, args)

    def call(self, x: Sequence[Array], mask: Sequence[Array | None] | None = None) -> Array:
        rank = max(one.ndim for one in x)
        x = [jnp.expand_dims(one, tuple(range(1, 1 + rank - one.ndim))) for one in x]
        return self._merge(x, list(mask) if mask is not None else [None] * len(x))

    def _merge(self, x: list[Any], masks: list[Any]) -> Array:
        raise NotImplementedError

    def compute_mask(self, inputs: Sequence[Array], mask: Sequence[Array | None] | None = None) -> Array | None:
        # a step counts if it counts in any input; an input without a mask counts everywhere
        masks = _masks(self, inputs, mask)
        known = [m for m in masks if m is not None]
        whole = bool(known) and len(known) == len(masks)
        return functools.reduce(jnp.logical_or, known) if whole else None


class Add(_Merge):
    """Elementwise sum of inputs:  y = x₁ + x₂ + ...

    [x₁, x₂, ...] with shapes that broadcast; missing axes are inserted after the batch axis.

    Args:
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ShapeError: The input is not a list of tensors whose shapes broadcast.

    Example:
        >>> Add()([jnp.array([[1.0]]), jnp.array([[2.0]])])
        Array([[3.]], dtype=float32)
    """

    def _merge(self, x: list[Any], masks: list[Any]) -> Array:
        return functools.reduce(jnp.add, x)


class Subtract(_Merge):
    """Elementwise difference of two inputs:  y = x₁ - x₂.

    [x₁, x₂] with shapes that broadcast; missing axes are inserted after the batch axis.

    Args:
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ShapeError: The input is not a list of two tensors whose shapes broadcast.

    Example:
        >>> Subtract()([jnp.array([[1.0]]), jnp.array([[2.0]])])
        Array([[-1.]], dtype=float32)
    """

    count = 2

    def _merge(self, x: list[Any], masks: list[Any]) -> Array:
        return jnp.subtract(*x)


class Multiply(_Merge):
    """Elementwise product of inputs:  y = x₁ x₂ ...

    [x₁, x₂, ...] with shapes that broadcast. A masked value counts as 1; y is 0 where all inputs are masked.

    Args:
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ShapeError: The input is not a list of tensors whose shapes broadcast.

    Example:
        >>> Multiply()([jnp.array([[3.0]]), jnp.array([[2.0]])])
        Array([[6.]], dtype=float32)
    """

    def _merge(self, x: list[Any], masks: list[Any]) -> Array:
        factors = [
            one if m is None else jnp.where(_expand_mask(m, one), one, 1) for one, m in zip(x, masks, strict=True)
        ]
        y = functools.reduce(jnp.multiply, factors)
        if any(m is None for m in masks):
            return y
        return jnp.where(functools.reduce(jnp.logical_or, (_expand_mask(m, y) for m in masks)), y, 0)


class Average(_Merge):
    """Elementwise mean of n inputs:  y = (x₁ + x₂ + ... + xₙ) / n.

    [x₁, x₂, ...] with shapes that broadcast; missing axes are inserted after the batch axis.

    Args:
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ShapeError: The input is not a list of tensors whose shapes broadcast.

    Example:
        >>> Average()([jnp.array([[1.0]]), jnp.array([[2.0]])])
        Array([[1.5]], dtype=float32)
    """

    def _merge(self, x: list[Any], masks: list[Any]) -> Array:
        return functools.reduce(jnp.add, x) / len(x)


def _extreme(better: Callable[[Any, Any], Any], x: list[Any], masks: list[Any]) -> Any:
    """Return the largest or smallest values; where a value is masked, the others count."""
    y, kept = x[0], None if masks[0] is None else _expand_mask(masks[0], x[0])
    for one, mask in zip(x[1:], masks[1:], strict=True):
        keep = None if mask is None else _expand_mask(mask, one)
        if keep is not None:
            one = jnp.where(keep, one, y)
        if kept is not None:
            y = jnp.where(kept, y, one)
        kept = None if keep is None or kept is None else keep | kept
        y = better(y, one)
    return y


class Maximum(_Merge):
    """Elementwise maximum of inputs:  y = max(x₁, x₂, ...).

    [x₁, x₂, ...] with shapes that broadcast; masked values are ignored.

    Args:
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ShapeError: The input is not a list of tensors whose shapes broadcast.

    Example:
        >>> Maximum()([jnp.array([[1.0]]), jnp.array([[2.0]])])
        Array([[2.]], dtype=float32)
    """

    def _merge(self, x: list[Any], masks: list[Any]) -> Array:
        return _extreme(larger, x, masks)


class Minimum(_Merge):
    """Elementwise minimum of inputs:  y = min(x₁, x₂, ...).

    [x₁, x₂, ...] with shapes that broadcast; masked values are ignored.

    Args:
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ShapeError: The input is not a list of tensors whose shapes broadcast.

    Example:
        >>> Minimum()([jnp.array([[1.0]]), jnp.array([[2.0]])])
        Array([[1.]], dtype=float32)
    """

    def _merge(self, x: list[Any], masks: list[Any]) -> Array:
        return _extreme(smaller, x, masks)


class Concatenate(Layer):
    """Concatenation of inputs along an axis.

    x₁ (batch, ..., n), x₂ (batch, ..., m)  ->  y (batch, ..., n + m); the other sizes are equal.

    Args:
        axis: Axis along which the inputs are joined.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ShapeError: The inputs differ in their number of axes or in another size.

    Example:
        >>> Concatenate()([jnp.ones((2, 3)), jnp.ones((2, 4))]).shape
        (2, 7)
    """

    _sparse_inputs = "kept"

    supports_masking = True

    def __init__(self, axis: int = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)

    def build(self, input_shape: Sequence[Shape]) -> None:
        shapes = _input_shapes(self, input_shape)
        rank = len(shapes[0])
        if any(len(s) != rank for s in shapes) or not -rank <= self.axis < rank:
            raise ShapeError(
                message(
                    self._label,
                    expected=f"inputs of one rank that have axis {self.axis}",
                    got=f"shapes {', '.join(map(str, shapes))}",
                )
            )
        for axis, sizes in enumerate(zip(*shapes, strict=True)):
            if axis != self.axis % rank and len({n for n in sizes if n is not None}) > 1:
                raise ShapeError(
                    message(
                        self._label,
                        expected=f"equal sizes on axis {axis}",
                        got=f"shapes {', '.join(map(str, shapes))}",
                        hint=f"Only axis {self.axis} may differ.",
                    )
                )

    def _check_call_inputs(self, args: Sequence[Any]) -> None:
        _check_list(self, args)

    def call(self, x: Sequence[Array]) -> Array:
        return jnp.concatenate(x, self.axis)

    def compute_mask(self, inputs: Sequence[Array], mask: Sequence[Array | None] | None = None) -> Array | None:
        # the joined masks; all True for an input without a mask
        masks = _masks(self, inputs, mask)
        if not masks:
            return None
        pairs = zip(inputs, masks, strict=True)
        each = [jnp.ones(x.shape, bool) if m is None else _mask_like(m, x) for x, m in pairs]
        return self._joined_mask(jnp.concatenate(each, self.axis))

    def _joined_mask(self, joined: Array) -> Array:
        """The mask of the output from the joined masks of the inputs, which have the shape of the output."""
        return jnp.any(joined, axis=-1)


class Dot(Layer):
    """Dot products of vectors:  y[b, i, j] = Σ_k x₁[b, i, k] x₂[b, j, k],  k along `axes`, i and j all other axes.

    x₁ (batch, n, k) · x₂ (batch, m, k)  ->  y (batch, n, m);  two vectors give y (batch, 1)

    Args:
        axes: Axis of both inputs, or a pair of axes; the batch axis 0 is not allowed.
        normalize: Whether the vectors are scaled to length 1 first (cosine similarity).
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `axes` is not an integer or a pair.
        ShapeError: The inputs do not have these axes, or with different sizes.

    Example:
        >>> Dot(axes=1)([jnp.array([[1.0, 2.0]]), jnp.array([[3.0, 4.0]])])
        Array([[11.]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        pair = axes if isinstance(axes, (list, tuple)) else (axes, axes)
        if len(pair) != 2 or not all(map(is_integer, pair)):
            raise ArgumentTypeError(message("Argument axes of Dot", expected="an integer or a pair", got=repr(axes)))

    def pair(self, shapes: list[tuple[Any, ...]]) -> tuple[int, int]:
        """Return the two axes, counted from 0.

        Args:
            shapes: Shapes of both inputs.

        Returns:
            The axis of x₁ and the axis of x₂.
        """
        given = self.axes if isinstance(self.axes, (list, tuple)) else (self.axes, self.axes)
        for axis, shape in zip(given, shapes, strict=True):
            if not -len(shape) <= axis < len(shape) or axis % len(shape) == 0:
                raise ShapeError(
                    message(
                        f"{self._label}: axis {axis}",
                        expected="an axis of the input, not the batch",
                        got=f"shape {shape}",
                    )
                )
        first, second = (axis % len(shape) for axis, shape in zip(given, shapes, strict=True))
        return first, second

    def build(self, input_shape: Sequence[Shape]) -> None:
        shapes = _input_shapes(self, input_shape, count=2)
        first, second = self.pair(shapes)
        sizes = {shapes[0][first], shapes[1][second]} - {None}
        if len(sizes) > 1:
            raise ShapeError(
                message(
                    self._label,
                    expected="equal sizes along axes",
                    got=f"{shapes[0][first]} on axis {first} of {shapes[0]}, "
                    f"{shapes[1][second]} on axis {second} of {shapes[1]}",
                )
            )

    def _check_call_inputs(self, args: Sequence[Any]) -> None:
        _check_list(self, args)

    def call(self, x: Sequence[Array]) -> Array:
        axes = self.pair([one.shape for one in x])
        if self.normalize:
            x = [
                one * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(one), axis, keepdims=True), 1e-14))
                for one, axis in zip(x, axes, strict=True)
            ]
        y = jax.lax.dot_general(x[0], x[1], (((axes[0],), (axes[1],)), ((0,), (0,))))
        return y[:, None] if y.ndim == 1 else y

    def compute_mask(self, inputs: Sequence[Array], mask: Sequence[Array | None] | None = None) -> Array | None:
        return None  # the steps of two inputs became two axes
