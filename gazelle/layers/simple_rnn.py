"""SimpleRNN and its cell: the output is fed back as the next input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from gazelle.core.types import ActivationLike, Array, ConstraintLike, InitializerLike, RegularizerLike
from gazelle.layers.input_spec import InputSpec
from gazelle.layers.recurrent_cells import _Cell
from gazelle.layers.rnn import RNN, of_cell

if TYPE_CHECKING:
    from gazelle.layers.options import OptionsOfCell, OptionsOfRecurrent


class SimpleRNNCell(_Cell):
    """One step of `SimpleRNN`:  h' = f(x W + b + h R).

    x (batch, features) · h (batch, units) · W (features, units) · R (units, units) · b (units,)  ->  h' (batch, units),
    [h']

    Args:
        units: Size of the state and of the output.
        activation: Function f, a name or a callable; None for the identity.
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
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `units` is not a positive integer, or a dropout rate is not in [0, 1].

    Example:
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
        **kwargs: Unpack[OptionsOfCell],
    ) -> None:
        super().__init__(**kwargs)

    def _update(self, x: Array, inner: Array, states: list[Any]) -> list[Any]:
        return [self.activation(x + inner)]


class SimpleRNN(RNN):
    """Fully connected recurrence:  h_t = f(x_t W + b + h_{t-1} R).

    x (batch, time, features)  ->  h (batch, units), or (batch, time, units) with return_sequences
    W (features, units) · R (units, units) · b (units,)

    Args:
        units: Size of the state and of the output.
        activation: Function f, a name or a callable; None for the identity.
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
        return_sequences: Whether to return the outputs of all steps instead of the last one.
        return_state: Whether to return the final states after the output.
        go_backwards: Whether to process the steps in reverse order and return them in that order.
        stateful: Whether the final states of a batch are the initial states of the next one, until `reset_state()`.
        unroll: Whether to unroll the loop over time; useful for few steps only.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: `zero_output_for_mask` of `RNN` and arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape`
            and others.

    Call arguments:
        initial_state: List with the state before the first step; zeros by default.
        mask: Mask (batch, time); state and output do not change at steps where it is False.

    Raises:
        ArgumentError: `units` is not a positive integer, or a dropout rate is not in [0, 1].

    Example:
        >>> SimpleRNN(4)(jnp.ones((2, 5, 3))).shape
        (2, 4)
    """

    cell: SimpleRNNCell

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
        **kwargs: Unpack[OptionsOfRecurrent],
    ) -> None:
        for_cell, own = self._divided("simple_rnn_cell", kwargs)
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


of_cell(SimpleRNN, SimpleRNNCell)
