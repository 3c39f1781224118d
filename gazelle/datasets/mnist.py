"""MNIST: 70,000 images of handwritten digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gazelle.core.module_names import public_names
from gazelle.datasets.sources import Arrays, cached, read_npz

__all__ = ["load_data"]


def load_data(path: str = "mnist.npz") -> tuple[Arrays, Arrays]:
    """Load the MNIST dataset, downloaded at the first call.

    Source: Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0.

    Args:
        path: the name of the file in the cache, or an absolute path.

    Returns:
        ((x_train, y_train), (x_test, y_test)): x (60000 and 10000, 28, 28) of uint8, y from 0 to 9.

    Raises:
        DataError: the download failed; the message gives the path to save the file at.
    """
    data = read_npz(cached("mnist.npz", path))
    return (data["x_train"], data["y_train"]), (data["x_test"], data["y_test"])


if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
