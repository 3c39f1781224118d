"""Initializers that draw with NumPy, or not at all: JAX would compile a program for each shape that Keras draws."""

import numpy as np


def replace_draws(room, draw, setattr=setattr):
    """Let every initializer of the module `room` give `draw(shape)`."""
    for cls in vars(room).values():
        if isinstance(cls, type) and "__call__" in vars(cls):
            setattr(cls, "__call__", lambda self, shape, dtype=None, **_: draw(shape))


def zeros(shape):
    """They take no room."""
    return np.broadcast_to(np.float32(0), shape)


def normals(seed=0):
    """A function of a shape: numbers of a size that layers keep."""
    rng = np.random.default_rng(seed)
    return lambda shape: (rng.normal(size=shape) / np.sqrt(max(1, *shape[:1]))).astype("float32")
