"""NumPy's functions under one name, as `keras.ops.numpy` has them."""

from __future__ import annotations

from gazelle.ops.arranging import *  # noqa: F403
from gazelle.ops.linalg import slogdet as slogdet
from gazelle.ops.numbers import *  # noqa: F403
from gazelle.ops.table import *  # noqa: F403
