"""The engine PyTensor, the successor of Theano, which runs a traced program as a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gazelle.engine.lowered import Lowering, Run
from gazelle.engine.lowering import pytensor as target
from gazelle.engine.lowering.keys import raw_spec

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr  # type: ignore[attr-defined]


class PyTensor(Lowering):
    """One compiled PyTensor function of NumPy arrays for each program."""

    title = "PyTensor"

    def build(self, program: ClosedJaxpr) -> Run:
        function = target.function(program)
        dtypes = [raw_spec(aval).dtype for aval in program.in_avals]

        def run(arrays: Sequence[Any]) -> list[np.ndarray]:
            return function(*map(np.asarray, arrays, dtypes))

        return run

    def devices(self) -> list[str]:
        return ["cpu:0"]
