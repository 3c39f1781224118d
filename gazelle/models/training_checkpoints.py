"""Which files the trainings of this process write their checkpoints to, and which of them a resumed one continues."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gazelle.core.types import PathLike
from gazelle.saving import fingerprint as fingerprints
from gazelle.saving import throttle
from gazelle.saving.autosave import Autosave
from gazelle.saving.program import current_cell

if TYPE_CHECKING:
    from gazelle.models.fingerprint import TrainingFingerprint


class TrainingCheckpoints:
    """The checkpoints of the trainings of this process.

    A program that resumes several trainings of one model in one folder has a checkpoint for each, in their order:
    `name`, `name.fit2`, ... A cell of a notebook counts from its beginning each time it runs.

    Attributes:
        written: {path of a checkpoint that was written: whether its training was a resumed one}.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all trainings, as in a new process."""
        self._cell: object = None  # the cell or statement that runs
        self._resumed: dict[tuple[str, str], list[int]] = {}  # numbers of resumed trainings in it, by folder and name
        self.written: dict[str, bool] = {}

    def begin_cell(self) -> None:
        """Count the trainings of a cell from its beginning."""
        cell = current_cell()
        if cell is not self._cell and cell != self._cell:
            self._cell, self._resumed = cell, {}

    def open(
        self, name: str, folder: PathLike, fingerprint: TrainingFingerprint, resume: bool, interactive: bool
    ) -> Autosave:
        """Open the checkpoint of a training.

        Args:
            name: the name of the checkpoints of the model.
            folder: their folder.
            fingerprint: that of the training.
            resume: whether it is resumed.
            interactive: whether the same code may run several times in this process.

        Returns:
            The writer of the checkpoint. The checkpoint that is there may be of another training, which is to be
            reported.
        """
        if interactive:
            self.begin_cell()
        used = self._resumed.setdefault((os.path.realpath(folder), name), [])
        numbers: Iterator[int] = itertools.count(max(used, default=0) + 1)
        if interactive:  # the trainings of a cell may change their order
            numbers = (number for number in itertools.count(1) if number not in used)
        if not resume:
            while True:
                number = next(numbers)
                autosave = Autosave.of_training(name if number == 1 else _numbered(name, number), folder)
                if not self.written.get(autosave.stem) or not _differs(autosave, fingerprint):
                    return autosave
                autosave.close()  # another training of this process may still resume it
        throttle.flush()
        autosave, number = self._first_resumable(name, numbers, folder, fingerprint, interactive)
        used.append(number)
        return autosave

    def _first_resumable(
        self,
        name: str,
        numbers: Iterator[int],
        folder: PathLike,
        fingerprint: TrainingFingerprint,
        interactive: bool,
    ) -> tuple[Autosave, int]:
        """The first checkpoint of these numbers that a resumed training may continue or create.

        In an interactive session this is the checkpoint of the same training at any number; otherwise the first one of
        another training, which is then reported. Differing trainings of this process that are not resumed are skipped.
        """
        other = None  # number of the first checkpoint of another training
        while True:
            number = next(numbers)
            autosave = Autosave(_numbered(name, number), folder=folder)
            if not _differs(autosave, fingerprint):
                if other is None or autosave.metadata() is not None:
                    return autosave, number
                autosave.close()
                return Autosave(_numbered(name, other), folder=folder), other
            if self.written.get(autosave.stem) is not False:
                if not interactive:
                    return autosave, number
                other = other or number
            autosave.close()


def _numbered(name: str, number: int) -> str:
    return f"{name}.fit{number}" if number > 1 else name


def _differs(autosave: Autosave, fingerprint: TrainingFingerprint) -> bool:
    """Whether there is a checkpoint, and it is of another training."""
    then = fingerprints.read(autosave.metadata() or {})
    return then is not None and bool(fingerprint.differences(then))
