"""compile, fit, evaluate, predict: the words of Keras, handed over to the room `training`."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import jax
import numpy as np

from gazelle import data
from gazelle.core import era, symbolic
from gazelle.core.errors import ArgumentError, DataError, message
from gazelle.core.settings import apply_limit
from gazelle.models import settings
from gazelle.models.checks import check_ids, check_inputs, check_rows, warn_frozen_since
from gazelle.models.compiling import Compiling
from gazelle.models.fit_arguments import check_fit, pair, warn_unseen_classes, whole
from gazelle.models.fit_lock import one_fit_at_a_time
from gazelle.models.graph import Graph
from gazelle.models.host_preprocessing import HostPreprocessing, host_preprocessing_of
from gazelle.training import evaluation_loop
from gazelle.training.callbacks import BackupAndRestore, CallbackList, History, Progress
from gazelle.training.loop import Fit
from gazelle.training.training_progress import TrainingProgress

_making = threading.RLock()  # one thread at a time makes the trainer of a model


class Fitting(Compiling, abstract=True):
    """The part of `Model` that trains. It knows which arguments mean what, and no arithmetic."""

    @one_fit_at_a_time
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        *,
        validation_from: str | None = None,
        keep: bool | None = None,
        resume: bool = False,
        stop_on_nan: bool = True,
    ) -> Any:
        """Train the model; returns the `History` of losses and metrics.

        Args:
            x: samples: an array, a data frame, a list or dict of arrays, a generator of (x, y), a dataset.
            y: labels, one per sample; nothing where x yields them.
            batch_size: samples per update, 32 by default.
            epochs: passes over the samples; `initial_epoch` counts as done.
            verbose: 1 or "auto" a progress bar, 2 a line per epoch, 0 nothing.
            callbacks: objects of `gazelle.callbacks`.
            validation_split: this share of the samples is not trained on but measured after each epoch: the first
                ones, as `validation_from="start"` says (Keras takes the last, "end"), before any shuffling.
            validation_data: (x, y), (x, y, weight), or anything x can be.
            shuffle: draw the samples in a new order each epoch, a function of (seed, epoch).
            class_weight: {class: weight}. sample_weight: one weight per sample.
            steps_per_epoch: batches that make an epoch.
            validation_freq: validate every so many epochs, or after the epochs in a list.
            keep: keep the latest state on disk (see `gazelle.latest`); True by default.
            resume: go on where the last run of this program stopped, as if it never had: at the same step of the same
                epoch, with the same History; a run that was complete is returned at once. Data that is not held in
                arrays is skipped up to there, or gives and takes its own state (`state()`, `restore(state)`).
            stop_on_nan: stop before the update whose loss is NaN or infinite, with a warning that names the step, its
                samples and the first layer that produced it; False goes on.

        Raises:
            StateError: not compiled, or another thread trains this model.
            DataError, ShapeError: the data does not fit, with the mend.
        """
        epochs, initial_epoch = whole("epochs", epochs), whole("initial_epoch", initial_epoch, least=0)
        check_fit(epochs, initial_epoch, validation_split, validation_freq, shuffle)
        epochs = apply_limit("epochs", epochs) or epochs
        self._need_compiled("fit")
        if x is None:
            raise DataError(message("fit", expected="samples x", got="none"))
        held = None
        if validation_split:
            front = self._front_for(x)
            x = x if front is None else front(x)
            x, y, sample_weight, held = self._split(
                x, y, sample_weight, validation_split, validation_from, validation_data
            )
        source = self._source(
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
            warn_unseen_classes(class_weight, source.data[1])
        check_inputs(self._entrance(), source)
        trainer = self._get_trainer("fit", source.sample[0])
        check_ids(self._entrance(), source)
        source.seed = trainer.seed
        trainer.prepare(source)
        warn_frozen_since(self, trainer.live.trainable)
        validation = held if held is not None else validation_data
        size = batch_size if validation_batch_size is None else validation_batch_size
        check = self._validation(validation, size, validation_steps)
        self.stop_training = False
        history = History()
        display = Progress(verbose)
        listed = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks] if callbacks else []
        params = {"epochs": epochs, "steps": source.steps, "verbose": verbose, "validation_freq": validation_freq}
        params = era.shown("run", (listed, source, validation), params)
        events = CallbackList([*listed, history], self, params)
        backup = next((c for c in events.callbacks if isinstance(c, BackupAndRestore)), None)
        autosave = settings.autosave(self.name, keep, resume, backup)
        at = TrainingProgress(trainer, source, events.callbacks, initial_epoch)

        def validate(epoch: int) -> dict[str, Any]:
            due = validation_freq
            due = (epoch + 1) in due if isinstance(due, (list, tuple, set)) else (epoch + 1) % due == 0
            if check is None or not due:
                return {}
            events.on_test_begin({})
            logs = evaluation_loop.evaluate(trainer, check, events)
            events.on_test_end(logs)
            return {f"val_{key}": value for key, value in logs.items()}

        self.history = history
        if held is not None:
            display.note(
                f"Validating on the {settings.side_of(validation_from)} {validation_split:.0%} of the samples."
            )
        with display, contextlib.closing(autosave) if autosave is not None else contextlib.nullcontext():
            kept = settings.kept(autosave) if resume or backup is not None else None
            if kept is not None:
                at.restore(*kept)
                display.note(at.told())
            events.on_train_begin({})
            if kept is not None:
                at.restore_callbacks(*kept)
            Fit(trainer, self, source, events, display, at, validate, autosave, stop_on_nan).run(
                at.epoch if at.stopped else epochs
            )
            events.on_train_end(dict(events.last_logs))
        if autosave is not None:
            settings.tell(autosave, display)
        return history

    def _front_for(self, x: Any) -> HostPreprocessing | None:
        """What is done to x on the host first: the layers that take strings."""
        first = getattr(self, "_layers", None) or [None]
        if not self.built and getattr(first[0], "runs_on_host", False):
            sample = _first_batch(x) if data.is_stream(x) else x
            if sample is not None and data.is_text(sample):
                self._ensure_built((symbolic.KerasTensor((None, *np.shape(sample)[1:]), "string"),), {})
        return host_preprocessing_of(self)

    def _entrance(self) -> Graph | None:
        """The graph that data meets."""
        front = host_preprocessing_of(self)
        return self._graph if front is None else front.rest

    def _source(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        return data.make_source(x, *args, front=self._front_for(x), **kwargs)

    def _split(self, x: Any, y: Any, w: Any, fraction: float, side: str | None, given: Any) -> Any:
        if given is not None:
            return x, y, w, None
        if data.is_stream(x):
            raise ArgumentError(
                message(
                    "validation_split",
                    expected="arrays",
                    got=f"a {type(x).__name__}",
                    hint="Give validation_data with its own generator or dataset.",
                )
            )
        arrays = tuple(data.as_arrays(n, v) for n, v in (("x", x), ("y", y), ("sample_weight", w)))
        data.check_lengths(dict(zip(("x", "y", "sample_weight"), arrays, strict=True)))
        side = settings.validation_from(side)
        rest, part = data.split(arrays, fraction, side == "start")
        settings.warn_lost_classes(rest[1], part[1], side)
        return *rest, part

    def _validation(self, given: Any, batch_size: int | None, steps: int | None) -> data.Source | None:
        if given is None:
            return None
        x, y, weight = pair(given)
        source = self._source(x, y, weight, batch_size=batch_size, steps=steps, what="validation_")
        check_inputs(self._entrance(), source)
        self._get_trainer("fit").check_labels(source)
        return source

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics on data that is not trained on: a number, a list, or a dict with `return_dict=True`."""
        self._need_compiled("evaluate")
        source = self._source(x, y, sample_weight, batch_size=batch_size, steps=steps)
        check_inputs(self._entrance(), source)
        trainer = self._get_trainer("evaluate", source.sample[0])
        check_ids(self._entrance(), source)
        trainer.prepare(source, "test")
        display = Progress(verbose)
        events = CallbackList(callbacks or [], self, {"steps": source.steps, "verbose": verbose})
        with display:
            events.on_test_begin({})
            display.start("Evaluate", source.steps)
            logs = evaluation_loop.evaluate(trainer, source, events, display)
            display.finish(logs)
            events.on_test_end(logs)
        return _returned(logs, return_dict)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs for all samples, as NumPy arrays."""
        kind = (x.shape, x.dtype, batch_size) if type(x) is np.ndarray else None
        trainer = self._trainer
        if kind and trainer and trainer.predicted == kind and not verbose and steps is None and not callbacks:
            check_rows(self._graph, x)  # all else was checked for such an array
            block = data.block(x, fill=(batch_size or data.BATCH) if trainer.alone else 0)
            return evaluation_loop.predict_block(trainer, block)
        if isinstance(x, tuple) and len(x) > 1:
            x = list(x)
        source = self._source(x, batch_size=batch_size, steps=steps)
        check_inputs(self._entrance(), source)
        trainer = self._get_trainer("predict", source.sample[0])
        check_ids(self._entrance(), source)
        trainer.prepare(source, "predict")
        display = Progress(verbose)
        events = CallbackList(callbacks or [], self, {"steps": source.steps, "verbose": verbose})
        with display:
            events.on_predict_begin({})
            display.start("Predict", source.steps)
            outputs = evaluation_loop.predict(trainer, source, events, display)
            display.finish({})
            events.on_predict_end({})
        whole = isinstance(source, data.ArraySource) and source.steps == 1
        if kind and whole and (source.data[0] is x or x.dtype == np.float64):
            trainer.predicted = kind
        return outputs

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """One update on one batch; returns the running loss and metrics (`reset_metrics` starts them anew)."""
        return self._on_batch("train_on_batch", x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics of one batch, running as in `train_on_batch`."""
        return self._on_batch("test_on_batch", x, y, sample_weight, None, return_dict)

    def _on_batch(self, what: str, x: Any, y: Any, weight: Any, class_weight: Any, return_dict: bool) -> Any:
        self._need_compiled(what)
        source = self._source(x, y, weight, batch_size=data.ALL, class_weight=class_weight)
        trainer = self._get_trainer(what, source.sample[0])
        train = what == "train_on_batch"
        trainer.prepare(source, "train" if train else "test")
        return _returned(evaluation_loop.single_batch(trainer, source.sample, train), return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs of one batch, as NumPy arrays."""
        front = self._front_for(x)
        arrays = data.as_arrays("x", x if front is None else front(x))
        trainer = self._get_trainer("predict", arrays)
        placed = jax.tree.map(lambda array: array[None], arrays)
        outputs, assigned = trainer.predict(trainer.live.values(), trainer.key, placed, trainer.count())
        trainer.live.put(assigned)
        return jax.tree.map(lambda array: np.array(array[0]), jax.device_get(outputs))


def _returned(logs: Any, as_dict: bool) -> Any:
    if as_dict:
        return dict(logs)
    values = list(logs.values())
    return values[0] if len(values) == 1 else values


def _first_batch(x: Any) -> Any:
    """The samples of the first batch of a stream that can be begun again, else None."""
    batch = None if hasattr(x, "__next__") else next(iter(x), None)
    return batch[0] if isinstance(batch, (tuple, list)) and batch else batch
