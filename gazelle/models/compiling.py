"""compile: what a model is trained by, the programs that are made of it, and how it is written down."""

from __future__ import annotations

import threading
from typing import Any

import jax

from gazelle import losses, optimizers
from gazelle.core import era, prng, symbolic
from gazelle.core.config import deserialize, name_of, serialize
from gazelle.core.errors import StateError, message
from gazelle.core.traceback import warn
from gazelle.layers import weight_tree
from gazelle.metrics import Mean
from gazelle.models import closures, sharing
from gazelle.models.checks import check_outputs
from gazelle.models.fit_arguments import whole
from gazelle.models.host_preprocessing import host_preprocessing_of
from gazelle.models.step_methods import ModelSteps
from gazelle.models.train_step import Hooks
from gazelle.training.custom_trainer import CustomTrainer
from gazelle.training.metrics_state import CompileMetrics, MetricsState
from gazelle.training.programs import ModelSpec
from gazelle.training.trainer import Trainer

_making = threading.RLock()  # one thread at a time makes the trainer of a model


#: methods by which Keras programs replace the loop around the step
_MAKERS = ("make_train_function", "make_test_function", "make_predict_function")
_COMPILE = (
    "optimizer",
    "loss",
    "loss_weights",
    "metrics",
    "weighted_metrics",
    "run_eagerly",
    "steps_per_execution",
    "jit_compile",
)


class Compiling(Hooks, abstract=True):
    """The part of `Model` that is told how to train, and makes the trainer at first need."""

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
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
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
                    message(
                        f"{type(self).__name__}.{name} is not called by gazelle",
                        expected="train_step(self, data)",
                        got="a method that makes the loop around it",
                        hint="Write train_step, test_step or predict_step: fit compiles the loop around them.",
                    )
                )
        self.optimizer = optimizers.get(optimizer)
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16":
            self.optimizer = optimizers.scaled(self.optimizer)
        for one in jax.tree.leaves(loss, is_leaf=lambda v: v is not None and not isinstance(v, (list, dict))):
            losses.get(one)
        self._compiled = {
            "optimizer": optimizer,
            "loss": closures.close(self, loss),
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }
        self._trackers, self._finished = {"loss": Mean("loss")}, 0
        given = metrics if metrics is not None else weighted_metrics
        self._compile_metrics = (
            CompileMetrics(MetricsState(metrics, weighted_metrics, None)) if given is not None else None
        )
        self._trainer, self._seed = None, prng.next_seed()
        self._frozen = {id(v) for v in self.variables} - weight_tree.trainable_ids(self) if self.built else None

    def __getstate__(self) -> dict[str, Any]:
        """What a pickle or a copy holds: everything but compiled programs and the lease of a training."""
        if self._trainer is not None:
            self._trainer.live.flush()
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

    def _need_compiled(self, what: str) -> None:
        if self._compiled is None:
            raise StateError(
                message(f"{what} was called before compile", hint="Call model.compile(optimizer, loss) first.")
            )

    def _get_trainer(self, what: str, sample: Any = None) -> Trainer:
        """The trainer, made at first need; for `predict` an uncompiled model has one without a loss."""
        if self._compiled is None and what != "predict":
            raise StateError(
                message(f"{what} was called before compile", hint="Call model.compile(optimizer, loss) first.")
            )
        if not self.built and (self._writes_steps() or not self._has_call()):  # its steps call its parts
            self.built = all(layer.built for layer in self.layers)
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
            frozen = {id(v) for v in self.variables} - weight_tree.trainable_ids(self)
            self._frozen = frozen if words else None
        trainable = {path for path, v in weight_tree.named_variables(self).items() if id(v) not in frozen}
        plan = sharing.model_spec(self, words, self.optimizer if words else None, trainable)
        front = host_preprocessing_of(self)
        if front is not None:
            plan.call = front.rest.run
        if self._writes_steps():
            if front is not None:
                raise StateError(
                    message(
                        f"{type(self).__name__} has steps of its own and takes strings",
                        expected="numbers",
                        hint="Apply the layers that take strings to the data first.",
                    )
                )
            return self._new_custom_trainer(plan)
        key = sharing.structure(self, plan)
        trainer = Trainer(
            plan,
            self._seed if words else 0,
            key,
            lambda: sharing.abstract_clone(self, plan),
            sharing.is_batch_independent(self),
        )
        trainer.meters.trackers = self._trackers
        if self._compile_metrics is not None:
            self._compile_metrics.meters = trainer.meters
        return trainer

    def _new_custom_trainer(self, plan: ModelSpec) -> Trainer:
        """The trainer of a model with steps of its own: no other model can share its programs."""
        if self._compile_metrics is not None:  # its graph is known by now
            self._compile_metrics.meters = MetricsState(plan.metrics, plan.weighted_metrics, plan.outputs)
        alone = sharing.is_batch_independent(self) and type(self).predict_step is Hooks.predict_step
        return CustomTrainer(plan, self._seed if self._compiled else 0, ModelSteps(self), alone)

    def _build_for(self, sample: Any) -> None:
        """Make the weights for data of this shape."""
        if sample is None:
            raise StateError(message(f"Model '{self.name}' is not built", hint="Call it on data, or give input_shape."))
        inputs = jax.tree.map(lambda a: symbolic.KerasTensor((None, *a.shape[1:]), str(a.dtype)), sample)
        symbolic.output_spec(self._call_arrays_here, (inputs,), {}, name=self.name)
        self.built = True

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns, in order; before the first data as far as `compile` was told them."""
        if self._trainer is None or not self._trainer.meters.built:
            given = jax.tree.leaves((self._compiled or {}).get("metrics"))
            told = (m if isinstance(m, str) else getattr(m, "name", None) or name_of(m) for m in given)
            names = ["loss", *told]
        else:
            names = self._trainer.meters.names
        found: list[str] = era.shown("metrics_names", self, names)
        return found

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of `compile` as values that JSON can hold."""
        if self._compiled is None:
            return None
        words = {k: v for k, v in self._compiled.items() if k != "optimizer"}
        return {"optimizer": serialize(self.optimizer), **{k: serialize(v) for k, v in words.items()}}

    def compile_from_config(self, config: Any) -> None:
        """Compile with what `get_compile_config` gave."""
        kind = type(self)
        if kind.compile is not Compiling.compile and kind.compile_from_config is Compiling.compile_from_config:
            warn(
                f"{kind.__name__}.compile is your own, so the model was loaded without being compiled: compile "
                "it, or write compile_from_config(self, config).",
            )
            return
        words = {k: deserialize(v) for k, v in config.items() if k in _COMPILE}
        self.compile(**words)
