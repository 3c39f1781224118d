"""Networks of `tfp.bijectors`, which the JAX substrate lacks."""

from __future__ import annotations

import itertools
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle.compat.classes import compat_class
from gazelle.compat.probability.layers.distributions import registered
from gazelle.compat.probability.parameters import REQUIRED, has_parameters
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.types import Function, Option, TensorLike
from gazelle.core.errors import ArgumentError, message
from gazelle.core.types import Array, Shape
from gazelle.layers import Dense, Layer

_OF_DENSE = {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros", "kernel_regularizer": None}
_OF_DENSE |= {"bias_regularizer": None, "kernel_constraint": None, "bias_constraint": None}


@registered
class AutoregressiveNetwork(Layer, abstract=True):
    """Dense layers with masks: the `params` outputs of each element depend on the elements before it.

    x (..., size) -> y (..., size, params).
    Source: Germain et al., MADE: Masked Autoencoder for Distribution Estimation (2015).
    """

    @has_parameters(
        params=REQUIRED,
        event_shape=None,
        conditional=False,
        conditional_event_shape=None,
        conditional_input_layers="all_layers",
        hidden_units=None,
        input_order="left-to-right",
        hidden_degrees="equal",
        activation=None,
        use_bias=True,
        **_OF_DENSE,
        validate_args=False,
    )
    def __init__(self, **layer_options: Option) -> None:
        super().__init__(**layer_options)

    def build(self, input_shape: Shape) -> None:
        degrees = self._degrees(int(input_shape[-1] or 0))
        masks = [before[:, None] <= after for before, after in itertools.pairwise(degrees)]
        masks.append(np.repeat(degrees[-1][:, None] < degrees[0], self.params, axis=1))
        options = {name: getattr(self, name) for name in _OF_DENSE}
        dense = compat_class(Dense)
        self._layers_of_steps: list[tuple[Any, Any]] = []  # of the inputs, and of the conditional input
        for number, mask in enumerate(masks):
            masked = {name: _masked(options[name], mask) for name in ("kernel_initializer", "kernel_constraint")}
            layer, conditional = dense(mask.shape[1], use_bias=self.use_bias, **{**options, **masked}), None
            if self.conditional and (number == 0 or self.conditional_input_layers == "all_layers"):
                of_kernel = {name: value for name, value in options.items() if name.startswith("kernel")}
                conditional = dense(mask.shape[1], use_bias=False, **of_kernel)
            self._layers_of_steps.append((layer, conditional))

    def _degrees(self, size: int) -> list[Any]:
        """The number of each input and hidden unit, which depends on inputs with at most this number."""
        order, least = self.input_order, min(1, size - 1)
        if isinstance(order, str):
            order = {"left-to-right": np.arange(1, size + 1), "right-to-left": np.arange(size, 0, -1)}.get(order)
            order = np.random.permutation(size) + 1 if order is None else order
        degrees = [np.asarray(order)]
        for units in self.hidden_units or []:
            if self.hidden_degrees == "random":
                degrees.append(np.random.randint(min(degrees[-1].min(), size - 1), size, units))
            else:
                equal = np.ceil(np.arange(1, units + 1) * (size - 1) / (units + 1)).astype("int32")
                degrees.append(np.maximum(max(least, min(degrees[-1].min(), size - 1)), equal))
        return degrees

    def call(self, x: Array, conditional_input: TensorLike = None) -> Array:
        if self.conditional and conditional_input is None:
            raise ArgumentError(message("conditional_input of AutoregressiveNetwork", expected="a tensor", got="None"))
        y: Any = jnp.atleast_2d(x)
        for number, (layer, conditional) in enumerate(self._layers_of_steps, 1):
            y = unboxed(layer(y))
            if conditional is not None:
                y = y + unboxed(conditional(jnp.atleast_2d(unboxed(conditional_input))))
            if number < len(self._layers_of_steps) and self.activation is not None:
                y = self.activation(y)
        found: Array = y.reshape((*y.shape[:-1], x.shape[-1], self.params))
        return found[0] if x.ndim == 1 and len(found) == 1 else found


def _masked(function: Any, mask: Any) -> Function:
    """An initializer or constraint whose result is 0 outside of the mask."""
    return lambda *args, **kwargs: (args[0] if function is None else function(*args, **kwargs)) * mask
