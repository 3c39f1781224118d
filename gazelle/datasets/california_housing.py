"""California housing: 20,640 districts of 1990 and their houses' median price."""

from __future__ import annotations

from gazelle.core.errors import unknown
from gazelle.datasets.sources import Arrays, arrays, cached, mixed, split


def load_data(
    version: str = "large", path: str = "california_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[Arrays, Arrays]:
    """((x_train, y_train), (x_test, y_test)): x (n, 8), y the price in dollars; the version 'small' has 600 districts.

    Longitude, latitude, age, rooms, bedrooms, population, households, income.

    Source: Pace, Barry, Sparse Spatial Autoregressions (1997).

    Raises:
        DataError: no network; the message says where to put the file.
    """
    if version not in ("large", "small"):
        raise unknown("version", version, ("large", "small"))
    data = arrays(cached("california_housing.npz", path))
    count = 600 if version == "small" else None
    train, test = split(*mixed(seed, data["x"][:count], data["y"][:count]), test_split)
    return train, test
