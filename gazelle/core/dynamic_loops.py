"""Loops of Python over an axis whose size is not known: a traced program has their steps once for every index."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from typing import Any

from gazelle.core.errors import message
from gazelle.core.traceback import INSIDE


def tell(name: str, short: Any, long: Any, difference: int) -> None:
    """Warn where the program of more indices is longer than that of fewer ones, by a step for each of the `difference`.

    short, long: what `jax.make_jaxpr` gave for the same function of arrays of two sizes.
    """
    if len(long.eqns) - len(short.eqns) < difference:
        return
    lines = Counter(filter(None, map(_line, long.eqns[:: max(1, len(long.eqns) // 100)])))
    where = f" ({lines.most_common(1)[0][0]})" if lines else ""
    warnings.warn(
        message(
            f"'{name}' goes through an axis of unknown size in a loop of Python{where}",
            got="a program that holds the loop's steps once for each index and is compiled for every length anew",
            hint="Compute with the whole array, or use ops.vectorized_map, ops.map or ops.scan.",
        ),
        stacklevel=2,
    )


def _line(step: Any) -> str | None:
    """The line of the program that made a step, where JAX tells it."""
    for frame in getattr(getattr(step.source_info, "traceback", None), "frames", ()):
        if not frame.file_name.startswith(INSIDE):
            return f"{os.path.basename(frame.file_name)}, line {frame.line_num}"
    return None
