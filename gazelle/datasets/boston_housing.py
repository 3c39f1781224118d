"""Boston housing: features and median house prices of 506 districts in the 1970s."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gazelle.core.module_names import public_names
from gazelle.core.traceback import filtered
from gazelle.datasets.sources import Arrays, cached, read_npz, shuffled, split

__all__ = ["load_data"]


@filtered
def load_data(path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> tuple[Arrays, Arrays]:
    """Load the Boston housing dataset, downloaded at the first call.

    One feature is derived from the Black population under a wrong assumption: use the dataset for comparisons only.

    Source: Harrison, Rubinfeld, Hedonic prices and the demand for clean air (1978).

    Args:
        path: the name of the file in the cache, or an absolute path.
        test_split: fraction of the samples for the test.
        seed: seed of the order.

    Returns:
        ((x_train, y_train), (x_test, y_test)): x (n, 13), y the price in thousands of dollars.

    Raises:
        DataError: the download failed; the message gives the path to save the file at.
        ArgumentError: an invalid `test_split`.
    """
    data = read_npz(cached("boston_housing.npz", path))
    train, test = split(*shuffled(seed, data["x"], data["y"]), test_split)
    return train, test


if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
