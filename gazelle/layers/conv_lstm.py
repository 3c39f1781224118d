"""ConvLSTM1D, ConvLSTM2D, ConvLSTM3D: LSTM with convolutions in place of matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp

from gazelle import ops
from gazelle.core import settings
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.prng import bernoulli
from gazelle.core.types import ActivationLike, Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers.recurrent_cells import _Cell
from gazelle.layers.rnn import RNN, of_cell
from gazelle.layers.spatial import choice, sizes

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsOfCell, OptionsOfRecurrent


class _ConvLSTMCell(_Cell):
    """One step:  [i f g o] = x * W + b + h * R;  c' = s(f) c + s(i) a(g);  h' = s(o) a(c'),  * a convolution."""

    _gate_count = 4

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Unpack[OptionsOfCell],
    ) -> None:
        self.units = filters
        super().__init__(**kwargs)
        owner = f"ConvLSTM{rank}D"
        self.kernel_size = sizes(owner, "kernel_size", kernel_size, rank)
        self.strides = sizes(owner, "strides", strides, rank)
        self.dilation_rate = sizes(owner, "dilation_rate", dilation_rate, rank)
        self.padding = choice(owner, "padding", padding, ("valid", "same"))
        given = data_format or settings.image_data_format()
        self.data_format = choice(owner, "data_format", given, settings.FORMATS)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ArgumentError(
                message(
                    f"{owner} takes strides > 1 or dilation_rate > 1, not both",
                    got=f"strides={self.strides}, dilation_rate={self.dilation_rate}",
                )
            )
        self.state_size = [filters, filters]
        self.mask_count = 4

    @property
    def _channels(self) -> int:
        return -1 if self.data_format == "channels_last" else -1 - self.rank

    def build(self, input_shape: Shape) -> None:
        self._input: tuple[Any, ...] = tuple(input_shape[1:])
        if None in self._input:
            raise ShapeError(
                message(
                    f"ConvLSTM{self.rank}D",
                    expected="known sizes of space and channels",
                    got=f"steps of shape {tuple(input_shape)}",
                )
            )
        size = 4 * self.filters
        self.kernel = self.add_weight("kernel", (*self.kernel_size, input_shape[self._channels], size))
        self.recurrent_kernel = self.add_weight(
            "recurrent_kernel",
            (*self.kernel_size, self.filters, size),
            self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight("bias", (size,), self._forgetful if self.unit_forget_bias else None)

    def _forgetful(self, shape: Any, dtype: Any = None) -> Any:
        """Initial bias: 1 for the forget gate f."""
        start, n = self.bias_initializer, self.filters
        return jnp.concatenate([start((n,), dtype=dtype), jnp.ones((n,), dtype), start((2 * n,), dtype=dtype)])

    def get_initial_state(self, batch_size: int | Array | None = None) -> list[Any]:
        """Return zeros for h and c, in the shape of the convolution's result."""
        axis = self._channels % len(self._input)
        space = [n for i, n in enumerate(self._input) if i != axis]
        for i, (n, k, s, d) in enumerate(zip(space, self.kernel_size, self.strides, self.dilation_rate, strict=True)):
            space[i] = -(-n // s) if self.padding == "same" else (n - (k - 1) * d - 1) // s + 1
        space.insert(axis, self.filters)
        return [jnp.zeros((batch_size, *space), self.compute_dtype) for _ in range(2)]

    def _masks(self, batch: int, features: int, training: bool) -> tuple[Any, Any]:
        def draw(rate: float, shape: tuple[int, ...]) -> Any:
            if not training or not 0 < rate < 1:
                return None
            kept = bernoulli(self.random_key(self.seed), 1 - rate, (4, *shape))
            return kept.astype(self.compute_dtype) / (1 - rate)

        state = self.get_initial_state(batch)[0].shape
        return draw(self.dropout, (batch, *self._input)), draw(self.recurrent_dropout, state)

    def _convolved(self, x: Any, kernel: Any, dropped: Any, *args: Any) -> Any:
        """Return convolutions of all steps x (..., batch, *step) at once."""
        shape = x.shape[: -self.rank - 1]

        def one(x: Any, kernel: Any) -> Any:
            y = ops.conv(jnp.reshape(x, (-1, *x.shape[-self.rank - 1 :])), kernel, *args)
            return jnp.reshape(y, (*shape, *y.shape[1:]))

        if dropped is None:
            return one(x, kernel)
        parts = jnp.split(kernel, 4, axis=-1)
        return jnp.concatenate([one(x * d, w) for d, w in zip(dropped, parts, strict=True)], axis=self._channels)

    def _project(self, x: Array, dropped: Array | None = None) -> Array:
        options = (self.strides, self.padding, self.data_format, self.dilation_rate)
        y = self._convolved(x, self.kernel.value, dropped, *options)
        if self.bias is None:
            return y
        return y + jnp.reshape(self.bias.value, (-1,) + (1,) * (-1 - self._channels))

    def _recur(self, h: Array, dropped: Array | None = None) -> Array:
        return self._convolved(h, self.recurrent_kernel.value, dropped, 1, "same", self.data_format)

    def _update(self, x: Array, inner: Array, states: list[Any]) -> list[Any]:
        i, f, g, o = jnp.split(x + inner, 4, axis=self._channels)
        c = self.recurrent_activation(f) * states[1] + self.recurrent_activation(i) * self.activation(g)
        return [self.recurrent_activation(o) * self.activation(c), c]


class _ConvLSTM(RNN):
    rank = 0

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Unpack[OptionsOfRecurrent],
    ) -> None:
        if not isinstance(filters, int) or filters < 1:
            what = f"filters of {type(self).__name__}"
            raise ArgumentError(message(what, expected="a positive integer", got=repr(filters)))
        for_cell, own = self._divided("conv_lstm_cell", kwargs)
        cell = _ConvLSTMCell(
            self.rank,
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            recurrent_activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            unit_forget_bias,
            kernel_regularizer,
            recurrent_regularizer,
            bias_regularizer,
            kernel_constraint,
            recurrent_constraint,
            bias_constraint,
            dropout,
            recurrent_dropout,
            seed,
            **for_cell,
        )
        super().__init__(
            cell,
            return_sequences,
            return_state,
            go_backwards,
            stateful,
            activity_regularizer=activity_regularizer,
            **own,
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "unroll": self.unroll}

    def _check_call_inputs(self, args: Any) -> None:
        shape = getattr(args[0], "shape", None) if args else None
        if shape is not None and len(shape) != self.rank + 3:
            axes = "(batch, time, *space, channels)" if self.data_format == "channels_last" else "(batch, time, ...)"
            raise ShapeError(message(self._label, expected=f"{self.rank + 3} axes {axes}", got=f"shape {tuple(shape)}"))


of_cell(_ConvLSTM, _ConvLSTMCell)


class ConvLSTM1D(_ConvLSTM):
    """LSTM over sequences of 1D signals, with convolutions in place of matrix products.

    [i f g o] = x_t * W + b + h_{t-1} * R;  c_t = s(f) c_{t-1} + s(i) a(g);  h_t = s(o) a(c_t)

    x (batch, time, steps, channels)  ->  h (batch, new steps, filters), or (batch, time, new steps, filters) with
    return_sequences
    W (*kernel_size, channels, 4 filters) · R (*kernel_size, filters, 4 filters) · b (4 filters,)

    Args:
        filters: Number of channels of h and c.
        kernel_size: Size of both kernels, an integer or one per axis.
        strides: Step of the window of the convolution with W, an integer or one per axis.
        padding: Padding of the convolution with W, 'valid' or 'same'; the one with R has 'same'.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        dilation_rate: Distance between the elements of the kernel, an integer or one per axis; not with strides > 1.
        activation: Function a, a name or a callable; None for the identity.
        recurrent_activation: Function s of the gates, a name or a callable.
        use_bias: Whether b is added.
        kernel_initializer: Initializer of W.
        recurrent_initializer: Initializer of R.
        bias_initializer: Initializer of b.
        unit_forget_bias: Whether the bias of the forget gate f starts at 1.
        kernel_regularizer: Regularizer of W: a penalty added to the loss.
        recurrent_regularizer: Regularizer of R.
        bias_regularizer: Regularizer of b.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on W, applied after each update.
        recurrent_constraint: Constraint on R.
        bias_constraint: Constraint on b.
        dropout: Fraction of x that is dropped in training, with one mask for all time steps.
        recurrent_dropout: Fraction of h that is dropped in training, with one mask for all time steps.
        seed: Seed of the random numbers; None derives it from the global seed.
        return_sequences: Whether to return the outputs of all steps instead of the last one.
        return_state: Whether to return the final states after the output.
        go_backwards: Whether to process the steps in reverse order and return them in that order.
        stateful: Whether the final states of a batch are the initial states of the next one, until `reset_state()`.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape` and others.

    Call arguments:
        mask: Mask of the time steps (batch, time); masked steps repeat state and output.
        initial_state: States [h, c] before the first step; zeros by default.

    Raises:
        ArgumentError: strides and dilation_rate are both above 1.
        ShapeError: x has a wrong number of axes, or unknown sizes of space or channels.

    References:
        Shi et al., Convolutional LSTM Network (2015).

    Example:
        >>> ConvLSTM1D(5, 3)(jnp.ones((2, 4, 8, 3))).shape
        (2, 6, 5)
    """

    rank = 1


class ConvLSTM2D(_ConvLSTM):
    """LSTM over sequences of images, with convolutions in place of matrix products.

    [i f g o] = x_t * W + b + h_{t-1} * R;  c_t = s(f) c_{t-1} + s(i) a(g);  h_t = s(o) a(c_t)

    x (batch, time, rows, columns, channels)  ->  h (batch, new rows, new columns, filters), with a time axis with
    return_sequences
    W (*kernel_size, channels, 4 filters) · R (*kernel_size, filters, 4 filters) · b (4 filters,)

    Args:
        filters: Number of channels of h and c.
        kernel_size: Size of both kernels, an integer or one per axis.
        strides: Step of the window of the convolution with W, an integer or one per axis.
        padding: Padding of the convolution with W, 'valid' or 'same'; the one with R has 'same'.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        dilation_rate: Distance between the elements of the kernel, an integer or one per axis; not with strides > 1.
        activation: Function a, a name or a callable; None for the identity.
        recurrent_activation: Function s of the gates, a name or a callable.
        use_bias: Whether b is added.
        kernel_initializer: Initializer of W.
        recurrent_initializer: Initializer of R.
        bias_initializer: Initializer of b.
        unit_forget_bias: Whether the bias of the forget gate f starts at 1.
        kernel_regularizer: Regularizer of W: a penalty added to the loss.
        recurrent_regularizer: Regularizer of R.
        bias_regularizer: Regularizer of b.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on W, applied after each update.
        recurrent_constraint: Constraint on R.
        bias_constraint: Constraint on b.
        dropout: Fraction of x that is dropped in training, with one mask for all time steps.
        recurrent_dropout: Fraction of h that is dropped in training, with one mask for all time steps.
        seed: Seed of the random numbers; None derives it from the global seed.
        return_sequences: Whether to return the outputs of all steps instead of the last one.
        return_state: Whether to return the final states after the output.
        go_backwards: Whether to process the steps in reverse order and return them in that order.
        stateful: Whether the final states of a batch are the initial states of the next one, until `reset_state()`.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape` and others.

    Call arguments:
        mask: Mask of the time steps (batch, time); masked steps repeat state and output.
        initial_state: States [h, c] before the first step; zeros by default.

    Raises:
        ArgumentError: strides and dilation_rate are both above 1.
        ShapeError: x has a wrong number of axes, or unknown sizes of space or channels.

    References:
        Shi et al., Convolutional LSTM Network (2015).

    Example:
        >>> ConvLSTM2D(5, 3)(jnp.ones((2, 4, 8, 8, 3))).shape
        (2, 6, 6, 5)
    """

    rank = 2


class ConvLSTM3D(_ConvLSTM):
    """LSTM over sequences of volumes, with convolutions in place of matrix products.

    [i f g o] = x_t * W + b + h_{t-1} * R;  c_t = s(f) c_{t-1} + s(i) a(g);  h_t = s(o) a(c_t)

    x (batch, time, d1, d2, d3, channels)  ->  h (batch, ..., filters), with a time axis with return_sequences
    W (*kernel_size, channels, 4 filters) · R (*kernel_size, filters, 4 filters) · b (4 filters,)

    Args:
        filters: Number of channels of h and c.
        kernel_size: Size of both kernels, an integer or one per axis.
        strides: Step of the window of the convolution with W, an integer or one per axis.
        padding: Padding of the convolution with W, 'valid' or 'same'; the one with R has 'same'.
        data_format: Position of the channel axis, 'channels_last' or 'channels_first'; None for the global setting.
        dilation_rate: Distance between the elements of the kernel, an integer or one per axis; not with strides > 1.
        activation: Function a, a name or a callable; None for the identity.
        recurrent_activation: Function s of the gates, a name or a callable.
        use_bias: Whether b is added.
        kernel_initializer: Initializer of W.
        recurrent_initializer: Initializer of R.
        bias_initializer: Initializer of b.
        unit_forget_bias: Whether the bias of the forget gate f starts at 1.
        kernel_regularizer: Regularizer of W: a penalty added to the loss.
        recurrent_regularizer: Regularizer of R.
        bias_regularizer: Regularizer of b.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on W, applied after each update.
        recurrent_constraint: Constraint on R.
        bias_constraint: Constraint on b.
        dropout: Fraction of x that is dropped in training, with one mask for all time steps.
        recurrent_dropout: Fraction of h that is dropped in training, with one mask for all time steps.
        seed: Seed of the random numbers; None derives it from the global seed.
        return_sequences: Whether to return the outputs of all steps instead of the last one.
        return_state: Whether to return the final states after the output.
        go_backwards: Whether to process the steps in reverse order and return them in that order.
        stateful: Whether the final states of a batch are the initial states of the next one, until `reset_state()`.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape` and others.

    Call arguments:
        mask: Mask of the time steps (batch, time); masked steps repeat state and output.
        initial_state: States [h, c] before the first step; zeros by default.

    Raises:
        ArgumentError: strides and dilation_rate are both above 1.
        ShapeError: x has a wrong number of axes, or unknown sizes of space or channels.

    References:
        Shi et al., Convolutional LSTM Network (2015).

    Example:
        >>> ConvLSTM3D(5, 3)(jnp.ones((1, 2, 4, 4, 4, 3))).shape
        (1, 2, 2, 2, 5)
    """

    rank = 3
