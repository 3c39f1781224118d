"""The dtypes in which a layer reads its inputs and weights, and recomputation of its activations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import dtypes, policies, remat, shape_inference, sparse, symbolic
from gazelle.core.errors import ArgumentError, message
from gazelle.core.masks import get_mask, set_mask
from gazelle.core.policies import DTypePolicy, DTypePolicyMap
from gazelle.core.symbolic import KerasTensor
from gazelle.core.text_array import TextArray
from gazelle.core.variable import Variable
from gazelle.layers import weight_tree

if TYPE_CHECKING:
    from gazelle.core.types import PolicyLike, Tree
    from gazelle.layers.base import Layer


def effective_policy(layer: Layer) -> DTypePolicy:
    """Return the policy of a layer; of a `DTypePolicyMap` the entry for the layer's path."""
    policy = layer._dtype_policy
    return policy[layer.path] if isinstance(policy, DTypePolicyMap) and layer.path else policy


def set_policy(layer: Layer, value: PolicyLike) -> None:
    """Replace the policy of a layer; weights that exist keep their dtype."""
    policy = layer._dtype_policy
    if isinstance(policy, DTypePolicyMap) and layer.path:
        policy.policy_map[layer.path] = policies.get(value)
    else:
        layer._dtype_policy = policies.get(value)


def policy_in_config(layer: Layer) -> DTypePolicy:
    """Return the policy of a layer and of layers inside that were quantized, which its constructor will make."""
    policy = layer.dtype_policy
    if isinstance(policy, DTypePolicyMap) or policy.quantization_mode is not None or not weight_tree.sublayers(layer):
        return policy
    inner = [*weight_tree.named_layers(layer).values()][1:]
    quantized = {str(part.path): part.dtype_policy for part in inner if part.quantization_mode is not None}
    return DTypePolicyMap(policy, quantized) if quantized else policy


def check_quantizable(layer: Layer) -> None:
    """Check that a layer with a quantized policy has a quantized form: it must not compute in floats silently.

    Raises:
        ArgumentError: the layer has weights that cannot be quantized.
    """
    if layer.quantization_modes or layer.quantization_mode is None or not weight_tree.own_weights(layer):
        return
    raise ArgumentError(
        message(
            f"dtype policy of {layer._label}",
            expected="one of floats",
            got=repr(effective_policy(layer).name),
            hint="Dense, EinsumDense, Embedding and ReversibleEmbedding can be quantized.",
        )
    )


def as_input(layer: Layer, leaf: Tree) -> Tree:
    """Return NumPy and Python data as arrays, and floats in the dtype that the layer computes in.

    Args:
        layer: the layer; it casts if its `autocast` is true.
        leaf: one input; strings and other objects are returned as they are.
    """
    if isinstance(leaf, (KerasTensor, jax.Array)):
        cast = layer.autocast and isinstance(leaf, jax.Array) and leaf.dtype != layer.input_dtype
        if not cast or not dtypes.is_float(leaf.dtype):
            return leaf
        out = leaf.astype(layer.input_dtype)
        set_mask(out, get_mask(leaf))
        return out
    if isinstance(leaf, Variable):
        return leaf.value
    if isinstance(leaf, TextArray):
        return leaf
    if sparse.is_sparse(leaf):
        return leaf.astype(layer.input_dtype) if layer.autocast and dtypes.is_float(leaf.dtype) else leaf
    if isinstance(leaf, np.ndarray) and leaf.dtype.kind not in "USO":  # the device has no strings
        if leaf.dtype.itemsize == 8:
            dtypes.check_range(f"The input of layer {layer.name!r}", leaf)
        return jnp.asarray(leaf, layer.input_dtype if layer.autocast and dtypes.is_float(leaf.dtype) else None)
    if hasattr(leaf, "__array__") and not isinstance(leaf, (np.ndarray, np.generic)):
        return as_input(layer, np.asarray(leaf))  # a table, a tensor of another library, or an object of the program
    return sparse.to_dense(leaf)  # of SciPy


def weight_dtype(layer: Layer, outer: str | None) -> str | None:
    """Return the dtype in which `call` reads float variables; None for their own.

    Args:
        layer: the layer that is called.
        outer: that dtype of the layer around it.
    """
    policy = effective_policy(layer)
    compute = policy.compute_dtype
    if outer is None:
        return compute if compute != policy.variable_dtype else None
    return compute if layer.autocast and dtypes.is_float(compute) else None


def rematerialize(
    layer: Layer, call: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Callable[..., Any]:
    """Return `call`, recomputed in the backward pass if the layer's `RematScope` selects it.

    Args:
        layer: the layer that is called.
        call: the function that computes the layer.
        args: positional arguments that it will receive; their sizes decide in some modes.
        kwargs: keyword arguments that it will receive.
    """
    scope = layer._remat
    if scope is None:
        return call
    if scope.mode == "activations":
        return _with_recomputed_activation(layer, call) if callable(getattr(layer, "activation", None)) else call
    selected = scope.applies(layer.name, lambda: _output_size(layer, args, kwargs))
    return remat.remat(call) if selected else call


def _with_recomputed_activation(layer: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        plain = layer.activation
        layer.activation = remat.remat(plain)
        try:
            return call(*args, **kwargs)
        finally:
            layer.activation = plain

    return recomputed


def _output_size(layer: Layer, args: Any, kwargs: Any) -> int:
    outputs = shape_inference.output_spec(layer.call, args, kwargs, name=layer.name)
    return sum(math.prod(n or 1 for n in leaf.shape) for leaf in symbolic.leaves(outputs))
