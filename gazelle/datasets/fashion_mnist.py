"""Fashion-MNIST: 70,000 images of clothes."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core.module_names import public_names
from gazelle.datasets.sources import Arrays, cached

__all__ = ["load_data"]


def load_data() -> tuple[Arrays, Arrays]:
    """Load the Fashion-MNIST dataset, downloaded at the first call.

    The classes: T-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot.

    Source: Xiao, Rasul, Vollgraf, Fashion-MNIST (2017); MIT licence.

    Returns:
        ((x_train, y_train), (x_test, y_test)): x (60000 and 10000, 28, 28) of uint8, y from 0 to 9.

    Raises:
        DataError: the download failed; the message gives the path to save the file at.
    """
    (x_train, y_train), (x_test, y_test) = (
        (_read(f"{part}-images-idx3-ubyte.gz", 16), _read(f"{part}-labels-idx1-ubyte.gz", 8))
        for part in ("train", "t10k")
    )
    return (x_train.reshape(-1, 28, 28), y_train), (x_test.reshape(-1, 28, 28), y_test)


def _read(name: str, header: int) -> np.ndarray[Any, Any]:
    with gzip.open(cached(name), "rb") as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)


if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
