"""Translates the arguments of a call to a constructor, a method or a function into current ones.

Positional arguments first get their names in the program's era. Then names and values are translated, and a rule for
the class or method (`rules`) handles what the tables cannot express. Finally the defaults of the era are added.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any

import jax
import numpy as np

from gazelle.compat import era, rules, tables
from gazelle.compat.arguments import defaults, renamed_arguments
from gazelle.compat.arguments.ignored import check
from gazelle.compat.classes import core_class
from gazelle.core.errors import ArgumentError, message
from gazelle.core.own_code import from_gazelle
from gazelle.saving.config_check import NO_EFFECT
from gazelle.saving.h5_format.keras1 import SIDES

_POSITIONS = tables.read("positional_arguments")
_LEADING_INTEGERS = {
    "Conv1D": 2,
    "Conv3D": 4,
    "Flatten": 0,
    **dict.fromkeys(("Conv2D", "SeparableConv2D", "Conv2DTranspose", "LocallyConnected2D", "ConvLSTM2D"), 3),
}
#: what optimizers take by position after their own arguments, since TensorFlow 2.11
_OPTIONS = "weight_decay clipnorm clipvalue global_clipnorm use_ema ema_momentum ema_overwrite_frequency"
_OPTIONS_OF = {2: f"{_OPTIONS} jit_compile name", 3: f"{_OPTIONS} loss_scale_factor gradient_accumulation_steps name"}
#: classes whose constructor the classes below them do not inherit
_BASES = ("Loss", "Metric")


def arguments(owner: Any, method: str, args: tuple[Any, ...], kwargs: dict[str, Any], instance: Any = None) -> Any:
    """(args, kwargs) for the current signature of `owner.method`."""
    kinds = [owner] if isinstance(owner, str) else [_kind(c) for c in owner.__mro__ if from_gazelle(c)]
    if isinstance(owner, str):  # a function of a module
        kinds, method = [method], "__init__"
    names = _earlier_names(owner, kinds, method, args, kwargs)
    if names is not None:
        if len(args) > len(names):
            expected = f"at most {len(names)} arguments by position: {', '.join(names)}"
            raise ArgumentError(message(f"{kinds[0]}.{method}", expected=expected, got=len(args)))
        kwargs, args = {**dict(zip(names, args, strict=False)), **kwargs}, ()
    elif era.number() < 3:
        names_now = defaults.positional_names(owner, method)
        args = (
            tuple(renamed_arguments.value(n, a, era.number()) for n, a in zip(names_now, args, strict=False))
            + args[len(names_now) :]
        )
    translated = _current_names(kinds, method, kwargs)
    for key in _keys(kinds, method):
        if key in rules.RULES:
            args, translated = rules.RULES[key](instance, args, translated)
    if era.number() < 3:
        for key in _keys(kinds, method):
            for name, given in defaults.of(key).items():
                if name not in translated and len(args) <= defaults.position(owner, method, name):
                    translated[name] = renamed_arguments.value(name, given, era.number())
    return args, translated


def _current_names(kinds: list[str], method: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments by their current names; an error if one has no equivalent."""
    translated: dict[str, Any] = {}
    for name, given in kwargs.items():
        if name in renamed_arguments.REFUSED and given is not None:
            what = f"Argument {name} of {kinds[0]}.{method} is not supported"
            raise ArgumentError(message(what, hint=renamed_arguments.REFUSED[name]))
        if name in renamed_arguments.FIXED:
            check(name, given, renamed_arguments.FIXED[name], kinds[0])
            continue
        new = renamed_arguments.renamed(kinds, method, name)
        if new and name not in renamed_arguments.REFUSED:
            translated[new] = renamed_arguments.value(new, given, era.number())
    return translated


def of_constructor(instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], by_gazelle: bool) -> Any:
    """(args, kwargs) for the current signature of a constructor. Calls from gazelle's own code need no translation."""
    core = core_class(type(instance))
    if (era.number() == 3 or by_gazelle) and _fits_constructor(core, args, kwargs):
        return args, kwargs
    args, kwargs = arguments(core, "__init__", args, kwargs, instance)
    known = keywords(core)
    return args, {n: v for n, v in kwargs.items() if n in known or n not in NO_EFFECT or v != NO_EFFECT[n]}


def of_method(instance: Any, method: str, args: tuple[Any, ...], kwargs: dict[str, Any], by_gazelle: bool) -> Any:
    """(args, kwargs) for the current signature of a method."""
    core = core_class(type(instance))
    if method == "compile" and era.number() == 3 and len(args) > 2 and _are_metrics(args[2]):  # as in Keras 2
        args, kwargs = args[:2], {**dict(zip(("metrics", "loss_weights"), args[2:4], strict=False)), **kwargs}
    if (era.number() == 3 or by_gazelle) and _fits_function(getattr(core, method), len(args) + 1, kwargs):
        return args, kwargs
    return arguments(core, method, args, kwargs, instance)


def _are_metrics(value: Any) -> bool:
    """Whether a value is metrics, and not the weights of losses, which Keras 3 has at this position of `compile`."""
    return any(isinstance(one, str) or callable(one) for one in jax.tree.leaves(value))


