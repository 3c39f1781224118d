"""Functions of arrays: Keras' `ops` with the same names, arguments and results.

Input: arrays, numbers, nested lists of numbers, symbolic tensors. Output: arrays, or symbolic tensors for symbolic
tensors. Must not import layers, models or training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gazelle.core.module_names import public_names
from gazelle.ops import core, fourier, math
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

# type checkers follow the star imports; mypy does not read composed lists
if not TYPE_CHECKING:
    _lists = (core.__all__, fourier.__all__, linalg.__all__, math.__all__, nn.__all__, numpy.__all__)
    __all__ = list(dict.fromkeys(["image", "linalg", "nn", "numpy", *(name for names in _lists for name in names)]))
    __getattr__, __dir__ = public_names(__name__)
