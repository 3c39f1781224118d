"""Small programs run in one thread: waking a second one takes longer than their operations.

XLA's default schedule on a CPU lets other threads run independent operations. The other one has the same kernels, so
the results are the same numbers.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import jax

if TYPE_CHECKING:
    from jax.stages import Lowered

_MOST_FLOPS = 5e6  # of a program that counts as small; the body of a loop counts once
_OPTIONS = {"xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"}


@functools.cache  # once per process
def one_thread_options() -> dict[str, str]:
    """Return the options of the compiler for a small program, {} if this compiler has none."""
    if jax.default_backend() != "cpu":
        return {}
    try:
        jax.jit(lambda: 0, compiler_options=dict(_OPTIONS)).lower().compile()
    except Exception:  # another version of jaxlib
        return {}
    return _OPTIONS


def options_for(lowered: Lowered) -> dict[str, str]:
    """Return the options of the compiler for a lowered program.

    Args:
        lowered: the result of `jax.jit(function).lower(...)`.
    """
    costs: Any = lowered.cost_analysis()
    known = isinstance(costs, dict) and "flops" in costs
    return dict(one_thread_options()) if known and costs["flops"] <= _MOST_FLOPS else {}
