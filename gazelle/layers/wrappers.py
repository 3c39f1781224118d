"""Layers around a layer: Wrapper and TimeDistributed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle import tree
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.types import Array, Nested, Shape, Tree
from gazelle.layers.base import Layer
from gazelle.layers.call_arguments import argument_names
from gazelle.layers.input_spec import check_single

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


class Wrapper(Layer):
    """Base class of layers that contain another layer as `layer`.

    Args:
        layer: The wrapped layer.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `layer` is not a layer.

    Example:
        >>> class Twice(Wrapper):
        ...     def call(self, x):
        ...         return 2 * self.layer(x)
        >>> Twice(Dense(4))(jnp.ones((2, 3))).shape
        (2, 4)
    """

    def __init__(self, layer: Layer, **kwargs: Unpack[LayerOptions]) -> None:
        if not isinstance(layer, Layer):
            raise ArgumentError(
                message(
                    f"layer of {type(self).__name__}",
                    expected="a Layer object",
                    got=repr(layer),
                    hint="Give an object, as in Dense(4), not a class or a function.",
                )
            )
        super().__init__(**kwargs)
        self.layer = layer  # also for subclasses outside of this package

    def build(self, input_shape: Shape | None = None) -> None:
        if input_shape is not None and not self.layer.built:
            self.layer.build(input_shape)


class TimeDistributed(Wrapper):
    """Application of a layer to every time step:  y_t = layer(x_t).

    x (batch, time, ...)  ->  y (batch, time, ...)

    x may be a list or dict of sequences for a layer with several inputs, and y has the structure of its result. All
    steps are processed as one batch. In training, a layer with batch statistics (BatchNormalization) processes the
    steps one after the other.

    Args:
        layer: The wrapped layer.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Call arguments:
        mask: Mask (batch, time), passed to the wrapped layer if it takes one.

    Raises:
        ShapeError: x has fewer than 3 axes.

    Example:
        >>> TimeDistributed(Dense(4))(jnp.ones((2, 5, 3))).shape
        (2, 5, 4)
    """

    _maps_lists = True

    def __init__(self, layer: Layer, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def _check_callable(self, args: Sequence[Any]) -> None:
        super()._check_callable(args)
        if args and isinstance(args[0], list | tuple):
            check_single(self.layer, args[0], self._label)

    def build(self, input_shape: Nested[Shape]) -> None:  # type: ignore[override]
        super().build(tree.map_shape_structure(self._shape_of_step, input_shape))
        self._build_shapes = input_shape

    def _shape_of_step(self, shape: Shape) -> Shape:
        if len(shape) < 3:
            raise ShapeError(
                message(
                    self._label,
                    expected="at least 3 axes (batch, time, ...)",
                    got=f"shape {tuple(shape)}",
                    hint="A missing time axis is added by x[:, None].",
                )
            )
        return (shape[0], *shape[2:])

    def call(self, x: Nested[Array], training: bool = False, mask: Array | None = None) -> Nested[Array]:
        batch, time = jax.tree.leaves(x)[0].shape[:2]
        mask = None if isinstance(x, list | tuple | dict) else mask
        if mask is not None and (mask.ndim < 2 or mask.shape[:2] != (batch, time)):
            raise ShapeError(
                message(
                    f"The mask of {self._label}", expected=f"shape {(batch, time)} or longer", got=f"shape {mask.shape}"
                )
            )
        takes_mask = mask is not None and "mask" in argument_names(type(self.layer).call)

        def inner(x: Any, mask: Any) -> Any:
            return self.layer(x, mask=mask) if takes_mask else self.layer(x)

        if training and self._has_statistics():
            masks = [mask[:, t] if takes_mask and mask is not None else None for t in range(time)]
            steps = [inner(jax.tree.map(lambda each, t=t: each[:, t], x), its) for t, its in enumerate(masks)]
            return jax.tree.map(lambda *of_steps: jnp.stack(of_steps, axis=1), *steps)
        y = inner(jax.tree.map(joined_steps, x), joined_steps(mask) if takes_mask else None)
        return jax.tree.map(lambda each: each.reshape((batch, time, *each.shape[1:])), y)

    def _has_statistics(self) -> bool:
        """Whether the layer may use statistics of the batch, which are those of one step."""
        return any(not v.made_trainable for v in self.layer.variables)


def joined_steps(x: Tree) -> Tree:
    """Reshape (batch, time, ...) to (batch * time, ...)."""
    return x.reshape((x.shape[0] * x.shape[1], *x.shape[2:]))
