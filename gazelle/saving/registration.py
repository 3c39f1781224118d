"""Serialization of objects, and registration of custom classes and functions."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from gazelle.core import registry, serialization
from gazelle.core.errors import unknown
from gazelle.core.types import Deserialized, Serialized
from gazelle.saving import config as configs
from gazelle.saving import config_check


class CustomObjectScope:
    """Context in which configs may use custom classes and functions.

    Args:
        custom_objects: {name: class or function}.

    >>> class Mine: ...
    >>> with CustomObjectScope({"Mine": Mine}):
    ...     get_registered_object("Mine").__name__
    'Mine'
    """

    def __init__(self, custom_objects: Mapping[str, Any] | None = None) -> None:
        self.custom_objects = dict(custom_objects or {})
        self._open = contextlib.ExitStack()

    def __enter__(self) -> CustomObjectScope:
        self._open.enter_context(registry.custom_object_scope(self.custom_objects))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()


def get_custom_objects() -> dict[str, Any]:
    """Access the global table of custom classes and functions.

    Returns:
        {name: object}; changes to it take effect.

    >>> class Mine: ...
    >>> get_custom_objects()["Mine"] = Mine
    >>> get_custom_objects().pop("Mine").__name__
    'Mine'
    """
    return registry.CUSTOM


def get_registered_name(obj: type | Callable[..., Any]) -> str:
    """Look up the name under which a class or function is saved.

    Args:
        obj: a class or function.

    Returns:
        The name.

    >>> get_registered_name(gazelle.layers.Dense)
    'Dense'
    """
    return registry.name_of(obj)


def get_registered_object(
    name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Mapping[str, Any] | None = None
) -> type | Callable[..., Any] | None:
    """Look up a class or function.

    Args:
        name: the name it is registered under.
        custom_objects: {name: object}, searched after the scope and the global table.
        module_objects: {name: object}, searched last.

    Returns:
        The class or function; None if no table has the name.
    """
    for table in (registry.custom_objects(), registry.CUSTOM, custom_objects or {}, module_objects or {}):
        if name in table:
            return table[name]
    return None


def serialize_keras_object(obj: object) -> Serialized:
    """Convert an object to values that JSON can hold, in the format of Keras 3.

    Args:
        obj: a layer, loss, function, dtype, array, list ...

    Returns:
        A config for objects and functions; lists, numbers, strings and None for others.

    >>> serialize_keras_object(gazelle.regularizers.L2(0.5))["class_name"]
    'L2'
    """
    if callable(obj) and hasattr(obj, "__name__") and not hasattr(obj, "get_config"):
        name = registry.name_of(obj)
        return {"module": "builtins", "class_name": "function", "config": name, "registered_name": name}
    with serialization.with_arguments_of_compile():
        return serialization.serialize(obj)


def imported_classes(config: object) -> dict[str, Any]:
    """{name: class} of the classes in a config that a program has imported, under the module that the config names."""
    if isinstance(config, list | tuple):
        return {name: found for one in config for name, found in imported_classes(one).items()}
    if not isinstance(config, Mapping):
        return {}
    out = imported_classes(list(config.values()))
    values = dict(config)  # of a mapping whose `get` may be another one, as that of a ConfigParser
    name, module = values.get("class_name"), values.get("module")
    if isinstance(name, str) and isinstance(module, str) and module.partition(".")[0] not in ("keras", "builtins"):
        found = vars(sys.modules[module]).get(name) if module in sys.modules else None
        if isinstance(found, type) and hasattr(found, "from_config") and found.__module__ == module:
            out[name] = found
    return out


def deserialize_keras_object(
    config: Serialized, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True, **kwargs: Any
) -> Deserialized:
    """Create the object that a config describes. Nothing is imported by name.

    Names are looked up in gazelle's tables, in those given here, and among the classes with `from_config` in modules
    that the program has imported already. (`load_model` does not look there.)

    Args:
        config: what `serialize_keras_object` returned.
        custom_objects: {name: class or function} that the config may name in addition to gazelle's own.
        safe_mode: accepted for compatibility; code in a config is always refused.
        **kwargs: `module_objects`, a further table of names.

    Returns:
        The object.

    Raises:
        UnsafeFileError: the config names something that no table contains, or contains code.

    >>> deserialize_keras_object(serialize_keras_object(gazelle.layers.Dense(2, name="top")))
    <Dense name=top, built=False>
    """
    table = kwargs.get("module_objects")
    if isinstance(config, str) and table is not None:
        target = get_registered_object(config, custom_objects, table)
        if target is None:
            raise unknown("object", config, table)
        return target() if isinstance(target, type) else target
    known = {**imported_classes(config), **(table or {}), **(custom_objects or {})}
    with registry.custom_object_scope(known), configs.budget_of("the config", configs.machine_memory() // 8):
        return serialization.deserialize(config_check.checked(config, "the config"))
