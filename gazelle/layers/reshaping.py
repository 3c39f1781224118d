"""Layers that move values without changing them: reshape, permute, repeat, crop, pad, upsample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp

from gazelle.core import logits, tracing
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.types import Array
from gazelle.layers.base import Layer
from gazelle.layers.input_spec import InputSpec
from gazelle.layers.spatial import is_integer, sizes

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


class Reshape(Layer):
    """Change of the shape of each sample:  x (batch, ...)  ->  y (batch, *target_shape).

    Args:
        target_shape: Sizes of a sample of y. One of them may be -1 and is computed from the others.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: A size is below -1, or -1 is given twice.
        ShapeError: x and y have different numbers of elements.

    Example:
        >>> Reshape((2, -1))(jnp.ones((5, 8))).shape
        (5, 2, 4)
    """

    _is_stateless = True
    _sparse_inputs = "kept"

    def __init__(self, target_shape: int | Sequence[int], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        shape: tuple[Any, ...] = (target_shape,) if is_integer(target_shape) else tuple(target_shape)  # type: ignore[arg-type]
        if any(not is_integer(n) or n < -1 for n in shape) or shape.count(-1) > 1:
            raise ArgumentError(
                message(
                    "Argument target_shape of Reshape", expected="sizes >= 0, at most one -1", got=repr(target_shape)
                )
            )
        self.target_shape: Any = shape

    def call(self, x: Array) -> Array:
        have, want = math.prod(x.shape[1:]), math.prod(n for n in self.target_shape if n != -1)
        rest = have // want if want else 0
        shape = (x.shape[0], *(rest if n == -1 else n for n in self.target_shape))
        if (-1 in self.target_shape and rest * want != have) or (-1 not in self.target_shape and have != want):
            scope = tracing.current()
            if scope is not None and scope.guesses:  # sizes of a sample are unknown: those of the data are checked
                return jnp.zeros(shape, x.dtype)
            raise ShapeError(
                message(
                    f"{self._label} to {self.target_shape}",
                    expected=f"{want} elements in a sample"
                    if -1 not in self.target_shape
                    else f"a multiple of {want} elements in a sample",
                    got=f"{have} in shape {x.shape}",
                )
            )
        return logits.lost(jnp.reshape(x, shape), x)


class Permute(Layer):
    """Permutation of the axes of each sample.

    x (batch, n1, n2, ...)  ->  y (batch, n[dims[0]], n[dims[1]], ...)

    Args:
        dims: The axes of x in the order of y, numbered from 1; the batch is not included.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `dims` is not a permutation of 1, 2, ..., n.

    Example:
        >>> Permute((2, 1))(jnp.ones((5, 3, 4))).shape
        (5, 4, 3)
    """

    _sparse_inputs = "kept"

    def __init__(self, dims: Sequence[int], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ArgumentError(
                message(
                    "Argument dims of Permute",
                    expected="each of 1, 2, ..., n once",
                    got=repr(dims),
                    hint="The batch is axis 0 and is not named.",
                )
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, x: Array) -> Array:
        return logits.lost(jnp.transpose(x, (0, *self.dims)), x)


class RepeatVector(Layer):
    """Repetition of a vector along a new time axis:  x (batch, features)  ->  y (batch, n, features).

    Args:
        n: Number of repetitions.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `n` is not a positive integer.

    Example:
        >>> RepeatVector(3)(jnp.ones((5, 4))).shape
        (5, 3, 4)
    """

    def __init__(self, n: int, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.n = sizes("RepeatVector", "n", n, 1)[0]
        self.input_spec = InputSpec(ndim=2)

    def call(self, x: Array) -> Array:
        return jnp.repeat(x[:, None], self.n, axis=1)
