"""`compile`: the choice of optimizer, loss and metrics, and the trainer built from them."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax

from gazelle import losses, optimizers
from gazelle.core import forked, prng, shape_inference, symbolic
from gazelle.core.errors import StateError, message
from gazelle.core.replaced_methods import MethodSnapshot, connected
from gazelle.core.serialization import deserialize, serialize
from gazelle.core.traceback import warn
from gazelle.layers import weight_tree
from gazelle.metrics import Mean
from gazelle.models import closures, program_key, step_methods
from gazelle.models.checks import check_integer, check_outputs
from gazelle.models.host_preprocessing import host_preprocessing_of
from gazelle.training.custom_step import CustomStep
from gazelle.training.metrics_state import CompileMetrics
from gazelle.training.step import ModelSpec
from gazelle.training.trainer import Trainer

if TYPE_CHECKING:
    from gazelle.core.types import Tree
    from gazelle.models.model import Model
    from gazelle.optimizers.base import Optimizer

_trainer_lock = threading.RLock()  # one thread at a time creates the trainer of a model

#: methods by which Keras programs replace the loop around the step
_LOOP_METHODS = ("make_train_function", "make_test_function", "make_predict_function")
_TRACED_ARGUMENTS = ("loss", "loss_weights", "metrics", "weighted_metrics")


@dataclasses.dataclass(eq=False)
class CompileState:
    """The arguments of `compile` and the objects created from them.

    Attributes:
        arguments: the arguments of `compile` by name.
        seed: start of the random numbers of training.
        loss_trackers: {name of a loss: `Mean` of it}, which `model.metrics` lists.
        compile_metrics: the metrics given to `compile` as one metric; None without any.
        frozen: ids of the variables that were frozen at `compile`; None until the model is built.
        finished_steps: number of steps of a custom `train_step`, from which its random numbers are drawn.
        rates_begun: learning rates at the start of the last training that was saved, by the name of the optimizer.
        rates_left: learning rates at its end.
    """

    arguments: dict[str, Any]
    seed: int
    loss_trackers: dict[str, Mean]
    compile_metrics: CompileMetrics | None
    frozen: set[int] | None
    finished_steps: Any = 0
    rates_begun: dict[str, Any] = dataclasses.field(default_factory=dict)
    rates_left: dict[str, Any] = dataclasses.field(default_factory=dict)


def compile_model(model: Model, arguments: dict[str, Any], auto_scale_loss: bool) -> None:
    """Check the arguments of `compile` and store the resulting `CompileState`."""
    check_integer("steps_per_execution", arguments["steps_per_execution"])
    _refuse_loop_methods(model)
    loss, metrics, weighted = (arguments[name] for name in ("loss", "metrics", "weighted_metrics"))
    optimizer = optimizers.get(arguments["optimizer"])
    if auto_scale_loss and model.dtype_policy.name == "mixed_float16":
        optimizer = optimizers.scaled(optimizer)
    for entry in jax.tree.leaves(loss, is_leaf=lambda v: v is not None and not isinstance(v, (list, tuple, dict))):
        losses.get(entry)
    arguments["loss"] = closures.close(model, loss)
    with_metrics = metrics is not None or weighted is not None
    model._compile_state = None  # the optimizer is assigned, not replaced
    model.optimizer = optimizer
    model._trainer = None
    model._compile_state = CompileState(
        arguments,
        prng.next_seed(),
        {"loss": Mean("loss")},
        CompileMetrics(metrics, weighted, None, loss) if with_metrics else None,
        _frozen_ids(model) if model.built else None,
    )


def _refuse_loop_methods(model: Model) -> None:
    """Raise an error for a model that replaces the loop: silently training without its method would be worse."""
    for name in _LOOP_METHODS:
        if vars(model).get(name) is not None or getattr(type(model), name, None) is not None:
            raise StateError(
                message(
                    f"{type(model).__name__}.{name} is not called by gazelle",
                    expected="train_step(self, data)",
                    got="a method that builds the loop around it",
                    hint="Write train_step, test_step or predict_step: fit compiles the loop around them.",
                )
            )


def _check_optimizer(model: Model, trainable: set[str]) -> None:
    """Raise an error if there is no optimizer, or it has slots of another model's weights of other shapes."""
    optimizer = model.optimizer
    if optimizer is None:
        if step_methods.is_customized(model):
            return
        hint = "Give one: model.compile(optimizer='adam', loss=...)."
        raise StateError(message(f"Model '{model.name}' was compiled without an optimizer", hint=hint))
    for path, variable in weight_tree.named_variables(model).items():
        other = optimizer._keys.of(path) if path in trainable and optimizer.built else None
        if other is not None and other is not variable and other.shape != variable.shape:
            name = type(optimizer).__name__
            raise StateError(
                message(
                    f"The {name} of model '{model.name}' belongs to another model",
                    expected=f"moments of '{path}' of shape {variable.shape}",
                    got=f"shape {other.shape}",
                    hint=f"Make an optimizer for each model: compile({name}(...), ...).",
                )
            )


