"""Products in floats of 8 bits: inputs and weights are rounded to e4m3, gradients of outputs to e5m2.

Each of the three has a scale and a history of the largest magnitudes of the last steps. These variables are trainable,
and the optimizer replaces them by their gradients: the gradient of a scale is the scale of the next step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from gazelle.core import tracing
from gazelle.core.policies import QuantizedFloat8DTypePolicy
from gazelle.layers import dtype_handling
from gazelle.quantizers.simulated import compute_float8_amax_history, compute_float8_scale, quantize_and_dequantize

if TYPE_CHECKING:
    from gazelle.core.types import Array, DTypeLike
    from gazelle.core.variable import Variable
    from gazelle.layers.base import Layer

_FORWARD, _BACKWARD = "float8_e4m3fn", "float8_e5m2"


def add_scales(layer: Layer, weight: str) -> None:
    """Add a scale and a history to a layer for its inputs, its weight and the gradients of its outputs.

    Args:
        layer: the layer.
        weight: name of the weight.
    """
    policy = dtype_handling.effective_policy(layer)
    length = getattr(policy, "amax_history_length", QuantizedFloat8DTypePolicy.default_amax_history_length)
    for what in ("inputs", weight, "outputs_grad"):
        for name, shape, initializer in (("scale", (), "ones"), ("amax_history", (length,), "zeros")):
            layer.__dict__[f"{what}_{name}"] = layer.add_weight(
                f"{what}_{name}", shape, initializer, "float32", autocast=False, overwrite_with_gradient=True
            )


def product(layer: Layer, x: Array, weight: str, w: Array, times: Callable[[Any, Any], Any]) -> Array:
    """Return times(x, w) of rounded x and w; in the backward pass the gradient of the result is rounded, too.

    Args:
        layer: the layer, after `add_scales`.
        x: the inputs.
        weight: name of the weight.
        w: the weight.
        times: a function that is linear in both arguments.
    """
    scope = tracing.current()
    training = bool(scope is not None and scope.training)

    def state(what: str) -> tuple[Array, Array]:
        return layer.__dict__[f"{what}_scale"].value, layer.__dict__[f"{what}_amax_history"].value

    dtype = layer.compute_dtype
    y = times(_rounded(x, *state("inputs"), dtype, training), _rounded(w, *state(weight), dtype, training))
    return _with_rounded_gradient(y, *state("outputs_grad"), dtype)


def bias(layer: Layer, b: Variable | Array) -> Variable | Array:
    """Return a bias with the precision of bfloat16, as fused products with 8 bits add it."""
    return b.astype("bfloat16").astype(b.dtype) if layer.compute_dtype == "float32" else b


def _next_state(x: Array, scale: Array, history: Array, dtype: DTypeLike) -> tuple[Array, Array]:
    most = float(jnp.finfo(dtype).max)
    return compute_float8_scale(jnp.max(history), scale, most), compute_float8_amax_history(x, history)


def _rounded(x: Array, scale: Array, history: Array, dtype: str, training: bool) -> Array:
    @jax.custom_vjp
    def rounded(x: Array, scale: Array, history: Array) -> Array:
        return quantize_and_dequantize(x, scale, _FORWARD, dtype)

    def forward(x: Array, scale: Array, history: Array) -> tuple[Array, Any]:
        after = _next_state(x, scale, history, _FORWARD) if training else (scale, history)
        return rounded(x, scale, history), (after, jnp.zeros((0,), x.dtype))

    def backward(kept: Any, gradient: Array) -> tuple[Array, Array, Array]:
        after, like = kept
        return gradient.astype(like.dtype), *after

    rounded.defvjp(forward, backward)
    return rounded(x, scale, history)


def _with_rounded_gradient(y: Array, scale: Array, history: Array, dtype: str) -> Array:
    @jax.custom_vjp
    def identity(y: Array, scale: Array, history: Array) -> Array:
        return y

    def forward(y: Array, scale: Array, history: Array) -> tuple[Array, Any]:
        return y, (scale, history)

    def backward(kept: Any, gradient: Array) -> tuple[Array, Array, Array]:
        scale, history = kept
        after = _next_state(gradient, scale, history, _BACKWARD)
        return quantize_and_dequantize(gradient, scale, _BACKWARD, dtype).astype(gradient.dtype), *after

    identity.defvjp(forward, backward)
    return identity(y, scale, history)
