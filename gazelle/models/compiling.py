"""`compile`: the choice of optimizer, loss and metrics, and what files hold of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax

from gazelle import losses, optimizers
from gazelle.core import prng
from gazelle.core.errors import StateError, message
from gazelle.core.serialization import deserialize, serialize
from gazelle.core.traceback import warn
from gazelle.layers import weight_tree
from gazelle.metrics import Mean
from gazelle.models.checks import check_integer
from gazelle.optimizers.loss_scale import scaled
from gazelle.training.compile_metrics import CompileMetrics

if TYPE_CHECKING:
    from gazelle.models.model import Model

#: methods by which Keras programs replace the loop around the step
_LOOP_METHODS = ("make_train_function", "make_test_function", "make_predict_function")
TRACED_ARGUMENTS = ("loss", "loss_weights", "metrics", "weighted_metrics")


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
    refuse_loop_methods(model)
    loss, metrics, weighted = (arguments[name] for name in ("loss", "metrics", "weighted_metrics"))
    optimizer = optimizers.get(arguments["optimizer"])
    if auto_scale_loss and model.dtype_policy.name == "mixed_float16":
        optimizer = scaled(optimizer)
    for entry in jax.tree.leaves(loss, is_leaf=lambda v: v is not None and not isinstance(v, (list, tuple, dict))):
        losses.get(entry)
    closures = model._closures(model)
    arguments["loss"] = closures.close(loss)
    metrics, weighted = closures.compute_tensors_of([metrics, weighted])
    arguments.update(metrics=metrics, weighted_metrics=weighted)
    with_metrics = metrics is not None or weighted is not None
    model._compile_state = None  # the optimizer is assigned, not replaced
    model.optimizer = optimizer
    model._trainer = None
    model._compile_state = CompileState(
        arguments,
        prng.next_seed(),
        {"loss": Mean("loss")},
        CompileMetrics(metrics, weighted, None, loss) if with_metrics else None,
        frozen_ids(model) if model.built else None,
    )


def refuse_loop_methods(model: Model) -> None:
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


def frozen_ids(model: Model) -> set[int]:
    """ids of the variables that are not trained."""
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
    names = ("optimizer", *TRACED_ARGUMENTS, "run_eagerly", "steps_per_execution", "jit_compile")
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