def of_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """(args, kwargs) for the current signature of a function in a namespace."""
    if era.number() == 3 and _fits_function(function, len(args), kwargs):
        return args, kwargs
    return arguments(function.__module__, function.__name__, args, kwargs)


def _fits_function(function: Any, count: int, kwargs: dict[str, Any]) -> bool:
    names, limit = _parameters(function)
    if not names - {"self"} and limit > count:  # it passes all arguments on
        return True
    return count <= limit and kwargs.keys() <= names


@functools.cache
def _parameters(function: Any) -> tuple[frozenset[str], int]:
    """The names of the arguments that a function takes, and the number of positional ones."""
    parameters = inspect.signature(function).parameters
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = frozenset(p.name for p in parameters.values() if p.kind in named)
    rest = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters.values())
    return names, 1 << 30 if rest else len(names)


def _fits_constructor(core: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if not kwargs.keys() <= keywords(core):
        return False
    try:
        inspect.signature(core.__init__).bind(None, *args, **kwargs)  # type: ignore[misc]
    except TypeError:
        return False
    return True


@functools.cache
def keywords(cls: type) -> frozenset[str]:
    """The keywords of a constructor: its own arguments and, as far as **kwargs reach, those of its base classes."""
    names: set[str] = set()
    for each in cls.__mro__:
        if "__init__" in each.__dict__ and each is not object:
            parameters = inspect.signature(each.__dict__["__init__"]).parameters
            names.update(parameters)
            if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
                break
    return frozenset(names)


def _kind(cls: type) -> str:
    """The name of a class in the tables; one of tensorflow_addons is not the class of Keras that has its name."""
    return f"Addons>{cls.__name__}" if cls.__module__.startswith("gazelle.compat.addons.") else cls.__name__


def _keys(kinds: list[str], method: str) -> list[str]:
    return [kind if method == "__init__" else f"{kind}.{method}" for kind in kinds]


def _earlier_names(
    owner: Any, kinds: list[str], method: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[str] | None:
    """The names of the positional arguments in the program's era; None if they are the current ones."""
    if not args:
        return None
    number = era.number()
    sides = sum(name in kwargs for name in SIDES)
    is_keras_1 = sides > 0 or any(renamed_arguments.is_old(kinds, method, name) for name in kwargs)
    integers = next((_LEADING_INTEGERS[kind] for kind in kinds if kind in _LEADING_INTEGERS), 99)
    all_integers = len(args) + sides >= integers and all(map(_is_integral, args[:integers]))
    orders: list[tables.Table] = []
    if _starts_with_input_size(args, integers, number):
        orders.append(_POSITIONS["KERAS_0"])
    if number == 1 or is_keras_1 or (number == 2 and era.standalone() and all_integers and integers > 2):
        orders.append(_POSITIONS["KERAS_1"])
    if number == 2:
        own = [_POSITIONS["STANDALONE_KERAS_2"]] if era.standalone() else []
        early = [_POSITIONS["BEFORE_TF_2_2"]] if era.standalone() or era.is_before_2_3() else []
        orders = [*own, *early, _POSITIONS["KERAS_2"], *orders]
    current = list(defaults.positional_names(owner, method)[: len(args)])
    for order in orders:
        for key in _keys(kinds[:1] + [kind for kind in kinds[1:] if kind not in _BASES], method):
            names = order.get(key, "").split()
            is_current = order is _POSITIONS["KERAS_2"] and method == "__init__" and names[: len(args)] == current
            if names and not is_current and _are_possible(names, args, all_integers or integers == 99):
                return names
    if "Optimizer" in kinds and number > 1 and method == "__init__":
        is_name = isinstance(args[-1], str) and len(args) == len(current) + 1  # before TensorFlow 2.11
        options = ["name"] if is_name else _OPTIONS_OF[number].split()
        return [*current, *(name for name in options if name not in current)]
    return None


def _starts_with_input_size(args: tuple[Any, ...], integers: int, number: int) -> bool:
    """Whether the arguments begin with the size of the input, as in Keras 0.x: one more integer, or a tuple."""
    count = 2 if integers == 99 else integers + 1 if number == 1 else 99
    is_shape = number == 1 and isinstance(args[0], tuple)
    return is_shape or (len(args) >= count and all(map(_is_size, args[:count])))


def _is_size(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_integral(value: Any) -> bool:
    """Whether a value is an integer, or a float that Python 2 would have divided to one."""
    return isinstance(value, int | np.integer) or (isinstance(value, float) and value.is_integer())


def _are_possible(names: list[str], args: tuple[Any, ...], all_integers: bool) -> bool:
    """Whether the values are possible for these arguments: no activation for `init`, no number for `activation`."""
    if not all_integers and "nb_row" in names:
        return False
    for name, value in zip(names, args, strict=False):
        if name == "init" and renamed_arguments.is_activation(value):
            return False
        if (name == "activation" and isinstance(value, int | np.integer | tuple | list)) or (
            name == "name" and not isinstance(value, str | None)
        ):
            return False
        if name == "decay" and isinstance(value, bool):  # Keras 2.3 had `nesterov` there
            return False
    return True
