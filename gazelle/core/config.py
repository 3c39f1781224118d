"""Configs, which are the arguments of constructors, and the registry of names that configs may refer to."""

from __future__ import annotations

import functools
import importlib
import inspect
import operator
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from gazelle.core import budget, outdated, replaced_methods, shared_objects
from gazelle.core.argument_types import check_types, is_clear, plain_values
from gazelle.core.errors import ArgumentError as ArgumentError
from gazelle.core.errors import ArgumentTypeError as ArgumentTypeError
from gazelle.core.errors import GazelleError, english, message, unknown
from gazelle.core.traceback import shorten


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
#: suffix of an argument's name -> the function that converts a name or config into an object
RESOLVERS: dict[str, Callable[[Any], Any]] = {}
_NOTHING: Mapping[str, Any] = {}
#: entry of a config made by `rebuild`: the class itself
_CLASS = "class"
_rebuilding: ContextVar[bool] = ContextVar("gazelle_rebuilding", default=False)
_custom: ContextVar[Mapping[str, Any]] = ContextVar("gazelle_custom_objects", default=_NOTHING)


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


@contextmanager
def custom_object_scope(objects: Mapping[str, Any] | None) -> Iterator[None]:
    """Let configs use further names inside the with-block.

    Args:
        objects: {name: class or function}; None adds none.

    Yields:
        Nothing.

    Example:
    >>> def double(x):
    ...     return 2 * x
    >>> with custom_object_scope({"double": double}):
    ...     layer = gazelle.layers.Activation("double")
    >>> layer(np.ones(2)).tolist()
    [2.0, 2.0]
    """
    token = _custom.set({**_custom.get(), **(objects or {})})
    try:
        yield
    finally:
        _custom.reset(token)


def snake(name: str) -> str:
    """'LayerNormalization' -> 'layer_normalization', 'Conv2D' -> 'conv2d', as Keras names layers."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def resolve(key: str, value: Any) -> Any:
    """Convert the value of an argument, such as "relu" of `activation`, into an object."""
    kind = key.rsplit("_", 1)[-1]
    if kind == "initializer" and kind not in RESOLVERS:
        importlib.import_module("gazelle.initializers")  # registers its classes
    resolver = RESOLVERS.get(kind)
    return value if resolver is None else resolver(value)


class Configurable:
    """Base of objects whose constructor arguments are their config: losses, metrics, optimizers, initializers.

    `get_config` returns the arguments, `from_config` makes an equal object. In classes of gazelle each argument is an
    attribute before `__init__` runs (names such as "relu" resolved to objects), and `get_config` reads the attributes;
    for other classes the arguments are recorded as they were given. `Operation`, the base of layers, does the same.
    """

    _config: dict[str, Any]
    _namespace = "builtins"  # the module of Keras that the class belongs to: "layers", "losses" ...
    _snake_case_names = False  # whether "max_norm" also means MaxNorm; else that name belongs to a function
    _aliases: tuple[str, ...] = ()  # further names of this class, not of its subclasses

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Arguments are attributes, which a type checker cannot see."""

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        capture_arguments(cls, abstract)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if callable(value):
            replaced_methods.note_change(self, name)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        replaced_methods.note_change(self, name)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments.

        Returns:
            {argument: value}, with values that JSON can hold.
        """
        return captured_arguments(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Create an object from its config.

        Args:
            config: Result of `get_config`.

        Returns:
            A new object with equal arguments.
        """
        return make_from_config(cls, config)


def capture_arguments(cls: type, abstract: bool = False) -> None:
    """Set up a new class whose constructor arguments are its config; called by `__init_subclass__`.

    Classes of gazelle are registered, unless they are abstract or private.
    """
    builtin = cls.__module__.startswith("gazelle.")
    if builtin and not abstract and not cls.__name__.startswith("_"):
        names = cls.__dict__.get("_aliases", ())
        if getattr(cls, "_snake_case_names", False):
            names = (snake(cls.__name__), *names)
        register(cls._namespace, *names)(cls)  # type: ignore[attr-defined]
    if "__init__" in cls.__dict__:
        _record_arguments(cls, builtin)


