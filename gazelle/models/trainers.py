"""The trainer of a model, created at its first use from the model and the arguments of `compile`."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import jax

from gazelle import engine
from gazelle.core import forked, shape_inference, symbolic
from gazelle.core.closed_over_tensors import find_variables_of_object, uses_name
from gazelle.core.errors import StateError, message
from gazelle.core.operation import Operation
from gazelle.core.own_code import from_gazelle
from gazelle.core.replaced_methods import MethodSnapshot, connected
from gazelle.core.variable import Variable, is_variable
from gazelle.layers import weight_tree
from gazelle.layers.call_arguments import call_argument_names
from gazelle.models import program_key, step_methods
from gazelle.models.checks import check_outputs
from gazelle.models.closures import graph_of_losses
from gazelle.models.compiling import (
    TRACED_ARGUMENTS,
    CompileState,
    frozen_ids,
    refuse_loop_methods,
    require_compiled,
)
from gazelle.models.default_steps import training_mode
from gazelle.models.host_preprocessing import host_preprocessing_of
from gazelle.optimizers import MultiOptimizer
from gazelle.training.compile_metrics import CompileMetrics
from gazelle.training.custom_step import CustomStep
from gazelle.training.custom_trainer import CustomTrainer
from gazelle.training.loss_trainer import LossTrainer
from gazelle.training.step import ModelSpec
from gazelle.training.trainer import Trainer

if TYPE_CHECKING:
    from gazelle.core.types import Tree
    from gazelle.models.model import Model
    from gazelle.optimizers.base import Optimizer

_trainer_lock = threading.RLock()  # one thread at a time creates the trainer of a model


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
        has_own_weights = model._has_call() and step_methods.overrides(model, "build")
        model.built = not has_own_weights and all(layer.built for layer in model.layers)
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
        inputs = model._text_inputs.strings(sample)
        if model.run_eagerly or inputs is not sample:  # strings have no symbolic tensors in user code
            model(jax.tree.map(lambda a: a[:2], inputs))  # `squeeze` would remove the axis of one sample
        else:
            inputs = jax.tree.map(lambda a: symbolic.KerasTensor((None, *a.shape[1:]), str(a.dtype)), sample)
            shape_inference.output_spec(model._call_arrays_here, (inputs,), {}, name=model.name)
    except Exception:
        model.built = False
        raise
    model.built = True


def _new_trainer(model: Model, state: CompileState | None) -> Trainer:
    arguments = {} if state is None else state.arguments
    check_outputs(graph_of_losses(model), arguments.get("loss"))
    if state is None:
        frozen = frozen_ids(model)
    else:
        frozen = state.frozen = frozen_ids(model) if state.frozen is None else state.frozen
    trainable = {path for path, v in weight_tree.named_variables(model).items() if id(v) not in frozen}
    spec = _model_spec(model, arguments, None if state is None else model.optimizer, trainable)
    refuse_loop_methods(model)
    _refuse_replaced(spec.methods)
    if state is not None:
        _check_optimizer(model, trainable)
    _check_distribution(model, spec)
    preprocessing, customized = host_preprocessing_of(model), step_methods.is_customized(model)
    if preprocessing is not None:
        spec.call = preprocessing.rest.run
    elif model._graph is None or customized:
        spec.call = lambda x: model(model._text_inputs.strings(x))
    seed = 0 if state is None else state.seed
    if customized:
        if state is not None and state.compile_metrics is not None:  # the names of the outputs are known by now
            state.compile_metrics = CompileMetrics(spec.metrics, spec.weighted_metrics, spec.outputs, spec.loss)
        independent = program_key.is_batch_independent(model) and not step_methods.overrides(model, "predict_step")
        step = CustomStep(step_methods.ModelSteps(model), spec.run_eagerly)
        trainer: Trainer = CustomTrainer(spec, step, seed, independent)
    else:
        structure = program_key.structure(model, spec)
        trainer = LossTrainer(spec, seed, structure, program_key.is_batch_independent(model))
        if state is not None:
            trainer.metrics.trackers = state.loss_trackers
            if state.compile_metrics is not None:
                state.compile_metrics = trainer.metrics.source
    trainer.steps_per_execution = int(arguments.get("steps_per_execution") or 1)
    return trainer


def _check_distribution(model: Model, spec: ModelSpec) -> None:
    """Let the active distribution compare its paths with those of weights and outputs."""
    active = engine.active_distribution()
    if active is not None:
        weights = [(variable.path, key) for key, variable in spec.variables.items()]
        outputs = [(f"{layer.path or p}/output", f"{p}/output") for p, layer in weight_tree.named_layers(model).items()]
        active.check_paths(model.name, weights, outputs)


def _model_spec(
    model: Model, arguments: Mapping[str, Any], optimizer: Optimizer | None, trainable: set[str]
) -> ModelSpec:
    """What the programs of the model are made of; arguments: those of `compile`."""
    layers = weight_tree.named_layers(model)
    names = {id(layer): path for path, layer in layers.items()}
    outputs = model._graph.log_names if model._graph is not None else None
    variables = dict(weight_tree.named_variables(model))
    variables.update(_used_besides(layers.values(), variables))
    penalties = [part for v in variables.values() for part in (v.regularizer, v.constraint)]
    traced = [model, optimizer, *(arguments.get(name) for name in TRACED_ARGUMENTS), *penalties]
    given = {name: arguments.get(name) for name in TRACED_ARGUMENTS}
    return ModelSpec(
        model,
        variables,
        names,
        trainable,
        outputs,
        MethodSnapshot(connected(traced)),
        _read_by_functions(optimizer, [given[name] for name in ("loss", "metrics", "weighted_metrics")]),
        training_mode(model),
        any(_reports_in_training(layer) for layer in (model, *layers.values())),
        optimizer,
        run_eagerly=model.run_eagerly,
        **given,
    )


def _reports_in_training(layer: Any) -> bool:
    """Whether a user-defined layer may call `add_metric` in training only: `if training: self.add_metric(...)`."""
    if from_gazelle(type(layer).call) or "training" not in call_argument_names(layer):
        return False
    methods = (method for cls in type(layer).__mro__ if not from_gazelle(cls) for method in vars(cls).values())
    return any(callable(method) and uses_name(method, "add_metric") for method in methods)


def _used_besides(layers: Iterable[Any], known: Mapping[str, Variable]) -> dict[str, Variable]:
    """Variables that no layer holds: functions use them from closures, operations of a graph as arguments."""
    found = [v for layer in layers for thing in (layer, *_plain_cells(layer)) for v in find_variables_of_object(thing)]
    graphs = (vars(layer).get("_extended_graph") or vars(layer).get("_graph") for layer in layers)  # with added losses
    for graph in filter(None, graphs):
        arguments = [(node.args, node.kwargs) for node in graph.nodes]
        found += filter(is_variable, jax.tree.leaves(arguments, is_leaf=is_variable))
    ids = set(map(id, known.values()))
    others = {id(v): v for v in found if id(v) not in ids}
    return {f"others/{i}": v for i, v in enumerate(others.values())}


def _plain_cells(layer: Any) -> list[Any]:
    """The cells of a recurrent layer that are no layers, so that nothing else finds their variables."""
    cell, cells = (vars(layer).get(name) for name in ("cell", "cells"))
    each = [cell, *(cells if isinstance(cells, list | tuple) else ())]
    return [one for one in each if hasattr(one, "__dict__") and not isinstance(one, Operation)]


def _read_by_functions(optimizer: Optimizer | None, functions: Any) -> dict[str, Variable]:
    """Step counter and learning rate, if losses or metrics are user code, as a metric that shows the rate."""
    leaves = [leaf for leaf in jax.tree.leaves(functions) if not isinstance(leaf, str)]
    modules = [str(getattr(leaf, "__module__", "")) for leaf in leaves]  # of a function or of the class of an object
    if optimizer is None or all(module.startswith("gazelle.") for module in modules):
        return {}
    return {f"optimizer/{i}": variable for i, variable in enumerate(optimizer.own_variables())}


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


#: optimizer -> the last model that was trained with it
_OWNERS: weakref.WeakKeyDictionary[Optimizer, weakref.ref[Model]] = weakref.WeakKeyDictionary()


def _check_optimizer(model: Model, trainable: set[str]) -> None:
    """Raise an error if there is no optimizer, or it has slots of the weights of another model."""
    optimizer = model.optimizer
    if optimizer is None:
        if step_methods.is_customized(model):
            return
        hint = "Give one: model.compile(optimizer='adam', loss=...)."
        raise StateError(message(f"Model '{model.name}' was compiled without an optimizer", hint=hint))
    if isinstance(optimizer, MultiOptimizer):
        optimizer.set_paths(model.path or model.name, weight_tree.named_variables(model))
    named = weight_tree.named_variables(model)
    known = set(map(id, named.values()))
    built = optimizer._keys.variables if optimizer.built else ()
    external = {optimizer.key_of(v): v for v in built if id(v) not in known}
    for path, variable in named.items():
        other = external.get(path) if path in trainable else None
        if other is None:
            continue
        if other.shape != variable.shape or _is_of_another_model(optimizer, other, model):
            name = type(optimizer).__name__
            raise StateError(
                message(
                    f"The {name} of model '{model.name}' belongs to another model",
                    expected=f"moments of '{path}' of shape {variable.shape}",
                    got=f"those of another variable of shape {other.shape}",
                    hint=f"Make an optimizer for each model: compile({name}(...), ...).",
                )
            )
    _OWNERS[optimizer] = weakref.ref(model)


def _is_of_another_model(optimizer: Optimizer, variable: Variable, model: Model) -> bool:
    """Whether another model was trained with the optimizer, and the variable is one of its weights."""
    if optimizer not in _OWNERS:
        return False
    owner = _OWNERS[optimizer]()
    if owner is None:  # deleted since, as in a loop over folds: the result must not depend on the garbage collector
        return True
    return owner is not model and any(variable is one for one in weight_tree.named_variables(owner).values())
