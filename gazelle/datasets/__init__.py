"""Datasets: those of Keras, downloaded at the first call, and those inside installed packages.

Input: a name. Output: ((x_train, y_train), (x_test, y_test)) as NumPy arrays.
"""

from typing import TYPE_CHECKING

from gazelle.core.module_names import public_names
from gazelle.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
)
from gazelle.datasets.download import get_file
from gazelle.datasets.local import local

__all__ = [
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "get_file",
    "imdb",
    "local",
    "mnist",
    "reuters",
]


if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