def captured_arguments(thing: Any) -> dict[str, Any]:
    """The constructor arguments of an object as values that JSON can hold."""
    current = type(thing).__module__.startswith("gazelle.")
    arguments = getattr(thing, "_config", {})
    if current:
        return {name: _tuples_kept(getattr(thing, name, value)) for name, value in arguments.items()}
    return {name: _serialize_or_keep(value) for name, value in arguments.items()}


def _tuples_kept(value: Any) -> Any:
    """`serialize` of an argument, but tuples of plain values stay tuples, as in the configs of Keras."""
    if type(value) is tuple and all(type(v) in _PLAIN or type(v) is tuple for v in value):
        return tuple(map(_tuples_kept, value))
    return serialize(value)


def _serialize_or_keep(value: Any) -> Any:
    """A value of a custom class, whose own get_config may replace what cannot be serialized; saving reports it."""
    try:
        return serialize(value, by_name=False)
    except ArgumentTypeError:
        return value


def make_from_config(cls: Any, config: Mapping[str, Any]) -> Any:
    """An object of `cls` from a config; the configs inside of it become objects, too."""
    return cls(**{key: deserialize(value) for key, value in config.items()})


def _record_arguments(cls: type, builtin: bool) -> None:
    """Wrap `cls.__init__` so that it records its arguments (and, for our own classes, stores them)."""
    init: Callable[..., None] = cls.__dict__["__init__"]
    flags = getattr(init, "__code__", None)
    builtin = builtin and not (flags is not None and flags.co_flags & inspect.CO_VARARGS)

    @functools.wraps(init)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            if "_config" in self.__dict__ and not builtin:
                init(self, *args, **kwargs)
                return
            signature, rest = _signature(init)
            try:
                bound = signature.bind(self, *args, **kwargs)
            except TypeError as error:
                raise _bad_arguments(type(self), signature, kwargs, error) from None
            own = type(self).__module__.startswith("gazelle.")
            kept = () if own else self.__dict__.keys() - bound.arguments.keys()  # set by a subclass of the program
            bound.apply_defaults()
            given = dict(list(bound.arguments.items())[1:])
            extra = given.pop(rest, {}) if rest else {}
            if builtin:
                given, extra = plain_values(init, given), plain_values(init, extra)
            self.__dict__.setdefault("_config", {**given, **extra})  # the arguments of the outermost class
            if not builtin:
                init(self, *args, **kwargs)
                return
            given = {key: _resolved(type(self), key, value) for key, value in given.items()}
            for key, value in given.items():  # every level stores its own
                if key not in kept and not isinstance(getattr(type(self), key, None), property):
                    setattr(self, key, value)
            try:
                init(self, **given, **extra)
            except Exception as error:
                if not is_clear(error):
                    check_types(type(self), init, given)
                if isinstance(error, TypeError) and "multiple values for" in str(error):  # a parent's, in **kwargs
                    known = [name for name in signature.parameters if name not in ("self", "kwargs")]
                    raise _unknown_argument(type(self), str(error).rsplit("'", 2)[1], known) from None
                raise
            check_types(type(self), init, given)
        except GazelleError as error:
            shorten(error)
            raise

    cls.__init__ = wrapped  # type: ignore[misc]


def _resolved(cls: type, key: str, value: Any) -> Any:
    """`resolve` for an argument of a constructor, whose name and class its error states."""
    try:
        return resolve(key, value)
    except ArgumentError as error:
        raise type(error)(f"{key} of {cls.__name__}: {english(error)}") from None


@functools.cache  # computed at the first call, because there are hundreds of classes
def _signature(init: Callable[..., None]) -> tuple[inspect.Signature, str | None]:
    """The signature of a constructor, and the name of its **kwargs."""
    signature = inspect.signature(init)
    rest = [p.name for p in signature.parameters.values() if p.kind is inspect.Parameter.VAR_KEYWORD]
    return signature, rest[0] if rest else None


