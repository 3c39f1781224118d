"""Dtypes and settings of the process under the names of `keras.backend`.

Input: values. Output: the current settings. Must not import layers or models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gazelle.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from gazelle.core.dtypes import is_float as is_float_dtype
from gazelle.core.dtypes import is_int as is_int_dtype
from gazelle.core.dtypes import result_type
from gazelle.core.dtypes import standardize as standardize_dtype
from gazelle.core.module_names import public_names
from gazelle.core.names import clear_session, get_uid
from gazelle.core.symbolic import is_symbolic as is_keras_tensor

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

if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
