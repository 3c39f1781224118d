"""The merging layers as functions: `add([a, b])` is `Add()([a, b])`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

from gazelle.core.registry import register
from gazelle.core.types import Array
from gazelle.layers.merging import Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


@register("layers")
def add(inputs: Sequence[Array], **kwargs: Unpack[LayerOptions]) -> Array:
    """Return the elementwise sum of tensors, computed by the layer `Add`.

    Args:
        inputs: List of tensors.
        **kwargs: Arguments of the layer.

    Returns:
        x₁ + x₂ + ...

    Example:
        >>> layers.add([jnp.array([1.0]), jnp.array([2.0])])
        Array([3.], dtype=float32)
    """
    return Add(**kwargs)(inputs)


@register("layers")
def subtract(inputs: Sequence[Array], **kwargs: Unpack[LayerOptions]) -> Array:
    """Return the elementwise difference of two tensors, computed by the layer `Subtract`.

    Args:
        inputs: List of tensors.
        **kwargs: Arguments of the layer.

    Returns:
        x₁ - x₂

    Example:
        >>> layers.subtract([jnp.array([1.0]), jnp.array([2.0])])
        Array([-1.], dtype=float32)
    """
    return Subtract(**kwargs)(inputs)


@register("layers")
def multiply(inputs: Sequence[Array], **kwargs: Unpack[LayerOptions]) -> Array:
    """Return the elementwise product of tensors, computed by the layer `Multiply`.

    Args:
        inputs: List of tensors.
        **kwargs: Arguments of the layer.

    Returns:
        x₁ x₂ ...

    Example:
        >>> layers.multiply([jnp.array([3.0]), jnp.array([2.0])])
        Array([6.], dtype=float32)
    """
    return Multiply(**kwargs)(inputs)


@register("layers")
def average(inputs: Sequence[Array], **kwargs: Unpack[LayerOptions]) -> Array:
    """Return the elementwise mean of tensors, computed by the layer `Average`.

    Args:
        inputs: List of tensors.
        **kwargs: Arguments of the layer.

    Returns:
        The mean.

    Example:
        >>> layers.average([jnp.array([1.0]), jnp.array([2.0])])
        Array([1.5], dtype=float32)
    """
    return Average(**kwargs)(inputs)


@register("layers")
def maximum(inputs: Sequence[Array], **kwargs: Unpack[LayerOptions]) -> Array:
    """Return the elementwise maximum of tensors, computed by the layer `Maximum`.

    Args:
        inputs: List of tensors.
        **kwargs: Arguments of the layer.

    Returns:
        The maximum.

    Example:
        >>> layers.maximum([jnp.array([1.0]), jnp.array([2.0])])
        Array([2.], dtype=float32)
    """
    return Maximum(**kwargs)(inputs)


@register("layers")
def minimum(inputs: Sequence[Array], **kwargs: Unpack[LayerOptions]) -> Array:
    """Return the elementwise minimum of tensors, computed by the layer `Minimum`.

    Args:
        inputs: List of tensors.
        **kwargs: Arguments of the layer.

    Returns:
        The minimum.

    Example:
        >>> layers.minimum([jnp.array([1.0]), jnp.array([2.0])])
        Array([1.], dtype=float32)
    """
    return Minimum(**kwargs)(inputs)


@register("layers")
def concatenate(inputs: Sequence[Array], axis: int = -1, **kwargs: Unpack[LayerOptions]) -> Array:
    """Return tensors joined along an axis, computed by the layer `Concatenate`.

    Args:
        inputs: List of tensors.
        axis: Axis along which the tensors are joined.
        **kwargs: Arguments of the layer.

    Returns:
        The joined tensor.

    Example:
        >>> layers.concatenate([jnp.ones((2, 3)), jnp.ones((2, 4))]).shape
        (2, 7)
    """
    return Concatenate(axis=axis, **kwargs)(inputs)


@register("layers")
def dot(inputs: Sequence[Array], axes: int | Sequence[int] = -1, **kwargs: Unpack[LayerOptions]) -> Array:
    """Return dot products of the vectors of two tensors, computed by the layer `Dot`.

    Args:
        inputs: List of tensors.
        axes: Axis of both tensors, or a pair of axes.
        **kwargs: Arguments of the layer.

    Returns:
        The products.

    Example:
        >>> layers.dot([jnp.array([[1.0, 2.0]]), jnp.array([[3.0, 4.0]])], axes=1)
        Array([[11.]], dtype=float32)
    """
    return Dot(axes=axes, **kwargs)(inputs)
