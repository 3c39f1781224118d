"""CIFAR-100: 60,000 small colour pictures of a hundred things in twenty groups."""

from __future__ import annotations

import os

from gazelle.core.errors import unknown
from gazelle.datasets.cifar10 import read
from gazelle.datasets.sources import Arrays, cached


def load_data(label_mode: str = "fine") -> tuple[Arrays, Arrays]:
    """((x_train, y_train), (x_test, y_test)): x (50000 and 10000, 32, 32, 3) of uint8, y (n, 1).

    y is from 0 to 99 for the label_mode 'fine' and from 0 to 19 for 'coarse'.

    Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009).

    Raises:
        DataError: no network; the message says where to put the file.
    """
    if label_mode not in ("fine", "coarse"):
        raise unknown("label_mode", label_mode, ("fine", "coarse"))
    folder = os.path.join(cached("cifar-100-python-target", extract=True), "cifar-100-python")
    train, test = (read(os.path.join(folder, part), f"{label_mode}_labels") for part in ("train", "test"))
    return train, test
