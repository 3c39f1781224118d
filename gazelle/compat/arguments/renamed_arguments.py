"""Names and values of arguments in earlier versions, and their current equivalents."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gazelle import layers
from gazelle.compat import tables
from gazelle.compat.classes import compat_class
from gazelle.compat.tables import listed
from gazelle.core.registry import REGISTRY
from gazelle.saving.h5_format import keras1
from gazelle.saving.h5_format.activations import hard_sigmoid_before_keras_3


def _earlier(section: tables.Table) -> dict[str, str]:
    """{earlier argument: current argument, "" if it is ignored}."""
    return {old: now.removeprefix("-") for now, names in section.items() for old in names.split()}


_OWN = {section: _earlier(names) for section, names in tables.read("renamed_arguments").items()}
#: for every class: earlier argument -> current argument, "" if it is ignored
ARGUMENTS = keras1.ARGUMENTS | _OWN.pop("every layer")
#: "Class", "Class.method" or function -> the same for this one only
OF_CLASS: dict[str, dict[str, str]] = {keras1.CLASSES.get(name, name): names for name, names in keras1.OF_CLASS.items()}
OF_CLASS |= {name: OF_CLASS.get(name, {}) | names for name, names in _OWN.items()}
#: arguments that are not supported -> hint
REFUSED = {"feed_inputs": "Give the inputs to fit."}
#: arguments with one value
FIXED = {"ignore_border": True}


def renamed(kinds: list[str], method: str, name: str) -> str:
    """The current name of an argument; `kinds` are the names of the class and its base classes."""
    end = "" if method == "__init__" else f".{method}"
    for kind in kinds:
        names = OF_CLASS.get(f"{kind}{end}", {})
        if name in names:
            return names[name]
    return ARGUMENTS.get(name, name) if "Layer" in kinds and not end else name


#: arguments that Keras 2 or tf.keras also had
_LATER = frozenset(listed("bins lr mask_value max_tokens max_values oov_value use_multiprocessing workers"))


def is_old(kinds: list[str], method: str, name: str) -> bool:
    """Whether only Keras 1 had an argument of this name."""
    return renamed(kinds, method, name) != name and name not in _LATER


#: sizes, which Python 2 divided without a rest and TensorFlow converted by int()
_SIZES = frozenset(
    listed("""batch_input_shape batch_shape cropping dilation_rate filters input_dim input_length input_shape
        kernel_size maxlen n nb_col nb_feature nb_row num_classes num_words output_dim padding pool_size shape
        size strides target_shape target_size units""")
)
#: layers whose names are those of activations, too, in tf.keras 2
_ACTIVATION_LAYERS = frozenset({"ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax"})
_COUNTS = frozenset({"steps_per_epoch", "validation_steps", "steps", "epochs", "batch_size"})


def value(name: str, given: Any, era: int) -> Any:
    """The current form of a value; `name` is the current name of its argument."""
    last = name.rsplit("_", 1)[-1]
    if name == "data_format" and isinstance(given, str):
        return keras1.data_format(given)
    if last == "initializer" and callable(given) and not isinstance(given, type):
        return _adapted_initializer(given)
    if name in _COUNTS and isinstance(given, float) and math.isfinite(given) and era < 3:
        return math.ceil(given)  # len(x) / batch_size: the loop ran while step < steps
    if name == "verbose" and isinstance(given, int) and given > 2:
        return 2  # Keras accepts every number
    if name == "verbose" and (given is None or isinstance(given, (float, tuple, list, dict, np.ndarray))):
        return 0 if given is None or (isinstance(given, float) and not given) else 1  # and every object
    if name in _SIZES and era < 3:
        return _whole(given)
    if last == "activation" and era < 3 and given in ("hard_sigmoid", REGISTRY["activations"]["hard_sigmoid"]):
        return hard_sigmoid_before_keras_3
    if last == "activation" and era < 3 and isinstance(given, str) and given in _ACTIVATION_LAYERS:
        return compat_class(getattr(layers, given))()
    return given


def _whole(given: Any) -> Any:
    """Floats as integers, also in lists and tuples."""
    if type(given) in (list, tuple):
        return type(given)(map(_whole, given))
    return int(given) if isinstance(given, float) and math.isfinite(given) else given


def _adapted_initializer(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adapt an initializer of Keras 1: function(shape, name=None), which returned a variable and took no dtype."""
    code = getattr(function, "__code__", None)
    names = () if code is None else code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if code is None or "dtype" in names:
        return function

    def initializer(shape: Any, dtype: Any = None) -> Any:
        made = function(shape, name=None) if "name" in names else function(shape)
        made = made.eval() if hasattr(made, "eval") and not hasattr(made, "dtype") else made
        return np.asarray(made, dtype)

    return initializer


def is_activation(value: object) -> bool:
    """Whether a string is the name of an activation and not of an initializer."""
    return isinstance(value, str) and value in REGISTRY["activations"] and value not in REGISTRY["initializers"]
