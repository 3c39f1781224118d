"""NumPy's functions under one name, as `keras.ops.numpy` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gazelle.core.module_names import public_names
from gazelle.ops import (
    array_manipulation,
    creation,
    elementwise,
    indexing,
    joining,
    numpy_functions,
    reductions,
    sorting,
)
from gazelle.ops.array_manipulation import *  # noqa: F403
from gazelle.ops.creation import *  # noqa: F403
from gazelle.ops.elementwise import *  # noqa: F403
from gazelle.ops.indexing import *  # noqa: F403
from gazelle.ops.joining import *  # noqa: F403
from gazelle.ops.linalg import slogdet as slogdet
from gazelle.ops.numpy_functions import *  # noqa: F403
from gazelle.ops.reductions import *  # noqa: F403
from gazelle.ops.sorting import *  # noqa: F403

# type checkers follow the star imports; mypy does not read composed lists
if not TYPE_CHECKING:
    __all__ = [
        "slogdet",
        *array_manipulation.__all__,
        *creation.__all__,
        *elementwise.__all__,
        *indexing.__all__,
        *joining.__all__,
        *numpy_functions.__all__,
        *reductions.__all__,
        *sorting.__all__,
    ]
    __getattr__, __dir__ = public_names(__name__)