def _frozen_ids(model: Model) -> set[int]:
    return {id(v) for v in model.variables} - weight_tree.trainable_ids(model)


def replace_argument(model: Model, name: str, value: object) -> None:
    """Replace an argument of `compile`; the next fit, evaluate or predict compiles its programs again."""
    state = model._compile_state
    if state is not None:
        state.arguments = {**state.arguments, name: value}
        model._trainer = None


def require_compiled(model: Model, method: str) -> CompileState:
    """The state stored by `compile`.

    Raises:
        StateError: `compile` was not called.
    """
    if model._compile_state is None:
        raise StateError(
            message(f"{method} was called before compile", hint="Call model.compile(optimizer, loss) first.")
        )
    return model._compile_state


def get_trainer(model: Model, method: str, sample: Tree = None) -> Trainer:
    """The trainer of the model, created at first use; for `predict` an uncompiled model has one without a loss.

    Args:
        model: the model.
        method: the public method that needs the trainer, for error messages.
        sample: a batch of inputs, for a model that is not built yet.
    """
    if forked.without_threads:
        forked.refuse(f"{method} of '{model.name}' was called")
    if method != "predict":
        require_compiled(model, method)
    if not model.built and (step_methods.is_customized(model) or not model._has_call()):  # its steps call its layers
        model.built = all(layer.built for layer in model.layers)
    if not model.built and model._has_call():
        try:
            _build_for(model, sample)
        except Exception:
            if not step_methods.decides_inputs(model, method):
                raise
    with _trainer_lock:
        trainer = model._trainer
        if trainer is None or (model._compile_state is not None and trainer.optimizer is None):
            trainer = model._trainer = _new_trainer(model, model._compile_state)
        elif not trainer.is_current():  # a method was replaced since
            seed = trainer.seed
            trainer = model._trainer = _new_trainer(model, model._compile_state)
            trainer.reseed(seed)
        return trainer


def _build_for(model: Model, sample: Any) -> None:
    """Create the weights for data of this shape."""
    if sample is None:
        raise StateError(message(f"Model '{model.name}' is not built", hint="Call it on data, or give input_shape."))
    try:
        if model.run_eagerly:
            model(jax.tree.map(lambda a: a[:1], sample))
        else:
            inputs = jax.tree.map(lambda a: symbolic.KerasTensor((None, *a.shape[1:]), str(a.dtype)), sample)
            shape_inference.output_spec(model._call_arrays_here, (inputs,), {}, name=model.name)
    except Exception:
        model.built = False
        raise
    model.built = True


def _new_trainer(model: Model, state: CompileState | None) -> Trainer:
    arguments = {} if state is None else state.arguments
    check_outputs(model._graph, arguments.get("loss"))
    if state is None:
        frozen = _frozen_ids(model)
    else:
        frozen = state.frozen = _frozen_ids(model) if state.frozen is None else state.frozen
    trainable = {path for path, v in weight_tree.named_variables(model).items() if id(v) not in frozen}
    spec = model_spec(model, arguments, None if state is None else model.optimizer, trainable)
    _refuse_loop_methods(model)
    _refuse_replaced(spec.methods)
    if state is not None:
        _check_optimizer(model, trainable)
    preprocessing = host_preprocessing_of(model)
    if preprocessing is not None:
        spec.call = preprocessing.rest.run
    seed = 0 if state is None else state.seed
    if step_methods.is_customized(model):
        if preprocessing is not None:
            raise StateError(
                message(
                    f"{type(model).__name__} has a custom step and takes strings",
                    expected="numbers",
                    hint="Apply the layers that take strings to the data first.",
                )
            )
        if state is not None and state.compile_metrics is not None:  # the names of the outputs are known by now
            state.compile_metrics = CompileMetrics(spec.metrics, spec.weighted_metrics, spec.outputs, spec.loss)
        independent = program_key.is_batch_independent(model) and not step_methods.overrides(model, "predict_step")
        step = CustomStep(step_methods.ModelSteps(model), spec.run_eagerly)
        trainer = Trainer(spec, seed, None, independent, step)
        trainer.steps_per_execution = int(arguments.get("steps_per_execution") or 1)
        return trainer
    structure = program_key.structure(model, spec)
    trainer = Trainer(spec, seed, structure, program_key.is_batch_independent(model))
    trainer.steps_per_execution = int(arguments.get("steps_per_execution") or 1)
    if state is not None:
        trainer.metrics.trackers = state.loss_trackers
        if state.compile_metrics is not None:
            state.compile_metrics = trainer.metrics.source
    return trainer


