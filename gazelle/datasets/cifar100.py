"""CIFAR-100: 60,000 small color images of 100 classes in 20 groups."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gazelle.core.errors import unknown
from gazelle.core.module_names import public_names
from gazelle.datasets.cifar10 import read
from gazelle.datasets.sources import Arrays, cached

__all__ = ["load_data"]


def load_data(label_mode: str = "fine") -> tuple[Arrays, Arrays]:
    """Load the CIFAR-100 dataset, downloaded at the first call.

    Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009).

    Args:
        label_mode: 'fine' for labels from 0 to 99, 'coarse' for those from 0 to 19.

    Returns:
        ((x_train, y_train), (x_test, y_test)): x (50000 and 10000, 32, 32, 3) of uint8, with
        `image_data_format()` channels_first (n, 3, 32, 32), y (n, 1).

    Raises:
        DataError: the download failed; the message gives the path to save the file at.
        ArgumentError: an unknown `label_mode`.
    """
    if label_mode not in ("fine", "coarse"):
        raise unknown("label_mode", label_mode, ("fine", "coarse"))
    folder = os.path.join(cached("cifar-100-python-target", extract=True), "cifar-100-python")
    train, test = (read(os.path.join(folder, part), f"{label_mode}_labels") for part in ("train", "test"))
    return train, test


if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
