"""What Keras calls its backend: the dtypes and the settings of the process, by their older place.

In: values. Out: what holds now. Must not know: layers, models.
"""

from __future__ import annotations

from gazelle import config
from gazelle.config import (
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from gazelle.core import era
from gazelle.core.dtypes import is_float as is_float_dtype
from gazelle.core.dtypes import is_int as is_int_dtype
from gazelle.core.dtypes import result_type
from gazelle.core.dtypes import standardize as standardize_dtype
from gazelle.core.names import clear_session, get_uid
from gazelle.core.symbolic import is_symbolic as is_keras_tensor


def backend() -> str:
    """What computes, 'jax'. A program of an earlier era is told 'tensorflow': it has a way for that, which fits."""
    return config.backend() if era.number() == 3 else "tensorflow"


__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "get_uid",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
]
