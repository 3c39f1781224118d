"""The registry: the names that configs and arguments may refer to, and the classes and functions they mean."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any

from gazelle.core.context_variables import assigned


class Registry(dict[str, dict[str, Any]]):
    """namespace -> name -> class or function. Packages register theirs when they are imported."""

    _rest: Callable[[], Any] | None = None

    def complete_by(self, importing: Callable[[], Any]) -> None:
        """Set the function that imports all packages."""
        self._rest = importing

    def complete(self) -> bool:
        """Import the packages that are not loaded yet; False if all are."""
        rest, self._rest = self._rest, None
        if rest is not None:
            rest()
        return rest is not None

    def __missing__(self, namespace: str) -> dict[str, Any]:
        if self.complete() and namespace in self:
            return self[namespace]
        raise KeyError(namespace)


#: loaders look nowhere else
REGISTRY = Registry()
#: registered by `register_keras_serializable`: "package>name" -> class or function
CUSTOM: dict[str, Any] = {}
_custom: ContextVar[Mapping[str, Any]] = ContextVar("gazelle_custom_objects", default=types.MappingProxyType({}))


def register(namespace: str, *names: str) -> Callable[[Any], Any]:
    """Register a class or function in `namespace` under its own name and `names`."""

    def enter(target: Any) -> Any:
        table = REGISTRY.setdefault(namespace, {})
        for name in (target.__name__, *names):
            table[name] = target
        return target

    return enter


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """Register a custom class or function, so that saved models which use it can be loaded. A decorator.

    Args:
        package: Prefix of the name in files; it keeps equal names of two libraries apart.
        name: Name in files; None is the name of the class or function.

    Returns:
        The decorator, which returns its argument.

    Example:
    >>> @register_keras_serializable("mine")
    ... class Twice: ...
    """

    def enter(target: Any) -> Any:
        target._registered_name = f"{package}>{name or target.__name__}"
        CUSTOM[target._registered_name] = target
        return target

    return enter


def custom_object_scope(custom_objects: Mapping[str, Any] | None) -> AbstractContextManager[object]:
    """Let configs use further names inside the with-block.

    Args:
        custom_objects: {name: class or function}; None adds none.

    Returns:
        A context manager.

    Example:
    >>> def double(x):
    ...     return 2 * x
    >>> with custom_object_scope({"double": double}):
    ...     layer = gazelle.layers.Activation("double")
    >>> layer(np.ones(2)).tolist()
    [2.0, 2.0]
    """
    return assigned(_custom, {**_custom.get(), **(custom_objects or {})})


def name_of(target: type | Callable[..., Any]) -> str:
    """The name under which a class or function is saved: that of its own registration, not of a base class."""
    inherits = isinstance(target, type) and not target.__module__.startswith("gazelle.")
    registered = vars(target).get("_registered_name") if inherits else getattr(target, "_registered_name", None)
    return str(registered or target.__name__)


def registered_name(config: Mapping[str, Any]) -> str | None:
    """The name with a package, "package>name", in a config: an entry of its own, or the name of the class in HDF5."""
    name = config.get("registered_name")
    return config["class_name"] if name is None and ">" in str(config.get("class_name")) else name


def custom_objects() -> Mapping[str, Any]:
    """{name: class or function} of the enclosing `custom_object_scope`s."""
    return _custom.get()


def find_custom(name: str | None, registered: str | None = None) -> Callable[..., Any] | None:
    """The user's class or function with a name, from the scope or the registered ones; None if not found."""
    for table in (custom_objects(), CUSTOM):
        for key in (registered, name):
            if key and key in table:
                return table[key]
    return None


def find(name: str, namespace: str | None = None, registered: str | None = None) -> Callable[..., Any] | None:
    """The class or function with a name, from the scope, the registered ones or the registry; None if not found."""
    found = find_custom(name, registered)
    if found is not None:
        return found
    custom = [v for k, v in CUSTOM.items() if k.split(">")[-1] == name]
    namespaces = [REGISTRY.get(namespace, {})] if namespace is not None else [*REGISTRY.values()]
    for table in namespaces:
        if name in table:
            return table[name]
    if not custom and REGISTRY.complete():
        return find(name, namespace, registered)
    return custom[0] if len(custom) == 1 else None
