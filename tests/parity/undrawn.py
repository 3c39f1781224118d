"""Layers without random numbers: each shape that Keras draws is compiled, and weights are set afterwards anyway."""

import contextlib

import numpy as np
import pytest
from keras.src.initializers import random_initializers

from gazelle.initializers import random


@contextlib.contextmanager
def undrawn(*rooms):
    """Initializers that draw give zeros, which take no room; `rooms` are those of both libraries if none is named."""
    with pytest.MonkeyPatch.context() as patch:
        for room in rooms or (random_initializers, random):
            for cls in vars(room).values():
                if isinstance(cls, type) and "__call__" in vars(cls):
                    patch.setattr(
                        cls, "__call__", lambda self, shape, dtype=None, **_: np.broadcast_to(np.float32(0), shape)
                    )
        yield
