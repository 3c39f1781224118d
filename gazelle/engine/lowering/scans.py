"""What a traced scan says about its inputs."""

from __future__ import annotations

from typing import Any


def counts(eqn: Any) -> tuple[int, int]:
    """How many inputs are read by every step, and how many go from step to step; the rest is taken row by row.

    The parameters that tell it have other names from release to release of JAX. Shapes tell it too: what is taken row
    by row, or stacked, has an axis less inside.
    """
    inner = eqn.params["jaxpr"].jaxpr
    rows = sum(a.aval.ndim != b.aval.ndim for a, b in zip(eqn.invars, inner.invars, strict=True))
    carry = sum(a.aval.ndim == b.aval.ndim for a, b in zip(eqn.outvars, inner.outvars, strict=True))
    return len(eqn.invars) - rows - carry, carry
