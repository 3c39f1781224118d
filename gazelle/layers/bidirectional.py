"""Bidirectional: a recurrent layer in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ArgumentTypeError, message, unknown
from gazelle.core.names import snake
from gazelle.core.serialization import rebuild
from gazelle.core.types import Array, ArrayLike, Shape
from gazelle.layers.base import Layer

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions

MERGE = {
    "concat": lambda y, z: jnp.concatenate([y, z], axis=-1),
    "sum": lambda y, z: y + z,
    "mul": lambda y, z: y * z,
    "ave": lambda y, z: (y + z) / 2,
    None: lambda y, z: (y, z),
}


class Bidirectional(Layer):
    """A recurrent layer and a copy of it that reads in reverse order:  y_t = merge(forward(x)_t, backward(x)_t).

    x (batch, time, ...)  ->  y (batch, 2 units), or (batch, time, 2 units) with return_sequences and "concat"

    Sequences of outputs are 0 at masked steps. The states of the forward layer precede those of the backward layer.

    Args:
        layer: Recurrent layer; its configuration is copied, its weights are not.
        merge_mode: 'concat', 'sum', 'mul', 'ave' (mean), or None to return both outputs.
        weights: Initial weights of both layers, as in `set_weights`.
        backward_layer: Layer for the reverse order; None for a copy of `layer` in the other direction.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Call arguments:
        initial_state: States before the first step, first those of the forward layer.
        mask: Mask (batch, time).

    Raises:
        ArgumentError: A layer is not recurrent, or the two layers do not have the same options.

    References:
        Schuster and Paliwal, Bidirectional Recurrent Neural Networks (1997).

    Example:
        >>> Bidirectional(LSTM(4, return_sequences=True))(jnp.ones((2, 5, 3))).shape
        (2, 5, 8)
    """

    _outside_config = ("weights",)  # stored in the weight file
    _time_axis = 1

    def __init__(
        self,
        layer: Layer,
        merge_mode: str | None = "concat",
        weights: Sequence[ArrayLike] | None = None,
        backward_layer: Layer | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        self.__dict__.pop("backward_layer", None)  # set below, after the forward layer
        for name, value in (("layer", layer), ("backward_layer", backward_layer)):
            if not hasattr(value, "go_backwards") and (value is not None or name == "layer"):
                raise ArgumentTypeError(
                    message(f"{name} of Bidirectional", expected="a recurrent layer, as in LSTM(4)", got=repr(value))
                )
        if merge_mode not in MERGE:
            raise unknown("merge_mode of Bidirectional", merge_mode, map(str, MERGE))
        super().__init__(**kwargs)
        self.forward_layer: Any = _copy(layer, "forward_")
        given: Any = backward_layer
        options: Any = layer
        self.backward_layer: Any = given or _copy(layer, "backward_", go_backwards=not options.go_backwards)
        self._compare()
        for each in (self.forward_layer, self.backward_layer):
            if hasattr(each, "zero_output_for_mask"):  # otherwise the merged output would contain repeated outputs
                each.zero_output_for_mask = each.return_sequences
        self.stateful, self.return_sequences = options.stateful, options.return_sequences
        self.return_state, self.input_spec = options.return_state, options.input_spec
        self.supports_masking = True
        self._first_weights = weights

    @property
    def layer(self) -> Layer:
        """The forward layer."""
        return self.forward_layer

    def _compare(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if forward.go_backwards == backward.go_backwards:
            raise ArgumentError(
                message(
                    "backward_layer of Bidirectional",
                    expected=f"go_backwards={not forward.go_backwards}",
                    got=f"go_backwards={backward.go_backwards}, as the forward layer has",
                )
            )
        for name in ("stateful", "return_sequences", "return_state"):
            wanted, got = getattr(forward, name), getattr(backward, name)
            if wanted != got:
                raise ArgumentError(
                    message(
                        "backward_layer of Bidirectional",
                        expected=f"{name}={wanted}, as the forward layer has",
                        got=f"{name}={got}",
                    )
                )

    def build(self, sequences_shape: Shape) -> None:
        for each in (self.forward_layer, self.backward_layer):
            if not each.built:
                each.build(sequences_shape)
        if self._first_weights:
            self.set_weights(self._first_weights)

    def call(
        self,
        sequences: Array,
        initial_state: Sequence[Array] | Array | None = None,
        mask: Array | None = None,
        training: bool = False,
    ) -> Array | tuple[Any, ...]:
        extra: list[dict[str, Any]] = [{}, {}]
        if initial_state is not None:
            half = len(initial_state) // 2
            extra = [{"initial_state": initial_state[:half]}, {"initial_state": initial_state[half:]}]
        if mask is not None:
            extra = [{**each, "mask": mask} for each in extra]
        y = self.forward_layer(sequences, **extra[0])
        z = self.backward_layer(sequences, **extra[1])
        states: tuple[Any, ...] = ()
        if self.return_state:
            (y, *one), (z, *two) = y, z
            states = (*one, *two)
        if self.return_sequences:
            z = jnp.flip(z, axis=self._time_axis)
        merged = MERGE[self.merge_mode](y, z)
        if not self.return_state:
            return merged
        return (*merged, *states) if self.merge_mode is None else (merged, *states)

    def compute_mask(
        self, inputs: Array, mask: Array | Sequence[Array | None] | None = None
    ) -> Array | list[Array | None] | None:
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        shown: Any = mask if self.return_sequences else None
        outputs = [shown, shown] if self.merge_mode is None else [shown]
        states = 2 * len(jax.tree.leaves(self.forward_layer.state_size)) if self.return_state else 0
        return outputs + [None] * states if len(outputs) + states > 1 else shown

    @property
    def states(self) -> tuple[Any, ...] | None:
        """The states of both layers; None where the layer is not stateful or not built."""
        one, two = self.forward_layer.states, self.backward_layer.states
        return (*one, *two) if one and two else None

    def reset_state(self) -> None:
        """Reset the states of both layers to zeros."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state


def _copy(layer: Layer, prefix: str, **changes: Any) -> Any:
    """Return a layer with the configuration of `layer` and without its weights."""
    name = snake(type(layer).__name__) if layer.auto_named else layer.name.removeprefix(prefix)
    made: Any = rebuild(layer, built=False, name=prefix + name, **changes)
    if hasattr(layer, "use_cudnn"):
        made.use_cudnn = layer.use_cudnn  # configs do not contain True
    return made
