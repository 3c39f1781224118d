"""Functions that JAX does not have and SciPy computes on the host: Bessel functions, logarithms of matrices."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.tensorflow.names import op
from gazelle.compat.types import TensorLike, TensorResult

#: function of SciPy -> its derivative, for a function that returns x and the values of the functions at x by name
_DERIVATIVES: dict[str, Callable[[Callable[[str], Any]], Any]] = {
    "j0": lambda of: -of("j1"),
    "j1": lambda of: of("j0") - of("j1") / of("x"),
    "y0": lambda of: -of("y1"),
    "y1": lambda of: of("y0") - of("y1") / of("x"),
    "k0": lambda of: -of("k1"),
    "k1": lambda of: -of("k0") - of("k1") / of("x"),
    "k0e": lambda of: of("k0e") - of("k1e"),
    "k1e": lambda of: of("k1e") * (1 - 1 / of("x")) - of("k0e"),
}


def _on_host(function: Callable[[Any], Any], x: Any) -> Any:
    """The result of a function of NumPy arrays, which has the shape and dtype of x."""
    return jax.pure_callback(lambda v: np.asarray(function(np.asarray(v)), x.dtype), x, x, vmap_method="expand_dims")


def _bessel(name: str) -> Callable[[Any], Any]:
    @jax.custom_jvp
    def function(x: Any) -> Any:
        return _on_host(lambda value: getattr(importlib.import_module("scipy.special"), name)(value), x)

    @function.defjvp
    def _(given: Any, tangents: Any) -> Any:
        (x,) = given
        return function(x), tangents[0] * _DERIVATIVES[name](lambda other: x if other == "x" else FUNCTIONS[other](x))

    return function


FUNCTIONS = {name: _bessel(name) for name in _DERIVATIVES}
for _name, _function in FUNCTIONS.items():
    op(f"math.special.bessel_{_name}", host=False)(lambda x, function=_function: function(jnp.asarray(x)))

op("math.special.fresnel_sin", host=False)(lambda x: jax.scipy.special.fresnel(jnp.asarray(x))[0])
op("math.special.fresnel_cos", host=False)(lambda x: jax.scipy.special.fresnel(jnp.asarray(x))[1])


@op("linalg.logm", host=False)
def logm(input: TensorLike) -> TensorResult:
    """`tf.linalg.logm`: the logarithms of complex square matrices."""
    return _on_host(_logarithms, jnp.asarray(input))


def _logarithms(matrices: Any) -> Any:
    from scipy.linalg import logm

    wide = matrices.astype("complex128").reshape(-1, *matrices.shape[-2:])
    return np.stack([logm(one) for one in wide]).reshape(matrices.shape)
