"""Classification of the inputs of a traced scan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jax.extend.core import JaxprEqn


def counts(eqn: JaxprEqn) -> tuple[int, int]:
    """Return the number of inputs that every step reads, and of those carried from step to step.

    The parameters of the primitive have different names in different releases of JAX, so the numbers are derived from
    shapes: inputs that are scanned, and outputs that are stacked, have one axis less inside.
    """
    inner = eqn.params["jaxpr"].jaxpr
    invars: list[Any] = eqn.invars
    outvars: list[Any] = eqn.outvars
    rows = sum(a.aval.ndim != b.aval.ndim for a, b in zip(invars, inner.invars, strict=True))
    carry = sum(a.aval.ndim == b.aval.ndim for a, b in zip(outvars, inner.outvars, strict=True))
    return len(eqn.invars) - rows - carry, carry
