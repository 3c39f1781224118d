"""Convolution layers: Conv1D, Conv2D, Conv3D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from gazelle import ops
from gazelle.core.config import register
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.types import ActivationLike, Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers.input_spec import InputSpec
from gazelle.layers.lora import EffectiveWeight, LowRankAdapter
from gazelle.layers.spatial import _Spatial, choice, is_integer, sizes


class _Convolution(_Spatial):
    """Base of all convolutions: window, strides, bias per channel and activation."""

    paddings: tuple[str, ...] = ("valid", "same")

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int],
        padding: str,
        data_format: str | None,
        dilation_rate: int | Sequence[int],
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format, **kwargs)
        owner = type(self).__name__
        self.kernel_size = sizes(owner, "kernel_size", kernel_size, self.rank)
        self.strides = sizes(owner, "strides", strides, self.rank)
        self.dilation_rate = sizes(owner, "dilation_rate", dilation_rate, self.rank)
        self.padding = choice(owner, "padding", padding, self.paddings)

    def _check_positive(self, *names: str) -> None:
        for name in names:
            if not is_integer(getattr(self, name)) or getattr(self, name) <= 0:
                raise ArgumentError(
                    message(
                        f"Argument {name} of {type(self).__name__}",
                        expected="an integer >= 1",
                        got=repr(getattr(self, name)),
                    )
                )

    def _check_one_of_strides_and_dilation(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ArgumentError(
                message(
                    f"{type(self).__name__} takes strides > 1 or dilation_rate > 1, not both",
                    got=f"strides={self.strides}, dilation_rate={self.dilation_rate}",
                )
            )

    def _accept(self, channels: int) -> None:
        """Accept only inputs with this number of channels from now on."""
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={self.channel_axis: channels})

    @property
    def window(self) -> tuple[int, ...]:
        """Sizes of the dilated kernel."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation_rate, strict=True))

    def _finish(self, y: Array) -> Array:
        """Return f(y + b)."""
        if self.bias is not None:
            first = self.data_format == "channels_first"
            y = y + (jnp.reshape(self.bias.value, (-1,) + (1,) * self.rank) if first else self.bias.value)
        return y if self.activation is None else self.activation(y)  # None if it was assigned after construction


class _Conv(_Convolution, LowRankAdapter):
    kernel = EffectiveWeight()

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
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self._check_positive("filters", "groups")
        self._check_one_of_strides_and_dilation()
        if self.filters % self.groups:
            raise ArgumentError(
                message(
                    f"{type(self).__name__} splits its filters into groups",
                    expected="groups that divide filters",
                    got=f"filters={filters}, groups={groups}",
                )
            )

    def build(self, input_shape: Shape) -> None:
        channels = self.channels(input_shape)
        if channels % self.groups:
            raise ShapeError(
                message(
                    self._label,
                    expected=f"channels in {self.groups} equal groups",
                    got=f"{channels} channels in shape {input_shape}",
                    hint="Choose groups that divide the input's channels.",
                )
            )
        self.kernel = self.add_weight("kernel", (*self.kernel_size, channels // self.groups, self.filters))
        self.bias = self.add_weight("bias", (self.filters,)) if self.use_bias else None
        self._accept(channels)
        self.start_lora()

    def call(self, x: Array) -> Array:
        kernel, padding = self.matrix(), self.padding
        if padding == "causal":  # step t depends on t, t - d, t - 2 d ...: all padding precedes the first step
            widths = [(0, 0)] * x.ndim
            widths[self.space[0]] = (self.window[0] - 1, 0)
            x, padding = jnp.pad(x, widths), "valid"
        if padding == "valid":
            self.check_fits(x.shape, self.window, "kernel_size")
        y = ops.conv(x, kernel, self.strides, padding, self.data_format, self.dilation_rate)
        return self._finish(y)


@register("layers", "Convolution1D")
class Conv1D(_Conv):
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
class Conv2D(_Conv):
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
class Conv3D(_Conv):
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
