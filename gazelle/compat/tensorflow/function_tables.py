"""Functions of tf that NumPy, JAX or gazelle has under another name, and further names of objects (`tables`)."""

from __future__ import annotations

import ast
import copyreg
import functools
import importlib
import inspect
import types
from types import ModuleType
from typing import Any, cast

import jax.numpy as jnp
import numpy as np

from gazelle.compat import tables
from gazelle.compat.backend import sessions
from gazelle.compat.backend.arithmetic import root
from gazelle.compat.classes import compat_class, is_core
from gazelle.compat.tensorflow import names_of_1
from gazelle.compat.tensorflow.calls import call
from gazelle.compat.tensorflow.dtypes import DType, keeps_64_bits
from gazelle.compat.tensorflow.eager import float64
from gazelle.compat.tensorflow.names import NAMES, current_names, named, op, space
from gazelle.compat.types import Function, NamedObject
from gazelle.core.symbolic import KerasTensor
from gazelle.core.variable import Variable
from gazelle.initializers import Initializer
from gazelle.optimizers import Optimizer

TABLE = tables.read("tensorflow")
LISTS = tables.lists("tensorflow", "lists")
_PACKAGE = "gazelle.compat.tensorflow"


def _register(names: str, call: Function, parameters: list[str], host: bool) -> None:
    """Register `call` with these parameters, of which those with a star become Python values."""
    static = tuple(text.lstrip("*").partition("=")[0] for text in parameters if text.startswith("*"))
    function = tables.with_parameters(call, [text.lstrip("*") for text in parameters])
    op(*names.split(), static=static, host=host)(function)


def _numpy_function(name: str) -> Function:
    if name in ("equal", "not_equal"):  # texts are bytes
        return lambda *args: getattr(space(args), name)(*(a.encode() if isinstance(a, str) else a for a in args))
    return lambda *args: getattr(space(args), name)(*args)


def _device_function(path: str, count: int) -> Function:
    """A function of JAX or gazelle, whose first `count` arguments are arrays; named tuples become plain ones."""
    target = tables.resolve(path, _PACKAGE)

    def call(*args: Any) -> Any:
        out = target(*map(jnp.asarray, args[:count]), *args[count:])
        return tuple(out) if isinstance(out, tuple) else out

    return call


