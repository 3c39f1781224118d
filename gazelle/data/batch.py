"""The three parts of a batch, and rows of length 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from gazelle import ops
from gazelle.core.errors import DataError, message


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of a batch as it comes from a dataset; what is not there is None.

    >>> unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    parts = tuple(data) if isinstance(data, list) else data if isinstance(data, tuple) else (data,)
    if not 1 <= len(parts) <= 3:
        raise DataError(message("A batch", expected="(x,), (x, y) or (x, y, weight)", got=f"{len(parts)} parts"))
    x, y, weight = (*parts, None, None)[:3]
    return x, y, weight


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """The batch of these parts, without those that are None; x without labels stands alone, if it is no list or tuple.

    >>> pack_x_y_sample_weight(1, 2)
    (1, 2)
    """
    if y is None:
        return (x,) if isinstance(x, list | tuple) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def normalize(x: Any, axis: int = -1, order: Any = 2) -> Any:
    """x / ||x|| along `axis`, by the norm of `order`; what is 0 stays.

    >>> normalize(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]])
    """
    if not isinstance(x, np.ndarray):
        return ops.normalize(x, axis=axis, order=order)
    norm = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norm == 0, 1, norm)
