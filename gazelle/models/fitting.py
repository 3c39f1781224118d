"""compile, fit, evaluate, predict: the words of Keras, handed over to the room `training`."""

from __future__ import annotations

import contextlib
import threading
import warnings
from typing import Any

import jax
import numpy as np

from gazelle import data, losses, optimizers
from gazelle.core import defaults, random, symbolic
from gazelle.core.config import deserialize, name_of, serialize
from gazelle.core.errors import ArgumentError, DataError, StateError, message
from gazelle.metrics import Mean
from gazelle.models import closures, settings, sharing
from gazelle.models.arguments import check_fit, pair, warn_unseen_classes, whole
from gazelle.models.checks import check_inputs, check_outputs, warn_frozen_since
from gazelle.models.front import Front, front_of
from gazelle.models.graph import Graph
from gazelle.models.hooks import Hooks, ModelSteps
from gazelle.training import passes
from gazelle.training.callbacks import BackupAndRestore, CallbackList, History, Progress
from gazelle.training.custom import CustomTrainer
from gazelle.training.loop import Fit
from gazelle.training.meters import CompileMetrics, Meters
from gazelle.training.position import Position
from gazelle.training.programs import Blueprint
from gazelle.training.trainer import Trainer

_making = threading.RLock()  # one thread at a time makes the trainer of a model


