"""Element by element, and along axes: mostly a table of names over `gazelle.ops`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gazelle import activations, ops
from gazelle.compat.backend.lifting import lifted
from gazelle.core import dtypes

#: name in `keras.backend` -> name in `gazelle.ops`, for functions whose arguments are the same
SAME: dict[str, str] = {
    **{
        name: name
        for name in (
            "abs",
            "cos",
            "equal",
            "exp",
            "greater",
            "greater_equal",
            "less",
            "less_equal",
            "log",
            "logsumexp",
            "maximum",
            "minimum",
            "not_equal",
            "round",
            "sigmoid",
            "sign",
            "sin",
            "softplus",
            "softsign",
            "square",
            "stop_gradient",
            "tanh",
            "transpose",
            "cumsum",
            "cumprod",
            "argmax",
            "argmin",
            "max",
            "min",
            "cast",
        )
    },
    "pow": "power",
}


def _float(x: Any) -> Any:
    """Truth values as floats: a mean of them is a share."""
    x = jnp.asarray(x)
    return x.astype(dtypes.floatx()) if x.dtype == bool else x


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list | tuple) else axis


@lifted
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum over `axis`, a number or several."""
    return jnp.sum(_float(x), axis=_axes(axis), keepdims=keepdims)


@lifted
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean over `axis`; of truth values, the share of True."""
    return jnp.mean(_float(x), axis=_axes(axis), keepdims=keepdims)


@lifted
def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The variance over `axis`."""
    return jnp.var(_float(x), axis=_axes(axis), keepdims=keepdims)


@lifted
def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The standard deviation over `axis`."""
    return jnp.std(_float(x), axis=_axes(axis), keepdims=keepdims)


@lifted
def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether any element over `axis` is True."""
    return jnp.any(jnp.asarray(x) != 0, axis=_axes(axis), keepdims=keepdims)


@lifted
def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether all elements over `axis` are True."""
    return jnp.all(jnp.asarray(x) != 0, axis=_axes(axis), keepdims=keepdims)


@lifted
def sqrt(x: Any) -> Any:
    """The square root; of negative numbers, 0."""
    return jnp.sqrt(jnp.maximum(x, 0.0))


@lifted
def clip(x: Any, min_value: Any, max_value: Any) -> Any:
    """x, at least `min_value` and at most `max_value`; None is no bound."""
    return jnp.clip(x, min_value, max_value)


@lifted
def l2_normalize(x: Any, axis: Any = None) -> Any:
    """x divided by its Euclidean norm over `axis`."""
    x = jnp.asarray(x)
    return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), axis=_axes(axis), keepdims=True), 1e-12))


@lifted
def identity(x: Any, name: str | None = None) -> Any:
    """x."""
    return jnp.asarray(x)


@lifted
def relu(x: Any, alpha: float = 0.0, max_value: Any = None, threshold: float = 0.0) -> Any:
    """max(x, 0); below `threshold` alpha (x - threshold), above `max_value` that."""
    return activations.relu(jnp.asarray(x), negative_slope=alpha, max_value=max_value, threshold=threshold)


@lifted
def elu(x: Any, alpha: float = 1.0) -> Any:
    """x, below 0 alpha (e^x - 1)."""
    return jnp.where(x > 0, x, alpha * jnp.expm1(jnp.minimum(x, 0)))


@lifted
def softmax(x: Any, axis: int = -1) -> Any:
    """e^x divided by its sum over `axis`."""
    return jax.nn.softmax(x, axis=axis)


@lifted
def hard_sigmoid(x: Any) -> Any:
    """0.2 x + 0.5 within 0 and 1."""
    return jnp.clip(0.2 * x + 0.5, 0.0, 1.0)


@lifted
def in_top_k(predictions: Any, targets: Any, k: int) -> Any:
    """Whether the class of each row is among the k best predicted."""
    return ops.in_top_k(jnp.asarray(targets, "int32"), jnp.asarray(predictions), k)


def cast_to_floatx(x: Any) -> Any:
    """x in the default float type: of NumPy, where x is."""
    import numpy as np

    if isinstance(x, np.ndarray | list | tuple | int | float | np.generic):
        return np.asarray(x, dtypes.floatx())
    return ops.cast(x, dtypes.floatx())


@lifted
def print_tensor(x: Any, message: str = "", summarize: int = 3) -> Any:
    """x; its values are printed, behind `message`, whenever it is computed."""
    jax.debug.print("{m}{x}", m=message, x=x)
    return x


for _name, _op in SAME.items():
    globals()[_name] = lifted(getattr(ops, _op))
