"""Depthwise and separable convolutions: DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import jax.numpy as jnp

from gazelle import ops
from gazelle.core.registry import register
from gazelle.core.types import ActivationLike, Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers.base import Layer
from gazelle.layers.convolution import add_bias, check_positive, dilated_size, set_window, with_causal_padding
from gazelle.layers.spatial import accept_channels, channels, check_fits

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsWithoutRegularizer


class _DepthwiseConv(Layer):
    rank: int

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        depthwise_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        depthwise_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **kwargs: Unpack[OptionsWithoutRegularizer],
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        set_window(self, kernel_size, strides, padding, data_format, dilation_rate)
        check_positive(self, "depth_multiplier")

    def build(self, input_shape: Shape) -> None:
        count = channels(self, input_shape)
        self.kernel = self.add_weight(
            "kernel",
            (*self.kernel_size, count, self.depth_multiplier),
            self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
        )
        self.bias = self.add_weight("bias", (count * self.depth_multiplier,)) if self.use_bias else None
        accept_channels(self, count)

    def call(self, x: Array) -> Array:
        if self.padding == "valid":
            check_fits(self, x.shape, dilated_size(self), "kernel_size")
        kernel = jnp.asarray(self.kernel)
        y = ops.depthwise_conv(x, kernel, self.strides, self.padding, self.data_format, self.dilation_rate)
        return add_bias(self, y)


class DepthwiseConv1D(_DepthwiseConv):
    """Convolution of each channel separately over time steps:  y[t, i m + j] = f(Σ_k x[t s + k d, i] W[k, i, j] + b).

    x (batch, steps, in) · W (kernel_size, in, m) · b (in m,)  ->  y (batch, new steps, in m)

    m = depth_multiplier, s = strides, d = dilation_rate.

    Args:
        kernel_size: Size of the kernel, an integer or one per axis.
        strides: Step of the window, an integer or one per axis.
        padding: 'valid' (windows inside the input only) or 'same' (zero padding to ceil(size / strides) positions).
        depth_multiplier: Number m of depthwise output channels per input channel.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        dilation_rate: Distance between the elements of the kernel, an integer or one per axis.
        activation: Function f of the result, a name or a callable; None for the identity.
        use_bias: Whether b is added.
        depthwise_initializer: Initializer of the depthwise kernel.
        bias_initializer: Initializer of b.
        depthwise_regularizer: Regularizer of the depthwise kernel.
        bias_regularizer: Regularizer of b.
        activity_regularizer: Regularizer of the output.
        depthwise_constraint: Constraint on the depthwise kernel.
        bias_constraint: Constraint on b.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape` and others.

    Raises:
        ArgumentError: A size is not a positive integer.
        ShapeError: The input is smaller than the kernel with padding 'valid'.

    Example:
        >>> DepthwiseConv1D(3, depth_multiplier=2)(jnp.ones((2, 8, 5))).shape
        (2, 6, 10)
    """

    rank = 1


class DepthwiseConv2D(_DepthwiseConv):
    """Convolution of each channel separately over images:  y[p, i m + j] = f(Σ_k x[p s + k d, i] W[k, i, j] + b).

    x (batch, rows, columns, in) · W (*kernel_size, in, m) · b (in m,)  ->  y (batch, new rows, new columns, in m)

    m = depth_multiplier, s = strides, d = dilation_rate, p and k pairs.

    Args:
        kernel_size: Size of the kernel, an integer or one per axis.
        strides: Step of the window, an integer or one per axis.
        padding: 'valid' (windows inside the input only) or 'same' (zero padding to ceil(size / strides) positions).
        depth_multiplier: Number m of depthwise output channels per input channel.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        dilation_rate: Distance between the elements of the kernel, an integer or one per axis.
        activation: Function f of the result, a name or a callable; None for the identity.
        use_bias: Whether b is added.
        depthwise_initializer: Initializer of the depthwise kernel.
        bias_initializer: Initializer of b.
        depthwise_regularizer: Regularizer of the depthwise kernel.
        bias_regularizer: Regularizer of b.
        activity_regularizer: Regularizer of the output.
        depthwise_constraint: Constraint on the depthwise kernel.
        bias_constraint: Constraint on b.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape` and others.

    Raises:
        ArgumentError: A size is not a positive integer.
        ShapeError: The input is smaller than the kernel with padding 'valid'.

    Example:
        >>> DepthwiseConv2D(3, padding="same")(jnp.ones((2, 8, 8, 5))).shape
        (2, 8, 8, 5)
    """

    rank = 2


class _SeparableConv(Layer):
    rank: int
    paddings: tuple[str, ...] = ("valid", "same")

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        depth_multiplier: int = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerLike = "glorot_uniform",
        pointwise_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        depthwise_regularizer: RegularizerLike = None,
        pointwise_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        depthwise_constraint: ConstraintLike = None,
        pointwise_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **kwargs: Unpack[OptionsWithoutRegularizer],
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        set_window(self, kernel_size, strides, padding, data_format, dilation_rate, self.paddings)
        check_positive(self, "filters", "depth_multiplier")

    def build(self, input_shape: Shape) -> None:
        count = channels(self, input_shape)
        self.depthwise_kernel = self.add_weight(
            "depthwise_kernel",
            (*self.kernel_size, count, self.depth_multiplier),
            self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
        )
        self.pointwise_kernel = self.add_weight(
            "pointwise_kernel",
            (*(1,) * self.rank, count * self.depth_multiplier, self.filters),
            self.pointwise_initializer,
            regularizer=self.pointwise_regularizer,
            constraint=self.pointwise_constraint,
        )
        self.bias = self.add_weight("bias", (self.filters,)) if self.use_bias else None
        accept_channels(self, count)

    def call(self, x: Array) -> Array:
        x, padding = with_causal_padding(self, x)
        if padding == "valid":
            check_fits(self, x.shape, dilated_size(self), "kernel_size")
        kernel = jnp.asarray(self.depthwise_kernel)
        y = ops.depthwise_conv(x, kernel, self.strides, padding, self.data_format, self.dilation_rate)
        return add_bias(self, ops.conv(y, jnp.asarray(self.pointwise_kernel), 1, "valid", self.data_format))


@register("layers", "SeparableConvolution1D")
class SeparableConv1D(_SeparableConv):
    """Depthwise convolution followed by a pointwise convolution over time steps:  y = f((x * D) P + b).

    x (batch, steps, in) · D (kernel_size, in, m) · P (1, in m, filters) · b (filters,)
    ->  y (batch, new steps, filters),  m = depth_multiplier

    Args:
        filters: Number of output channels.
        kernel_size: Size of the kernel, an integer or one per axis.
        strides: Step of the window, an integer or one per axis.
        padding: 'valid' (windows inside the input only), 'same' (zero padding to ceil(size / strides) positions) or
            'causal' (zero padding before the first step), which Keras 3 does not have.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        dilation_rate: Distance between the elements of the kernel, an integer or one per axis.
        depth_multiplier: Number m of depthwise output channels per input channel.
        activation: Function f of the result, a name or a callable; None for the identity.
        use_bias: Whether b is added.
        depthwise_initializer: Initializer of the depthwise kernel.
        pointwise_initializer: Initializer of the pointwise kernel P.
        bias_initializer: Initializer of b.
        depthwise_regularizer: Regularizer of the depthwise kernel.
        pointwise_regularizer: Regularizer of P.
        bias_regularizer: Regularizer of b.
        activity_regularizer: Regularizer of the output.
        depthwise_constraint: Constraint on the depthwise kernel.
        pointwise_constraint: Constraint on P.
        bias_constraint: Constraint on b.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape` and others.

    Raises:
        ArgumentError: A size is not a positive integer.
        ShapeError: The input is smaller than the kernel with padding 'valid'.

    References:
        Chollet, Xception: Deep Learning with Depthwise Separable Convolutions (2017).

    Example:
        >>> SeparableConv1D(4, 3)(jnp.ones((2, 8, 5))).shape
        (2, 6, 4)
    """

    rank = 1
    paddings = ("valid", "same", "causal")


@register("layers", "SeparableConvolution2D")
class SeparableConv2D(_SeparableConv):
    """Depthwise convolution followed by a pointwise convolution over images:  y = f((x * D) P + b).

    x (batch, rows, columns, in) · D (*kernel_size, in, m) · P (1, 1, in m, filters) · b (filters,)
    ->  y (batch, new rows, new columns, filters),  m = depth_multiplier

    Args:
        filters: Number of output channels.
        kernel_size: Size of the kernel, an integer or one per axis.
        strides: Step of the window, an integer or one per axis.
        padding: 'valid' (windows inside the input only) or 'same' (zero padding to ceil(size / strides) positions).
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        dilation_rate: Distance between the elements of the kernel, an integer or one per axis.
        depth_multiplier: Number m of depthwise output channels per input channel.
        activation: Function f of the result, a name or a callable; None for the identity.
        use_bias: Whether b is added.
        depthwise_initializer: Initializer of the depthwise kernel.
        pointwise_initializer: Initializer of the pointwise kernel P.
        bias_initializer: Initializer of b.
        depthwise_regularizer: Regularizer of the depthwise kernel.
        pointwise_regularizer: Regularizer of P.
        bias_regularizer: Regularizer of b.
        activity_regularizer: Regularizer of the output.
        depthwise_constraint: Constraint on the depthwise kernel.
        pointwise_constraint: Constraint on P.
        bias_constraint: Constraint on b.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape` and others.

    Raises:
        ArgumentError: A size is not a positive integer.
        ShapeError: The input is smaller than the kernel with padding 'valid'.

    References:
        Chollet, Xception: Deep Learning with Depthwise Separable Convolutions (2017).

    Example:
        >>> SeparableConv2D(4, 3, padding="same")(jnp.ones((2, 8, 8, 5))).shape
        (2, 8, 8, 4)
    """

    rank = 2
