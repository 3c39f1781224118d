"""fit, evaluate and predict: convert the arguments to a data source and callbacks, and run the loops of `training`."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle import data
from gazelle.core import arrays, dtypes, symbolic
from gazelle.core.errors import ArgumentError, DataError, ShapeError, StateError, english, message
from gazelle.core.settings import apply_limit
from gazelle.core.types import Data, Outputs, PathLike, Scores
from gazelle.distribution import distribution
from gazelle.engine import processes
from gazelle.models import agreement, checks, resuming, settings, step_methods
from gazelle.models.compiling import get_trainer, require_compiled
from gazelle.models.fingerprint import TrainingFingerprint
from gazelle.models.graph import Graph
from gazelle.models.host_preprocessing import HostPreprocessing, host_preprocessing_of
from gazelle.training import evaluation_loop, interrupt
from gazelle.training.callbacks import BackupAndRestore, CallbackList, History, Progress
from gazelle.training.loop import Fit, warn_inexact
from gazelle.training.trainer import Trainer
from gazelle.training.training_progress import TrainingProgress

if TYPE_CHECKING:
    from gazelle.models.model import Model
    from gazelle.training.callbacks.base import Callback

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


def fit(
    model: Model,
    x: Data | None,
    y: Data | None,
    sample_weight: Data | None,
    *,
    batch_size: int | None,
    epochs: int,
    verbose: int | str,
    callbacks: Callback | Sequence[Callback] | None,
    validation_split: float,
    validation_data: Data | None,
    shuffle: bool | str,
    class_weight: Mapping[int, float] | None,
    initial_epoch: int,
    steps_per_epoch: int | None,
    validation_steps: int | None,
    validation_batch_size: int | None,
    validation_freq: int | Sequence[int],
    validation_from: str | None,
    keep: bool | None,
    resume: resuming.Resume,
    checkpoint: PathLike | None,
    stop_on_nan: bool,
) -> History:
    """`Model.fit`; its docstring describes the arguments."""
    epochs = checks.check_integer("epochs", epochs, least=0)
    initial_epoch = checks.check_integer("initial_epoch", initial_epoch, least=0)
    checks.check_fit(epochs, initial_epoch, validation_split, validation_freq, shuffle)
    epochs = apply_limit("epochs", epochs) or epochs
    require_compiled(model, "fit")
    if x is None:
        raise DataError(message("fit", expected="samples x", got="none"))
    split_off = None
    if validation_split:
        preprocessing = _preprocessing_for(model, x)
        x = x if preprocessing is None else preprocessing(x)
        x, y, sample_weight, split_off = _split(x, y, sample_weight, validation_split, validation_from, validation_data)
    source = make_source(
        model,
        x,
        y,
        sample_weight,
        batch_size=batch_size,
        shuffle=shuffle,
        class_weight=class_weight,
        steps=steps_per_epoch,
        steps_word="steps_per_epoch",
    )
    if isinstance(source, data.ArraySource):
        checks.warn_unseen_classes(class_weight, source.data[1])
    trainer = _checked_trainer(model, "fit", source)
    source.seed = trainer.seed
    trainer.prepare(source)
    checks.warn_frozen_since(model, trainer)
    size = batch_size if validation_batch_size is None else validation_batch_size
    validation_data = validation_data if split_off is None else split_off
    validation = _validation_source(model, validation_data, size, validation_steps)
    model.stop_training = False
    history = History()
    listed: list[Any] = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks] if callbacks else []
    batches = {
        "batch_size": batch_size or data.BATCH if isinstance(source, data.ArraySource) else None,
        "steps_per_epoch": steps_per_epoch,
        "shuffle": shuffle,
        "class_weight": class_weight,
        "validation_split": validation_split or None,
    }
    several, divided = processes.count() > 1, False
    main = not several or processes.is_main()
    if several:
        parts = TrainingFingerprint(model, trainer, source, validation, [], batches).parts
        parts |= {"program": None, "arguments": None, "epochs": epochs, "initial_epoch": initial_epoch}
        agreement.check(trainer, source, parts)
        divided = arrays.is_divided(trainer.live.arrays())
    if not main:
        verbose = 0
        listed = [callback for callback in listed if _is_called(callback, divided)]
    display = Progress(verbose)
    params = {"epochs": epochs, "steps": source.steps, "verbose": verbose, "validation_freq": validation_freq}
    params = model._callback_params(listed, source, validation_data, params)
    events = CallbackList([*listed, history], model, params)
    backup = next((c for c in events.callbacks if isinstance(c, BackupAndRestore)), None)
    fingerprint = TrainingFingerprint(model, trainer, source, validation, events.callbacks, batches)
    saves = resuming.Checkpoint(fingerprint, resume, backup)
    if main:
        saves.open(model, keep, checkpoint)
    if divided:
        saves.divide()
    identity = None if saves.autosave is None else lambda: fingerprint.text
    save_arrays = None if saves.rotation is None else saves.rotation.save
    progress = TrainingProgress(trainer, source, events.callbacks, initial_epoch, identity, save_arrays)
    validate = functools.partial(_validate, trainer, validation, validation_freq, events)
    model.history = history
    if split_off is not None:
        side = "first" if settings.validation_from(validation_from) == "start" else "last"
        display.note(f"Validating on the {side} {validation_split:.0%} of the samples.")
    closing_validation = contextlib.nullcontext() if validation is None else contextlib.closing(validation)
    with contextlib.closing(source), closing_validation, display, saves.closing(progress):
        saved = saves.load(trainer, epochs, display) if several or resume or backup is not None else None
        if saved is not None:
            progress.restore(*saved, force=resume == "force")
            display.note(progress.describe(epochs))
            if getattr(source, "draws", False) and progress.epoch < epochs and not progress.stopped:
                warn_inexact("the data")
        events.on_train_begin({})
        if saved is not None:
            progress.restore_callbacks(*saved)
        Fit(trainer, model, source, events, display, progress, validate, saves.autosave, stop_on_nan).run(
            progress.epoch if progress.stopped else epochs
        )
        events.on_train_end(dict(events.last_logs))
    if saves.autosave is not None:
        saves.note_path(display)
    return history


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


def _is_called(callback: Any, divided: bool) -> bool:
    """Whether a process other than the main one calls a callback; it takes part where weights are gathered."""
    taking_part = getattr(callback, "reads_weights", False)
    return not getattr(callback, "writes_files", False) or taking_part == "always" or (divided and taking_part)


def evaluate(
    model: Model,
    x: Data | None,
    y: Data | None,
    sample_weight: Data | None,
    batch_size: int | None,
    verbose: int | str,
    steps: int | None,
    callbacks: Callback | Sequence[Callback] | None,
) -> dict[str, Any]:
    """The logs of `Model.evaluate`."""
    require_compiled(model, "evaluate")
    source = make_source(model, x, y, sample_weight, batch_size=batch_size, steps=steps)
    trainer = _checked_trainer(model, "evaluate", source)
    trainer.prepare(source, "test")
    display = Progress(verbose)
    events = CallbackList(callbacks or [], model, {"steps": source.steps, "verbose": verbose})
    with contextlib.closing(source), display:
        try:
            events.on_test_begin({})
            display.start("Evaluate", source.steps)
            logs = evaluation_loop.evaluate(trainer, source, events, display)
            display.finish(logs)
            events.on_test_end(logs)
        except KeyboardInterrupt as error:
            interrupt.explain(error, f"Stopped in evaluate{display.position()}.")
            raise
    return logs


def predict(
    model: Model,
    x: Data,
    batch_size: int | None,
    verbose: int | str,
    steps: int | None,
    callbacks: Callback | Sequence[Callback] | None,
) -> Outputs:
    """The outputs of `Model.predict`."""
    kind = _kind("predict", x, batch_size)
    trainer = model._trainer
    if kind and trainer and trainer.knows(kind) and not verbose and steps is None and not callbacks:
        checks.check_embedding_ids(model._graph, x)
        block = data.block(x, fill=(batch_size or data.BATCH) if trainer.batch_independent else 0)
        return evaluation_loop.predict_block(trainer, block)
    if isinstance(x, tuple) and len(x) > 1:
        x = list(x)
    source = make_source(model, x, batch_size=batch_size, steps=steps)
    trainer = _checked_trainer(model, "predict", source)
    trainer.prepare(source, "predict")
    display = Progress(verbose)
    events = CallbackList(callbacks or [], model, {"steps": source.steps, "verbose": verbose})
    with contextlib.closing(source), display:
        try:
            events.on_predict_begin({})
            display.start("Predict", source.steps)
            outputs = evaluation_loop.predict(trainer, source, events, display)
            display.finish({})
            events.on_predict_end({})
        except KeyboardInterrupt as error:
            interrupt.explain(error, f"Stopped in predict{display.position()}.")
            raise
    if kind and isinstance(source, data.ArraySource) and source.steps == 1 and _is_taken(x, source.data[0]):
        trainer.remember(kind)
    return outputs


def on_batch(
    model: Model, method: str, x: Data, y: Data | None, weight: Data | None, class_weight: Mapping[int, float] | None
) -> dict[str, Any]:
    """The logs of `train_on_batch` or `test_on_batch`."""
    require_compiled(model, method)
    train, kind = method == "train_on_batch", None
    if weight is None and class_weight is None and (y is None or type(y) is np.ndarray):
        kind = _kind(method, x, *(() if y is None else (y.shape, y.dtype)))
    trainer = model._trainer
    if kind and trainer and trainer.knows(kind):
        batch = (_narrowed(x), y if y is None else _narrowed(y), None)
        checks.check_embedding_ids(model._graph, x)
        trainer.check_label_values(batch)
        return evaluation_loop.single_batch(trainer, batch, train)
    source = make_source(model, x, y, weight, batch_size=data.ALL, class_weight=class_weight)
    trainer = _checked_trainer(model, method, source)
    trainer.prepare(source, "train" if train else "test")
    if kind and isinstance(source, data.ArraySource) and all(map(_is_taken, (x, y), source.data)):
        trainer.remember(kind)
    return evaluation_loop.single_batch(trainer, source.sample, train)


def _kind(method: str, x: Any, *rest: Any) -> tuple[Any, ...] | None:
    """The properties that all checks except those of values depend on, if x is a NumPy array."""
    return (method, x.shape, x.dtype, *rest) if type(x) is np.ndarray else None


def _is_taken(given: Any, array: Any) -> bool:
    """Whether the source contains the given array itself, or a float64 array in the default dtype."""
    return array is given or (type(given) is np.ndarray and given.dtype == np.float64)


def _narrowed(array: Any) -> Any:
    return array.astype(dtypes.floatx()) if array.dtype == np.float64 else array


def predict_on_batch(model: Model, x: Data) -> Outputs:
    """The outputs of `Model.predict_on_batch`."""
    preprocessing = _preprocessing_for(model, x)
    arrays = data.as_arrays("x", x if preprocessing is None else preprocessing(x))
    trainer = get_trainer(model, "predict", arrays)
    placed = jax.tree.map(lambda array: array[None], arrays)
    outputs, assigned = trainer.predict(trainer.live.values(), trainer.key, placed, trainer.count())
    trainer.live.put(assigned)
    return jax.tree.map(lambda array: np.array(array[0]), jax.device_get(outputs))


def scores(logs: dict[str, Any], as_dict: bool) -> Scores:
    """Logs as Keras returns them: a dict, or a list of values in their order, or a single value."""
    if as_dict:
        return dict(logs)
    values = list(logs.values())
    return values[0] if len(values) == 1 else values


# Data ----------------------------------------------------------------------------------------------------------------


def make_source(model: Model, x: Data | None, *args: Any, **kwargs: Any) -> data.Source:
    """The source of batches for user data."""

    def any_rows() -> bool:
        return any(step_methods.overrides(model, name) for name in step_methods.STEP_METHODS)

    return data.make_source(x, *args, preprocess=_preprocessing_for(model, x), any_rows=any_rows, **kwargs)


def _checked_trainer(model: Model, method: str, source: data.Source) -> Any:
    """The trainer, after comparing the data with the inputs of the model."""
    _check_inputs(model, method, source)
    try:
        trainer = get_trainer(model, method, source.sample[0])
    except ShapeError as error:
        if not checks.look_swapped(source):
            raise
        raise ShapeError(f"{english(error).partition(chr(10))[0]}\n{checks.SWAPPED}") from None
    checks.check_ids(_traced_graph(model), source)
    return trainer


def _check_inputs(model: Model, method: str, source: data.Source) -> None:
    """Compare the data with the inputs of the model, unless a step of the user decides what to give it."""
    if not step_methods.decides_inputs(model, method):
        checks.check_inputs(_traced_graph(model), source)


def _preprocessing_for(model: Model, x: Any) -> HostPreprocessing | None:
    """The layers that take strings and run on the host first; None without any."""
    first = getattr(model, "_layers", None) or [None]
    if not model.built and getattr(first[0], "runs_on_host", False):
        sample = _first_batch(x) if data.is_stream(x) else x
        if sample is not None and data.is_text(sample):
            model._ensure_built((symbolic.KerasTensor((None, *np.shape(sample)[1:]), "string"),), {})
    return host_preprocessing_of(model)


def _first_batch(x: Any) -> Any:
    """The samples of the first batch of a stream that can be restarted, else None."""
    batch = None if hasattr(x, "__next__") else next(iter(x), None)
    return batch[0] if isinstance(batch, (tuple, list)) and batch else batch


def _traced_graph(model: Model) -> Graph | None:
    """The compiled graph, which follows the layers that run on the host."""
    preprocessing = host_preprocessing_of(model)
    return model._graph if preprocessing is None else preprocessing.rest


def _split(x: Any, y: Any, weight: Any, fraction: float, side: str | None, validation_data: Any) -> Any:
    """(x, y, weight, validation data) with a fraction of the samples split off."""
    if validation_data is not None:
        return x, y, weight, None
    if data.is_stream(x):
        raise ArgumentError(
            message(
                "validation_split",
                expected="arrays",
                got=f"a {type(x).__name__}",
                hint="Give validation_data with its own generator or dataset.",
            )
        )
    arrays = tuple(data.as_arrays(n, v, lazy=True) for n, v in (("x", x), ("y", y), ("sample_weight", weight)))
    data.check_lengths(dict(zip(("x", "y", "sample_weight"), arrays, strict=True)))
    side = settings.validation_from(side)
    rest, split_off = data.split(arrays, fraction, side == "start")
    checks.warn_lost_classes(rest[1], split_off[1], side)
    return *rest, split_off


def _validation_source(
    model: Model, validation_data: Any, batch_size: int | None, steps: int | None
) -> data.Source | None:
    if validation_data is None:
        return None
    x, y, weight = checks.validation_pair(validation_data)
    source = make_source(model, x, y, weight, batch_size=batch_size, steps=steps, what="validation_")
    _check_inputs(model, "evaluate", source)
    get_trainer(model, "fit").check_labels(source)
    return source
