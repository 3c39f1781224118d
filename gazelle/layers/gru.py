"""GRU and GRUCell: the gated recurrent unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle.core.types import ActivationLike, Array, ConstraintLike, InitializerLike, RegularizerLike
from gazelle.layers.input_spec import InputSpec
from gazelle.layers.recurrent_cells import _Cell, product
from gazelle.layers.rnn import RNN, of_cell
from gazelle.ops import native

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsOfCell, OptionsOfRecurrent


class GRUCell(_Cell):
    """One step of `GRU`:  h' = s(z) h + (1 - s(z)) a(g), with gates z, r, g.

    reset_after: [z r g] = x W + b_0, [z' r' g'] = h R + b_1;  z + z',  r + r',  g + s(r + r') g'
    otherwise:   [z r g] = x W + b,   [z' r'] = h R_zr;        z + z',  r + r',  g + (s(r + r') h) R_g

    x (batch, features) · h (batch, units) · W (features, 3 units) · R (units, 3 units) · b (2, 3 units) or (3 units,)
    ->  h' (batch, units), [h']

    Args:
        units: Size of the state and of the output.
        activation: Function a, a name or a callable; None for the identity.
        recurrent_activation: Function s of the gates, a name or a callable.
        use_bias: Whether b is added.
        kernel_initializer: Initializer of W.
        recurrent_initializer: Initializer of R.
        bias_initializer: Initializer of b.
        kernel_regularizer: Regularizer of W: a penalty added to the loss.
        recurrent_regularizer: Regularizer of R.
        bias_regularizer: Regularizer of b.
        kernel_constraint: Constraint on W, applied after each update.
        recurrent_constraint: Constraint on R.
        bias_constraint: Constraint on b.
        dropout: Fraction of x that is dropped in training.
        recurrent_dropout: Fraction of h that is dropped in training.
        reset_after: Whether the reset gate acts after the recurrent product (as in cuDNN) or before it.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `units` is not a positive integer, or a dropout rate is not in [0, 1].

    Example:
        >>> h, states = GRUCell(4)(jnp.ones((2, 3)), [jnp.zeros((2, 4))])
        >>> h.shape
        (2, 4)
    """

    _gate_count = 3

    def __init__(
        self,
        units: int,
        activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        **kwargs: Unpack[OptionsOfCell],
    ) -> None:
        super().__init__(**kwargs)

    def _build_bias(self, size: int) -> Any:
        return self.add_weight("bias", (2, size) if self.reset_after else (size,))

    def _biases(self) -> tuple[Any, Any]:
        if self.bias is None or not self.reset_after:
            return self.bias, None
        return self.bias[0], self.bias[1]

    def _update(self, x: Array, inner: Array, states: list[Any]) -> list[Any]:
        if self._has_standard_activations:
            return [_standard_update(x, inner, states[0])]
        two = 2 * self.units
        z, r = self._gates(x[..., :two] + inner[..., :two])
        return self._mix(z, x[..., two:] + r * inner[..., two:], states[0])

    def _gates(self, both: Any) -> Any:
        if self._has_standard_activations:
            return jnp.split(0.5 + 0.5 * jnp.tanh(0.5 * both), 2, axis=-1)
        return jnp.split(self.recurrent_activation(both), 2, axis=-1)

    def _mix(self, z: Any, g: Any, h: Any) -> list[Any]:
        return [z * h + (1 - z) * self.activation(g)]

    def _step(self, x: Array, states: list[Any], dropped: Array | None = None) -> list[Any]:
        if self.reset_after:
            return super()._step(x, states, dropped)
        (h,), two = states, 2 * self.units
        gates, new = jnp.split(self.recurrent_kernel.value, [two], axis=-1)
        z, r = self._gates(x[..., :two] + product(h, gates, None if dropped is None else dropped[:2]))
        kept = h if dropped is None else h * dropped[2]
        return self._mix(z, x[..., two:] + (r * kept) @ new, h)

    def _native_scan(
        self, x: Array, states: list[Any], mask: Array | None, reverse: bool
    ) -> tuple[Any, list[Any]] | None:
        if not (self._has_standard_activations and self.reset_after):
            return None
        bias = self._biases()[1]
        bias = jnp.zeros(x.shape[-1], x.dtype) if bias is None else bias
        hs = native.gru(x, self.recurrent_kernel.value, bias, states[0], mask, reverse)
        return hs, [hs[0 if reverse else -1]]


@jax.custom_jvp
def _standard_update(x: Any, y: Any, h: Any) -> Any:
    """Return h' for a = tanh, s = sigmoid, from the parts x of the input and y of the state, each (batch, 3 units)."""
    return _parts(x, y, h)[0]


def _parts(x: Any, y: Any, h: Any) -> Any:
    x_g, y_g = (part[..., 2 * h.shape[-1] :] for part in (x, y))
    both = (x + y)[..., : 2 * h.shape[-1]]
    z, r = jnp.split(0.5 + 0.5 * jnp.tanh(0.5 * both), 2, axis=-1)  # s(x) = (1 + tanh(x / 2)) / 2
    g = jnp.tanh(x_g + r * y_g)
    return z * h + (1 - z) * g, z, r, g, y_g


@_standard_update.defjvp
def _(primals: Any, tangents: Any) -> Any:
    """JVP that stores three residuals for the backward pass; differentiating each operation would store ten.

    dh' = z dh + sum_zrg(d_x dx + d_y dy)
    """
    x, y, h = primals
    dx, dy, dh = tangents
    new, z, r, g, y_g = _parts(x, y, h)
    to_g = (1 - z) * (1 - g * g)
    gates = [z * (1 - z) * (h - g), r * (1 - r) * to_g * y_g]
    d_x, d_y = jnp.concatenate([*gates, to_g], axis=-1), jnp.concatenate([*gates, to_g * r], axis=-1)
    return new, z * dh + sum(jnp.split(dx * d_x + dy * d_y, 3, axis=-1))


class GRU(RNN):
    """Gated recurrent unit:  h_t = z h_{t-1} + (1 - z) a(g), with the gates of `GRUCell`.

    x (batch, time, features)  ->  h (batch, units), or (batch, time, units) with return_sequences
    W (features, 3 units) · R (units, 3 units) · b (2, 3 units), or (3 units,) with reset_after=False

    Args:
        units: Size of the state and of the output.
        activation: Function a, a name or a callable; None for the identity.
        recurrent_activation: Function s of the gates, a name or a callable.
        use_bias: Whether b is added.
        kernel_initializer: Initializer of W.
        recurrent_initializer: Initializer of R.
        bias_initializer: Initializer of b.
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
        reset_after: Whether the reset gate acts after the recurrent product (as in cuDNN) or before it.
        use_cudnn: As in Keras. JAX offers no GRU by cuDNN, so "auto" and False are the same, and a call with True is an
            error.
        **kwargs: `zero_output_for_mask` of `RNN` and arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape`
            and others.

    Call arguments:
        initial_state: List with the state before the first step; zeros by default.
        mask: Mask (batch, time); state and output do not change at steps where it is False.

    Raises:
        ArgumentError: `units` is not a positive integer, or a dropout rate is not in [0, 1].

    References:
        Cho et al., Learning Phrase Representations using RNN Encoder-Decoder (2014).

    Example:
        >>> GRU(4, return_sequences=True)(jnp.ones((2, 5, 3))).shape
        (2, 5, 4)
    """

    cell: GRUCell

    def __init__(
        self,
        units: int,
        activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
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
        reset_after: bool = True,
        use_cudnn: bool | str = "auto",
        **kwargs: Unpack[OptionsOfRecurrent],
    ) -> None:
        for_cell, own = self._divided("gru_cell", kwargs)
        cell = GRUCell(
            units,
            activation,
            recurrent_activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            kernel_regularizer,
            recurrent_regularizer,
            bias_regularizer,
            kernel_constraint,
            recurrent_constraint,
            bias_constraint,
            dropout,
            recurrent_dropout,
            reset_after,
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


of_cell(GRU, GRUCell)
