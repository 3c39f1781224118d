"""Settings of the process under Keras' names: `gazelle.config.set_dtype_policy` and so on.

Input: values. Output: the current settings. Must not import layers or models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gazelle.core.dtypes import floatx, set_floatx
from gazelle.core.engines import engine, set_engine
from gazelle.core.errors import ArgumentError, UnsafeFileError, message
from gazelle.core.module_names import public_names
from gazelle.core.policies import dtype_policy, set_dtype_policy
from gazelle.core.settings import (
    disable_flash_attention,
    disable_interactive_logging,
    disable_traceback_filtering,
    enable_flash_attention,
    enable_interactive_logging,
    enable_traceback_filtering,
    epsilon,
    image_data_format,
    is_flash_attention_enabled,
    is_interactive_logging_enabled,
    is_traceback_filtering_enabled,
    max_epochs,
    max_steps_per_epoch,
    set_epsilon,
    set_image_data_format,
    set_max_epochs,
    set_max_steps_per_epoch,
)
from gazelle.engine import devices

__all__ = [
    "backend",
    "devices",
    "disable_flash_attention",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_flash_attention",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "enable_unsafe_deserialization",
    "engine",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_flash_attention_enabled",
    "is_interactive_logging_enabled",
    "is_nnx_enabled",
    "is_traceback_filtering_enabled",
    "max_epochs",
    "max_steps_per_epoch",
    "set_backend",
    "set_dtype_policy",
    "set_engine",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_max_epochs",
    "set_max_steps_per_epoch",
]


def backend() -> str:
    """Return 'jax', the backend of layers; the engine that runs programs is given by `engine`.

    Returns:
        'jax'.

    Example:
        >>> gazelle.config.backend()
        'jax'
    """
    return "jax"


def set_backend(backend: str) -> None:
    """Accept 'jax', the only backend.

    Args:
        backend: 'jax'.

    Raises:
        ArgumentError: If it is another backend.
    """
    if backend != "jax":
        raise ArgumentError(message("set_backend", expected="'jax', the only backend of gazelle", got=repr(backend)))


def is_nnx_enabled() -> bool:
    """Return False: variables are not those of flax.nnx.

    Returns:
        False.
    """
    return False


def enable_unsafe_deserialization() -> None:
    """Raise an error: code in files is never run.

    Raises:
        UnsafeFileError: Always.
    """
    raise UnsafeFileError(
        message(
            "enable_unsafe_deserialization",
            expected="files that hold data only",
            got="a request to run their code",
            hint="Give the functions that the file names: load_model(path, custom_objects={'name': function}).",
        )
    )


if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
