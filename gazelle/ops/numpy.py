"""NumPy's functions under one name, as `keras.ops.numpy` has them."""

from __future__ import annotations

from gazelle.ops.array_manipulation import *  # noqa: F403
from gazelle.ops.linalg import slogdet as slogdet
from gazelle.ops.numpy_functions import *  # noqa: F403
from gazelle.ops.numpy_table import *  # noqa: F403
