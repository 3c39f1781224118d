"""Real data to learn and to test with: from installed packages, or from where Keras keeps them.

In: a name. Out: ((x_train, y_train), (x_test, y_test)) as NumPy arrays. Must not know: any layer, model or loop.
"""

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
