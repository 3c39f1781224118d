"""Transposed convolutions: Conv1DTranspose, Conv2DTranspose, Conv3DTranspose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import jax.numpy as jnp

from gazelle import ops
from gazelle.core.errors import ArgumentError, message
from gazelle.core.registry import register
from gazelle.core.types import ActivationLike, Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers.base import Layer
from gazelle.layers.convolution import add_bias, check_positive, check_strides_or_dilation, set_window
from gazelle.layers.spatial import accept_channels, channels, sizes

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsWithoutRegularizer


class _ConvTranspose(Layer):
    rank: int

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        output_padding: int | Sequence[int] | None = None,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **kwargs: Unpack[OptionsWithoutRegularizer],
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        set_window(self, kernel_size, strides, padding, data_format, dilation_rate)
        check_positive(self, "filters")
        check_strides_or_dilation(self)
        if output_padding is not None:
            self.output_padding = sizes(type(self).__name__, "output_padding", output_padding, self.rank, least=0)
            if any(o >= s for o, s in zip(self.output_padding, self.strides, strict=True)):
                raise ArgumentError(
                    message(
                        f"Argument output_padding of {type(self).__name__}",
                        expected=f"less than strides {self.strides}",
                        got=self.output_padding,
                    )
                )

    def build(self, input_shape: Shape) -> None:
        count = channels(self, input_shape)
        self.kernel = self.add_weight("kernel", (*self.kernel_size, self.filters, count))
        self.bias = self.add_weight("bias", (self.filters,)) if self.use_bias else None
        accept_channels(self, count)

    def call(self, x: Array) -> Array:
        kernel = jnp.asarray(self.kernel)
        y = ops.conv_transpose(
            x, kernel, self.strides, self.padding, self.output_padding, self.data_format, self.dilation_rate
        )
        return add_bias(self, y)


@register("layers", "Convolution1DTranspose")
class Conv1DTranspose(_ConvTranspose):
    """Transposed convolution over time steps:  y[t s + k d, o] += x[t, i] W[k, o, i],  then f(y + b).

    x (batch, steps, in) · W (kernel_size, filters, in) · b (filters,)  ->  y (batch, new steps, filters)

    s = strides, d = dilation_rate. The number of new steps is steps s with padding 'same' and (steps - 1) s +
    max(kernel_size, s) with 'valid'.

    Args:
        filters: Number of output channels.
        kernel_size: Size of the kernel, an integer or one per axis.
        strides: Step of the window, an integer or one per axis.
        padding: 'valid' or 'same'; see the sizes above.
        output_padding: Additional positions at the end of each axis, less than strides; None computes the sizes above.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        dilation_rate: Distance between the elements of the kernel, an integer or one per axis; not with strides > 1.
        activation: Function f of the result, a name or a callable; None for the identity.
        use_bias: Whether b is added.
        kernel_initializer: Initializer of W.
        bias_initializer: Initializer of b.
        kernel_regularizer: Regularizer of W: a penalty added to the loss.
        bias_regularizer: Regularizer of b.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on W, applied after each update.
        bias_constraint: Constraint on b.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape` and others.

    Raises:
        ArgumentError: A size is not positive, strides and dilation_rate are both above 1, or output_padding is not
            below strides.

    Example:
        >>> Conv1DTranspose(4, 3, strides=2, padding="same")(jnp.ones((2, 5, 3))).shape
        (2, 10, 4)
    """

    rank = 1


@register("layers", "Convolution2DTranspose")
class Conv2DTranspose(_ConvTranspose):
    """Transposed convolution over images:  y[p s + k d, o] += x[p, i] W[k, o, i],  then f(y + b).

    x (batch, rows, columns, in) · W (*kernel_size, filters, in) · b (filters,)  ->  y (batch, new rows, new columns,
    filters)

    s = strides, d = dilation_rate. An axis of size n becomes n s with padding 'same' and (n - 1) s + max(kernel_size,
    s) with 'valid'.

    Args:
        filters: Number of output channels.
        kernel_size: Size of the kernel, an integer or one per axis.
        strides: Step of the window, an integer or one per axis.
        padding: 'valid' or 'same'; see the sizes above.
        output_padding: Additional positions at the end of each axis, less than strides; None computes the sizes above.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        dilation_rate: Distance between the elements of the kernel, an integer or one per axis; not with strides > 1.
        activation: Function f of the result, a name or a callable; None for the identity.
        use_bias: Whether b is added.
        kernel_initializer: Initializer of W.
        bias_initializer: Initializer of b.
        kernel_regularizer: Regularizer of W: a penalty added to the loss.
        bias_regularizer: Regularizer of b.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on W, applied after each update.
        bias_constraint: Constraint on b.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape` and others.

    Raises:
        ArgumentError: A size is not positive, strides and dilation_rate are both above 1, or output_padding is not
            below strides.

    Example:
        >>> Conv2DTranspose(4, 3, strides=2, padding="same")(jnp.ones((2, 5, 5, 3))).shape
        (2, 10, 10, 4)
    """

    rank = 2


@register("layers", "Convolution3DTranspose")
class Conv3DTranspose(_ConvTranspose):
    """Transposed convolution over volumes:  y[p s + k d, o] += x[p, i] W[k, o, i],  then f(y + b).

    x (batch, d1, d2, d3, in) · W (*kernel_size, filters, in) · b (filters,)  ->  y (batch, ..., filters)

    s = strides, d = dilation_rate. An axis of size n becomes n s with padding 'same' and (n - 1) s + max(kernel_size,
    s) with 'valid'.

    Args:
        filters: Number of output channels.
        kernel_size: Size of the kernel, an integer or one per axis.
        strides: Step of the window, an integer or one per axis.
        padding: 'valid' or 'same'; see the sizes above.
        output_padding: Additional positions at the end of each axis, less than strides; None computes the sizes above.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        dilation_rate: Distance between the elements of the kernel, an integer or one per axis; not with strides > 1.
        activation: Function f of the result, a name or a callable; None for the identity.
        use_bias: Whether b is added.
        kernel_initializer: Initializer of W.
        bias_initializer: Initializer of b.
        kernel_regularizer: Regularizer of W: a penalty added to the loss.
        bias_regularizer: Regularizer of b.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on W, applied after each update.
        bias_constraint: Constraint on b.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape` and others.

    Raises:
        ArgumentError: A size is not positive, strides and dilation_rate are both above 1, or output_padding is not
            below strides.

    Example:
        >>> Conv3DTranspose(4, 2, strides=2)(jnp.ones((1, 2, 2, 2, 3))).shape
        (1, 4, 4, 4, 4)
    """

    rank = 3
