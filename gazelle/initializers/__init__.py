"""In: a shape and a dtype. Out: a NumPy array, the first value of a weight. Must not know: layers or variables.

Drawing uses NumPy, so that making weights compiles nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gazelle.core.config import RESOLVERS, serialize, with_custom_objects
from gazelle.core.lookup import lookup
from gazelle.initializers.base import Initializer
from gazelle.initializers.constant import STFT, Constant, Given, Identity, Ones, Zeros
from gazelle.initializers.random import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    compute_fans,
)

zeros, ones, constant, identity, stft = Zeros, Ones, Constant, Identity, STFT
IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling, orthogonal = VarianceScaling, Orthogonal
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
he_normal, he_uniform, lecun_normal, lecun_uniform = HeNormal, HeUniform, LecunNormal, LecunUniform


def get(identifier: Any) -> Any:
    """The initializer for a name ('glorot_uniform', 'GlorotUniform'), a config, an array, a class or a function.

    >>> get("ones")((2,))
    array([1., 1.], dtype=float32)
    """
    if isinstance(identifier, (np.ndarray, np.generic)) or hasattr(identifier, "__jax_array__"):
        return Given(identifier)
    if not isinstance(identifier, type) and hasattr(identifier, "aval"):  # an array of JAX
        return Given(identifier)
    return lookup("initializer", "initializers", identifier)


@with_custom_objects
def deserialize(config: Any) -> Any:
    """The initializer that `serialize` described."""
    return get(config)


RESOLVERS["initializer"] = get

__all__ = [
    "STFT",
    "Constant",
    "Given",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "STFTInitializer",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "compute_fans",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "stft",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]
