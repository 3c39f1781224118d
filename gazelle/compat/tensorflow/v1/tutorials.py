"""`tensorflow.examples.tutorials.mnist`: the digits as the tutorials of TensorFlow 1 read them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from gazelle import datasets
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.names import named
from gazelle.compat.types import DTypeLike

Array = np.ndarray[Any, Any]
_MODULE = "examples.tutorials.mnist.input_data"


@named(f"{_MODULE}.DataSet")
class DataSet:
    """Images in [0, 1] with labels, which `next_batch` returns in batches."""

    def __init__(self, images: Array, labels: Array) -> None:
        self.images, self.labels = images, labels
        self.num_examples = len(images)
        self.epochs_completed = 0
        self._images, self._labels = images, labels
        self._position = 0
        self._order = np.random.permutation(self.num_examples)

    @ignores("fake_data=False")
    def next_batch(self, batch_size: int, fake_data: bool = False, shuffle: bool = True) -> tuple[Array, Array]:
        """Return (images, labels); after the last sample the order changes."""
        if self._position + batch_size > self.num_examples:
            self.epochs_completed += 1
            self._position, self._order = 0, np.random.permutation(self.num_examples)
        rows: Any = slice(self._position, self._position + batch_size)
        self._position += batch_size
        rows = self._order[rows] if shuffle else rows
        return self.images[rows], self.labels[rows]


@dataclasses.dataclass
class Datasets:
    """The digits for training, validation and tests."""

    train: DataSet
    validation: DataSet
    test: DataSet


@named(f"{_MODULE}.read_data_sets", "examples.tutorials.mnist.mnist.read_data_sets")
@ignores("train_dir fake_data=False seed source_url")
def read_data_sets(
    train_dir: object = None,
    fake_data: bool = False,
    one_hot: bool = False,
    dtype: DTypeLike = "float32",
    reshape: bool = True,
    validation_size: int = 5000,
    seed: int | None = None,
    source_url: str = "",
) -> Datasets:
    """Return the digits of MNIST; the folder is not used."""
    train, test = datasets.mnist.load_data()

    def part(images: Array, labels: Array) -> DataSet:
        images = images if name_of(dtype) == "uint8" else images.astype("float32") / 255
        images = images.reshape(len(images), -1) if reshape else images[..., None]
        return DataSet(images, np.eye(10)[labels] if one_hot else labels)

    first, rest = slice(None, validation_size), slice(validation_size, None)
    return Datasets(part(train[0][rest], train[1][rest]), part(train[0][first], train[1][first]), part(*test))
