"""The engine PyTensor, which goes on with Theano: a traced program as one compiled graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr

from gazelle.engine.lowered import Lowering, Run
from gazelle.engine.lowering import pytensor as target


class PyTensor(Lowering):
    """One function of PyTensor for each program, run by NumPy; arrays go in and out as they lie."""

    title = "PyTensor"

    def build(self, program: ClosedJaxpr) -> Run:
        function = target.function(program)

        def run(arrays: Sequence[Any]) -> list[Any]:
            return function(*map(np.asarray, arrays))

        return run

    def devices(self) -> list[str]:
        return ["cpu:0"]
