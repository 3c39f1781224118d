"""In: arrays, numbers, lists, symbolic tensors. Out: arrays (or symbolic tensors).

Must not know: layers, or who owns a variable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gazelle.core.module_names import public_names
from gazelle.ops import image as image
from gazelle.ops import linalg as linalg
from gazelle.ops import nn as nn
from gazelle.ops import numpy as numpy
from gazelle.ops.core import *  # noqa: F403
from gazelle.ops.fourier import *  # noqa: F403
from gazelle.ops.linalg import *  # noqa: F403
from gazelle.ops.math import *  # noqa: F403
from gazelle.ops.nn import *  # noqa: F403
from gazelle.ops.numpy import *  # noqa: F403

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...  # those of the table are not seen by type checkers


if not TYPE_CHECKING:
    __getattr__, __dir__ = public_names(__name__)
