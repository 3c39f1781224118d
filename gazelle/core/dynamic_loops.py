"""Warnings about Python loops over an axis of unknown size, which tracing unrolls."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

from gazelle.core.errors import message
from gazelle.core.traceback import INSIDE

if TYPE_CHECKING:
    from jax.extend.core import ClosedJaxpr  # type: ignore[attr-defined]


def warn_if_unrolled(name: str, short: ClosedJaxpr, long: ClosedJaxpr, difference: int) -> None:
    """Warn if the program for the larger size has at least one operation more for each additional index.

    Args:
        name: Name of the layer.
        short: Result of `jax.make_jaxpr` for the smaller size.
        long: Result of `jax.make_jaxpr` for the larger size.
        difference: Difference of the sizes.
    """
    if len(long.eqns) - len(short.eqns) < difference:
        return
    lines = Counter(filter(None, map(_line, long.eqns[:: max(1, len(long.eqns) // 100)])))
    where = f" ({lines.most_common(1)[0][0]})" if lines else ""
    warnings.warn(
        message(
            f"'{name}' iterates over an axis of unknown size in a Python loop{where}",
            got="a program with one copy of the loop's body for each index, which is compiled again for every length",
            hint="Compute on the whole array, or use ops.vectorized_map, ops.map or ops.scan.",
        ),
        stacklevel=2,
    )


def _line(eqn: Any) -> str | None:
    """The line of user code that an operation comes from, if JAX reports it."""
    for frame in getattr(getattr(eqn.source_info, "traceback", None), "frames", ()):
        if not frame.file_name.startswith(INSIDE):
            return f"{os.path.basename(frame.file_name)}, line {frame.line_num}"
    return None
