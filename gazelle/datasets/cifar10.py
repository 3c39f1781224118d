"""CIFAR-10: 60,000 small color images of ten classes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.core import settings
from gazelle.core.module_names import public_names
from gazelle.datasets.sources import Arrays, cached, read_pickle

__all__ = ["load_data"]


def load_data() -> tuple[Arrays, Arrays]:
    """Load the CIFAR-10 dataset, downloaded at the first call.

    The classes: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck.

    Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009).

    Returns:
        ((x_train, y_train), (x_test, y_test)): x (50000 and 10000, 32, 32, 3) of uint8, with
        `image_data_format()` channels_first (n, 3, 32, 32), y (n, 1) from 0 to 9.

    Raises:
        DataError: the download failed; the message gives the path to save the file at.
    """
    folder = os.path.join(cached("cifar-10-batches-py-target", extract=True), "cifar-10-batches-py")
    parts = [read(os.path.join(folder, f"data_batch_{i}"), "labels") for i in range(1, 6)]
    x, y = (np.concatenate(each) for each in zip(*parts, strict=True))
    return (x, y), read(os.path.join(folder, "test_batch"), "labels")


def read(path: str, labels: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(images in the present order of axes, labels (n, 1)) of a file of CIFAR-10 or CIFAR-100."""
    with open(path, "rb") as file:
        data = {key.decode(): value for key, value in read_pickle(file).items()}
    x = data["data"].reshape(-1, 3, 32, 32)
    if settings.image_data_format() == "channels_last":
        x = x.transpose(0, 2, 3, 1)
    return x, np.array(data[labels], np.uint8).reshape(-1, 1)


if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