def model_spec(
    model: Model, arguments: Mapping[str, Any], optimizer: Optimizer | None, trainable: set[str]
) -> ModelSpec:
    """What the programs of the model are made of; arguments: those of `compile`."""
    names = {id(layer): path for path, layer in weight_tree.named_layers(model).items()}
    outputs = model._graph.output_names if model._graph is not None else None
    variables = weight_tree.named_variables(model)
    penalties = [part for v in variables.values() for part in (v.regularizer, v.constraint)]
    traced = [model, optimizer, *(arguments.get(name) for name in _TRACED_ARGUMENTS), *penalties]
    given = {name: arguments.get(name) for name in _TRACED_ARGUMENTS}
    eagerly = bool(arguments.get("run_eagerly"))
    return ModelSpec(
        model,
        variables,
        names,
        trainable,
        outputs,
        MethodSnapshot(connected(traced)),
        optimizer,
        run_eagerly=eagerly,
        **given,
    )


def _refuse_replaced(methods: MethodSnapshot) -> None:
    """Raise an error for replaced methods that programs are not traced from."""
    for thing, name in methods.replaced():
        if name.startswith("stateless_"):
            raise StateError(
                message(
                    f"{name} of {type(thing).__name__} '{getattr(thing, 'name', '')}' was replaced, but is not called",
                    hint=f"Replace the method that it calls: {name.removeprefix('stateless_')}.",
                )
            )


def compile_config(model: Model) -> dict[str, Any] | None:
    """The arguments of `compile` as values that JSON can hold."""
    if model._compile_state is None:
        return None
    arguments = {k: v for k, v in model._compile_state.arguments.items() if k != "optimizer"}
    return {"optimizer": serialize(model.optimizer), **{k: serialize(v) for k, v in arguments.items()}}


def compile_from_config(model: Model, config: Mapping[str, Any], customized: bool) -> None:
    """Compile with the result of `compile_config`; customized: whether the model's class overrides `compile`."""
    if customized:
        warn(
            f"{type(model).__name__}.compile is your own, so the model was loaded without being compiled: compile "
            "it, or write compile_from_config(self, config).",
        )
        return
    names = ("optimizer", *_TRACED_ARGUMENTS, "run_eagerly", "steps_per_execution", "jit_compile")
    given = {name: value for name, value in config.items() if name in names}
    if given.get("steps_per_execution", 0) is None:  # tf_keras writes it for the default
        del given["steps_per_execution"]
    model.compile(**{name: deserialize(value) for name, value in given.items()})


def pickled_state(model: Model) -> dict[str, Any]:
    """The attributes of a model for a pickle or a copy, without compiled programs.

    Frozen variables are stored by reference, because their ids are valid in this process only.
    """
    if model._trainer is not None:
        model._trainer.live.flush()
    state = model._compile_state
    if state is None:
        return {**model.__dict__, "_trainer": None}
    frozen = None if state.frozen is None else [v for v in model.variables if id(v) in state.frozen]
    return {**model.__dict__, "_trainer": None, "_compile_state": (dataclasses.replace(state, frozen=None), frozen)}


def restore_pickled(model: Model, attributes: dict[str, Any]) -> None:
    """Undo `pickled_state`."""
    pair = attributes["_compile_state"]
    if pair is not None:
        state, frozen = pair
        state.frozen = None if frozen is None else set(map(id, frozen))
        attributes = {**attributes, "_compile_state": state}
    model.__dict__.update(attributes)
