"""SimpleRNN and its cell: the output is fed back as the next input."""

from __future__ import annotations

from typing import Any

from gazelle.core.types import ActivationLike, Array, ConstraintLike, InitializerLike, RegularizerLike
from gazelle.layers.input_spec import InputSpec
from gazelle.layers.recurrent_cells import _Cell
from gazelle.layers.rnn import RNN, of_cell


class SimpleRNNCell(_Cell):
    r"""One step of `SimpleRNN`:  h' = f(x W + b + h R).

    x (batch, features) · h (batch, units) · W (features, units) · R (units, units) · b (units,)

    >>> h, states = SimpleRNNCell(4)(jnp.ones((2, 3)), [jnp.zeros((2, 4))])
    >>> h.shape
    (2, 4)
    """

    def __init__(
        self,
        units: int,
        activation: ActivationLike = "tanh",
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
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)

    def update(self, x: Array, inner: Array, states: list[Any]) -> list[Any]:
        return [self.activation(x + inner)]


class SimpleRNN(RNN):
    r"""Fully connected recurrence:  h_t = f(x_t W + b + h_{t-1} R).

    x (batch, time, features)  ->  h (batch, units), or (batch, time, units) with return_sequences

    Args:
        units: size of the state and of the output.
        activation: f.
        dropout, recurrent_dropout: shares of x and of h that are dropped in training, the same for all time steps.
        return_sequences, return_state, go_backwards, stateful, unroll: see `RNN`.

    >>> SimpleRNN(4)(jnp.ones((2, 5, 3))).shape
    (2, 4)
    """

    def __init__(
        self,
        units: int,
        activation: ActivationLike = "tanh",
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
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        cell = SimpleRNNCell(
            units,
            activation,
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
            seed,
            **self._for_cell("simple_rnn_cell", kwargs),
        )
        super().__init__(
            cell,
            return_sequences,
            return_state,
            go_backwards,
            stateful,
            unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.input_spec = InputSpec(ndim=3)


of_cell(SimpleRNN, SimpleRNNCell)
