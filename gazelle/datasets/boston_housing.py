"""Boston housing: 506 districts of the 1970s and their houses' median price."""

from __future__ import annotations

from gazelle.core import era
from gazelle.datasets.sources import Arrays, arrays, cached, mixed, split


@era.listening
def load_data(path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> tuple[Arrays, Arrays]:
    """((x_train, y_train), (x_test, y_test)): x (n, 13), y the price in thousands of dollars.

    One column counts the Black population, by an assumption that is wrong: not for use beyond comparisons.

    Source: Harrison, Rubinfeld, Hedonic prices and the demand for clean air (1978).

    Raises:
        DataError: no network; the message says where to put the file.
    """
    data = arrays(cached("boston_housing.npz", path))
    train, test = split(*mixed(seed, data["x"], data["y"]), test_split)
    return train, test
