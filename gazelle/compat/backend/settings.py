"""Settings of the process under the names that `keras.backend` had for them."""

from __future__ import annotations

import jax

from gazelle import config
from gazelle.compat import era

_ORDERS = {"th": "channels_first", "tf": "channels_last"}


def backend() -> str:
    """The name of the engine; programs of Keras 1 and 2 expect one that they had."""
    return config.backend() if era.number() == 3 else "tensorflow"


def image_dim_ordering() -> str:
    """'th' where channels come first, else 'tf'."""
    return "th" if config.image_data_format() == "channels_first" else "tf"


def set_image_dim_ordering(dim_ordering: str) -> None:
    """'th': images are (channels, rows, columns); 'tf': (rows, columns, channels)."""
    config.set_image_data_format(_ORDERS.get(dim_ordering, dim_ordering))


def _get_available_gpus() -> list[str]:
    """The names of the graphics processors."""
    return [f"/device:GPU:{d.id}" for d in jax.devices() if d.platform == "gpu"]


def manual_variable_initialization(value: bool) -> None:
    """Variables have their first values at once: nothing to do."""


def reset_uids() -> None:
    """Start the automatic names again."""
    from gazelle.core.names import _counts

    _counts.clear()
