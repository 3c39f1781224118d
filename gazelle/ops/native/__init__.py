"""Kernels in C++ for a CPU, compiled on the machine that runs them: only with GAZELLE_NATIVE=1.

In: arrays. Out: what the same loop in JAX gives, to rounding. Must not know: layers.
"""

from gazelle.ops.native.build import ready
from gazelle.ops.native.recurrent import gru, lstm

__all__ = ["gru", "lstm", "ready"]
