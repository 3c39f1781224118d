"""Which checkpoint a call of `fit` writes and continues, and whether that checkpoint is of the same training."""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import math
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.core.names import snake
from gazelle.core.traceback import warn
from gazelle.core.types import PathLike
from gazelle.engine import processes
from gazelle.layers.weight_tree import is_automatic
from gazelle.models.training_checkpoints import TrainingCheckpoints
from gazelle.saving import fingerprint as fingerprints
from gazelle.saving import sharded
from gazelle.saving.autosave import Autosave
from gazelle.saving.checkpoint_paths import NoCheckpointError, root_folder
from gazelle.saving.program import Program, running_program
from gazelle.saving.rotation import order_of, sharded_folder
from gazelle.saving.state_file import metadata_of
from gazelle.training import interrupt

if TYPE_CHECKING:
    from gazelle.models.fingerprint import TrainingFingerprint
    from gazelle.models.model import Model
    from gazelle.training.callbacks import BackupAndRestore, Progress
    from gazelle.training.trainer import Trainer
    from gazelle.training.training_progress import TrainingProgress

Resume = bool | Literal["force"]
Saved = tuple[dict[str, Any], dict[str, Any]]


checkpoints = TrainingCheckpoints()
_noted: set[str] = set()  # paths that were printed


@dataclasses.dataclass
class Checkpoint:
    """The checkpoint of a call of `fit`: where it writes its state, and which one it continues.

    Attributes:
        fingerprint: that of the call.
        resume: the argument of `fit`.
        backup: the callback `BackupAndRestore`, if any, which has its own folder and times; the training continues in
            any case then, as in Keras.
        rotation: writes a state that is divided over processes, in all of them.
        autosave: the writer; None where nothing is written (`fit(keep=False)`, GAZELLE_KEEP=0, other processes).
    """

    fingerprint: TrainingFingerprint
    resume: Resume
    backup: BackupAndRestore | None
    autosave: Autosave | None = None
    rotation: sharded.ShardedRotation | None = None

    def open(self, model: Model, keep: bool | None, folder: PathLike | None) -> None:
        """Open the writer, in the main process.

        Args:
            model: the model.
            keep: the argument of `fit`.
            folder: the argument `checkpoint` of `fit`.

        Raises:
            ArgumentError: the arguments contradict each other, or the program has no name to find a checkpoint by.
        """
        program, backup = running_program(), self.backup
        if not _is_wanted(keep, self.resume, folder, backup, program):
            return
        self.fingerprint.begin(named=folder is not None or backup is not None)
        interactive, name = program.interactive, model.name
        if interactive and is_automatic(name, kind := snake(type(model).__name__)):  # it counts how often a cell ran
            name = f"{kind}-{self.fingerprint.structure}"
        if backup is not None:
            self.autosave = backup.autosave = Autosave(name, math.inf, backup.backup_dir)
            return
        folder = os.path.join(root_folder(), program.folder) if folder is None else folder
        self.autosave = checkpoints.open(name, folder, self.fingerprint, bool(self.resume), interactive)

    def divide(self) -> None:
        """Let each process write its part of the state; all of them call it."""
        autosave = self.autosave
        place = None if autosave is None or not autosave.active else [autosave.stem, autosave.entries]
        place = processes.gather(place, "the opening of the checkpoints")[0]
        if place is not None:
            self.rotation = sharded.ShardedRotation(place[0], **place[1])
            if autosave is not None:
                autosave.write_together(self.rotation)

    @property
    def identity(self) -> Callable[[], str] | None:
        """A function that returns the fingerprint as JSON, if this process writes one."""
        return None if self.autosave is None else lambda: self.fingerprint.text

    @property
    def writer(self) -> Autosave | sharded.PartAutosave | None:
        """What the loop offers the state to: the autosave, or in other processes the writer of their parts."""
        if self.autosave is None and self.rotation is not None:
            return sharded.PartAutosave(self.rotation)
        return self.autosave

    def load(self, trainer: Trainer, epochs: int, display: Progress) -> Saved | None:
        """Read the checkpoint to continue: each process the parts of the state that it has.

        Args:
            trainer: the trainer of the model.
            epochs: the argument of `fit`.
            display: prints what is decided.

        Returns:
            (tensors, metadata); None if there is none to continue.

        Raises:
            StateError: it is of another training; the message lists what differs.
        """
        if not (self.resume or self.backup is not None or processes.count() > 1):
            return None
        while True:
            saved = processes.broadcast_saved(self._read(epochs, display) if processes.is_main() else None)
            if saved is None:
                return None
            tensors, metadata = saved
            path, folder = metadata.pop("path"), metadata.pop("sharded", None)
            arrays = {} if folder is None else sharded.load(folder, trainer.live.arrays())
            if arrays is None:  # it is damaged, and the one before it is read
                if processes.is_main():
                    os.remove(path)
            else:
                tensors = {**tensors, **arrays}
                if metadata.pop("other_optimizer", False):  # the current rate replaces the saved one
                    tensors = {name: array for name, array in tensors.items() if not name.startswith("hyper/")}
                return tensors, metadata

    def _read(self, epochs: int, display: Progress) -> Saved | None:
        """The newest state, in the main process, after comparing it with the call of `fit`."""
        autosave, fingerprint, resume = self.autosave, self.fingerprint, self.resume
        if autosave is None or not (resume or self.backup is not None):
            return None
        try:
            tensors, metadata, path = autosave.newest()
        except NoCheckpointError:
            if resume:
                display.note("There is no checkpoint of this training yet: it starts from the beginning.")
                if found := _other_models(autosave, fingerprint):
                    display.note(f"The last checkpoint here is of another model:\n{fingerprints.listed(found)}")
            return None
        metadata["path"] = path
        if "sharded" in metadata:
            metadata["sharded"] = os.path.join(sharded_folder(autosave.stem), metadata["sharded"])
        then = fingerprints.read(metadata)
        if then is None:
            text = f"The checkpoint '{path}' was written by an earlier version of gazelle"
            hint = (
                "It does not contain its program, settings and data, so they are not compared with those of this run."
            )
            warn(message(text, hint=hint))
            return tensors, metadata
        found = fingerprint.differences(then)
        if metadata["epoch"] > epochs and resume:
            found.append(("epochs", f"{metadata['epoch']} finished", str(epochs)))
        if not found:
            return tensors, metadata
        lines = fingerprints.listed(found)
        if resume == "force":
            other = any(name.startswith("compile.optimizer") for name, *_ in found)
            metadata = {**metadata, "stopped": False, "other_optimizer": other}  # what ended it may have changed
            display.note(f"Resuming another training, as resume='force' requests:\n{lines}")
        elif resume:
            text = f"fit(resume=True) found the checkpoint of another training, '{path}'"
            hint = _choice(lines, "source" in fingerprint.parts["data"], running_program().interactive)
            raise StateError(message(text, hint=hint))
        else:
            warn(message(f"BackupAndRestore continues another training, '{path}'", hint=lines))
        return tensors, metadata

    @contextlib.contextmanager
    def closing(self, progress: TrainingProgress) -> Iterator[None]:
        """The block of a training: it states where Ctrl-C or a signal stopped, and closes the checkpoint."""
        autosave = self.autosave
        try:
            with autosave or contextlib.nullcontext():
                try:
                    yield
                except Exception as error:
                    self.rotation = None  # other processes may have ended, so that a write never ends
                    processes.end(error, "fit(..., resume=True) continues.")
                    raise
        except (KeyboardInterrupt, interrupt.Terminated) as error:
            if isinstance(error, interrupt.Terminated) and not processes.is_main():
                error.reported = True  # the main process reports it
            interrupt.explain(error, _describe_stop(progress, autosave, self.backup))
            raise
        finally:
            if self.rotation is not None:
                self.rotation.close()
            if autosave is not None:
                if autosave.written:
                    checkpoints.written[autosave.stem] = bool(self.resume)
                self.fingerprint.end()

    def note_path(self, display: Progress) -> None:
        """Print once per path where the checkpoint is, if there is one."""
        if self.autosave is None:
            return
        path = str(self.autosave.path)
        if path not in _noted and os.path.exists(path):
            _noted.add(path)
            display.note(f"Checkpoint saved in {path}")


