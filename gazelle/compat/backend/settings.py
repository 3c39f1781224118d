"""Settings of the process that `keras.backend` had."""

from __future__ import annotations

import jax

from gazelle import config
from gazelle.compat import era, facade
from gazelle.core.variable import Variable
from gazelle.saving.h5_format import keras1


def backend() -> str:
    """Return the backend whose code a program is to run: "tensorflow" or "jax".

    It is "tensorflow" for programs of Keras 1 and 2, for those that set KERAS_BACKEND=tensorflow, and without this
    variable for modules that import tensorflow and not jax. Installed packages get "jax".
    """
    return facade.backend_of(era.calling_frame().f_globals)


def image_dim_ordering() -> str:
    """Return 'th' if the channel axis comes first, else 'tf'."""
    return "th" if config.image_data_format() == "channels_first" else "tf"


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Set the axes of images: 'th' is (channels, rows, columns), 'tf' is (rows, columns, channels)."""
    config.set_image_data_format(keras1.data_format(dim_ordering))


def _get_available_gpus() -> list[str]:
    """The names of the GPUs."""
    return [f"/device:GPU:{d.id}" for d in jax.devices() if d.platform == "gpu"]


def manual_variable_initialization(value: bool) -> None:
    """Do nothing: variables are initialized when they are created."""


def track_variable(v: Variable) -> None:
    """Do nothing: variables are initialized when they are created."""


def set_legacy_weight_ordering(value: bool) -> None:
    """Do nothing: weights have the order of the layers."""


def reset_uids() -> None:
    """Restart the counters of automatic names."""
    from gazelle.core.names import names_made

    names_made.clear()
