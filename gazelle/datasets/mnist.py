"""MNIST: 70,000 handwritten digits."""

from __future__ import annotations

from gazelle.datasets.sources import Arrays, arrays, cached


def load_data(path: str = "mnist.npz") -> tuple[Arrays, Arrays]:
    """((x_train, y_train), (x_test, y_test)): x (60000 and 10000, 28, 28) of uint8, y from 0 to 9.

    Source: Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0.

    Raises:
        DataError: no network; the message says where to put the file.
    """
    data = arrays(cached("mnist.npz", path))
    return (data["x_train"], data["y_train"]), (data["x_test"], data["y_test"])
