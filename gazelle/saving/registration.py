"""Objects as configs and back, and the tables of a program's own classes, under Keras' names."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from gazelle.core import config as core
from gazelle.core.errors import unknown
from gazelle.saving import config_check


class CustomObjectScope:
    """Names that configs may use inside the with-block, as {name: class or function}.

    >>> class Mine: ...
    >>> with CustomObjectScope({"Mine": Mine}):
    ...     get_registered_object("Mine").__name__
    'Mine'
    """

    def __init__(self, custom_objects: Mapping[str, Any] | None = None) -> None:
        self.custom_objects = dict(custom_objects or {})
        self._open = contextlib.ExitStack()

    def __enter__(self) -> CustomObjectScope:
        self._open.enter_context(core.custom_object_scope(self.custom_objects))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()


def get_custom_objects() -> dict[str, Any]:
    """The live table of a program's own classes: what stands in it is found by its key when configs are read.

    >>> class Mine: ...
    >>> get_custom_objects()["Mine"] = Mine
    >>> get_custom_objects().pop("Mine").__name__
    'Mine'
    """
    return core.CUSTOM


def get_registered_name(obj: Any) -> str:
    """The name that a class or function is saved under.

    >>> get_registered_name(gazelle.layers.Dense)
    'Dense'
    """
    return core.name_of(obj)


def get_registered_object(
    name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Mapping[str, Any] | None = None
) -> Any:
    """What is registered under a name: in the scope, the table of the program, or the two given; None if nowhere."""
    for table in (core._custom.get(), core.CUSTOM, custom_objects or {}, module_objects or {}):
        if name in table:
            return table[name]
    return None


def serialize_keras_object(obj: Any) -> Any:
    """A layer, loss, function, ... as JSON can hold it, in the form of Keras 3.

    >>> serialize_keras_object(gazelle.regularizers.L2(0.5))["class_name"]
    'L2'
    """
    if callable(obj) and hasattr(obj, "__name__") and not hasattr(obj, "get_config"):
        name = core.name_of(obj)
        return {"module": "builtins", "class_name": "function", "config": obj.__name__, "registered_name": name}
    return core.serialize(obj)


def deserialize_keras_object(
    config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True, **kwargs: Any
) -> Any:
    """The object that a config describes. Names are looked up in closed tables; nothing is imported by name.

    Args:
        config: what `serialize_keras_object` gave.
        custom_objects: {name: class or function} that the config may name besides gazelle's own.
        safe_mode: accepted; code that stands in a config is refused in either mode.
        module_objects: a table for a config that is only a name.

    Raises:
        UnsafeFileError: it names something that no table holds, or holds code.

    >>> deserialize_keras_object(serialize_keras_object(gazelle.layers.Dense(2, name="top")))
    <Dense name=top, built=False>
    """
    table = kwargs.get("module_objects")
    if isinstance(config, str) and table is not None:
        found = get_registered_object(config, custom_objects, table)
        if found is None:
            raise unknown("object", config, table)
        return found() if isinstance(found, type) else found
    with core.custom_object_scope(custom_objects or {}):
        return core.deserialize(config_check.checked(config, "the config"))
