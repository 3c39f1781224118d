"""`tensorflow.examples.tutorials.mnist` and `tf.contrib.learn.datasets`: the data of tutorials of TensorFlow 1."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from gazelle import datasets
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.dtypes import name_of
from gazelle.compat.tensorflow.names import named
from gazelle.compat.types import DTypeLike
from gazelle.core.errors import message
from gazelle.core.types import PathLike

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
@ignores("train_dir@0 fake_data@1=False seed source_url")
def read_data_sets(
    one_hot: bool = False, dtype: DTypeLike = "float32", reshape: bool = True, validation_size: int = 5000
) -> Datasets:
    """Return the digits of MNIST; the folder is not used."""
    train, test = datasets.mnist.load_data()

    def part(images: Array, labels: Array) -> DataSet:
        images = images if name_of(dtype) == "uint8" else images.astype("float32") / 255
        images = images.reshape(len(images), 784) if reshape else images[..., None]
        return DataSet(images, np.eye(10)[labels] if one_hot else labels)

    first, rest = slice(None, validation_size), slice(validation_size, None)
    return Datasets(part(train[0][rest], train[1][rest]), part(train[0][first], train[1][first]), part(*test))


class Table(NamedTuple):
    """`tf.contrib.learn.datasets.base.Dataset`: rows of numbers and their targets."""

    data: Array
    target: Array


_BASE = "contrib.learn.datasets.base"
named(f"{_BASE}.Dataset")(Table)
named(f"{_BASE}.Datasets")(Datasets)
named(f"{_MODULE}.load_mnist")(ignores("train_dir")(lambda: read_data_sets()))


@named("contrib.learn.datasets.load_dataset")
@ignores("size='small' test_with_fake_data=False")
def load_dataset(name: str) -> Datasets | Table:
    """`tf.contrib.learn.datasets.load_dataset`: the digits of MNIST, the houses of Boston or the irises."""
    if name == "mnist":
        return read_data_sets()
    if name == "boston":
        rows = datasets.boston_housing.load_data(test_split=0)[0]
        return Table(*rows)
    if name != "iris":
        raise ValueError(message("load_dataset", expected="'mnist', 'boston' or 'iris'", got=repr(name)))
    from sklearn.datasets import load_iris

    irises = load_iris()
    return Table(irises.data, irises.target)


def _table(rows: Iterable[list[str]], target_dtype: DTypeLike, features_dtype: DTypeLike, column: int) -> Table:
    cells = [(row.pop(column), row) for row in rows]
    return Table(
        np.array([row for _, row in cells], dtype=features_dtype), np.array([t for t, _ in cells], dtype=target_dtype)
    )


@named(f"{_BASE}.load_csv_with_header")
def load_csv_with_header(
    filename: PathLike, target_dtype: DTypeLike, features_dtype: DTypeLike, target_column: int = -1
) -> Table:
    """`load_csv_with_header`: the rows of a file, whose first line has their count."""
    with open(filename) as file:
        _, *rows = csv.reader(file)
    return _table(rows, target_dtype, features_dtype, target_column)


@named(f"{_BASE}.load_csv_without_header")
def load_csv_without_header(
    filename: PathLike, target_dtype: DTypeLike, features_dtype: DTypeLike, target_column: int = -1
) -> Table:
    """`load_csv_without_header`: the rows of a file."""
    with open(filename) as file:
        return _table(csv.reader(file), target_dtype, features_dtype, target_column)