class Fitting(Hooks, abstract=True):
    """The half of `Model` that trains. It knows which arguments mean what, and no arithmetic."""

    stop_training = False
    history: Any = None
    _graph: Any
    _compiled: dict[str, Any] | None
    _trainer: Trainer | None

    def _setup_fitting(self) -> None:
        self._compiled, self._trainer, self._seed = None, None, 0
        self._frozen: set[int] | None = None  # ids of the variables that compile found frozen
        self._trackers, self._compile_metrics = {}, None
        self.stop_training = False

    def compile(
        self, optimizer: Any = "rmsprop", loss: Any = None, loss_weights: Any = None, metrics: Any = None,
        weighted_metrics: Any = None, run_eagerly: bool = False, steps_per_execution: int = 1,
        jit_compile: Any = "auto", auto_scale_loss: bool = True,
    ) -> None:  # fmt: skip
        """Choose the optimizer, the loss and the metrics.

        Args:
            optimizer: a name, an object of `gazelle.optimizers`, or an `optax` transformation.
            loss: a name, function or object; a list or dict with one per output.
            loss_weights: factors of the losses in the sum that is minimized.
            metrics: names, functions or objects; "accuracy" chooses its kind by the shapes of labels and output.
            weighted_metrics: metrics that count samples by `sample_weight` and `class_weight`.
            run_eagerly: run every step in Python, uncompiled: slow, but a step may print values.
            steps_per_execution, jit_compile, auto_scale_loss: accepted as in Keras; `fit` runs one compiled program
                over as many steps as nobody looks at.

        Raises:
            ArgumentError: an unknown name, with the nearest known ones.

        >>> model = Sequential([Input((3,)), layers.Dense(1)])
        >>> model.compile("adam", "mse", metrics=["mae"])
        """
        whole("steps_per_execution", steps_per_execution)
        for name in _MAKERS:
            if getattr(type(self), name, None) is not None:  # silently training without it would be worse
                raise StateError(
                    message(f"{type(self).__name__}.{name} is not called by gazelle", expected="train_step(self, data)",
                            got="a method that makes the loop around it",
                            mend="Write train_step, test_step or predict_step: fit compiles the loop around them.")
                )  # fmt: skip
        self.optimizer = optimizers.get(optimizer)
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16":
            self.optimizer = optimizers.scaled(self.optimizer)
        for one in jax.tree.leaves(loss, is_leaf=lambda v: v is not None and not isinstance(v, (list, dict))):
            losses.get(one)
        self._compiled = {
            "optimizer": optimizer, "loss": closures.close(self, loss), "loss_weights": loss_weights,
            "metrics": metrics, "weighted_metrics": weighted_metrics, "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution, "jit_compile": jit_compile,
        }  # fmt: skip
        self._trackers, self._finished = {"loss": Mean("loss")}, 0
        given = metrics if metrics is not None else weighted_metrics
        self._compile_metrics = CompileMetrics(Meters(metrics, weighted_metrics, None)) if given is not None else None
        self._trainer, self._seed = None, random.next_seed()
        self._frozen = {id(v) for v in self.variables} - self.trainable_ids() if self.built else None

    def __getstate__(self) -> dict[str, Any]:
        """What a pickle or a copy holds: everything but compiled programs and the lease of a training."""
        if self._trainer is not None:
            self._trainer.live.settle()
        frozen = None if self._frozen is None else [v for v in self.variables if id(v) in self._frozen]
        return {**self.__dict__, "_trainer": None, "_frozen": frozen}

    def __setstate__(self, state: dict[str, Any]) -> None:
        frozen = None if state["_frozen"] is None else {id(variable) for variable in state["_frozen"]}
        self.__dict__.update(state, _frozen=frozen)

    @property
    def compiled(self) -> bool:
        return self._compiled is not None

    @property
    def loss(self) -> Any:
        """What `compile` was given; another may be assigned."""
        return self._compiled["loss"] if self._compiled else self.__dict__.get("loss")

    @loss.setter
    def loss(self, loss: Any) -> None:
        self.__dict__["loss"] = loss  # of a model that is not compiled: an attribute like others
        self._say("loss", loss)

    @property
    def optimizer(self) -> Any:
        """The optimizer; another may be assigned, which begins with slots of its own."""
        return self.__dict__.get("optimizer")

    @optimizer.setter
    def optimizer(self, optimizer: Any) -> None:
        self.__dict__["optimizer"] = optimizer
        self._say("optimizer", optimizer)

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run in Python, uncompiled."""
        return bool((self._compiled or {}).get("run_eagerly"))

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        self._say("run_eagerly", bool(value))

    def _say(self, word: str, value: Any) -> None:
        """Replace an argument of `compile`: the next call of fit, evaluate or predict makes its programs anew."""
        if self.__dict__.get("_compiled") is not None:
            self._compiled = {**(self._compiled or {}), word: value}
            self._trainer = None

    def _forget_compiled(self) -> None:
        """The structure changed: programs made for the old one do not serve any more."""
        self._trainer, self._frozen = None, None

    def _get_trainer(self, what: str, sample: Any = None) -> Trainer:
        """The trainer, made at first need; for `predict` an uncompiled model has one without a loss."""
        if self._compiled is None and what != "predict":
            raise StateError(
                message(f"{what} was called before compile", mend="Call model.compile(optimizer, loss) first.")
            )
        if not self.built and self._has_call():
            self._build_for(sample)
        with _making:
            if self._trainer is None or (self._compiled is not None and self._trainer.optimizer is None):
                self._trainer = self._new_trainer(self._compiled or {})
            return self._trainer

    def _new_trainer(self, words: dict[str, Any]) -> Trainer:
        check_outputs(self._graph, words.get("loss"))
        frozen = self._frozen
        if frozen is None:
            frozen = {id(v) for v in self.variables} - self.trainable_ids()
            self._frozen = frozen if words else None
        trainable = {path for path, v in self.named_variables().items() if id(v) not in frozen}
        plan = sharing.blueprint(self, words, self.optimizer if words else None, trainable)
        front = front_of(self)
        if front is not None:
            plan.call = front.rest.run
        if self._writes_steps():
            if front is not None:
                raise StateError(
                    message(f"{type(self).__name__} has steps of its own and takes strings", expected="numbers",
                            mend="Apply the layers that take strings to the data first.")
                )  # fmt: skip
            return self._new_custom_trainer(plan)
        key = sharing.structure(self, plan)
        trainer = Trainer(
            plan, self._seed if words else 0, key, lambda: sharing.skeleton(self, plan), sharing.rows_alone(self)
        )
        trainer.meters.trackers = self._trackers
        if self._compile_metrics is not None:
            self._compile_metrics.meters = trainer.meters
        return trainer

    def _new_custom_trainer(self, plan: Blueprint) -> Trainer:
        """The trainer of a model with steps of its own: no other model can share its programs."""
        if self._compile_metrics is not None:  # its graph is known by now
            self._compile_metrics.meters = Meters(plan.metrics, plan.weighted_metrics, plan.outputs)
        alone = sharing.rows_alone(self) and type(self).predict_step is Hooks.predict_step
        return CustomTrainer(plan, self._seed if self._compiled else 0, ModelSteps(self), alone)

    def _build_for(self, sample: Any) -> None:
        """Make the weights for data of this shape."""
        if sample is None:
            raise StateError(message(f"Model '{self.name}' is not built", mend="Call it on data, or give input_shape."))
        inputs = jax.tree.map(lambda a: symbolic.KerasTensor((None, *a.shape[1:]), str(a.dtype)), sample)
        symbolic.output_spec(self._call_arrays_here, (inputs,), {}, name=self.name)
        self.built = True

    def fit(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, epochs: int = 1, verbose: Any = "auto",
        callbacks: Any = None, validation_split: float = 0.0, validation_data: Any = None, shuffle: Any = True,
        class_weight: Any = None, sample_weight: Any = None, initial_epoch: int = 0,
        steps_per_epoch: int | None = None, validation_steps: int | None = None,
        validation_batch_size: int | None = None, validation_freq: Any = 1, *,
        validation_from: str | None = None, keep: bool | None = None, resume: bool = False, stop_on_nan: bool = True,
    ) -> Any:  # fmt: skip
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
            StateError: not compiled. DataError, ShapeError: the data does not fit, with the mend.
        """
        epochs, initial_epoch = whole("epochs", epochs), whole("initial_epoch", initial_epoch, least=0)
        check_fit(epochs, initial_epoch, validation_split, validation_freq, shuffle)
        epochs = defaults.limited("epochs", epochs) or epochs
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
            x, y, sample_weight, batch_size=batch_size, shuffle=shuffle, class_weight=class_weight,
            steps=steps_per_epoch, steps_word="steps_per_epoch",
        )  # fmt: skip
        if isinstance(source, data.ArraySource):
            warn_unseen_classes(class_weight, source.data[1])
        check_inputs(self._entrance(), source)
        trainer = self._get_trainer("fit", source.sample[0])
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
        events = CallbackList([*listed, history], self, params)
        backup = next((c for c in events.callbacks if isinstance(c, BackupAndRestore)), None)
        keeper = settings.keeper(self.name, keep, resume, backup)
        at = Position(trainer, source, events.callbacks, initial_epoch)

        def validate(epoch: int) -> dict[str, Any]:
            due = validation_freq
            due = (epoch + 1) in due if isinstance(due, (list, tuple, set)) else (epoch + 1) % due == 0
            if check is None or not due:
                return {}
            events.on_test_begin({})
            logs = passes.evaluate(trainer, check, events)
            events.on_test_end(logs)
            return {f"val_{key}": value for key, value in logs.items()}

        self.history = history
        if held is not None:
            display.note(
                f"Validating on the {settings.side_of(validation_from)} {validation_split:.0%} of the samples."
            )
        with display, contextlib.closing(keeper) if keeper is not None else contextlib.nullcontext():
            kept = settings.kept(keeper) if resume or backup is not None else None
            if kept is not None:
                at.restore(*kept)
                display.note(at.told())
            events.on_train_begin({})
            if kept is not None:
                at.restore_callbacks(*kept)
            Fit(trainer, self, source, events, display, at, validate, keeper, stop_on_nan).run(
                at.epoch if at.stopped else epochs
            )
            events.on_train_end(dict(events.last_logs))
        if keeper is not None:
            settings.tell(keeper, display)
        return history

    def _front_for(self, x: Any) -> Front | None:
        """What is done to x on the host first: the layers that take strings."""
        first = getattr(self, "_layers", None) or [None]
        if not self.built and getattr(first[0], "on_host", False) and not data.is_stream(x) and data.is_text(x):
            self._ensure_built((symbolic.KerasTensor((None, *np.shape(x)[1:]), "string"),), {})
        return front_of(self)

    def _entrance(self) -> Graph | None:
        """The graph that data meets."""
        front = front_of(self)
        return self._graph if front is None else front.rest

    def _source(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        return data.make_source(x, *args, front=self._front_for(x), **kwargs)

    def _split(self, x: Any, y: Any, w: Any, share: float, side: str | None, given: Any) -> Any:
        if given is not None:
            return x, y, w, None
        if data.is_stream(x):
            raise ArgumentError(
                message("validation_split", expected="arrays", got=f"a {type(x).__name__}",
                        mend="Give validation_data with its own generator or dataset.")
            )  # fmt: skip
        arrays = tuple(data.as_arrays(n, v) for n, v in (("x", x), ("y", y), ("sample_weight", w)))
        data.check_lengths(dict(zip(("x", "y", "sample_weight"), arrays, strict=True)))
        side = settings.validation_from(side)
        rest, part = data.split(arrays, share, side == "start")
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
        self, x: Any = None, y: Any = None, batch_size: int | None = None, verbose: Any = "auto",
        sample_weight: Any = None, steps: int | None = None, callbacks: Any = None, return_dict: bool = False,
    ) -> Any:  # fmt: skip
        """Loss and metrics on data that is not trained on: a number, a list, or a dict with `return_dict=True`."""
        self._need_compiled("evaluate")
        source = self._source(x, y, sample_weight, batch_size=batch_size, steps=steps)
        check_inputs(self._entrance(), source)
        trainer = self._get_trainer("evaluate", source.sample[0])
        trainer.prepare(source, "test")
        display = Progress(verbose)
        events = CallbackList(callbacks or [], self, {"steps": source.steps, "verbose": verbose})
        with display:
            events.on_test_begin({})
            display.start("Evaluate", source.steps)
            logs = passes.evaluate(trainer, source, events, display)
            display.finish(logs)
            events.on_test_end(logs)
        return _returned(logs, return_dict)

    def predict(
        self, x: Any, batch_size: int | None = None, verbose: Any = "auto", steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:  # fmt: skip
        """The outputs for all samples, as NumPy arrays."""
        if isinstance(x, tuple) and len(x) > 1:
            x = list(x)
        source = self._source(x, batch_size=batch_size, steps=steps)
        check_inputs(self._entrance(), source)
        trainer = self._get_trainer("predict", source.sample[0])
        trainer.prepare(source, "predict")
        display = Progress(verbose)
        events = CallbackList(callbacks or [], self, {"steps": source.steps, "verbose": verbose})
        with display:
            events.on_predict_begin({})
            display.start("Predict", source.steps)
            outputs = passes.predict(trainer, source, events, display)
            display.finish({})
            events.on_predict_end({})
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
        return _returned(passes.single_batch(trainer, source.sample, train), return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs of one batch, as NumPy arrays."""
        front = self._front_for(x)
        arrays = data.as_arrays("x", x if front is None else front(x))
        trainer = self._get_trainer("predict", arrays)
        placed = jax.tree.map(lambda array: array[None], arrays)
        outputs, assigned = trainer.predict(trainer.live.values(), trainer.key, placed, trainer.count())
        trainer.live.put(assigned)
        return jax.tree.map(lambda array: np.array(array[0]), jax.device_get(outputs))

    def _need_compiled(self, what: str) -> None:
        if self._compiled is None:
            raise StateError(
                message(f"{what} was called before compile", mend="Call model.compile(optimizer, loss) first.")
            )

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns, in order; before the first data as far as `compile` was told them."""
        if self._trainer is None or not self._trainer.meters.built:
            given = jax.tree.leaves((self._compiled or {}).get("metrics"))
            return ["loss", *(m if isinstance(m, str) else getattr(m, "name", None) or name_of(m) for m in given)]
        return self._trainer.meters.names

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of `compile` as values that JSON can hold."""
        if self._compiled is None:
            return None
        words = {k: v for k, v in self._compiled.items() if k != "optimizer"}
        return {"optimizer": serialize(self.optimizer), **{k: serialize(v) for k, v in words.items()}}

    def compile_from_config(self, config: Any) -> None:
        """Compile with what `get_compile_config` gave."""
        if type(self).compile is not Fitting.compile and type(self).compile_from_config is Fitting.compile_from_config:
            warnings.warn(
                f"{type(self).__name__}.compile is your own, so the model was loaded without being compiled: compile "
                "it, or write compile_from_config(self, config).", UserWarning, stacklevel=2,
            )  # fmt: skip
            return
        words = {k: deserialize(v) for k, v in config.items() if k in _COMPILE}
        self.compile(**words)


#: methods by which Keras programs replace the loop around the step
_MAKERS = ("make_train_function", "make_test_function", "make_predict_function")
_COMPILE = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution",
            "jit_compile")  # fmt: skip


def _returned(logs: Any, as_dict: bool) -> Any:
    if as_dict:
        return dict(logs)
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
