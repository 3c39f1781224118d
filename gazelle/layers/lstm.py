"""LSTM and LSTMCell: long short-term memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import initializers
from gazelle.core.types import ActivationLike, Array, ConstraintLike, InitializerLike, RegularizerLike
from gazelle.layers.input_spec import InputSpec
from gazelle.layers.recurrent_cells import _Cell
from gazelle.layers.rnn import RNN, of_cell
from gazelle.ops import native

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsOfCell, OptionsOfRecurrent


class LSTMCell(_Cell):
    """One step of `LSTM`:  [i f g o] = x W + b + h R;  c' = s(f) c + s(i) a(g);  h' = s(o) a(c').

    x (batch, features) · h, c (batch, units) · W (features, 4 units) · R (units, 4 units) · b (4 units,)
    ->  h' (batch, units), [h', c']

    Args:
        units: Size of the state and of the output.
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
        kernel_constraint: Constraint on W, applied after each update.
        recurrent_constraint: Constraint on R.
        bias_constraint: Constraint on b.
        dropout: Fraction of x that is dropped in training.
        recurrent_dropout: Fraction of h that is dropped in training.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `units` is not a positive integer, or a dropout rate is not in [0, 1].

    References:
        Jozefowicz et al., An Empirical Exploration of Recurrent Network Architectures (2015), for `unit_forget_bias`.

    Example:
        >>> h, (h, c) = LSTMCell(4)(jnp.ones((2, 3)), [jnp.zeros((2, 4)), jnp.zeros((2, 4))])
        >>> c.shape
        (2, 4)
    """

    _gate_count = 4

    def __init__(
        self,
        units: int,
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
        super().__init__(**kwargs)
        self.state_size = [self.units, self.units]

    def _build_bias(self, size: int) -> Any:
        return self.add_weight("bias", (size,), self._initial_bias if self.unit_forget_bias else None)

    def _initial_bias(self, shape: Any, dtype: Any = None) -> Any:
        units, start = self.units, self.bias_initializer
        ones = initializers.get("ones")
        return jnp.concatenate(
            [start((units,), dtype=dtype), ones((units,), dtype=dtype), start((2 * units,), dtype=dtype)]
        )

    def _update(self, x: Array, inner: Array, states: list[Any]) -> list[Any]:
        if self._has_standard_activations:
            return list(_standard_update(x + inner, states[1]))
        i, f, g, o = jnp.split(x + inner, 4, axis=-1)
        c = self.recurrent_activation(f) * states[1] + self.recurrent_activation(i) * self.activation(g)
        return [self.recurrent_activation(o) * self.activation(c), c]

    def _native_scan(
        self, x: Array, states: list[Any], mask: Array | None, reverse: bool
    ) -> tuple[Any, list[Any]] | None:
        if not self._has_standard_activations:
            return None
        hs, c = native.lstm(x, self.recurrent_kernel.value, states[0], states[1], mask, reverse)
        return hs, [hs[0 if reverse else -1], c]

    def _cudnn_scan(self, x: Array, states: list[Any], reverse: bool) -> tuple[Any, list[Any]] | str:
        if not self._has_standard_activations or self.bias is None:
            return "other activations than tanh and sigmoid" if self.bias is not None else "use_bias=False"
        weights = self.kernel.value, self.recurrent_kernel.value, self.bias.value
        operands = (x, *weights, *states)
        if reason := native.cudnn.refusal(operands):
            return reason
        hs, c = native.cudnn.lstm(operands, reverse)
        return hs, [hs[0 if reverse else -1], c]


def _halves(z: Any) -> Any:
    return np.repeat(np.array([0.5, 0.5, 1.0, 0.5], z.dtype), z.shape[-1] // 4)


@jax.custom_jvp
def _standard_update(z: Any, c: Any) -> tuple[Any, Any]:
    """Return h', c' for a = tanh, s = sigmoid, from the gates z (batch, 4 units), by  s(z) = (1 + tanh(z / 2)) / 2."""
    t_i, t_f, g, t_o = jnp.split(jnp.tanh(z * _halves(z)), 4, axis=-1)
    c = (0.5 + 0.5 * t_f) * c + (0.5 + 0.5 * t_i) * g
    return (0.5 + 0.5 * t_o) * jnp.tanh(c), c


@_standard_update.defjvp
def _(primals: Any, tangents: Any) -> Any:
    """JVP that stores three residuals for the backward pass; differentiating each operation would store ten.

    dc' = f dc + sum_ifg(gradient dz);  dh' = gradient_o dz_o + o (1 - tanh(c')^2) dc'
    """
    (z, c), (dz, dc) = primals, tangents
    t = jnp.tanh(z * _halves(z))
    t_i, t_f, g, t_o = jnp.split(t, 4, axis=-1)
    i, f, o = 0.5 + 0.5 * t_i, 0.5 + 0.5 * t_f, 0.5 + 0.5 * t_o
    new = f * c + i * g
    shown = jnp.tanh(new)
    gradient = (1 - t * t) * _halves(z) * jnp.concatenate([0.5 * g, 0.5 * c, i, 0.5 * shown], axis=-1)
    d_i, d_f, d_g, d_o = jnp.split(dz * gradient, 4, axis=-1)
    d_new = f * dc + d_i + d_f + d_g
    return (o * shown, new), (d_o + o * (1 - shown * shown) * d_new, d_new)


class LSTM(RNN):
    """Long short-term memory:  c_t = s(f) c_{t-1} + s(i) a(g);  h_t = s(o) a(c_t),  [i f g o] = x_t W + b + h_{t-1} R.

    x (batch, time, features)  ->  h (batch, units), or (batch, time, units) with return_sequences
    W (features, 4 units) · R (units, 4 units) · b (4 units,)

    Args:
        units: Size of the state and of the output.
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
        unroll: Whether to unroll the loop over time; useful for few steps only.
        use_cudnn: Whether cuDNN computes the loop on an NVIDIA GPU: "auto", where it can; False, never; True, always,
            and it is an error where it cannot. It takes no mask, `recurrent_dropout`, `unroll`, distribution, other
            activations or other dtypes than float32, and needs a bias.
        **kwargs: `zero_output_for_mask` of `RNN` and arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape`
            and others.

    Call arguments:
        initial_state: States [h, c] before the first step; zeros by default.
        mask: Mask (batch, time); states and output do not change at steps where it is False.

    Raises:
        ArgumentError: `units` is not a positive integer, or a dropout rate is not in [0, 1].
        ArgumentError: cuDNN cannot be used, in a call with `use_cudnn=True`.

    References:
        Hochreiter and Schmidhuber, Long Short-Term Memory (1997).
        Gers et al., Learning to Forget: Continual Prediction with LSTM (2000), for the forget gate.

    Example:
        >>> h, last_h, last_c = LSTM(4, return_sequences=True, return_state=True)(jnp.ones((2, 5, 3)))
        >>> h.shape, last_c.shape
        ((2, 5, 4), (2, 4))
    """

    cell: LSTMCell

    def __init__(
        self,
        units: int,
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
        unroll: bool = False,
        use_cudnn: bool | str = "auto",
        **kwargs: Unpack[OptionsOfRecurrent],
    ) -> None:
        for_cell, own = self._divided("lstm_cell", kwargs)
        cell = LSTMCell(
            units,
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
            unroll,
            activity_regularizer=activity_regularizer,
            **own,
        )
        self.input_spec = InputSpec(ndim=3)


of_cell(LSTM, LSTMCell)
