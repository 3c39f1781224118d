"""`fit`: prepare the data, the callbacks and the checkpoint, and run the loop of `training`."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gazelle import data
from gazelle.core.errors import DataError, StateError, message
from gazelle.core.settings import apply_limit
from gazelle.core.types import Data, PathLike
from gazelle.distribution import distribution
from gazelle.engine import processes
from gazelle.models import agreement, checks, resuming, settings, sources
from gazelle.models.compiling import require_compiled
from gazelle.models.fingerprint import TrainingFingerprint
from gazelle.training import evaluation_loop, interrupt
from gazelle.training.callbacks import BackupAndRestore, CallbackList, History, Progress
from gazelle.training.inexact_resume import warn_inexact
from gazelle.training.loop import Fit
from gazelle.training.trainer import Trainer
from gazelle.training.training_progress import TrainingProgress

if TYPE_CHECKING:
    from gazelle.models.model import Model
    from gazelle.training.callbacks.base import Callback


@dataclasses.dataclass
class FitOptions:
    """The arguments of `Model.fit` besides the samples; its docstring describes them."""

    batch_size: int | None
    epochs: int
    verbose: int | str
    callbacks: Callback | Sequence[Callback] | None
    validation_split: float | None
    validation_data: Data | None
    shuffle: bool | str
    class_weight: Mapping[int, float] | None
    initial_epoch: int
    steps_per_epoch: int | None
    validation_steps: int | None
    validation_batch_size: int | None
    validation_freq: int | Sequence[int]
    validation_from: str | None
    keep: bool | None
    resume: resuming.Resume
    checkpoint: PathLike | None
    stop_on_nan: bool

    def check(self) -> None:
        """Raise an error for what would be misinterpreted silently, and apply the limit of epochs in the settings."""
        self.epochs = checks.check_integer("epochs", self.epochs, least=0)
        self.initial_epoch = checks.check_integer("initial_epoch", self.initial_epoch, least=0)
        checks.check_fit(self.epochs, self.initial_epoch, self.validation_split, self.validation_freq, self.shuffle)
        self.epochs = apply_limit("epochs", self.epochs) or self.epochs

    def of_batches(self, source: data.Source) -> dict[str, Any]:
        """The arguments that decide about batches, which a resumed training compares."""
        return {
            "batch_size": self.batch_size or data.BATCH if isinstance(source, data.ArraySource) else None,
            "steps_per_epoch": self.steps_per_epoch,
            "shuffle": self.shuffle,
            "class_weight": self.class_weight,
            "validation_split": self.validation_split or None,
        }


def fit(model: Model, x: Data | None, y: Data | None, sample_weight: Data | None, options: FitOptions) -> History:
    """`Model.fit`; its docstring describes the arguments."""
    options.check()
    require_compiled(model, "fit")
    held_out = bool(options.validation_split) and options.validation_data is None
    trainer, source, validation = _prepare(model, x, y, sample_weight, options)
    model.stop_training = False
    several = processes.count() > 1
    divided = several and agreement.check(model, trainer, source, validation, options)
    main = not several or processes.is_main()
    options.verbose = options.verbose if main else 0
    display, events = Progress(options.verbose), _callbacks(model, source, options, main, divided)
    history = next(callback for callback in reversed(events.callbacks) if isinstance(callback, History))
    fingerprint = TrainingFingerprint(model, trainer, source, validation, events.callbacks, options.of_batches(source))
    checkpoint = _checkpoint(model, fingerprint, events, options, main, divided)
    progress = TrainingProgress(trainer, source, events.callbacks, options.initial_epoch, checkpoint.identity)
    validate = functools.partial(_validate, trainer, validation, options.validation_freq, events)
    model.history = history
    if held_out:
        side = "first" if settings.validation_from(options.validation_from) == "start" else "last"
        display.note(f"Validating on the {side} {options.validation_split:.0%} of the samples.")
    closing_validation = contextlib.nullcontext() if validation is None else contextlib.closing(validation)
    with contextlib.closing(source), closing_validation, display, checkpoint.closing(progress):
        saved = checkpoint.load(trainer, options.epochs, display)
        if saved is not None:
            _restore(progress, saved, source, display, options)
        events.on_train_begin({})
        if saved is not None:
            progress.restore_callbacks(*saved)
        loop = Fit(trainer, model, source, events, display, progress, validate, checkpoint.writer, options.stop_on_nan)
        loop.run(progress.epoch if progress.stopped else options.epochs)
        events.on_train_end(dict(events.last_logs))
    checkpoint.note_path(display)
    return history


def _prepare(
    model: Model, x: Data | None, y: Data | None, sample_weight: Data | None, options: FitOptions
) -> tuple[Trainer, data.Source, data.Source | None]:
    """The trainer, the samples to train on and those to validate on, all checked before anything is compiled."""
    if x is None:
        raise DataError(message("fit", expected="samples x", got="none"))
    if options.validation_split and options.validation_data is None:
        x, y, sample_weight, options.validation_data = sources.split(
            model, x, y, sample_weight, options.validation_split, options.validation_from
        )
    source = sources.make_source(
        model,
        x,
        y,
        sample_weight,
        batch_size=options.batch_size,
        shuffle=options.shuffle,
        class_weight=options.class_weight,
        steps=options.steps_per_epoch,
        steps_word="steps_per_epoch",
        endless=bool(options.callbacks),
    )
    if isinstance(source, data.ArraySource):
        checks.warn_unseen_classes(options.class_weight, source.data[1])
        source.begin_at(options.initial_epoch, options.epochs - options.initial_epoch)
    trainer = sources.checked_trainer(model, "fit", source)
    source.seed = trainer.seed
    trainer.prepare(source)
    if not trainer.trainable_flags:  # in the first fit
        checks.warn_unadapted(model)
    checks.warn_frozen_since(model, trainer)
    checks.warn_training_mode(model, trainer)
    size = options.batch_size if options.validation_batch_size is None else options.validation_batch_size
    validation = sources.validation_source(model, options.validation_data, size, options.validation_steps)
    return trainer, source, validation


def _callbacks(model: Model, source: data.Source, options: FitOptions, main: bool, divided: bool) -> CallbackList:
    """The callbacks that this process calls, one of them a `History`."""
    given = options.callbacks
    listed: list[Any] = list(given) if isinstance(given, (list, tuple)) else [given] if given else []
    if not main:
        listed = [callback for callback in listed if _is_called(callback, divided)]
    params = {
        "epochs": options.epochs,
        "steps": source.steps,
        "verbose": options.verbose,
        "validation_freq": options.validation_freq,
    }
    params = model._callback_params(listed, source, options, params)
    return CallbackList(listed, model, params, add_history=True)


def _is_called(callback: Any, divided: bool) -> bool:
    """Whether a process other than the main one calls a callback; it takes part where weights are gathered."""
    taking_part = getattr(callback, "reads_weights", False)
    return not getattr(callback, "writes_files", False) or taking_part == "always" or (divided and taking_part)


def _checkpoint(
    model: Model,
    fingerprint: TrainingFingerprint,
    events: CallbackList,
    options: FitOptions,
    main: bool,
    divided: bool,
) -> resuming.Checkpoint:
    """The checkpoint, opened; of a state that is divided over processes, in all of them."""
    backup = next((c for c in events.callbacks if isinstance(c, BackupAndRestore)), None)
    checkpoint = resuming.Checkpoint(fingerprint, options.resume, backup)
    if main:
        checkpoint.open(model, options.keep, options.checkpoint)
    if divided:
        checkpoint.divide()
    return checkpoint


def _restore(
    progress: TrainingProgress,
    saved: resuming.Saved,
    source: data.Source,
    display: Progress,
    options: FitOptions,
) -> None:
    """Continue from a checkpoint."""
    progress.restore(*saved, force=options.resume == "force")
    display.note(progress.describe(options.epochs))
    if getattr(source, "draws", False) and progress.epoch < options.epochs and not progress.stopped:
        warn_inexact("the data")


def _validate(
    trainer: Trainer, source: data.Source | None, freq: Any, events: CallbackList, epoch: int
) -> dict[str, Any]:
    """The logs of the validation after an epoch; empty if none is due."""
    due = (epoch + 1) in freq if isinstance(freq, (list, tuple, set)) else (epoch + 1) % freq == 0
    if source is None or not due:
        return {}
    events.on_test_begin({})
    logs = evaluation_loop.evaluate(trainer, source, events)
    events.on_test_end(logs)
    return {f"val_{name}": value for name, value in logs.items()}


_training_threads: dict[int, int] = {}  # id of a model -> the thread that trains it


@contextlib.contextmanager
def exclusive_fit(model: Model) -> Iterator[None]:
    """A block in which only one thread trains the model; two threads would overwrite each other's weights.

    Raises:
        StateError: another thread trains it.
    """
    if processes.count() > 1 and distribution() is None:
        raise StateError(
            message(
                f"fit of '{model.name}' in {processes.count()} connected processes",
                expected="a distribution",
                got="none, so each process would train a model of its own",
                hint="Call gazelle.distribution.set_distribution(gazelle.distribution.DataParallel()) before compile.",
            )
        )
    thread = threading.get_ident()
    nested = _training_threads.get(id(model)) == thread  # a callback calls fit
    if _training_threads.setdefault(id(model), thread) != thread:
        hint = "Wait for it, or train gazelle.clone_model(model). predict, evaluate and save may run at the same time."
        raise StateError(message(f"fit of '{model.name}' began while another thread trains this model", hint=hint))
    try:
        yield
    except (KeyboardInterrupt, interrupt.Terminated) as error:
        interrupt.explain(error, "Stopped before the first step.")
        raise
    finally:
        if not nested:
            del _training_threads[id(model)]
