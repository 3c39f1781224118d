"""RNN: runs a cell over all time steps; the loop is in `recurrence`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle.core import conventions
from gazelle.core.errors import ArgumentError, ShapeError, StateError, message
from gazelle.core.shape_inference import infers_shapes
from gazelle.core.types import Array, Shape, Tree
from gazelle.core.variable import Variable, is_variable
from gazelle.layers.base import Layer
from gazelle.layers.call_arguments import argument_names
from gazelle.layers.input_spec import InputSpec
from gazelle.layers.recurrence import ScanOptions, scan_cell, select, steps_of_mask
from gazelle.layers.recurrent_cells import _Cell
from gazelle.layers.stacked_cells import Cell, StackedRNNCells, check_cell

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions, OptionsOfRecurrent


class RNN(Layer):
    """Recurrence over time:  y_t, s_t = cell(x_t, s_{t-1}).

    x (batch, time, ...)  ->  y (batch, ...), or (batch, time, ...) with return_sequences; with return_state a tuple (y,
    *states)

    Args:
        cell: Cell with `state_size` (an integer, or a list with one entry per state) and `call(x_t, states) -> (y_t,
            states)`; optionally `output_size` and `get_initial_state(batch_size)`. A list of cells is stacked.
        return_sequences: Whether to return the outputs of all steps instead of the last one.
        return_state: Whether to return the final states after the output.
        go_backwards: Whether to process the steps in reverse order and return them in that order.
        stateful: Whether the final states of a batch are the initial states of the next one, until `reset_state()`.
        unroll: Whether to unroll the loop over time; useful for few steps only.
        zero_output_for_mask: Whether outputs of masked steps are 0 instead of the last output.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Call arguments:
        initial_state: States before the first step, one array per state; zeros or the cell's initial state by default.
        mask: Mask (batch, time); states and output do not change at steps where it is False.

    Raises:
        ArgumentError: The cell has no `call` or `state_size`, or the number of initial states is wrong.
        ShapeError: x is not a sequence, or its batch size or number of steps is unknown where it is needed.

    Example:
        >>> RNN([LSTMCell(4), GRUCell(2)])(jnp.ones((3, 5, 6))).shape
        (3, 2)
    """

    cell: Any  # a Cell, with attributes of its own
    _outside_config = ("implementation",)  # accepted for compatibility with Keras, not stored

    def __init__(
        self,
        cell: Cell | Sequence[Cell],
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        if isinstance(cell, (list, tuple)):
            self.cell = cell = StackedRNNCells(cell)
        check_cell(cell)  # type: ignore[arg-type]
        super().__init__(**kwargs)
        if getattr(self, "use_cudnn", False) not in ("auto", True, False):
            raise ArgumentError(message("use_cudnn", expected="'auto', True or False", got=repr(self.use_cudnn)))
        size = cell.state_size  # type: ignore[union-attr]
        self.state_size = list(size) if isinstance(size, (list, tuple)) else [size]
        self.supports_masking = True
        self.states: Any = None

    def build(self, sequences_shape: Shape) -> None:
        if isinstance(sequences_shape, list):  # [sequences, state, ...]
            sequences_shape = sequences_shape[0]
        batch, time = sequences_shape[:2]
        if self.input_spec is not None:
            features: Any = sequences_shape[-1]
            self.input_spec = InputSpec(ndim=3, axes={-1: features})
        if self.unroll and time is None:
            raise ShapeError(
                message(
                    f"{self._label} with unroll=True",
                    expected="a known number of time steps",
                    got=f"shape {tuple(sequences_shape)}",
                    hint="Give it in Input(shape=(time, features)).",
                )
            )
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((batch, *sequences_shape[2:]))
        if self.stateful:
            if batch is None:
                raise ShapeError(
                    message(
                        f"{self._label} with stateful=True",
                        expected="a known batch size",
                        got=f"shape {tuple(sequences_shape)}",
                        hint="Give it: Input(batch_shape=(batch, time, features)) or batch_input_shape=....",
                    )
                )
            first = self.get_initial_state(batch)
            self.states = jax.tree.map(
                lambda s: Variable(s, trainable=False, name="rnn_state", persistent=False), first
            )

    def get_initial_state(self, batch_size: int | Array | None) -> list[Any]:
        """Return the states before the first step: those of the cell, or zeros.

        Args:
            batch_size: Number of samples, or the input, whose first axis is the batch.

        Returns:
            One array for each state.
        """
        batch_size = next(iter(getattr(batch_size, "shape", ())), batch_size)
        own = getattr(self.cell, "get_initial_state", None)
        if own is not None:
            states = own(batch_size=batch_size)
            return list(states) if isinstance(states, (list, tuple)) else [states]
        shapes = [size if isinstance(size, (list, tuple)) else (size,) for size in self.state_size]
        return [jnp.zeros((batch_size, *shape), self.compute_dtype) for shape in shapes]

    if not TYPE_CHECKING:  # type checkers use the signature of `Layer.__call__`

        def __call__(self, sequences: Array | Sequence[Array], *args: Any, **kwargs: Any) -> Tree:
            if isinstance(sequences, (list, tuple)) and all(hasattr(s, "shape") for s in sequences):
                sequences, *states = sequences
                kwargs["initial_state"] = states or kwargs.get("initial_state")
            return super().__call__(sequences, *args, **kwargs)

    def call(
        self,
        sequences: Array,
        initial_state: Sequence[Array] | Array | None = None,
        mask: Array | None = None,
        training: bool = False,
    ) -> Array | tuple[Any, ...]:
        batch, time = jax.tree.leaves(sequences)[0].shape[:2]
        states = self._first_states(batch, initial_state)
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        if mask is not None:
            mask = steps_of_mask(self._label, mask, batch, time)
        how = ScanOptions(
            self.go_backwards,
            self.unroll,
            self.zero_output_for_mask,
            self.return_sequences,
            training,
            getattr(self, "use_cudnn", False),
        )
        steps = jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), sequences)  # a cell may take several sequences
        outputs, states = scan_cell(self.cell, steps, states, mask, how)
        if mask is not None and conventions.active.masked_outputs_begin_as_zeros:
            has_begun = jax.lax.cummax(mask.astype("int8"), reverse=self.go_backwards).astype(bool)
            outputs = select(has_begun, outputs, jax.tree.map(jnp.zeros_like, outputs))
        if self.stateful:
            jax.tree.map(lambda variable, value: variable.assign(value), self.states, states, is_leaf=is_variable)
        output = jax.tree.map(self._in_order if self.return_sequences else self._last, outputs)
        return (output, *states) if self.return_state else output

    def _in_order(self, outputs: Any) -> Any:
        outputs = jnp.swapaxes(outputs, 0, 1)
        return jnp.flip(outputs, 1) if self.go_backwards else outputs  # last, so that a second flip cancels it

    def _last(self, outputs: Any) -> Any:
        if not outputs.shape[0]:
            raise ShapeError(message(self._label, expected="at least one time step", got="none"))
        return outputs[0 if self.go_backwards else -1]

    def _first_states(self, batch: int, given: Any) -> list[Any]:
        if given is None:
            given = self.states if self.stateful else self.get_initial_state(batch)
        given = list(given) if isinstance(given, (list, tuple)) else [given]
        if len(given) != len(self.state_size):
            raise ArgumentError(
                message(f"initial_state of {self._label}", expected=f"{len(self.state_size)} states", got=len(given))
            )
        states = jax.tree.map(lambda s: jnp.asarray(s, self.compute_dtype), given)
        rank = getattr(self, "rank", 0)  # of ConvLSTM1D and others, whose states are images
        for state, size in zip(states, self.state_size, strict=True):
            if isinstance(self.cell, _Cell) and (state.ndim != 2 + rank or (not rank and state.shape[1] != size)):
                what, wanted = f"initial_state of {self._label}", f"shape (batch, {size})"
                raise ShapeError(message(what, expected=wanted, got=f"shape {state.shape}"))
        first = jax.tree.leaves(states)[0]
        if first.shape[0] == 1 and infers_shapes.get():  # the sequences may have this batch size, too
            return jax.tree.map(lambda s: jnp.broadcast_to(s, (batch, *s.shape[1:])), states)
        if first.shape[0] != batch:
            hint = (
                "All batches of a stateful layer must have the size it was built with: leave out the last, smaller one."
            )
            raise ShapeError(
                message(
                    f"{self._label}: the sequences and the states",
                    expected=f"batch size {first.shape[0]}",
                    got=f"batch size {batch}",
                    hint=hint if self.stateful else "",
                )
            )
        return states

    def compute_mask(
        self, inputs: Array, mask: Array | Sequence[Array | None] | None = None
    ) -> Array | list[Array | None] | None:
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        shown: Any = mask if self.return_sequences else None
        return [shown] + [None] * len(self.state_size) if self.return_state else shown

    def reset_state(self, states: list[Any] | None = None) -> None:
        """Reset the states of a stateful layer; other layers have none, so there is nothing to reset.

        Args:
            states: One array for each state; None for zeros.

        Raises:
            StateError: States are given, and the layer is not stateful.
        """
        if not self.stateful and states is None:
            return
        if not self.stateful:
            raise StateError(message(f"reset_state of {self._label}", expected="a layer with stateful=True"))
        own = jax.tree.leaves(self.states, is_leaf=is_variable)
        given = [jnp.zeros(v.shape) for v in own] if states is None else jax.tree.leaves(states)
        for variable, value in zip(own, given, strict=bool(own)):
            variable.assign(value)

    reset_states = reset_state

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config["zero_output_for_mask"] = self.zero_output_for_mask
        if config.get("use_cudnn", False) is not False:  # it depends on the machine
            del config["use_cudnn"]
        return config

    def _divided(self, name: str, kwargs: OptionsOfRecurrent) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the keyword arguments of the cell, of which a layer shares two, and those of the layer."""
        own: dict[str, Any] = {**kwargs}
        implementation = own.pop("implementation", 2)
        shared: dict[str, Any] = {key: own[key] for key in ("dtype", "trainable") if key in own}
        return {"name": name, "implementation": implementation, **shared}, own

    def _check_call_inputs(self, args: Any) -> None:
        shape = getattr(args[0], "shape", None) if args else None
        if shape is not None and self.input_spec is not None and len(shape) != 3:
            raise ShapeError(
                message(
                    self._label,
                    expected="3 axes (batch, time, features)",
                    got=f"shape {tuple(shape)}",
                    hint="One feature: x[..., None]. One time step: x[:, None, :]. After another recurrent layer:"
                    " give that one return_sequences=True.",
                )
            )
        super()._check_call_inputs(args)


def of_cell(layer: type, cell: type) -> None:
    """Make the arguments that a layer shares with its cell properties that read and write the cell."""

    def argument(name: str) -> property:
        def read(self: Any) -> object:
            return getattr(self.cell, name)

        def write(self: Any, value: object) -> None:
            setattr(self.cell, name, value)

        return property(read, write, doc=f"`{name}` of the cell.")

    shared = [n for n in argument_names(cell.__init__) if n in argument_names(layer.__init__)]  # type: ignore[misc]
    for name in shared:
        setattr(layer, name, argument(name))
