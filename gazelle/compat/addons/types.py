"""`tfa.utils.types`: names for annotations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gazelle.compat.types import TensorLike
from gazelle.core.types import DTypeLike
from gazelle.optimizers import Optimizer as _Optimizer

__all__ = [
    "AcceptableDTypes",
    "Activation",
    "Constraint",
    "FloatTensorLike",
    "Initializer",
    "Number",
    "Optimizer",
    "Regularizer",
    "TensorLike",
]
Number = float | int | np.number
Activation = Constraint = Initializer = Regularizer = None | dict[str, object] | str | Callable[..., object]
Optimizer = _Optimizer | str
FloatTensorLike = TensorLike
AcceptableDTypes = DTypeLike | None
