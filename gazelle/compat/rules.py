"""Rules for the arguments of single classes and methods, where a table of names is not enough.

A rule is a function rule(instance, args, kwargs) -> (args, kwargs). The keywords have their current names already. A
rule may change the class of `instance` to a subclass in this package that computes as an earlier version did.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from gazelle import layers, tree
from gazelle.compat import compiled_metrics, defaults, era, metrics, optimizers, regularizers
from gazelle.compat.classes import compat_class
from gazelle.compat.layers.convolution import FullConvolution1D, FullConvolution2D, guess_data_format
from gazelle.compat.layers.variants import (
    BatchwiseNormalization,
    CausalAdditiveAttention,
    CausalAttention,
    EmbeddingWithDropout,
    SampleNormalization,
)
from gazelle.compat.mixins.common import as_column
from gazelle.compat.tables import listed
from gazelle.core import names
from gazelle.core.errors import message
from gazelle.core.registry import REGISTRY
from gazelle.core.traceback import warn
from gazelle.models import Model
from gazelle.training import callbacks

Rule = Callable[[Any, tuple[Any, ...], dict[str, Any]], tuple[tuple[Any, ...], dict[str, Any]]]
RULES: dict[str, Rule] = {}


def rule(*keys: str) -> Callable[[Any], Any]:
    """Register a function(instance, kwargs), which changes kwargs in place, for "Class" or "Class.method"."""

    def enter(function: Callable[[Any, dict[str, Any]], None]) -> Any:
        def with_args(instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            function(instance, kwargs)
            return args, kwargs

        RULES.update(dict.fromkeys(keys, with_args))
        return function

    return enter


_CONSTRAINTS = {"nonneg": "non_neg", "maxnorm": "max_norm", "unitnorm": "unit_norm"}
SIDES = ("nb_row", "nb_col", "kernel_dim1", "kernel_dim2", "kernel_dim3")


# Layers --------------------------------------------------------------------------------------------------------------


@rule("Layer")
def _layer(instance: Any, kwargs: dict[str, Any]) -> None:
    if era.number() < 3:
        kwargs.update((k, _CONSTRAINTS[v]) for k, v in kwargs.items() if isinstance(v, str) and v in _CONSTRAINTS)
    length, size = kwargs.get("input_length"), kwargs.get("input_dim")
    if "input_length" in kwargs and not isinstance(instance, layers.Embedding):
        kwargs.pop("input_length")
    if not isinstance(instance, layers.Embedding) and (
        length or (size and isinstance(instance, (layers.RNN, layers.Conv1D)))
    ):
        kwargs.pop("input_dim", None)
        kwargs.setdefault("input_shape", (length, size))
    if getattr(type(instance), "rank", 0) and not isinstance(instance, layers.RNN):
        guess_data_format(instance, kwargs)
    weights = kwargs.get("weights")
    if "weights" in kwargs and not isinstance(instance, (layers.Embedding, layers.Bidirectional)):
        kwargs.pop("weights")
        if weights is not None:
            instance.__dict__["build"] = functools.partial(_build_with, instance, weights)
    given = kwargs.get("activity_regularizer")
    if given is not None and era.number() < 3 and era.standalone():
        kwargs["activity_regularizer"] = regularizers.Undivided(given)


@rule("BaseConv", "_ConvTranspose", "_DepthwiseConv", "_SeparableConv")
def _ranked(instance: Any, kwargs: dict[str, Any]) -> None:
    if "rank" in kwargs:  # the number of axes, which the bases of convolutions take in Keras
        instance.rank = kwargs.pop("rank")


def _build_with(instance: Any, weights: Any, *shapes: Any, **named: Any) -> None:
    """Build the layer and set the weights that its constructor was given."""
    vars(instance).pop("build", None)  # a method on the object would be reported when the model is saved
    if not instance.built:
        type(instance).build(instance, *shapes, **named)
        instance.set_weights(list(weights))


@rule(
    *listed("""Conv1D Conv2D Conv3D Conv2DTranspose SeparableConv2D LocallyConnected1D LocallyConnected2D
    ConvLSTM2D""")
)
def _window(instance: Any, kwargs: dict[str, Any]) -> None:
    sides = [kwargs.pop(name) for name in SIDES if name in kwargs]
    if sides:
        kwargs["kernel_size"] = tuple(sides)
    full = {"Conv1D": FullConvolution1D, "Conv2D": FullConvolution2D}.get(type(instance).__name__)
    if kwargs.get("padding") == "full" and full is not None:
        instance.__class__, kwargs["padding"] = compat_class(full), "valid"
    if isinstance(instance, layers.SeparableConv2D) and "kernel_initializer" in kwargs:  # one for both kernels
        kwargs["depthwise_initializer"] = kwargs["pointwise_initializer"] = kwargs.pop("kernel_initializer")


@rule("DepthwiseConv2D")
def _depthwise(instance: Any, kwargs: dict[str, Any]) -> None:
    for kind in ("initializer", "regularizer", "constraint"):  # of the base class in Keras 2, which had no effect
        kwargs.pop(f"kernel_{kind}", None)


@rule("RNN")
def _recurrent(instance: Any, kwargs: dict[str, Any]) -> None:
    steps = kwargs.pop("truncate_gradient", -1)
    if steps > 0:
        warn(f"truncate_gradient={steps} is ignored: the gradient goes through all time steps.")
    if "forget_bias_init" in kwargs:
        kwargs["unit_forget_bias"] = kwargs.pop("forget_bias_init") in ("one", "ones")


@rule("Attention")
def _attention(instance: Any, kwargs: dict[str, Any]) -> None:
    if kwargs.pop("causal", False):
        additive = isinstance(instance, layers.AdditiveAttention)
        instance.__class__ = compat_class(CausalAdditiveAttention if additive else CausalAttention)


@rule("Embedding")
def _embedding(instance: Any, kwargs: dict[str, Any]) -> None:
    if era.number() < 3 and not {"input_length", "input_shape", "batch_input_shape", "batch_shape"} & kwargs.keys():
        kwargs["input_shape"] = (None,)  # a model that starts with it is built at once
    rate = kwargs.pop("dropout", 0)
    if rate:
        instance.__class__, instance.__dict__["dropout"] = compat_class(EmbeddingWithDropout), rate


@rule("BatchNormalization")
def _normalization(instance: Any, kwargs: dict[str, Any]) -> None:
    mode = kwargs.pop("mode", 0)
    if mode:
        instance.__class__ = compat_class({1: SampleNormalization, 2: BatchwiseNormalization}[mode])


# Optimizers ----------------------------------------------------------------------------------------------------------


_RATES = {"SGD": 0.01, "Adagrad": 0.01, "Adadelta": 1.0, "Adamax": 0.002, "Nadam": 0.002}


@rule(*optimizers.KINDS)
def _optimizer(instance: Any, kwargs: dict[str, Any]) -> None:
    old = era.number() < 3
    decay, slow = kwargs.pop("decay", None), kwargs.pop("schedule_decay", None)
    if isinstance(decay, bool):  # SGD(rate, momentum, nesterov), as Keras 2.3 has them
        kwargs["nesterov"], decay = decay, None
    if isinstance(kwargs.get("epsilon"), bool):  # Adam(rate, beta_1, beta_2, amsgrad), likewise
        kwargs["amsgrad"] = kwargs.pop("epsilon")
    kind = next(c.__name__ for c in type(instance).__mro__ if c.__name__ in optimizers.KINDS)
    if kwargs.get("epsilon", 0) is None:
        del kwargs["epsilon"]
    if old or decay or slow:
        # not AdamW, which is newer
        if type(instance).__module__.startswith("gazelle.") and type(instance).__name__ == kind:
            instance.__class__ = compat_class(optimizers.KINDS[kind])
        is_nadam = kind == "Nadam"  # which has a decay of its own, and ignored the other
        own = {"decay": 0.0, "schedule_decay": slow or 0.004} if is_nadam else {"decay": decay or 0.0}
        instance.__dict__.update(own)
    if old and era.standalone():
        kwargs.setdefault("learning_rate", _RATES.get(kind, 0.001))
        if kind != "SGD" and era.number() == 1:
            kwargs.setdefault("epsilon", 1e-8)
        if kind == "Adagrad":
            kwargs.setdefault("initial_accumulator_value", 0.0)
        if kwargs.get("clipnorm"):  # it was the norm of all gradients together
            kwargs["global_clipnorm"] = kwargs.pop("clipnorm")


def create(cls: type, **kwargs: Any) -> Any:
    """An object of a current class, with the arguments and defaults of the program's era."""
    from gazelle.compat.arguments import arguments  # which imports these rules

    instance: Any = object.__new__(compat_class(cls))
    args, kwargs = arguments(cls, "__init__", (), kwargs, instance)
    type(instance).__init__(instance, *args, **kwargs)
    return instance


