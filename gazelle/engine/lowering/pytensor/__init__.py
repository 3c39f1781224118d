"""PyTensor, the successor of Theano: the table of rules, and compilation of traced programs to PyTensor functions.

Input: a closed jaxpr. Output: a function of NumPy arrays. PyTensor is imported on first use.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.engine.lowering.interpreter import lower
from gazelle.engine.lowering.keys import raw_spec
from gazelle.engine.lowering.pytensor import arrays, elementwise, indexing, loops, matrices

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr  # type: ignore[attr-defined]

    from gazelle.core.types import Foreign

name = "pytensor"
RULES = {**elementwise.RULES, **arrays.RULES, **loops.RULES, **matrices.RULES, **indexing.RULES}
#: {primitive: reason why there is no rule}
MISSING = {
    "eig": "eigenvalues of matrices that are not symmetric are not lowered",
    "ffi_call": "a kernel that was made for XLA runs on XLA only",
    "igamma_grad_a": "PyTensor has no such function",
    "io_callback": "callbacks with side effects are JAX's own",
    "nextafter": "PyTensor has no such function",
    "reduce_precision": "PyTensor has no numbers of other widths",
    "tridiagonal_solve": "this decomposition is not lowered",
    "zeta": "PyTensor has no such function",
}


#: graph optimizations of PyTensor, without those that change the order of additions
_REWRITES = ["merge", "local_elemwise_alloc", "inplace"]


def constant(value: np.ndarray) -> Foreign:
    """A NumPy array as a constant of PyTensor's graph."""
    import pytensor.tensor as pt

    return pt.constant(value, dtype=elementwise.kind(value.dtype))


def inputs_of(program: ClosedJaxpr) -> list[Any]:
    """A symbolic input for each input of the program."""
    import pytensor.tensor as pt

    avals = [raw_spec(aval) for aval in program.in_avals]
    return [pt.tensor(f"in_{i}", shape=aval.shape, dtype=elementwise.kind(aval.dtype)) for i, aval in enumerate(avals)]


@functools.cache
def default_mode() -> Foreign:
    """Return the default mode: PyTensor's operations in NumPy, one after another.

    PyTensor's own default, Numba, halves the time of an LSTM step, but compiles fifty times as long as this, ten times
    if it is cached on disk; its C linker needs a compiler and BLAS. PYTENSOR_FLAGS=mode=NUMBA selects it.
    """
    from pytensor.compile.mode import Mode
    from pytensor.graph.rewriting.db import RewriteDatabaseQuery
    from pytensor.link.vm import VMLinker

    rewrites = RewriteDatabaseQuery(include=_REWRITES)
    return Mode(VMLinker(use_cloop=False, c_thunks=False, lazy=False), rewrites)


@dataclasses.dataclass(frozen=True)
class Target:
    """The rules with a compilation mode, which loops need."""

    mode: Any
    name: str = name
    RULES: Any = dataclasses.field(default_factory=lambda: RULES)
    MISSING: Any = dataclasses.field(default_factory=lambda: MISSING)

    def constant(self, value: np.ndarray) -> Foreign:
        return constant(value)

    def function(self, program: ClosedJaxpr) -> Callable[..., list[np.ndarray]]:
        """The program as a compiled function of NumPy arrays that returns a list of them; keys are raw arrays."""
        import pytensor

        inputs = inputs_of(program)
        outputs = [pytensor.tensor.as_tensor(out) for out in lower(program, self, *inputs)]
        # it needs an LLVM function for powers that Numba lacks
        exact = pytensor.config.change_flags(numba__fastmath=False)
        with exact, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTensor warns that further libraries would make it faster
            compiled = pytensor.function(inputs, outputs, mode=self.mode, on_unused_input="ignore")
        compiled.trust_input = True  # dtypes were determined when the program was traced
        return compiled


def function(program: ClosedJaxpr, mode: Foreign = None) -> Callable[..., list[np.ndarray]]:
    """The program as a compiled function of NumPy arrays that returns a list of them; keys are raw arrays.

    mode: PyTensor's compilation mode; by default that of PYTENSOR_FLAGS, else `default_mode`.
    """
    configured = "mode=" in os.environ.get("PYTENSOR_FLAGS", "") or "linker=" in os.environ.get("PYTENSOR_FLAGS", "")
    return Target(mode or (None if configured else default_mode())).function(program)
