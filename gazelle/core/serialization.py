"""Objects as configs, in the format of Keras 3, and back."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from gazelle.core import budget, outdated, shared_objects
from gazelle.core.context_variables import assigned
from gazelle.core.errors import ArgumentError, ArgumentTypeError, english, message, unknown
from gazelle.core.operation_names import operation_of
from gazelle.core.registry import REGISTRY, find, name_of, registered_name
from gazelle.core.traceback import warn

if TYPE_CHECKING:
    from gazelle.core.types import Deserialized, Serialized

_rebuilding: ContextVar[bool] = ContextVar("gazelle_rebuilding", default=False)
_with_arguments_of_compile: ContextVar[bool] = ContextVar("gazelle_arguments_of_compile", default=False)
T = TypeVar("T")
#: entry of a config made by `rebuild`: the class itself
_CLASS = "class"
#: class names of the values that JSON does not have
_SPECIAL = frozenset({"__numpy__", "__tensor__", "__bytes__", "__slice__", "__ellipsis__", "__tuple__"})


class _NoConfigError(ArgumentTypeError):
    """A value that a config cannot hold; `serialize_object` adds the names of the class and the argument."""


_PLAIN = frozenset({str, int, float, bool, type(None)})


def serialize(value: object, by_name: bool = True) -> Serialized:
    """A value of a config as JSON, in the format of Keras 3; by_name: built-in functions are written as names only."""
    if isinstance(value, (str, int, float, bool, type(None))):
        return value.item() if isinstance(value, np.generic) else value
    if isinstance(value, tuple) and _rebuilding.get():
        return _same_or_tuple(value, [serialize(v) for v in value])
    if isinstance(value, (list, tuple)):
        return [v if type(v) in _PLAIN else serialize(v, by_name) for v in value]
    if isinstance(value, Mapping) and not hasattr(value, "get_config"):
        return {
            (k.item() if isinstance(k, np.generic) else k): v if type(v) in _PLAIN else serialize(v, by_name)
            for k, v in value.items()
        }
    if hasattr(value, "get_config") and not isinstance(value, type):
        return serialize_object(value)
    if _rebuilding.get():
        return value
    special = None if isinstance(value, FunctionType) else _serialize_special(value)  # most values here are functions
    if special is not None:
        return special
    if callable(value) and hasattr(value, "__name__"):
        return serialize_function(value, by_name)
    raise _NoConfigError(message(f"{value!r} cannot be part of a config", hint="Give the class a get_config method."))


def _serialize_special(value: Any) -> Any:
    """The entry for a value that JSON does not have, or the name of a dtype; None for other values."""
    if isinstance(value, (np.ndarray, np.generic)) or _is_jax_array(value) or hasattr(value, "__jax_array__"):
        return _serialize_array(value)
    if isinstance(value, slice):
        return {
            "class_name": "__slice__",
            "config": {k: serialize(getattr(value, k)) for k in ("start", "stop", "step")},
        }
    if value is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(value, bytes):
        return {"class_name": "__bytes__", "config": {"value": value.decode("utf-8", "surrogateescape")}}
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return np.dtype(value).name
    if isinstance(value, type) and isinstance(getattr(value, "dtype", None), np.dtype):  # jnp.float32
        return value.dtype.name  # type: ignore[attr-defined]
    return None


def serialize_argument(value: object, by_name: bool = True) -> Serialized:
    """`serialize` of an argument, but tuples of plain values stay tuples, as in the configs of Keras."""
    if type(value) is tuple and all(type(v) in _PLAIN or type(v) is tuple for v in value):
        return tuple(map(serialize_argument, value))
    return serialize(value, by_name)


def _same_or_tuple(value: tuple[Any, ...], items: list[Any]) -> tuple[Any, ...]:
    """The tuple itself, which may be of a subclass, if no item changed."""
    return value if all(map(operator.is_, items, value)) else tuple(items)


def _serialize_array(value: Any) -> Any:
    array = np.asarray(value)
    if array.ndim == 0 and isinstance(value, (np.ndarray, np.generic)):
        return serialize(array.item())
    mark = "__tensor__" if _is_jax_array(value) else "__numpy__"
    return {"class_name": mark, "config": {"value": array.tolist(), "dtype": str(array.dtype)}}


def with_arguments_of_compile() -> AbstractContextManager[None]:
    """The configs that are made in the block contain those of `compile`, also of models inside of models."""
    return assigned(_with_arguments_of_compile, True)


def serialize_object(value: object) -> dict[str, Any]:
    """{"module", "class_name", "config", "registered_name"} of an object that has `get_config`."""
    cls = type(value)
    ours = cls.__module__.startswith("gazelle.")
    namespace = getattr(cls, "_namespace", "builtins")
    module = getattr(cls, "_keras_module", f"keras.{namespace}".rstrip(".")) if ours else cls.__module__
    out = {
        "module": module,
        "class_name": cls.__name__,
        "config": _config_of(value, ours),
        "registered_name": None if ours and str(module).startswith("keras") else name_of(cls),
        **shared_objects.shared_id(value),
    }
    build = getattr(value, "get_build_config", lambda: None)()
    if build:
        out["build_config"] = serialize(build)
    compiled = _arguments_of_compile(value) if _with_arguments_of_compile.get() else None
    if compiled:
        out["compile_config"] = compiled
    if _rebuilding.get():
        out[_CLASS] = cls
    return out


def _arguments_of_compile(value: Any) -> Serialized:
    try:
        return serialize(getattr(value, "get_compile_config", lambda: None)())
    except ArgumentError as error:  # the architecture is written in any case
        warn(f"The arguments of compile are not saved. {error}")
        return None


def _config_of(value: Any, ours: bool) -> Any:
    """The result of `get_config` as JSON: a method of the user may return objects, arrays and functions."""
    config = value.get_config()
    if not ours and isinstance(config, Mapping) and hasattr(value, "_arguments_left_out"):
        config = {**value._arguments_left_out(config), **config}
    if _rebuilding.get() or not isinstance(config, Mapping):
        return config
    out = {}
    for key, entry in config.items():
        try:
            out[key] = entry if type(entry) in _PLAIN else serialize_argument(entry, by_name=ours)
        except _NoConfigError as error:
            label = f"{type(value).__name__} '{getattr(value, 'name', '')}'".removesuffix(" ''")
            raise ArgumentTypeError(f"{key!r} in the config of {label}: {english(error)}") from None
    return out


def serialize_function(value: Callable[..., Any], by_name: bool) -> str | dict[str, Any]:
    """The name of a built-in function; {"class_name": "function", ...} for another one, or if not `by_name`."""
    found = next((space for space, table in REGISTRY.items() if table.get(value.__name__) is value), None)
    if found and by_name:
        return value.__name__
    registered = getattr(value, "_registered_name", None)
    return {
        "module": f"keras.{found}" if found else "builtins",
        "class_name": "function",
        "config": registered or value.__name__,  # by which Keras finds it
        "registered_name": registered or "function",
    }


def rebuild(value: T, built: bool = True, **changes: Any) -> T:
    """A new object with the config of `value`, made without JSON.

    Classes need not be registered, and values that are no configurable objects (functions, arrays) are shared.

    Args:
        value: an object that has `get_config`.
        built: also build a layer on the shapes of `value`.
        **changes: entries of the config to replace.
    """
    with assigned(_rebuilding, True):
        config = serialize_object(value)
        config["config"] = {**config["config"], **changes}
        if not built:
            config.pop("build_config", None)
        return deserialize(config)


def target_of(value: Mapping[str, Any], namespace: str | None = None) -> Callable[..., Any] | None:
    """The class or function that a config names, looked up in the namespace of its module, else in `namespace`."""
    if isinstance(value.get(_CLASS), type):  # of `rebuild`; JSON has no classes
        return value[_CLASS]
    name = value["config"] if value["class_name"] == "function" else value["class_name"].rsplit(">", 1)[-1]
    place = str(value.get("module") or "").removeprefix("keras.")
    if place not in REGISTRY:
        REGISTRY.complete()
    if place.startswith("src.ops"):  # a node of a graph: Keras stores the name of the function's class
        return REGISTRY["ops"].get(operation_of(name))
    target = find(name, place if place and place in REGISTRY else namespace, registered_name(value))
    return find(name) if target is None and not (place and place in REGISTRY) else target


def _is_jax_array(value: object) -> bool:
    jax = sys.modules.get("jax")  # `import gazelle` does not load it
    return jax is not None and isinstance(value, jax.Array)


def _array(value: Any, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """An array of numbers or strings from nested lists."""
    if dtype.hasobject or dtype.names is not None or dtype.subdtype is not None:
        raise ArgumentError(message("The dtype of an array in a config", expected="numbers or strings", got=str(dtype)))
    budget.check_nested(value, dtype.itemsize)
    return np.asarray(value, dtype)


def deserialize(value: Serialized, namespace: str | None = None) -> Deserialized:
    """Undo `serialize`. Only registered names are found; nothing is imported or run by name."""
    if isinstance(value, list):
        return [deserialize(v, namespace) for v in value]
    if isinstance(value, tuple):
        return _same_or_tuple(value, [deserialize(v, namespace) for v in value])
    if not isinstance(value, Mapping) or hasattr(value, "get_config"):  # an object that a `from_config` created
        return value
    name, config = value.get("class_name"), value.get("config", {})
    if name is None or "config" not in value:
        return {k: deserialize(v, namespace) for k, v in value.items()}
    if name in _SPECIAL:
        return _deserialize_special(name, value, config)
    target: Any = target_of(value, namespace)
    if target is None:
        raise _unknown(config if name == "function" else name)
    if name == "function":
        return target
    out = shared_objects.find(value)
    if out is not None:
        return out
    if not isinstance(config, Mapping):
        raise ArgumentTypeError(message(f"The config of {name}", expected="a dict of arguments", got=repr(config)[:80]))
    out = target.from_config(config) if hasattr(target, "from_config") else target(**config)
    shared_objects.store(value, out)
    if "build_config" in value or "compile_config" in value:
        _build_and_compile(out, value)
    return out


def _deserialize_special(name: str, value: Mapping[str, Any], config: Any) -> Any:
    """A value that JSON does not have, from the entry that `serialize` wrote for it."""
    if name in ("__numpy__", "__tensor__"):
        array = _array(config["value"], np.dtype(config["dtype"]))
        if name == "__numpy__":
            return array
        import jax.numpy as jnp

        return jnp.asarray(array)
    if name == "__bytes__":
        return config["value"].encode("utf-8", "surrogateescape")
    if name == "__slice__":
        return slice(*(deserialize(config[key]) for key in ("start", "stop", "step")))
    if name == "__tuple__":
        return tuple(deserialize(v) for v in value.get("items", config or ()))
    return Ellipsis


def _unknown(name: str) -> ArgumentTypeError:
    """The error about a class or function that is not registered."""
    names = (n for table in REGISTRY.values() for n in table)
    hint = "Your own classes are given by custom_objects={...} or @register_keras_serializable()."
    return ArgumentTypeError(
        english(unknown("class or function in the config", name, names, outdated.class_hint(name) or hint))
    )


def _build_and_compile(out: Any, value: Mapping[str, Any]) -> None:
    """Build and compile a new object by the shapes and arguments of `compile` in its entry."""
    shapes = value.get("build_config")
    if shapes and hasattr(out, "build_from_config") and not getattr(out, "built", True):
        out.build_from_config(shapes)
    compiled = value.get("compile_config")
    if compiled and hasattr(out, "compile_from_config"):
        out.compile_from_config(compiled)