# Models --------------------------------------------------------------------------------------------------------------


@rule("Model.compile")
def _compile(instance: Any, kwargs: dict[str, Any]) -> None:
    for unknown in sorted(kwargs.keys() - defaults.argument_names(Model, "compile")) if era.number() == 1 else ():
        warn(message(f"Argument {unknown} of compile is ignored, as in Keras 1", expected="an argument of compile"))
        del kwargs[unknown]
    given = kwargs.get("optimizer")
    name = _OPTIMIZER_CLASSES.get(given.lower()) if isinstance(given, str) else None
    if era.number() < 3 and name is not None:
        kwargs["optimizer"] = create(REGISTRY["optimizers"][name])
    if era.number() == 1 and isinstance(kwargs.get("metrics"), str):
        kwargs["metrics"] = [kwargs["metrics"]]
    if era.number() == 1 and kwargs.get("loss") is not None:
        kwargs["loss"] = tree.map_structure(_loss_of_keras_1, kwargs["loss"])
    if era.number() < 3:
        kwargs.update({k: tree.map_structure(_with_columns, kwargs[k]) for k in _OF_LABELS if k in kwargs})
        if instance._graph is not None:
            _for_every_output(kwargs, len(instance.outputs))
        outputs = instance.output_names if instance._graph is not None else ()
        for kind in _OF_LABELS[1:]:
            if kwargs.get(kind) is not None:
                kwargs[kind] = compiled_metrics.of_era(kwargs[kind], kwargs.get("loss"), outputs)


