"""NumPy's functions with Keras' argument names: a table over `jax.numpy`."""

from __future__ import annotations

import jax.numpy as jnp
from gazelle.ops.base import op

@op
def tanh(x):
    return jnp.tanh(x)
