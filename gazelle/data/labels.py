"""Labels as numbers and as one-hot rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from gazelle.core import era
from gazelle.core.errors import DataError, message


@era.listening
def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray[Any, Any]:
    """One-hot rows: out[..., k] = 1 where x is k.

    x: whole numbers of any shape (a last axis of size 1 is dropped); num_classes: largest label + 1 if None.

    Raises:
        DataError: a label outside of 0 ... num_classes - 1.

    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    labels = np.asarray(x)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if labels.dtype.kind not in "iufb":
        raise DataError(
            message(
                "to_categorical",
                expected="whole numbers",
                got=f"{labels.ravel()[:1].tolist()} of {labels.dtype}",
                hint="Number the classes first: np.unique(x, return_inverse=True)[1].",
            )
        )
    labels = labels.astype(np.int64)
    count = int(labels.max()) + 1 if num_classes is None else num_classes
    if labels.size and (labels.min() < 0 or labels.max() >= count):
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise DataError(
            message(
                f"to_categorical(num_classes={count})",
                expected=f"labels from 0 to {count - 1}",
                got=int(wrong),
                hint="Labels that count from 1 need y - 1.",
            )
        )
    return np.eye(count, dtype=np.float32)[labels]