_OF_LABELS = ("loss", "metrics", "weighted_metrics")


def _loss_of_keras_1(given: Any) -> Any:
    return metrics.cosine_proximity if given in ("cosine_proximity", "cosine") else given


def _with_columns(given: Any) -> Any:
    """A loss or metric of the program: until Keras 3 labels (n,) reached it as (n, 1)."""
    if hasattr(type(given), "receives_columns"):
        given.receives_columns = True  # for the methods that the program defines
    if isinstance(given, functools.partial) and not given.args:
        return functools.partial(_with_columns(given.func), **given.keywords)
    if not isinstance(given, FunctionType) or given.__module__.startswith("gazelle."):
        return given

    @functools.wraps(given)
    def called(y_true: Any, *args: Any, **kwargs: Any) -> Any:
        return given(as_column(y_true), *args, **kwargs)

    return called


def _for_every_output(kwargs: dict[str, Any], outputs: int) -> None:
    """A flat list of metrics applied to every output in Keras 1 and 2; in Keras 3 each entry belongs to one output."""
    for kind in ("metrics", "weighted_metrics"):
        given = kwargs.get(kind)
        if outputs > 1 and isinstance(given, (list, tuple)) and not any(isinstance(m, (list, tuple)) for m in given):
            kwargs[kind] = [list(given)] * outputs


