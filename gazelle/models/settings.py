"""Settings of the process: the side that validation samples come from, and whether the state is saved."""

from __future__ import annotations

import math
import os
from typing import Any

from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.saving import throttle
from gazelle.saving.autosave import Autosave
from gazelle.saving.checkpoint_paths import NoCheckpointError

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


_resumed: dict[str, int] = {}  # number of resumed trainings by name


def autosave(name: str, keep: bool | None, resume: bool, backup: Any) -> Autosave | None:
    """The autosave of a training; None if it is switched off by `fit(keep=False)` or GAZELLE_KEEP=0.

    A program that resumes several trainings of one model has a file for each, in their order. backup: the callback
    `BackupAndRestore`, if any, which has its own folder and times.
    """
    if backup is not None:
        backup.autosave = Autosave(name, math.inf, backup.backup_dir)
        return backup.autosave
    wanted = (
        keep if keep is not None else resume or os.environ.get("GAZELLE_KEEP", "1") not in ("0", "no", "off", "false")
    )
    if resume:
        if not wanted:
            raise ArgumentError(
                message(
                    "fit(resume=True, keep=False)",
                    expected="a saved state",
                    got="keep=False",
                    hint="Leave keep out.",
                )
            )
        _resumed[name] = number = _resumed.get(name, 0) + 1
        throttle.flush()
        return Autosave(f"{name}.fit{number}" if number > 1 else name)
    return Autosave.of_training(name) if wanted else None


def saved_state(autosave: Autosave | None) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """(tensors, metadata) of the state to resume from; None if there is none yet."""
    assert autosave is not None
    try:
        tensors, metadata, _ = autosave.newest()
    except NoCheckpointError:
        return None
    return tensors, metadata


_noted: set[str] = set()


def note_path(autosave: Autosave, display: Any) -> None:
    """Print the path of the checkpoint, once per path."""
    path = str(autosave.path)
    if path not in _noted and os.path.exists(path):
        _noted.add(path)
        display.note(f"Latest state kept in {path}")
