"""NumPy's functions under one name, as `keras.ops.numpy` has them."""

from __future__ import annotations

from gazelle.ops.arranging import *
from gazelle.ops.numbers import *
from gazelle.ops.table import *
