"""California housing: features and median house prices of 20,640 districts in 1990."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gazelle.core.errors import unknown
from gazelle.core.module_names import public_names
from gazelle.datasets.sources import Arrays, cached, read_npz, shuffled, split

__all__ = ["load_data"]


def load_data(
    version: str = "large", path: str = "california_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[Arrays, Arrays]:
    """Load the California housing dataset, downloaded at the first call.

    The features are coordinates, age, size and population of the districts and the income of their households.

    Source: Sparse Spatial Autoregressions, Statistics and Probability Letters 33 (1997).

    Args:
        version: 'large', or 'small' for 600 districts.
        path: the name of the file in the cache, or an absolute path.
        test_split: fraction of the samples for the test.
        seed: seed of the order.

    Returns:
        ((x_train, y_train), (x_test, y_test)): x (n, 8), y the price in dollars.

    Raises:
        DataError: the download failed; the message gives the path to save the file at.
        ArgumentError: an unknown `version`, or an invalid `test_split`.
    """
    if version not in ("large", "small"):
        raise unknown("version", version, ("large", "small"))
    data = read_npz(cached("california_housing.npz", path))
    count = 600 if version == "small" else None
    train, test = split(*shuffled(seed, data["x"][:count], data["y"][:count]), test_split)
    return train, test


if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
