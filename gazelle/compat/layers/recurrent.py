"""`Recurrent`, the base class of custom recurrent layers in Keras 1 and Keras 2.0."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp

from gazelle.compat import facade
from gazelle.compat.arguments.ignored import check
from gazelle.compat.backend import loops
from gazelle.compat.weights import derived_weights
from gazelle.core.types import Array, ArrayLike
from gazelle.layers import InputSpec, Layer


class Recurrent(Layer):
    """Base class of recurrent layers: a subclass creates weights in `build` and defines `step(x_t, states)`.

    x (batch, steps, size)  ->  the last output, or with `return_sequences` all of them (batch, steps, output_dim)

    `step` returns (output, [states]). A subclass may override `get_initial_states(x)`, which returns zeros of size
    `output_dim` (Keras 2: `units`) for each of `self.states`, `get_constants(x)`, whose results `step` receives after
    the states, and `preprocess_input(x)`.

    >>> class Mean(Recurrent):
    ...     output_dim = 3
    ...     def step(self, x, states):
    ...         h = (x + states[0]) / 2
    ...         return h, [h]
    >>> Mean()(np.ones((1, 2, 3))).tolist()
    [[0.75, 0.75, 0.75]]
    """

    output_dim: int
    units: int
    states: Any = (None,)
    implementation = 0

    def __init__(
        self,
        weights: Sequence[ArrayLike] | None = None,
        return_sequences: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        consume_less: str = "cpu",
        input_dim: int | None = None,
        input_length: int | None = None,
        **kwargs: Any,
    ) -> None:
        if input_dim is not None:
            kwargs["input_shape"] = (input_length, input_dim)
        super().__init__(**kwargs)
        check("stateful", stateful, False, type(self).__name__)
        self.supports_masking = True
        self.input_spec = [InputSpec(ndim=3)]  # which programs replace in `build`

    def compute_mask(self, inputs: Sequence[Any], mask: Array | None = None) -> Array | None:
        """Return the mask if the layer returns sequences, else None."""
        return mask if self.return_sequences else None

    def step(self, x: Array, states: Sequence[Array]) -> tuple[Array, list[Array]]:
        """Return (output, new states) of one time step."""
        raise NotImplementedError(f"{type(self).__name__} has no step: def step(self, x, states): return h, [h].")

    def get_constants(self, x: Array) -> list[Any]:
        """Return the arrays that `step` receives after the states."""
        return []

    def get_initial_states(self, x: Array) -> list[Any]:
        """Return zeros for each of `self.states`."""
        size = self.units if "units" in vars(self) else self.output_dim
        return [jnp.zeros((x.shape[0], size), x.dtype) for _ in self.states]

    def preprocess_input(self, x: Array) -> Array:
        """Return the input of the loop over time steps."""
        return x

    def call(self, x: Array, mask: Array | None = None) -> Array:
        first = getattr(self, "get_initial_state", self.get_initial_states)  # the name in Keras 2
        outputs, last, _ = run_steps(self, first, x, mask)
        return outputs if self.return_sequences else last


def run_steps(recurrent: Layer, first: Callable[..., Any], x: Array, mask: Array | None) -> tuple[Any, Any, list[Any]]:
    """Loop over time steps with the methods that a recurrent layer had in Keras 1 and 2.0.

    Args:
        recurrent: the layer, with `step`, `preprocess_input` and `get_constants`.
        first: function of x that returns the first states.
        x: sequences (batch, steps, ...).
        mask: (batch, steps).

    Returns:
        (outputs of all steps, last output, list of the last states).
    """
    layer: Any = recurrent

    def loop(x: Any, mask: Any) -> tuple[Any, Any, list[Any]]:
        constants = layer.get_constants(x)
        last, outputs, states = loops.rnn(
            layer.step, layer.preprocess_input(x), first(x), layer.go_backwards, mask, constants
        )
        return outputs, last, states

    calls = facade.adapter_for(layer.step, layer.preprocess_input, layer.get_constants)
    with derived_weights.present(layer):
        found: tuple[Any, Any, list[Any]] = calls.user_defined_call(loop, (x, mask), {})
        return found
