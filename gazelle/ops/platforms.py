"""The form of an operation for the platform that runs it: a CPU, where some kernels of XLA are slow, or another one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

import jax
import jax.numpy as jnp
from jax import lax

from gazelle.core.context_variables import assigned

if TYPE_CHECKING:
    from gazelle.core.types import ArrayLike, Tree

T = TypeVar("T")
_at_lowering: ContextVar[bool] = ContextVar("gazelle_platform_at_lowering", default=False)


def by_platform(on_cpu: Callable[..., T], elsewhere: Callable[..., T], *arrays: Any) -> T:
    """Return `on_cpu(*arrays)` or `elsewhere(*arrays)`, whose results have equal shapes.

    A program for this process contains one of the two: with both, tracing and compiling would take longer.
    """
    if _at_lowering.get():
        return lax.platform_dependent(*arrays, cpu=on_cpu, default=elsewhere)
    return (on_cpu if jax.default_backend() == "cpu" else elsewhere)(*arrays)


def conditional(condition: ArrayLike, if_true: Callable[[], Tree], if_false: Callable[[], Tree]) -> Tree:
    """Return `if_true()` if the scalar condition holds, else `if_false()`, which are trees of arrays of equal shapes.

    On a CPU this is a branch. Elsewhere both are computed: a GPU waits for the host at each branch, which reads the
    condition. So this is for conditions that nearly always hold. Outside of compiled functions it is that of Python,
    as JAX compiles a branch again each time there.
    """
    if not isinstance(condition, jax.core.Tracer):
        return if_true() if condition else if_false()

    def selected() -> Any:
        return jax.tree.map(lambda new, old: jnp.where(condition, new, old), if_true(), if_false())

    return by_platform(lambda: lax.cond(condition, if_true, if_false), selected)


def chosen_at_lowering() -> AbstractContextManager[None]:
    """Trace both forms inside the block, for programs that are lowered for several platforms."""
    return assigned(_at_lowering, True)
