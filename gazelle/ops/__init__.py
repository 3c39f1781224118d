"""In: arrays, numbers, lists, symbolic tensors. Out: arrays (or symbolic tensors).

Must not know: layers, or who owns a variable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gazelle.ops import linalg, nn, numpy
from gazelle.ops.core import *
from gazelle.ops.linalg import *
from gazelle.ops.math import *
from gazelle.ops.nn import *
from gazelle.ops.numpy import *

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...  # those of the table are not seen by type checkers
