"""Convolutions: a base class, and a class for each number of axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import jax.numpy as jnp

from gazelle import ops
from gazelle.core import conventions
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.registry import register
from gazelle.core.types import ActivationLike, Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers import lora
from gazelle.layers.base import Layer
from gazelle.layers.input_spec import InputSpec
from gazelle.layers.spatial import (
    accept_channels,
    channels,
    check_fits,
    choice,
    is_integer,
    set_data_format,
    sizes,
    space_axes,
)
from gazelle.layers.weight_matrix import WeightAttribute, WeightMatrix

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsWithoutRegularizer


def set_window(
    layer: Layer,
    kernel_size: int | Sequence[int],
    strides: int | Sequence[int],
    padding: str,
    data_format: str | None,
    dilation_rate: int | Sequence[int],
    paddings: tuple[str, ...] = ("valid", "same"),
) -> None:
    """Check and set the arguments that every convolution has.

    Args:
        layer: the layer, in its constructor.
        kernel_size: size of the window; one integer for all axes.
        strides: steps of the window.
        padding: one of `paddings`.
        data_format: order of the axes.
        dilation_rate: distance of the elements of the window.
        paddings: the paddings that the layer has.
    """
    set_data_format(layer, data_format)
    owner = type(layer).__name__
    layer.kernel_size = sizes(owner, "kernel_size", kernel_size, layer.rank)
    layer.strides = sizes(owner, "strides", strides, layer.rank)
    layer.dilation_rate = sizes(owner, "dilation_rate", dilation_rate, layer.rank)
    layer.padding = choice(owner, "padding", padding, paddings)


def with_causal_padding(layer: Layer, x: Array) -> tuple[Array, str]:
    """Return x and the padding of its convolution, which for 'causal' is 'valid' after zeros before the first step.

    Args:
        layer: a convolution with the attributes that `set_window` sets.
        x: its input.

    Returns:
        (x, padding).
    """
    if layer.padding != "causal":
        return x, layer.padding
    widths = [(0, 0)] * x.ndim  # step t depends on t, t - d, t - 2 d ...
    widths[space_axes(layer)[0]] = (dilated_size(layer)[0] - 1, 0)
    return jnp.pad(x, widths), "valid"


def check_positive(layer: Layer, *names: str) -> None:
    """Check that attributes are positive integers.

    Raises:
        ArgumentError: one is not.
    """
    for name in names:
        value = getattr(layer, name)
        if not is_integer(value) or value <= 0:
            what = f"Argument {name} of {type(layer).__name__}"
            raise ArgumentError(message(what, expected="an integer >= 1", got=repr(value)))


def check_strides_or_dilation(layer: Layer) -> None:
    """Check that a convolution has not both strides and dilation.

    Raises:
        ArgumentError: both are larger than 1.
    """
    if max(layer.strides) > 1 and max(layer.dilation_rate) > 1:
        raise ArgumentError(
            message(
                f"{type(layer).__name__} takes strides > 1 or dilation_rate > 1, not both",
                got=f"strides={layer.strides}, dilation_rate={layer.dilation_rate}",
            )
        )


def dilated_size(layer: Layer) -> tuple[int, ...]:
    """Return the extent of the dilated kernel along each axis of space."""
    return tuple((k - 1) * d + 1 for k, d in zip(layer.kernel_size, layer.dilation_rate, strict=True))


def add_bias(layer: Layer, y: Array) -> Array:
    """Return f(y + b), with the bias of the channels and the activation of the layer."""
    if layer.bias is not None:
        bias = jnp.asarray(layer.bias)  # an array if a program has assigned one
        y = y + (jnp.reshape(bias, (-1,) + (1,) * layer.rank) if layer.data_format == "channels_first" else bias)
    return y if layer.activation is None else layer.activation(y)  # None: set later


class BaseConv(Layer, abstract=True):
    """Base of `Conv1D`, `Conv2D` and `Conv3D`, which set `rank` and describe the arguments."""

    rank: int
    paddings: tuple[str, ...] = ("valid", "same")
    kernel = WeightAttribute()
    lora_enabled = False
    enable_lora = lora.enable_lora

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        groups: int = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        **kwargs: Unpack[OptionsWithoutRegularizer],
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        set_window(self, kernel_size, strides, padding, data_format, dilation_rate, self.paddings)
        check_positive(self, "filters", "groups")
        check_strides_or_dilation(self)
        if self.filters % self.groups:
            raise ArgumentError(
                message(
                    f"{type(self).__name__} splits its filters into groups",
                    expected="groups that divide filters",
                    got=f"filters={filters}, groups={groups}",
                )
            )
        self._accept_batch_axes({})

    def build(self, input_shape: Shape) -> None:
        count = channels(self, input_shape[len(input_shape) - self.rank - 2 :])
        if count % self.groups:
            raise ShapeError(
                message(
                    self._label,
                    expected=f"channels in {self.groups} equal groups",
                    got=f"{count} channels in shape {input_shape}",
                    hint="Choose groups that divide the input's channels.",
                )
            )
        self.kernel = self.add_weight("kernel", (*self.kernel_size, count // self.groups, self.filters))
        self._matrix = WeightMatrix(self, "kernel")
        self.bias = self.add_weight("bias", (self.filters,)) if self.use_bias else None
        accept_channels(self, count)
        self._accept_batch_axes({-1 if self.data_format == "channels_last" else -self.rank - 1: count})
        lora.build(self._matrix)

    def _accept_batch_axes(self, sizes: dict[int, int]) -> None:
        if conventions.active.convolutions_take_batch_axes:
            self.input_spec = InputSpec(min_ndim=self.rank + 2, axes=sizes)

    def convolution_op(self, inputs: Array, kernel: Array) -> Array:
        """Compute the convolution without bias and activation, which `call` adds; subclasses may change the kernel.

        Args:
            inputs: x, with the padding that `padding="causal"` adds.
            kernel: W.

        Returns:
            The sums of products.
        """
        padding = "valid" if self.padding == "causal" else self.padding
        return ops.conv(inputs, kernel, self.strides, padding, self.data_format, self.dilation_rate)

    def call(self, x: Array) -> Array:
        kernel = self._matrix.array()
        batch = x.shape[: x.ndim - self.rank - 1]  # several axes by `convolutions_take_batch_axes` alone
        if len(batch) > 1:
            x = jnp.reshape(x, (-1, *x.shape[len(batch) :]))
        x, padding = with_causal_padding(self, x)
        if padding == "valid":
            check_fits(self, x.shape, dilated_size(self), "kernel_size")
        y = add_bias(self, self.convolution_op(x, kernel))
        return y if len(batch) == 1 else jnp.reshape(y, (*batch, *y.shape[1:]))


@register("layers", "Convolution1D")
class Conv1D(BaseConv):
    """Convolution over time steps:  y[t, o] = f(Σ_{k,i} x[t s + k d, i] W[k, i, o] + b[o]).

    x (batch, steps, in) · W (kernel_size, in / groups, filters) · b (filters,)  ->  y (batch, new steps, filters)

    s = strides, d = dilation_rate. With data_format='channels_first' the channels of x and y follow the batch axis.

    Args:
        filters: Number of output channels.
        kernel_size: Size of the kernel, an integer or one per axis.
        strides: Step of the window, an integer or one per axis.
        padding: 'valid' (windows inside the input only), 'same' (zero padding to ceil(steps / s) steps) or 'causal'
            (zero padding before the first step: y[t] depends on steps up to t only).
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        dilation_rate: Distance between the elements of the kernel, an integer or one per axis; not with strides > 1.
        groups: Number of groups of input channels that are convolved separately, each with filters / groups filters.
        activation: Function f of the result, a name or a callable; None for the identity.
        use_bias: Whether b is added.
        kernel_initializer: Initializer of W.
        bias_initializer: Initializer of b.
        kernel_regularizer: Regularizer of W: a penalty added to the loss.
        bias_regularizer: Regularizer of b.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on W, applied after each update.
        bias_constraint: Constraint on b.
        lora_rank: Rank of a low-rank adapter that is trained in place of the weight; see `enable_lora`. None for no
            adapter.
        lora_alpha: The adapter is scaled by lora_alpha / lora_rank; None for lora_rank.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape` and others.

    Raises:
        ArgumentError: A size is not positive, strides and dilation_rate are both above 1, or groups does not divide
            filters.
        ShapeError: groups does not divide the input channels, or the input is smaller than the kernel with padding
            'valid'.

    Example:
        >>> Conv1D(4, 3)(jnp.ones((2, 8, 5))).shape
        (2, 6, 4)
    """

    rank = 1
    paddings = ("valid", "same", "causal")


@register("layers", "Convolution2D")
class Conv2D(BaseConv):
    """Convolution over images:  y[p, o] = f(Σ_{k,i} x[p s + k d, i] W[k, i, o] + b[o]),  p and k pairs.

    x (batch, rows, columns, in) · W (*kernel_size, in / groups, filters) · b (filters,)
    ->  y (batch, new rows, new columns, filters)

    s = strides, d = dilation_rate. With data_format='channels_first' the channels of x and y follow the batch axis.

    Args:
        filters: Number of output channels.
        kernel_size: Size of the kernel, an integer or one per axis.
        strides: Step of the window, an integer or one per axis.
        padding: 'valid' (windows inside the input only) or 'same' (zero padding to ceil(size / strides) positions).
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        dilation_rate: Distance between the elements of the kernel, an integer or one per axis; not with strides > 1.
        groups: Number of groups of input channels that are convolved separately, each with filters / groups filters.
        activation: Function f of the result, a name or a callable; None for the identity.
        use_bias: Whether b is added.
        kernel_initializer: Initializer of W.
        bias_initializer: Initializer of b.
        kernel_regularizer: Regularizer of W: a penalty added to the loss.
        bias_regularizer: Regularizer of b.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on W, applied after each update.
        bias_constraint: Constraint on b.
        lora_rank: Rank of a low-rank adapter that is trained in place of the weight; see `enable_lora`. None for no
            adapter.
        lora_alpha: The adapter is scaled by lora_alpha / lora_rank; None for lora_rank.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape` and others.

    Raises:
        ArgumentError: A size is not positive, strides and dilation_rate are both above 1, or groups does not divide
            filters.
        ShapeError: groups does not divide the input channels, or the input is smaller than the kernel with padding
            'valid'.

    Example:
        >>> Conv2D(4, 3, padding="same", activation="relu")(jnp.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 4)
    """

    rank = 2


@register("layers", "Convolution3D")
class Conv3D(BaseConv):
    """Convolution over volumes:  y[p, o] = f(Σ_{k,i} x[p s + k d, i] W[k, i, o] + b[o]),  p and k triples.

    x (batch, d1, d2, d3, in) · W (*kernel_size, in / groups, filters) · b (filters,)  ->  y (batch, ..., filters)

    s = strides, d = dilation_rate. With data_format='channels_first' the channels of x and y follow the batch axis.

    Args:
        filters: Number of output channels.
        kernel_size: Size of the kernel, an integer or one per axis.
        strides: Step of the window, an integer or one per axis.
        padding: 'valid' (windows inside the input only) or 'same' (zero padding to ceil(size / strides) positions).
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        dilation_rate: Distance between the elements of the kernel, an integer or one per axis; not with strides > 1.
        groups: Number of groups of input channels that are convolved separately, each with filters / groups filters.
        activation: Function f of the result, a name or a callable; None for the identity.
        use_bias: Whether b is added.
        kernel_initializer: Initializer of W.
        bias_initializer: Initializer of b.
        kernel_regularizer: Regularizer of W: a penalty added to the loss.
        bias_regularizer: Regularizer of b.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on W, applied after each update.
        bias_constraint: Constraint on b.
        lora_rank: Rank of a low-rank adapter that is trained in place of the weight; see `enable_lora`. None for no
            adapter.
        lora_alpha: The adapter is scaled by lora_alpha / lora_rank; None for lora_rank.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape` and others.

    Raises:
        ArgumentError: A size is not positive, strides and dilation_rate are both above 1, or groups does not divide
            filters.
        ShapeError: groups does not divide the input channels, or the input is smaller than the kernel with padding
            'valid'.

    Example:
        >>> Conv3D(4, 2)(jnp.ones((1, 4, 4, 4, 3))).shape
        (1, 3, 3, 3, 4)
    """

    rank = 3
