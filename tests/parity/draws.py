"""Replacements for Keras' initializers that draw with NumPy: JAX would compile a program for each shape."""

import numpy as np
from jax.dtypes import canonicalize_dtype


def replace_draws(namespace, draw, setattr=setattr):
    """Let every initializer of a module return `draw(shape)`."""

    def call(self, shape, dtype=None, **_):
        return np.asarray(draw(shape), canonicalize_dtype(dtype or "float32"))

    for cls in vars(namespace).values():
        if isinstance(cls, type) and "__call__" in vars(cls):
            setattr(cls, "__call__", call)


def zeros(shape):
    """Zeros that use no memory."""
    return np.broadcast_to(np.float32(0), shape)


def normals(seed=0):
    """Return a function of a shape: normal numbers, scaled so that outputs of layers keep their size."""
    rng = np.random.default_rng(seed)
    return lambda shape: (rng.normal(size=shape) / np.sqrt(max(1, *shape[:1]))).astype("float32")
