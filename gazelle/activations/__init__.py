"""In: an array. Out: an array of (mostly) the same shape. Must not know: layers or variables.

A function's name is what a config says; those that are ops come from `gazelle.ops`.
"""

from __future__ import annotations

from typing import Any

from gazelle.activations.activations import exponential, gelu, linear, relu
from gazelle.core.config import REGISTRY, RESOLVERS, serialize, with_custom_objects
from gazelle.core.lookup import lookup
from gazelle.ops.activation import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh_shrink,
    threshold,
)
from gazelle.ops.numpy_table import tanh

swish, hard_swish = silu, hard_silu

_all = (
    celu,
    elu,
    exponential,
    gelu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    linear,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
)
REGISTRY.setdefault("activations", {}).update(
    {function.__name__: function for function in _all}, swish=silu, hard_swish=hard_silu
)


def get(identifier: Any) -> Any:
    """The function for a name ('relu'), a config or a function; None is `linear`.

    >>> float(get("relu")(-1.0))
    0.0
    """
    return linear if identifier is None else lookup("activation", "activations", identifier)


@with_custom_objects
def deserialize(config: Any) -> Any:
    """The activation that `serialize` described."""
    return get(config)


RESOLVERS["activation"] = get

__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]