def _unknown_argument(cls: type, name: str, known: list[str]) -> ArgumentTypeError:
    error = unknown(f"argument of {cls.__name__}", name, known, outdated.argument_hint(name, known))
    return ArgumentTypeError(english(error))


def _bad_arguments(cls: type, signature: inspect.Signature, kwargs: Mapping[str, Any], error: TypeError) -> TypeError:
    known = [name for name in signature.parameters if name not in ("self", "kwargs")]
    wrong = [name for name in kwargs if name not in known]
    if wrong:
        return _unknown_argument(cls, wrong[0], known)
    return ArgumentTypeError(f"{cls.__name__}(...): {error}.\nIt takes {', '.join(known)}.")


def name_of(target: Any) -> str:
    """The name under which a class or function is saved."""
    return str(getattr(target, "_registered_name", None) or target.__name__)


class _NoConfigError(ArgumentTypeError):
    """A value that a config cannot hold; `serialize_object` adds the names of the class and the argument."""


_PLAIN = frozenset({str, int, float, bool, type(None)})


def serialize(value: Any, by_name: bool = True) -> Any:
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
    if callable(value) and hasattr(value, "__name__"):
        return serialize_function(value, by_name)
    raise _NoConfigError(message(f"{value!r} cannot be part of a config", hint="Give the class a get_config method."))


def _same_or_tuple(value: tuple[Any, ...], items: list[Any]) -> tuple[Any, ...]:
    """The tuple itself, which may be of a subclass, if no item changed."""
    return value if all(map(operator.is_, items, value)) else tuple(items)


def _serialize_array(value: Any) -> Any:
    array = np.asarray(value)
    if array.ndim == 0 and isinstance(value, (np.ndarray, np.generic)):
        return serialize(array.item())
    mark = "__tensor__" if _is_jax_array(value) else "__numpy__"
    return {"class_name": mark, "config": {"value": array.tolist(), "dtype": str(array.dtype)}}


def serialize_object(value: Any) -> dict[str, Any]:
    """{"module", "class_name", "config", "registered_name"} of an object that has `get_config`."""
    cls = type(value)
    ours = cls.__module__.startswith("gazelle.")
    namespace = getattr(cls, "_namespace", "builtins")
    module = (f"keras.{namespace}" if namespace else "keras") if ours else cls.__module__
    out = {
        "module": getattr(cls, "_keras_module", module) if ours else module,
        "class_name": cls.__name__,
        "config": _config_of(value, ours),
        "registered_name": None if ours else getattr(cls, "_registered_name", cls.__name__),
        **shared_objects.shared_id(value),
    }
    build = getattr(value, "get_build_config", lambda: None)()
    if build:
        out["build_config"] = serialize(build)
    if _rebuilding.get():
        out[_CLASS] = cls
    return out


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
            out[key] = serialize(entry, by_name=ours)
        except _NoConfigError as error:
            label = f"{type(value).__name__} '{getattr(value, 'name', '')}'".removesuffix(" ''")
            raise ArgumentTypeError(f"{key!r} in the config of {label}: {english(error)}") from None
    return out


def serialize_function(value: Any, by_name: bool = True) -> Any:
    """The name of a built-in function; {"class_name": "function", ...} for another one, or if not `by_name`."""
    found = next((space for space, table in REGISTRY.items() if table.get(value.__name__) is value), None)
    if found and by_name:
        return value.__name__
    return {
        "module": f"keras.{found}" if found else "builtins",
        "class_name": "function",
        "config": value.__name__,
        "registered_name": getattr(value, "_registered_name", "function"),
    }


