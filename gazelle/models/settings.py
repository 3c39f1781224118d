"""What holds for the whole process: from which side validation samples come, and whether states are kept."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from gazelle.core.errors import ArgumentError, message, unknown
from gazelle.core.traceback import warn
from gazelle.saving.autosave import Autosave
from gazelle.saving.checkpoint_paths import NoCheckpointError

_side: str | None = None


def set_validation_from(side: str) -> None:
    """Take `validation_split` from the "start" of the samples (the default) or from their "end" (as in Keras)."""
    global _side
    _side = validation_from(side)


def validation_from(side: str | None = None) -> str:
    """The side in force: the argument, else `set_validation_from`, else GAZELLE_VALIDATION_FROM, else "start"."""
    chosen = side or _side or os.environ.get("GAZELLE_VALIDATION_FROM") or "start"
    if chosen not in ("start", "end"):
        raise unknown("validation_from", chosen, ["start", "end"])
    return chosen


def side_of(side: str | None) -> str:
    """The side in words: "first" or "last"."""
    return "first" if validation_from(side) == "start" else "last"


def warn_lost_classes(y_train: Any, y_held: Any, side: str) -> None:
    """Warn where the split left a class out of training or out of validation: the samples were sorted."""
    labels = [np.asarray(y) for y in (y_train, y_held) if isinstance(y, np.ndarray)]
    if len(labels) < 2 or (labels[0].dtype.kind == "f" and not _one_hot(labels[0])):
        return
    train, held = (set(np.unique(v.argmax(-1) if v.ndim > 1 and v.shape[-1] > 1 else v).tolist()) for v in labels)
    if len(train | held) > 1000 or train == held:
        return
    lost = sorted(held - train) or sorted(train - held)
    where = "training" if held - train else "validation"
    if where == "validation" and len(y_held) < 10 * len(train | held):
        return  # too few held out to expect every class
    warn(
        f"validation_split took the {side_of(side)} samples, and class {lost[0]} has none left "
        f"for {where}: the samples look sorted by class. Shuffle x and y together before fit.",
    )


def _one_hot(y: Any) -> bool:
    return bool(y.ndim == 2 and y.shape[-1] > 1 and ((y == 0) | (y == 1)).all())


_resumed: dict[str, int] = {}  # how many trainings of each name asked to be resumed


def autosave(name: str, keep: bool | None, resume: bool, backup: Any) -> Autosave | None:
    """Whoever keeps the latest state on disk, None where that is switched off (`fit(keep=False)`, GAZELLE_KEEP=0).

    A program that resumes several trainings of one model has a file for each, in their order. backup: the callback
    `BackupAndRestore` where there is one, which has a folder and times of its own.
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
                    expected="a state that is kept",
                    got="keep=False",
                    hint="Leave keep out.",
                )
            )
        _resumed[name] = number = _resumed.get(name, 0) + 1
        name = f"{name}.fit{number}" if number > 1 else name
    return Autosave(name) if wanted else None


def kept(autosave: Autosave | None) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """(tensors, words) of the state to go on from; None where there is none yet."""
    assert autosave is not None
    try:
        tensors, words, _ = autosave.newest()
    except NoCheckpointError:
        return None
    return tensors, words


_told: set[str] = set()


def tell(autosave: Autosave, display: Any) -> None:
    """Say once per path where the state is."""
    path = str(autosave.path)
    if path not in _told and os.path.exists(path):
        _told.add(path)
        display.note(f"Latest state kept in {path}")
