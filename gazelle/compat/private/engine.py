"""`keras.engine` and its modules, whose names are in the table `old_names`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gazelle.compat.old_names import PATHS
from gazelle.core.module_names import missing_name


def slice_X(X: Sequence[Any], start: int | Sequence[int] | None = None, stop: int | None = None) -> Any:  # noqa: N802
    """Return rows of an array, or of each array in a list: from `start` to `stop`, or those of a list of indices.

    >>> slice_X([np.arange(4), None], 1, 3)
    [array([1, 2]), None]
    """
    rows: Any = start if hasattr(start, "__len__") else slice(start, stop)
    if X is None or hasattr(start, "__next__"):
        return [None]
    return [None if x is None else x[rows] for x in X] if isinstance(X, list) else X[rows]


slice_arrays = slice_X

__all__ = ["slice_X", "slice_arrays"]


def __getattr__(name: str) -> Any:
    if f"engine.{name}" in PATHS:  # keras.engine.topology
        import gazelle.compat.private.engine as whole

        return whole
    raise missing_name("keras.engine", name, __all__)
