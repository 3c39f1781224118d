"""Base of the recurrent cells: one product for all gates, and the projection of the input outside of the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp

from gazelle import activations
from gazelle.core.errors import ArgumentError, message
from gazelle.core.prng import bernoulli
from gazelle.core.types import Array, Shape
from gazelle.layers.base import Layer
from gazelle.layers.core import check_rate

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


def product(x: Array, kernel: Array, dropped: Array | None) -> Array:
    """Return x W; with dropout masks d_g of the gates, (x d_g) W_g for each gate g.

    Args:
        x: Array (..., in).
        kernel: W (in, gates * units).
        dropped: One mask per gate, or a single mask for all gates; None for no dropout.

    Returns:
        Array (..., gates * units).
    """
    if dropped is None:
        return x @ kernel
    parts = jnp.split(kernel, len(dropped), axis=-1)
    return jnp.concatenate([(x * d) @ w for d, w in zip(dropped, parts, strict=True)], axis=-1)


class _Cell(Layer):
    """One step of a recurrence: gates from  x W + b  and  h R, the new states from the gates.

    A subclass defines `_gate_count` and computes the new states in `_update`; the first state is the output.
    W (features, gates * units) · R (units, gates * units) · b (gates * units,)
    """

    _gate_count = 1
    _outside_config = ("implementation",)  # accepted for compatibility with Keras, not stored

    def __init__(self, *, implementation: int = 2, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if not isinstance(self.units, int) or self.units <= 0:
            raise ArgumentError(
                message(f"units of {type(self).__name__}", expected="a positive integer", got=repr(self.units))
            )
        for name in ("dropout", "recurrent_dropout"):
            setattr(self, name, check_rate(type(self).__name__, getattr(self, name), name))
        self.mask_count = self._gate_count if implementation == 1 or self.recurrent_dropout else 1
        self.state_size: Any = self.units
        self.output_size = self.units

    def build(self, input_shape: Shape) -> None:
        size = self._gate_count * self.units
        self.kernel = self.add_weight("kernel", (input_shape[-1], size))
        self.recurrent_kernel = self.add_weight(
            "recurrent_kernel",
            (self.units, size),
            self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        self.bias = self._build_bias(size) if self.use_bias else None

    def _build_bias(self, size: int) -> Any:
        return self.add_weight("bias", (size,))

    @property
    def _has_standard_activations(self) -> bool:
        """Whether the activations are tanh and sigmoid.

        Since  sigmoid(x) = (1 + tanh(x / 2)) / 2,  a single tanh then computes all gates, which halves the time of a
        forward loop on a CPU.
        """
        return self.activation is activations.tanh and self.recurrent_activation is activations.sigmoid

    def _biases(self) -> tuple[Any, Any]:
        """Return the bias of the input's product and the bias of the state's product.

        Returns:
            A pair; None for no bias.
        """
        return self.bias, None

    def get_initial_state(self, batch_size: int | Array | None = None) -> list[Any]:
        """Return zeros (batch_size, units), one array for each state.

        Args:
            batch_size: Number of samples.

        Returns:
            One array for each state.
        """
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [jnp.zeros((batch_size, size), self.compute_dtype) for size in sizes]

    def _masks(self, batch: int, features: int, training: bool) -> tuple[Any, Any]:
        """Return the dropout masks of the input and of the state, equal for all time steps.

        Args:
            batch: Number of samples.
            features: Size of the input.
            training: Whether the layer is in training mode.

        Returns:
            Masks (gates or 1, batch, size), scaled by 1 / (1 - rate); None for no dropout.
        """

        def draw(rate: float, size: int) -> Any:
            if not training or rate == 0:
                return None
            kept = bernoulli(self.random_key(self.seed), 1 - rate, (self.mask_count, batch, size))
            return kept.astype(self.compute_dtype) * (1 / (1 - rate) if rate < 1 else 0.0)

        return draw(self.dropout, features), draw(self.recurrent_dropout, self.units)

    def _project(self, x: Array, dropped: Array | None = None) -> Array:
        """Return the gates' part of the input, x W + b, for one step or for all steps at once.

        Args:
            x: Input (..., features).
            dropped: Dropout masks of x; None for no dropout.

        Returns:
            Array (..., gates * units).
        """
        bias = self._biases()[0]
        if dropped is None:  # as one matrix: else the kernel's gradient is a slow product over two axes
            y = (x.reshape(-1, x.shape[-1]) @ self.kernel.value).reshape(*x.shape[:-1], self._gate_count * self.units)
        else:
            y = product(x, self.kernel.value, dropped)
        return y if bias is None else y + bias

    def _recur(self, h: Array, dropped: Array | None = None) -> Array:
        """Return the gates' part of the state, h R.

        Args:
            h: State (batch, units).
            dropped: Dropout masks of h; None for no dropout.

        Returns:
            Array (batch, gates * units).
        """
        bias = self._biases()[1]
        y = product(h, self.recurrent_kernel.value, dropped)
        return y if bias is None else y + bias

    def _update(self, x: Array, inner: Array, states: list[Any]) -> list[Any]:
        """Return the new states.

        Args:
            x: Part of the gates from the input.
            inner: Part of the gates from the state.
            states: States of the previous step.

        Returns:
            One array for each state; the first is the output.
        """
        raise NotImplementedError

    def _step(self, x: Array, states: list[Any], dropped: Array | None = None) -> list[Any]:
        """Return the new states of one step.

        Args:
            x: Projected input (batch, gates * units).
            states: States of the previous step.
            dropped: Dropout masks of h; None for no dropout.

        Returns:
            One array for each state; the first is the output.
        """
        return self._update(x, self._recur(states[0], dropped), states)

    def _native_scan(
        self, x: Array, states: list[Any], mask: Array | None, reverse: bool
    ) -> tuple[Any, list[Any]] | None:
        """Process all steps at once with a kernel of `ops.native`, if there is one.

        Args:
            x: Projected input (time, batch, gates * units).
            states: Initial states.
            mask: Mask (time, batch), or None.
            reverse: Whether to start at the last step.

        Returns:
            Outputs (time, batch, units) and the final states; None if there is no kernel.
        """
        return None

    def _cudnn_scan(self, x: Array, states: list[Any], reverse: bool) -> tuple[Any, list[Any]] | str:
        """Process all steps at once with cuDNN.

        Args:
            x: Input (time, batch, features).
            states: Initial states.
            reverse: Whether to start at the last step.

        Returns:
            Outputs (time, batch, units) and the final states; if cuDNN cannot be used, the reason.
        """
        return f"{type(self).__name__}: JAX offers cuDNN for LSTM only"

    def call(self, inputs: Array, states: list[Any] | Array, training: bool = False) -> tuple[Array, list[Any] | Array]:
        listed = isinstance(states, (list, tuple))
        dropped, recurrent = self._masks(inputs.shape[0], inputs.shape[-1], training)
        new = self._step(self._project(inputs, dropped), list(states) if listed else [states], recurrent)
        return new[0], new if listed else new[0]