def _is_wanted(keep: Any, resume: Any, checkpoint: Any, backup: Any, program: Program) -> bool:
    if resume not in (True, False, "force"):
        raise ArgumentError(message("resume", expected="True, False or 'force'", got=repr(resume)))
    if checkpoint is not None and backup is not None:
        hint = "BackupAndRestore writes to its backup_dir: leave checkpoint out."
        raise ArgumentError(message("fit(checkpoint=...) with BackupAndRestore", expected="one folder", hint=hint))
    wanted = keep if keep is not None else bool(resume) or checkpoint is not None
    if keep is None and not wanted:
        wanted = os.environ.get("GAZELLE_KEEP", "1") not in ("0", "no", "off", "false")
    for name, value in (("resume", resume), ("checkpoint", checkpoint)):
        if value and not wanted:
            raise ArgumentError(
                message(f"fit({name}={value!r}, keep=False)", expected="a checkpoint", hint="Leave keep out.")
            )
    if resume and checkpoint is None and backup is None and program.kind == "pipe":
        hint = (
            "Save the program in a file, or give its checkpoint a folder: fit(..., checkpoint='folder', resume=True)."
        )
        got = "text on the standard input, which has no name"
        raise ArgumentError(message(f"fit(resume={resume!r})", expected="a program with a name", got=got, hint=hint))
    return bool(wanted) or backup is not None


def _other_models(autosave: Autosave, fingerprint: TrainingFingerprint) -> list[fingerprints.Difference]:
    """The differences to the model of a notebook's last checkpoint, whose name contains a hash of the structure."""
    stem, dash, structure = autosave.stem.rpartition("-")
    if not dash or structure != fingerprint.structure:
        return []
    paths = glob.glob(f"{glob.escape(stem)}-????????.[ab].state")
    then = fingerprints.read(metadata_of(max(paths, key=order_of)) or {}) if paths else None
    return (
        []
        if then is None
        else fingerprints.differences({"model": then.get("model")}, {"model": fingerprint.parts["model"]})
    )


def _choice(lines: str, is_stream: bool, interactive: bool) -> str:
    stream = (
        "A generator or dataset yields other data if it was used before, or draws random numbers without a fixed seed: "
        "create it again.\n"
    )
    replaced = "" if interactive else " and replaces that checkpoint"  # a session keeps both
    return (
        f"{lines}\n{stream if is_stream and '  data.' in lines else ''}"
        "resume='force' continues that training with the current settings; checkpoint='folder' keeps this training in "
        f"a folder of its own; without resume it starts from the beginning{replaced}."
    )


def _describe_stop(progress: TrainingProgress, autosave: Autosave | None, backup: BackupAndRestore | None) -> str:
    """The line for the user after Ctrl-C or a signal."""
    where = f"Stopped {progress.position()}"
    if autosave is None:
        return f"{where}; not saved (keep=False or GAZELLE_KEEP=0)."
    if not autosave.saved:
        return f"{where}; not saved."
    if backup is not None:
        return f"{where}; saved. The next fit continues."
    if running_program().kind == "pipe":
        return f"{where}; saved in {autosave.path}."
    return f"{where}; saved. fit(..., resume=True) continues."