def rebuild(value: Any, built: bool = True, **changes: Any) -> Any:
    """A new object with the config of `value`, made without JSON.

    Classes need not be registered, and values that are no configurable objects (functions, arrays) are shared.

    Args:
        value: an object that has `get_config`.
        built: also build a layer on the shapes of `value`.
        **changes: entries of the config to replace.
    """
    token = _rebuilding.set(True)
    try:
        config = serialize_object(value)
        config["config"] = {**config["config"], **changes}
        if not built:
            config.pop("build_config", None)
        return deserialize(config)
    finally:
        _rebuilding.reset(token)


def find(name: str, namespace: str | None = None, registered: str | None = None) -> Any:
    """The class or function with a name, from the scope, the registered ones or the registry; None if not found."""
    given = _custom.get()
    for table in (given, CUSTOM):
        for key in (registered, name):
            if key and key in table:
                return table[key]
    custom = [v for k, v in CUSTOM.items() if k.split(">")[-1] == name]
    namespaces = [REGISTRY.get(namespace, {})] if namespace is not None else [*REGISTRY.values()]
    for table in namespaces:
        if name in table:
            return table[name]
    if not custom and REGISTRY.complete():
        return find(name, namespace, registered)
    return custom[0] if len(custom) == 1 else None


def target_of(value: Mapping[str, Any], namespace: str | None = None) -> Any:
    """The class or function that a config names, looked up in the namespace of its module, else in `namespace`."""
    if isinstance(value.get(_CLASS), type):  # of `rebuild`; JSON has no classes
        return value[_CLASS]
    name = value["config"] if value["class_name"] == "function" else value["class_name"].rsplit(">", 1)[-1]
    place = str(value.get("module") or "").removeprefix("keras.")
    if place not in REGISTRY:
        REGISTRY.complete()
    if place.startswith("src.ops"):  # a node of a graph: Keras stores the name of the function's class
        return REGISTRY["ops"].get(snake(name))
    target = find(name, place if place and place in REGISTRY else namespace, value.get("registered_name"))
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


def deserialize(value: Any, namespace: str | None = None) -> Any:
    """Undo `serialize`. Only registered names are found; nothing is imported or run by name."""
    if isinstance(value, list):
        return [deserialize(v, namespace) for v in value]
    if isinstance(value, tuple):
        return _same_or_tuple(value, [deserialize(v, namespace) for v in value])
    if not isinstance(value, Mapping):
        return value
    name, config = value.get("class_name"), value.get("config", {})
    if name is None or "config" not in value:
        return {k: deserialize(v, namespace) for k, v in value.items()}
    if name == "__numpy__":
        return _array(config["value"], np.dtype(config["dtype"]))
    if name == "__tensor__":
        import jax.numpy as jnp

        return jnp.asarray(_array(config["value"], np.dtype(config["dtype"])))
    if name == "__bytes__":
        return config["value"].encode("utf-8", "surrogateescape")
    if name == "__slice__":
        return slice(*(deserialize(config[key]) for key in ("start", "stop", "step")))
    if name == "__ellipsis__":
        return Ellipsis
    if name == "__tuple__":
        return tuple(deserialize(v) for v in value.get("items", config or ()))
    target = target_of(value, namespace)
    if target is None:
        error = unknown(
            "class or function in the config",
            config if name == "function" else name,
            (n for table in REGISTRY.values() for n in table),
            outdated.class_hint(name)
            or "Your own classes are given by custom_objects={...} or @register_keras_serializable().",
        )
        raise ArgumentTypeError(english(error))
    if name == "function":
        return target
    out = shared_objects.find(value)
    if out is not None:
        return out
    if not isinstance(config, Mapping):
        raise ArgumentTypeError(message(f"The config of {name}", expected="a dict of arguments", got=repr(config)[:80]))
    if not hasattr(target, "from_config"):
        hint = "Give the class a method from_config(cls, config)."
        raise ArgumentTypeError(
            message(f"{name} in a config", expected="a class with from_config", got="none", hint=hint)
        )
    out = target.from_config(config)
    shared_objects.store(value, out)
    shapes = value.get("build_config")
    if shapes and hasattr(out, "build_from_config") and not getattr(out, "built", True):
        out.build_from_config(shapes)
    return out
