"""Settings of the process: the side that validation samples come from."""

from __future__ import annotations

import os

from gazelle.core.errors import unknown

_side: str | None = None


def set_validation_from(side: str) -> None:
    """Set the side of the samples that `validation_split` takes in this process.

    Args:
        side: "start" (the default of gazelle) or "end" (as in Keras).

    Raises:
        ArgumentError: `side` is another value.
    """
    global _side
    _side = validation_from(side)


def validation_from(side: str | None = None) -> str:
    """The effective side: the argument, else `set_validation_from`, else GAZELLE_VALIDATION_FROM, else "start"."""
    chosen = side or _side or os.environ.get("GAZELLE_VALIDATION_FROM") or "start"
    if chosen not in ("start", "end"):
        raise unknown("validation_from", chosen, ["start", "end"])
    return chosen