def _reduction(name: str) -> Any:
    def function(input_tensor: Any, axis: Any = None, keepdims: bool | None = False) -> Any:
        xp, keepdims = space(input_tensor), bool(keepdims)
        if isinstance(input_tensor, list | tuple):
            keeps = keeps_64_bits(input_tensor)
            input_tensor = xp.stack([xp.asarray(v) for v in input_tensor])
            if input_tensor.dtype == np.float64 and not keeps:
                input_tensor = input_tensor.astype(np.float32)
        input_tensor = xp.asarray(input_tensor)
        is_integer = input_tensor.dtype.kind in "iu"
        if is_integer and name in ("sum", "prod"):  # NumPy widens short ones
            return getattr(xp, name)(input_tensor, axis=axis, keepdims=keepdims, dtype=input_tensor.dtype)
        # TensorFlow's mean of integers is an integer, rounded towards 0
        if name == "mean" and is_integer:
            total = xp.sum(input_tensor, axis=axis, keepdims=keepdims)
            mean = xp.sign(total) * (abs(total) // (np.size(input_tensor) // max(1, np.size(total))))
            return mean.astype(input_tensor.dtype)
        if name in ("max", "min") and 0 in input_tensor.shape and input_tensor.dtype.kind in "iuf":
            limits = xp.finfo(input_tensor.dtype) if input_tensor.dtype.kind == "f" else xp.iinfo(input_tensor.dtype)
            least, most = (-xp.inf, xp.inf) if input_tensor.dtype.kind == "f" else (limits.min, limits.max)
            initial = least if name == "max" else most
            return getattr(xp, name)(input_tensor, axis=axis, keepdims=keepdims, initial=initial)
        if name == "std" and xp is jnp:
            return root(jnp.var(input_tensor, axis=axis, keepdims=keepdims))
        return getattr(xp, name)(input_tensor, axis=axis, keepdims=keepdims)

    function.reduces = name  # for `masked_rows`
    return function


def numpy_names() -> list[str]:
    """The functions and types of NumPy that JAX has, which `from tensorflow.experimental.numpy import *` imports."""
    return [name for name, value in vars(jnp).items() if not name.startswith("_") and not isinstance(value, ModuleType)]


def numpy_function(name: str) -> NamedObject:
    """`tf.experimental.numpy.NAME`: the function of NumPy on tensors; None if there is none."""
    target = getattr(jnp, name, None)
    if name.startswith("__"):  # of the module, such as `__all__`
        return None
    if not callable(target) or isinstance(target, type) or hasattr(target, "dtype"):
        return target if target is not None else getattr(np, name, None)

    def with_arrays(*args: Any, **kwargs: Any) -> Any:
        if name == "take" and len(args) < 5:
            kwargs = {"mode": "clip", **kwargs}
        try:
            return target(*args, **kwargs)
        except TypeError:  # JAX takes lists only where they are arrays to be joined
            kwargs |= {key: jnp.asarray(v) for key, v in kwargs.items() if isinstance(v, list) and key == "indices"}
            return target(*(jnp.asarray(v) if isinstance(v, list | tuple) else v for v in args), **kwargs)

    def called(*args: Any, **kwargs: Any) -> Any:
        kinds = [value for value in (*args, *kwargs.values()) if isinstance(value, type | np.dtype | DType)]
        for kind in kinds:  # such as np.float64
            float64.request(kind)
        return call(with_arrays, args, kwargs)

    return called


for _names, _entry in TABLE["numpy"].items():
    _path, *_parameters = _entry.split()
    _register(_names, _numpy_function(_path), _parameters, host=True)
for _names, _entry in TABLE["functions"].items():
    _path, *_parameters = _entry.split()
    _arrays = sum(text[0] != "*" and "=" not in text for text in _parameters)
    _register(_names, _device_function(_path, _arrays), _parameters, host=False)
for _names, _entry in TABLE["reductions"].items():
    op(*_names.split(), static=("axis",))(_reduction(_entry))


def register_objects() -> None:
    """Register the sections of names of other objects, after the functions in modules."""
    for name, path in tables.objects("tensorflow")["objects"].items():
        found = tables.resolve(path, _PACKAGE)
        named(name)(compat_class(found) if isinstance(found, type) and is_core(found) else found)
    for names, known in TABLE["aliases"].items():
        NAMES.update(dict.fromkeys(names.split(), NAMES[known]))
    for module, functions in tables.lists("tensorflow", "without a module").items():
        NAMES.update((name, NAMES[f"{module}.{name}"]) for name in functions)
    for names, (known, *order) in tables.lists("tensorflow", "order of TensorFlow 1").items():
        function = NAMES[known] if known in NAMES else compat_class(tables.resolve(known, _PACKAGE))
        NAMES.update(dict.fromkeys(names.split(), _in_order(function, order)))
    for name, former in list(NAMES.items()):
        current = NAMES.get(plain := name.removeprefix("compat.v1."))
        if plain != name and current is not None and current is not former:
            NAMES[plain] = _of_program(current, former)


def _of_program(current: Function, former: Function) -> Function:
    """The current function; in programs for TensorFlow 1 the former one, whose arguments have another order."""

    @functools.wraps(current)
    def called(*args: Any, **kwargs: Any) -> Any:
        return (former if names_of_1.active() else current)(*args, **kwargs)

    return _Made(former.__name__, (), {"call": staticmethod(called)}) if isinstance(former, _Made) else called


class _Made(type):
    """A class of initializers or optimizers with the arguments of TensorFlow 1.

    Programs also pass the class itself, check the class of an object with it, pickle it, and derive classes from it.
    """

    call: Function

    def __new__(cls, name: str, bases: tuple[type, ...], names: dict[str, Any]) -> Any:
        if bases:  # a class of the program, which has methods of its own
            current = tuple(inspect.unwrap(base.call) if isinstance(base, _Made) else base for base in bases)
            of_tensorflow_1 = {"is_of_tensorflow_1": True} if any(issubclass(c, Optimizer) for c in current) else {}
            return types.new_class(name, current, exec_body=lambda space: space.update({**of_tensorflow_1, **names}))
        return super().__new__(cls, name, bases, names)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls.call(*args, **kwargs)

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, inspect.unwrap(cls.call))


copyreg.pickle(_Made, lambda made: (_by_name, (next(name for name, known in NAMES.items() if known is made),)))


def _by_name(name: str) -> type:
    """The class with a name of TensorFlow, for pickles."""
    importlib.import_module("gazelle.compat.tensorflow")  # which registers the names
    return cast(type, NAMES[name])


def _in_order(function: Function, order: list[str]) -> Function:
    """The function or class with arguments of TensorFlow 1: "name", "name/current name", "name=default" or "-name"."""
    texts = [text.lstrip("-").partition("=") for text in order]
    names = [own.partition("/")[0] for own, _, _ in texts]
    ignored = {text[1:] for text in order if text[0] == "-"}
    earlier = dict(own.split("/") for own, _, _ in texts if "/" in own)
    defaults = {name: ast.literal_eval(value) for name, (_, has, value) in zip(names, texts, strict=True) if has}

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        given = defaults | dict(zip(names, args, strict=False)) | kwargs
        rate = given.get("learning_rate")
        if isinstance(rate, Variable | KerasTensor) and "learning_rate" not in earlier:  # the value at each step
            given["learning_rate"] = lambda: sessions.value_now(rate)
        made = function(**current_names({name: given[name] for name in given if name not in ignored}, earlier))
        if isinstance(made, Optimizer):
            vars(made)["is_of_tensorflow_1"] = True
        return made

    vars(called)["__signature__"] = inspect.Signature(
        [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=defaults.get(n)) for n in names]
    )
    if not isinstance(function, type) or not issubclass(function, Initializer | Optimizer):
        return called
    return _Made(function.__name__, (), {"call": staticmethod(called)})
