"""NumPy's functions under one name, as `keras.ops.numpy` has them."""

from __future__ import annotations

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
from gazelle.ops.linalg import slogdet
from gazelle.ops.numpy_functions import *  # noqa: F403
from gazelle.ops.reductions import *  # noqa: F403
from gazelle.ops.sorting import *  # noqa: F403

__all__ = ["slogdet"]
__all__ += array_manipulation.__all__
__all__ += creation.__all__
__all__ += elementwise.__all__
__all__ += indexing.__all__
__all__ += joining.__all__
__all__ += numpy_functions.__all__
__all__ += reductions.__all__
__all__ += sorting.__all__


def __dir__() -> list[str]:
    return sorted(__all__)
