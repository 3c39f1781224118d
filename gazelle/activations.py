"""Activation functions: array -> array, nearly always of the same shape.

The name of a function is what a config holds; those that are ops come from `gazelle.ops`. Depends on no layer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from gazelle.core.config import RESOLVERS
from gazelle.core.errors import ArgumentError, message
from gazelle.core.lookup import Lookup
from gazelle.core.module_names import public_names
from gazelle.core.registry import REGISTRY
from gazelle.core.types import ActivationLike, Array, ArrayLike
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
    rectified,
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
from gazelle.ops.base import lift
from gazelle.ops.elementwise import tanh
from gazelle.ops.max_min import smaller

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


def linear(x: ArrayLike) -> ArrayLike:
    """Identity:  f(x) = x.

    Args:
        x: Array of any shape.

    Returns:
        `x`, unchanged.

    Returns:
        `x`.

    Example:
        >>> np.asarray(linear(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([-1.,  0.,  2.], dtype=float32)
    """
    return x


@lift
def exponential(x: ArrayLike) -> Array:
    """Exponential function:  f(x) = e^x.

    Args:
        x: Array of any shape.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> np.asarray(exponential(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([0.368, 1.   , 7.389], dtype=float32)
    """
    return jnp.exp(jnp.asarray(x))


@lift
def gelu(x: ArrayLike, approximate: bool = False) -> Array:
    """Gaussian error linear unit:  f(x) = x Φ(x),  Φ the cumulative distribution function of N(0, 1).

    Args:
        x: Array of any shape.
        approximate: Approximates Φ by  (1 + tanh(sqrt(2 / π) (x + 0.044715 x³))) / 2.

    Returns:
        An array of the shape of `x`.

    Source: Hendrycks & Gimpel, "Gaussian Error Linear Units (GELUs)", 2016.

    Example:
        >>> np.asarray(gelu(jnp.array([-1.0, 0.0, 2.0]))).round(3)
        array([-0.159,  0.   ,  1.954], dtype=float32)
    """
    return jax.nn.gelu(jnp.asarray(x), approximate)


@lift
def relu(x: ArrayLike, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Array:
    """Rectified linear unit:  f(x) = max(x, 0)  with the default arguments.

    In general f(x) = max_value where x >= max_value, x where threshold <= x < max_value, and
    negative_slope (x - threshold) where x < threshold.

    Args:
        x: Array of any shape.
        negative_slope: Gradient below `threshold`.
        max_value: Largest result; None does not bound it.
        threshold: Values below are set to 0, or follow `negative_slope`.

    Returns:
        An array of the shape of `x`.

    Source: Nair & Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines", 2010.

    Example:
        >>> relu(jnp.array([-1.0, 0.5, 9.0]), max_value=6.0).tolist()
        [0.0, 0.5, 6.0]
    """
    x = jnp.asarray(x)
    is_sloped = not isinstance(negative_slope, int | float) or negative_slope != 0  # an array may hold one per unit
    if is_sloped and max_value is None and not threshold:
        return leaky_relu(x, negative_slope)
    y = jnp.where(x > threshold, x, 0) if threshold else rectified(x)
    if max_value is not None:
        y = smaller(y, max_value)
    return y - negative_slope * jax.nn.relu(threshold - x) if is_sloped else y


swish, hard_swish = silu, hard_silu
_LOOKUP_NAMES = ("deserialize", "get", "serialize")
REGISTRY.setdefault("activations", {}).update({n: globals()[n] for n in __all__ if n not in _LOOKUP_NAMES})

_lookup: Lookup[Callable[..., Array]] = Lookup("activation", "activations")
serialize, deserialize = _lookup.serialize, _lookup.deserialize


def get(identifier: ActivationLike) -> Callable[..., Array]:
    """Return the function that an identifier stands for.

    Args:
        identifier: A name ("relu"), a config, or a callable, which is returned unchanged. None means `linear`.

    Returns:
        The function.

    Raises:
        ArgumentError: If the name is unknown, or the identifier is not callable.

    Example:
        >>> float(get("relu")(-1.0))
        0.0
    """
    if isinstance(identifier, type):
        what, expected = f"{identifier.__name__} is not a valid activation", "a name, a config or a callable"
        hint = f"Call the class: {identifier.__name__}()."
        raise ArgumentError(message(what, expected=expected, got=f"the class {identifier.__name__}", hint=hint))
    return _lookup.get("linear" if identifier is None else identifier)


RESOLVERS["activation"] = get

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