_OPTIMIZER_CLASSES = {name.lower(): name for name in optimizers.KINDS}


def give_columns(model: Model) -> None:
    """Compile a model from a file again, as a program would, if its losses or metrics are functions of the program."""
    given = model._compile_state.arguments if model._compile_state is not None else {}
    columns = {name: tree.map_structure(_with_columns, given[name]) for name in _OF_LABELS if name in given}
    if tree.flatten(columns) != tree.flatten({name: given[name] for name in columns}):
        model.compile(**{**given, **columns, "optimizer": model.optimizer})


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
    if kwargs.pop("show_accuracy", False):
        with_accuracy(instance)
    if era.number() < 3 and isinstance(kwargs.get("class_weight"), str):  # "auto" had no effect
        del kwargs["class_weight"]
    validation = kwargs.get("validation_data")
    if era.number() < 3 and isinstance(validation, (tuple, list)):  # callbacks received it as a list of arrays
        for callback in kwargs.get("callbacks") or ():
            callback.validation_data = [*validation, *([np.ones(len(validation[0]))] if len(validation) == 2 else [])]


def with_accuracy(model: Any) -> None:
    """Add the metric accuracy, which Keras 0.x selected in `fit`."""
    state = model._compile_state
    if state is not None and not state.arguments.get("metrics"):
        model.compile(**{**state.arguments, "optimizer": model.optimizer, "metrics": ["accuracy"]})


@rule("Model.train_on_batch", "Model.test_on_batch")
def _batch(instance: Any, kwargs: dict[str, Any]) -> None:
    if not kwargs.pop("reset_metrics", True):
        warn("reset_metrics=False is ignored: the results are those of this batch alone, as by default.")


@rule("Model.save")
def _save(instance: Any, kwargs: dict[str, Any]) -> None:
    kwargs.setdefault("save_format", "keras")  # names without an ending were usual


# Callbacks and functions ---------------------------------------------------------------------------------------------


@rule("ModelCheckpoint")
def _checkpoint(instance: Any, kwargs: dict[str, Any]) -> None:
    period = kwargs.pop("period", 1)
    if period > 1:
        instance.__dict__["on_epoch_end"] = functools.partial(_every_period, instance, period)


def _every_period(checkpoint: Any, period: int, epoch: int, logs: Any = None) -> None:
    checkpoint.__dict__["_waited"] = checkpoint.__dict__.get("_waited", 0) + 1
    if checkpoint.__dict__["_waited"] >= period:
        checkpoint.__dict__["_waited"] = 0
        callbacks.ModelCheckpoint.on_epoch_end(checkpoint, epoch, logs)


@rule("EarlyStopping")
def _stopping(instance: Any, kwargs: dict[str, Any]) -> None:
    if era.number() == 1:
        if type(kwargs.get("min_delta")) is int and kwargs["min_delta"] > 0:  # before 1.1 there was no min_delta
            shifted = ("patience", "verbose", "mode")
            kwargs |= dict(zip(shifted, [kwargs.pop(k) for k in ("min_delta", *shifted) if k in kwargs], strict=False))
        # Keras 1 compared before it counted, so it ran one more epoch
        kwargs["patience"] = kwargs.get("patience", 0) + 1


@rule("Input")
def _input(instance: Any, kwargs: dict[str, Any]) -> None:
    guess_data_format(None, {"input_shape": kwargs.get("shape")})
    if era.number() < 3 and not kwargs.get("name"):
        kwargs["name"] = f"input_{names.count('layers', 'input_layer')}"


@rule("load_data")
def _load_data(instance: Any, kwargs: dict[str, Any]) -> None:
    if str(kwargs.get("path", "")).endswith((".pkl", ".pkl.gz")):
        kwargs.pop("path")  # the files have other names now
