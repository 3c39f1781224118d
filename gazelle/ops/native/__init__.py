"""C++ kernels for CPUs, compiled on the machine that runs them if GAZELLE_NATIVE=1 is set.

Input: arrays. Output: the results of the same loop in JAX, except for rounding. Must not depend on layers.
"""

from gazelle.ops.native.build import ready
from gazelle.ops.native.recurrent import gru, lstm

__all__ = ["gru", "lstm", "ready"]
