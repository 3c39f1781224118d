"""What a table of names cannot say: rules for the arguments of single classes and methods.

A rule is rule(thing, args, words) -> (args, words), the words with today's names already; it may make `thing` an object
of a class of this room that stands in for today's.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle import layers
from gazelle.compat import era, metrics, optimizers, regularizers, updating
from gazelle.compat import layers as old_layers
from gazelle.compat.classes import compat_class
from gazelle.core.config import REGISTRY
from gazelle.training import callbacks

Rule = Callable[[Any, tuple[Any, ...], dict[str, Any]], tuple[tuple[Any, ...], dict[str, Any]]]
RULES: dict[str, Rule] = {}


def rule(*keys: str) -> Callable[[Any], Any]:
    """Enter a function(thing, words), which changes the words, for "Class" or "Class.method"."""

    def enter(function: Callable[[Any, dict[str, Any]], None]) -> Any:
        def with_args(thing: Any, args: tuple[Any, ...], words: dict[str, Any]) -> Any:
            function(thing, words)
            return args, words

        RULES.update(dict.fromkeys(keys, with_args))
        return function

    return enter


# Layers --------------------------------------------------------------------------------------------------------------


@rule("Layer")
def _layer(thing: Any, words: dict[str, Any]) -> None:
    length, size = words.get("input_length"), words.get("input_dim")
    if "input_length" in words and not isinstance(thing, layers.Embedding):
        words.pop("input_length")
    if not isinstance(thing, layers.Embedding) and (
        length or (size and isinstance(thing, (layers.RNN, layers.Conv1D)))
    ):
        words.pop("input_dim", None)
        words.setdefault("input_shape", (length, size))
    if getattr(type(thing), "rank", 0) and not isinstance(thing, layers.RNN):
        old_layers.guess_ordering(thing, words)
    weights = words.get("weights")
    if "weights" in words and not isinstance(thing, (layers.Embedding, layers.Bidirectional)):
        words.pop("weights")
        if weights is not None:
            thing.__dict__["build"] = functools.partial(_build_with, thing, weights)
    given = words.get("activity_regularizer")
    if given is not None and era.number() < 3 and era.standalone():
        words["activity_regularizer"] = regularizers.Undivided(given)


def _build_with(thing: Any, weights: Any, *shapes: Any, **named: Any) -> None:
    """Build, and put in the weights that were given."""
    if not thing.built:
        type(thing).build(thing, *shapes, **named)
        thing.set_weights(list(weights))


@rule(
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Conv2DTranspose",
    "SeparableConv2D",
    "LocallyConnected1D",
    "LocallyConnected2D",
    "ConvLSTM2D",
)
def _window(thing: Any, words: dict[str, Any]) -> None:
    sides = [
        words.pop(name) for name in ("nb_row", "nb_col", "kernel_dim1", "kernel_dim2", "kernel_dim3") if name in words
    ]
    if sides:
        words["kernel_size"] = tuple(sides)
    full = {"Conv1D": old_layers.FullConvolution1D, "Conv2D": old_layers.FullConvolution2D}.get(type(thing).__name__)
    if words.get("padding") == "full" and full is not None:
        thing.__class__, words["padding"] = compat_class(full), "valid"
    if isinstance(thing, layers.SeparableConv2D) and "kernel_initializer" in words:  # one for both kernels
        words["depthwise_initializer"] = words["pointwise_initializer"] = words.pop("kernel_initializer")


@rule("RNN")
def _forgetting(thing: Any, words: dict[str, Any]) -> None:
    if "forget_bias_init" in words:
        words["unit_forget_bias"] = words.pop("forget_bias_init") in ("one", "ones")


@rule("Embedding")
def _embedding(thing: Any, words: dict[str, Any]) -> None:
    rate = words.pop("dropout", 0)
    if rate:
        thing.__class__, thing.__dict__["dropout"] = compat_class(old_layers.DroppingEmbedding), rate


@rule("BatchNormalization")
def _normalization(thing: Any, words: dict[str, Any]) -> None:
    mode = words.pop("mode", 0)
    if mode:
        thing.__class__ = compat_class({1: old_layers.SampleNormalization, 2: old_layers.BatchwiseNormalization}[mode])


# Optimizers ----------------------------------------------------------------------------------------------------------


@rule("Optimizer")
def _own_optimizer(thing: Any, words: dict[str, Any]) -> None:
    if thing is not None and updating.wrote(thing):
        updating.begin(thing, words)


_RATES = {"SGD": 0.01, "Adagrad": 0.01, "Adadelta": 1.0, "Adamax": 0.002, "Nadam": 0.002}


@rule(*optimizers.KINDS)
def _optimizer(thing: Any, words: dict[str, Any]) -> None:
    old = era.number() < 3
    decay, slow = words.pop("decay", None), words.pop("schedule_decay", None)
    if isinstance(decay, bool):  # SGD(rate, momentum, nesterov), as 2.3 has them
        words["nesterov"], decay = decay, None
    if isinstance(words.get("epsilon"), bool):  # Adam(rate, beta_1, beta_2, amsgrad), likewise
        words["amsgrad"] = words.pop("epsilon")
    kind = next(c.__name__ for c in type(thing).__mro__ if c.__name__ in optimizers.KINDS)
    if words.get("epsilon", 0) is None:
        del words["epsilon"]
    if old or decay or slow:
        if type(thing).__module__.startswith("gazelle.") and type(thing).__name__ == kind:  # AdamW is of a later time
            thing.__class__ = compat_class(optimizers.KINDS[kind])
        thing.__dict__.update(decay=decay or 0.0, **({"schedule_decay": slow or 0.004} if kind == "Nadam" else {}))
    if old and era.standalone():
        words.setdefault("learning_rate", _RATES.get(kind, 0.001))
        if kind != "SGD" and era.number() == 1:
            words.setdefault("epsilon", 1e-8)
        if kind == "Adagrad":
            words.setdefault("initial_accumulator_value", 0.0)
        if words.get("clipnorm"):  # it was the norm of all gradients together
            words["global_clipnorm"] = words.pop("clipnorm")


def made(cls: type, **words: Any) -> Any:
    """An object of today's class as the program's era would have made it."""
    from gazelle.compat.arguments import arguments  # which imports these rules

    thing: Any = object.__new__(compat_class(cls))
    args, words = arguments(cls, "__init__", (), words, thing)
    type(thing).__init__(thing, *args, **words)
    return thing


# Models --------------------------------------------------------------------------------------------------------------


@rule("Model.compile")
def _compile(thing: Any, words: dict[str, Any]) -> None:
    given = words.get("optimizer")
    name = _CAMEL.get(given.lower()) if isinstance(given, str) else None
    if era.number() < 3 and name is not None:
        words["optimizer"] = made(REGISTRY["optimizers"][name])
    if era.number() == 1 and words.get("metrics"):
        listed = words["metrics"] if isinstance(words["metrics"], (list, tuple)) else [words["metrics"]]
        if not isinstance(words["metrics"], dict):
            words["metrics"] = [metrics.FIRST.get(m, m) if isinstance(m, str) else m for m in listed]
    if era.number() < 3 and thing._graph is not None:
        _for_every_output(words, len(thing.outputs))


def _for_every_output(words: dict[str, Any], outputs: int) -> None:
    """Metrics in a list without lists inside were those of every output; today an entry belongs to one."""
    for kind in ("metrics", "weighted_metrics"):
        given = words.get(kind)
        if outputs > 1 and isinstance(given, (list, tuple)) and not any(isinstance(m, (list, tuple)) for m in given):
            words[kind] = [list(given)] * outputs


_CAMEL = {name.lower(): name for name in optimizers.KINDS}


@rule("Model.fit", "Model.evaluate")
def _fit(thing: Any, words: dict[str, Any]) -> None:
    if words.pop("show_accuracy", False):
        with_accuracy(thing)
    held = words.get("validation_data")
    if era.number() < 3 and isinstance(held, (tuple, list)):  # callbacks found it as a list of arrays
        for listener in words.get("callbacks") or ():
            listener.validation_data = [*held, *([np.ones(len(held[0]))] if len(held) == 2 else [])]


def with_accuracy(model: Any) -> None:
    """Before Keras 1 it was `fit` that was asked for the accuracy."""
    state = model._compile_state
    if state is not None and not state.arguments.get("metrics"):
        model.compile(**{**state.arguments, "optimizer": model.optimizer, "metrics": ["accuracy"]})


@rule("Model.train_on_batch", "Model.test_on_batch")
def _batch(thing: Any, words: dict[str, Any]) -> None:
    if words.pop("reset_metrics", era.number() < 3):
        thing.reset_metrics()  # what came back was of this batch alone


def _making_folder(thing: Any, args: tuple[Any, ...], words: dict[str, Any]) -> Any:
    """TensorFlow made the folders of its files."""
    if era.number() == 2 and not era.standalone():
        path = args[0] if args else words.get("filepath", "")
        os.makedirs(os.path.dirname(os.path.abspath(os.fspath(path))), exist_ok=True)
    return args, words


RULES.update(dict.fromkeys(("Model.save", "Model.save_weights"), _making_folder))


# Callbacks and functions ---------------------------------------------------------------------------------------------


@rule("ModelCheckpoint")
def _checkpoint(thing: Any, words: dict[str, Any]) -> None:
    period = words.pop("period", 1)
    if period > 1:
        thing.__dict__["on_epoch_end"] = functools.partial(_now_and_then, thing, period)


def _now_and_then(checkpoint: Any, period: int, epoch: int, logs: Any = None) -> None:
    checkpoint.__dict__["_waited"] = checkpoint.__dict__.get("_waited", 0) + 1
    if checkpoint.__dict__["_waited"] >= period:
        checkpoint.__dict__["_waited"] = 0
        callbacks.ModelCheckpoint.on_epoch_end(checkpoint, epoch, logs)


@rule("EarlyStopping")
def _stopping(thing: Any, words: dict[str, Any]) -> None:
    if era.number() == 1:
        if type(words.get("min_delta")) is int and words["min_delta"] > 0:  # before 1.1 there was no min_delta
            shifted = ("patience", "verbose", "mode")
            words |= dict(zip(shifted, [words.pop(k) for k in ("min_delta", *shifted) if k in words], strict=False))
        words["patience"] = words.get("patience", 0) + 1  # it looked before it counted: one more epoch


@rule("Input")
def _input(thing: Any, words: dict[str, Any]) -> None:
    old_layers.guess_ordering(None, {"input_shape": words.get("shape")})


@rule("load_data")
def _data(thing: Any, words: dict[str, Any]) -> None:
    if str(words.get("path", "")).endswith((".pkl", ".pkl.gz")):
        words.pop("path")  # the archives have other names now
