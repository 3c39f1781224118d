"""Activation layers with arguments or weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle import activations
from gazelle.core import logits
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.masks import masked_score
from gazelle.core.types import Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers.base import Layer
from gazelle.layers.input_spec import InputSpec

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


def _check_non_negative(owner: Layer, name: str, none: bool = False) -> None:
    value = getattr(owner, name)
    if (value is None and not none) or (value is not None and value < 0):
        raise ArgumentError(
            message(f"Argument {name} of {type(owner).__name__}", expected="a number >= 0", got=repr(value))
        )


class ReLU(Layer):
    """Rectified linear unit:  y = min(x, max_value) for x >= threshold, negative_slope (x - threshold) below.

    x (any shape)  ->  y (same shape)

    Args:
        max_value: Upper bound of y; None for no bound.
        negative_slope: Gradient below the threshold.
        threshold: Value from which on x is passed through.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: An argument is negative.

    Example:
        >>> ReLU(max_value=6.0)(jnp.array([-1.0, 3.0, 9.0]))
        Array([0., 3., 6.], dtype=float32)
    """

    _is_stateless = True
    supports_masking = True

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        _check_non_negative(self, "max_value", none=True)
        _check_non_negative(self, "negative_slope")
        _check_non_negative(self, "threshold")

    def call(self, x: Array) -> Array:
        return activations.relu(
            x, negative_slope=self.negative_slope, max_value=self.max_value, threshold=self.threshold
        )


class LeakyReLU(Layer):
    """Leaky rectified linear unit:  y = x for x >= 0, negative_slope x below.

    x (any shape)  ->  y (same shape)

    Args:
        negative_slope: Gradient for x < 0.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `negative_slope` is negative.

    References:
        Maas et al., Rectifier Nonlinearities Improve Neural Network Acoustic Models (2013).

    Example:
        >>> LeakyReLU(negative_slope=0.5)(jnp.array([-1.0, 3.0]))
        Array([-0.5,  3. ], dtype=float32)
    """

    _is_stateless = True
    supports_masking = True

    def __init__(self, negative_slope: float = 0.3, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        _check_non_negative(self, "negative_slope")

    def call(self, x: Array) -> Array:
        return activations.leaky_relu(x, negative_slope=self.negative_slope)


class PReLU(Layer):
    """Leaky rectified linear unit with learned gradients:  y = max(x, 0) - alpha max(-x, 0).

    x (batch, ...) · alpha (sizes of one sample, 1 on `shared_axes`)  ->  y (same shape as x)

    Args:
        alpha_initializer: Initializer of alpha.
        alpha_regularizer: Regularizer of alpha.
        alpha_constraint: Constraint on alpha.
        shared_axes: Axis or axes of x along which alpha is shared; the batch is axis 0.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ShapeError: `shared_axes` holds an axis that x does not have, or an axis that is not shared has no known size.

    References:
        He et al., Delving Deep into Rectifiers (2015).

    Example:
        >>> PReLU()(jnp.array([[-1.0, 3.0]]))
        Array([[0., 3.]], dtype=float32)
    """

    supports_masking = True

    def __init__(
        self,
        alpha_initializer: InitializerLike = "Zeros",
        alpha_regularizer: RegularizerLike = None,
        alpha_constraint: ConstraintLike = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if shared_axes is not None:
            self.shared_axes: Any = list(shared_axes) if isinstance(shared_axes, (list, tuple)) else [shared_axes]

    def build(self, input_shape: Shape) -> None:
        shared: Sequence[int] = self.shared_axes or ()
        outside = [axis for axis in shared if not 0 < axis < len(input_shape)]
        if outside:
            raise ShapeError(
                message(
                    f"{self._label}: shared axis {outside[0]}",
                    got=f"shape {input_shape}",
                    expected=f"axes from 1 to {len(input_shape) - 1}",
                )
            )
        shape = [1 if axis in shared else n for axis, n in enumerate(input_shape)][1:]
        if None in shape:
            raise ShapeError(
                message(
                    self._label,
                    expected="known sizes of the axes that are not shared",
                    got=f"shape {input_shape}",
                    hint="Name unknown axes in shared_axes.",
                )
            )
        self.alpha = self.add_weight("alpha", shape)
        axes: dict[int, Any] = {axis: n for axis, n in enumerate(input_shape) if axis > 0 and axis not in shared}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)

    def call(self, x: Array) -> Array:
        return jax.nn.relu(x) - self.alpha.value * jax.nn.relu(-x)


class ELU(Layer):
    """Exponential linear unit:  y = x for x >= 0, alpha (e^x - 1) below.

    x (any shape)  ->  y (same shape)

    Args:
        alpha: Negative of the limit of y for x -> -∞.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    References:
        Clevert et al., Fast and Accurate Deep Network Learning by Exponential Linear Units (2015).

    Example:
        >>> ELU()(jnp.array([0.0, 3.0]))
        Array([0., 3.], dtype=float32)
    """

    _is_stateless = True
    supports_masking = True

    def __init__(self, alpha: float = 1.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)

    def call(self, x: Array) -> Array:
        return activations.elu(x, alpha=self.alpha)


class Softmax(Layer):
    """Softmax over one or several axes:  y = e^x / Σ e^x, the sum over `axis`.

    x (any shape)  ->  y (same shape). With a mask, masked elements count as -∞ and their y is 0.

    Args:
        axis: Axis, or a list of axes that are normalized together.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Call arguments:
        mask: True for the elements to keep; its shape broadcasts to that of x.

    Raises:
        ShapeError: The mask does not broadcast to x.

    Example:
        >>> Softmax()(jnp.zeros((1, 2)))
        Array([[0.5, 0.5]], dtype=float32)
    """

    _is_stateless = True
    supports_masking = True

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)

    def call(self, x: Array, mask: Array | None = None) -> Array:
        axis = tuple(self.axis) if isinstance(self.axis, (list, tuple)) else self.axis
        if mask is None:
            return logits.attach_own(jax.nn.softmax(x, axis), x, "categorical")
        mask = jnp.asarray(mask)
        try:
            fits = jnp.broadcast_shapes(mask.shape, x.shape) == x.shape
        except ValueError:
            fits = False
        if not fits:
            raise ShapeError(
                message(
                    f"The mask of {self._label}",
                    expected=f"a shape that broadcasts to {x.shape}",
                    got=f"shape {mask.shape}",
                )
            )
        keep = mask if mask.dtype == bool else mask > 0.5
        return jnp.where(keep, jax.nn.softmax(jnp.where(keep, x, masked_score(x.dtype)), axis), 0)
