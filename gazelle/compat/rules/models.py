"""Rules for the methods of models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gazelle import tree
from gazelle.compat import era
from gazelle.compat.arguments import columns, defaults
from gazelle.compat.metrics import compiled_metrics, former_metrics
from gazelle.compat.optimizers import former_optimizers
from gazelle.compat.rules import RULES, rule
from gazelle.compat.rules.training import create
from gazelle.core.errors import message
from gazelle.core.registry import REGISTRY
from gazelle.core.traceback import warn
from gazelle.layers import Layer
from gazelle.models import Model
from gazelle.models.step_methods import STEP_METHODS, overrides
from gazelle.optimizers import Optimizer
from gazelle.training.compile_metrics import for_every_output


def _one_layer(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """One layer without brackets, which `Sequential` of Keras 2 took."""
    if era.number() == 2:
        args = tuple([one] if isinstance(one, Layer) else one for one in args)
        kwargs = {name: [one] if isinstance(one, Layer) else one for name, one in kwargs.items()}
    return args, kwargs


RULES["Sequential"] = _one_layer


@rule("Model.compile")
def _compile(instance: Any, kwargs: dict[str, Any]) -> None:
    for unknown in sorted(kwargs.keys() - defaults.argument_names(Model, "compile")) if era.number() == 1 else ():
        warn(message(f"Argument {unknown} of compile is ignored, as in Keras 1", expected="an argument of compile"))
        del kwargs[unknown]
    if (optimizer := optimizer_named(kwargs.get("optimizer"))) is not None:
        kwargs["optimizer"] = optimizer
    if era.number() == 1 and isinstance(kwargs.get("metrics"), str):
        kwargs["metrics"] = [kwargs["metrics"]]
    if era.is_package_before_keras_3() and kwargs.get("loss") is not None:
        kwargs["loss"] = tree.map_structure(_loss_of_package, kwargs["loss"])
    if era.number() < 3:
        if kwargs.get("steps_per_execution", 1) in (None, "auto"):  # steps are compiled into loops in any case
            del kwargs["steps_per_execution"]
        kwargs.update(
            {k: tree.map_structure(columns.with_columns, kwargs[k]) for k in columns.OF_LABELS if k in kwargs}
        )
        if instance._graph is not None and len(instance.outputs) > 1:
            kwargs.update(
                {kind: for_every_output(kwargs.get(kind), len(instance.outputs)) for kind in columns.OF_LABELS[1:]}
            )
        outputs = instance._graph.output_names if instance._graph is not None else ()
        for kind in columns.OF_LABELS[1:]:
            if kwargs.get(kind) is not None:
                if era.number() == 1 and instance._graph is not None:
                    kwargs[kind] = compiled_metrics.parts_of_dicts(kwargs[kind], instance.outputs[0].shape)
                kwargs[kind] = compiled_metrics.of_era(kwargs[kind], kwargs.get("loss"), outputs)


def optimizer_named(given: object) -> Optimizer | None:
    """The optimizer of a name, or of a config without a rate, in era 1 or 2; None if it is none that they had."""
    kind: object = given
    config: dict[str, Any] = {}
    if isinstance(given, Mapping) and {"lr", "learning_rate"}.isdisjoint(given.get("config") or {}):
        kind, config = given.get("class_name"), given.get("config") or {}
    name = _OPTIMIZER_CLASSES.get(kind.lower()) if isinstance(kind, str) and era.number() < 3 else None
    if name is None:
        return None
    # from its name, Adagrad of TensorFlow 1 started with sums of 0
    options = {"initial_accumulator_value": 0.0} if name == "Adagrad" and era.is_before_2_3() else {}
    made: Optimizer = create(REGISTRY["optimizers"][name], **{**options, **config})
    return made


def recompile(model: Model) -> None:
    """Compile a model from a file again, as a program would, if its losses or metrics mean something else then."""
    given = model._compile_state.arguments if model._compile_state is not None else {}
    meant = dict(given)
    if given:
        _compile(model, meant)
    if any(tree.flatten(meant[name]) != tree.flatten(given[name]) for name in columns.OF_LABELS if name in given):
        model.compile(**{**meant, "optimizer": model.optimizer})


def _loss_of_package(given: Any) -> Any:
    if given not in ("cosine_proximity", "cosine"):
        return given
    return former_metrics.cosine_proximity if era.number() == 1 else "cosine_proximity"


_OPTIMIZER_CLASSES = {name.lower(): name for name in (*former_optimizers.KINDS, "Adafactor", "AdamW", "Lion")}


@rule("Model.summary")
def _summary(instance: Any, kwargs: dict[str, Any]) -> None:
    print_fn = kwargs.get("print_fn")
    if print_fn is not None and era.number() < 3:  # it was called for each line

        def print_lines(text: str) -> None:
            for line in text.split("\n"):
                print_fn(line)

        kwargs["print_fn"] = print_lines


@rule("Model.fit", "Model.evaluate")
def _fit(instance: Any, kwargs: dict[str, Any]) -> None:
    _lists_of_arrays(instance, kwargs)
    _one_target(instance, kwargs)
    if kwargs.pop("show_accuracy", False):
        with_accuracy(instance)
    if era.number() < 3 and isinstance(kwargs.get("class_weight"), str):  # "auto" had no effect
        del kwargs["class_weight"]
    validation = kwargs.get("validation_data")
    if era.number() < 3 and isinstance(validation, (tuple, list)):  # callbacks received it as a list of arrays
        for callback in tree.flatten(kwargs.get("callbacks") or []):
            callback.validation_data = [*validation, *([np.ones(len(validation[0]))] if len(validation) == 2 else [])]


def with_accuracy(model: Model) -> None:
    """Add the metric accuracy, which each call selected in Keras 0.x."""
    state = model._compile_state
    if state is not None and not state.arguments.get("metrics"):
        vars(model)["_accuracy_by_call"] = True  # the results of other calls are the loss alone
        model.compile(**{**state.arguments, "optimizer": model.optimizer, "metrics": ["accuracy"]})


@rule("Model.train_on_batch", "Model.test_on_batch")
def _batch(instance: Any, kwargs: dict[str, Any]) -> None:
    _lists_of_arrays(instance, kwargs)
    _one_target(instance, kwargs)
    if kwargs.pop("show_accuracy", False):
        with_accuracy(instance)


@rule("Model.predict", "Model.predict_on_batch")
def _lists_of_arrays(instance: Any, kwargs: dict[str, Any]) -> None:
    """Before tf.keras 2 a list of lists was a list of arrays: `[[[1, 2], [3, 4]]]` are two samples of one input."""
    if era.number() != 2 or not era.is_before_tf_keras_2():
        return
    for name, tensors in (("x", instance.inputs), ("y", instance.outputs)):
        given = kwargs.get(name)
        if type(given) is list and len(given) == len(tensors or ()) == 1 and type(given[0]) is list and given[0]:
            array, shape = np.asarray(given[0]), tensors[0].shape
            if array.ndim == len(shape):
                kwargs[name] = array
            elif array.ndim == 1 and shape[1:] == (1,):
                kwargs[name] = array[:, None]


def _one_target(instance: Any, kwargs: dict[str, Any]) -> None:
    """In tf.keras 2 one array was the target of each output; steps of the program receive it as it is."""
    number = len(instance.outputs or ()) if era.is_tf_keras_2() else 0
    if number < 2 or any(overrides(instance, name) for name in STEP_METHODS):
        return
    for_each = lambda y: [y] * number if getattr(y, "shape", ()) else y  # noqa: E731 - not of lists and dicts
    if "y" in kwargs:
        kwargs["y"] = for_each(kwargs["y"])
    validation = kwargs.get("validation_data")
    if isinstance(validation, tuple) and len(validation) > 1:
        kwargs["validation_data"] = (validation[0], for_each(validation[1]), *validation[2:])


@rule("Model.save")
def _save(instance: Any, kwargs: dict[str, Any]) -> None:
    kwargs.setdefault("save_format", "keras")  # names without an ending were usual
