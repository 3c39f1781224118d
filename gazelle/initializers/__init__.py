"""First values of weights: functions of a shape and a dtype that return a NumPy array.

They use NumPy, so that creating weights compiles nothing. Depends on no layer and no variable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.config import RESOLVERS
from gazelle.core.lookup import Lookup
from gazelle.core.module_names import public_names
from gazelle.initializers.base import Initializer
from gazelle.initializers.constant import STFT, Constant, Given, Identity, Ones, Zeros
from gazelle.initializers.random import Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
from gazelle.initializers.variance_scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
    compute_fans,
)

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

zeros, ones, constant, identity, stft = Zeros, Ones, Constant, Identity, STFT
IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling, orthogonal = VarianceScaling, Orthogonal
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
he_normal, he_uniform, lecun_normal, lecun_uniform = HeNormal, HeUniform, LecunNormal, LecunUniform


def _convert(identifier: Any) -> Any:
    """Wrap an array in an initializer."""
    numpy_array = isinstance(identifier, (np.ndarray, np.generic)) or hasattr(identifier, "__jax_array__")
    jax_array = not isinstance(identifier, type) and hasattr(identifier, "aval")
    return Given(identifier) if numpy_array or jax_array else identifier


_lookup: Lookup[Initializer | Callable[..., Any]] = Lookup("initializer", "initializers", _convert)
get, serialize, deserialize = _lookup.get, _lookup.serialize, _lookup.deserialize
RESOLVERS["initializer"] = get

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
