"""Configs: the arguments of a constructor, which are recorded when an object is made."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

from gazelle.core import replaced_methods
from gazelle.core.argument_types import check_types, is_clear, plain_values
from gazelle.core.errors import ArgumentError, ArgumentTypeError, GazelleError, english
from gazelle.core.names import snake
from gazelle.core.outdated import unknown_argument
from gazelle.core.registry import custom_object_scope, register
from gazelle.core.serialization import deserialize, serialize, serialize_argument
from gazelle.core.traceback import shorten

if TYPE_CHECKING:
    from gazelle.core.types import Deserialized, Serialized

T = TypeVar("T")
#: suffix of an argument's name -> the function that converts a name or config into an object
RESOLVERS: dict[str, Callable[[Any], Any]] = {}


def resolve(key: str, value: object) -> Deserialized:
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
    _hidden_arguments: tuple[str, ...] = ()  # of this class's own constructor: those that are no attributes
    _texts: tuple[str, ...] = ()  # arguments that stay texts, although `resolve` has objects of their kind
    _outside_config: tuple[str, ...] = ()  # of this class's own constructor: those that are not in the config

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
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Create an object from its config.

        Args:
            config: Result of `get_config`.
            custom_objects: {name: class or function} of the program.

        Returns:
            A new object with equal arguments.
        """
        with custom_object_scope(custom_objects):
            return make_from_config(cls, config)


def capture_arguments(cls: type, abstract: bool) -> None:
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


def captured_arguments(thing: object) -> dict[str, Any]:
    """The constructor arguments of an object as values that JSON can hold.

    A `get_config` of a custom class adds its arguments to those of the class that it inherits from, as in Keras.
    """
    cls: Any = type(thing)
    outside = _outside_config(cls)
    arguments = {name: value for name, value in getattr(thing, "_config", {}).items() if name not in outside}
    if (_constructor(cls).__module__ or "").startswith("gazelle."):  # which stored the arguments as attributes
        current = {name: getattr(thing, name, value) for name, value in arguments.items()}
        if cls.__module__.startswith("gazelle."):
            return {name: serialize_argument(value) for name, value in current.items()}
        return {name: serialize_or_keep(value, by_name=True) for name, value in current.items()}
    if has_own_get_config(cls):
        return _inherited_arguments(thing, cls)
    inherited = _inherited_arguments(thing, cls) if _takes_positions(cls) else {}
    return {**inherited, **{name: serialize_or_keep(value) for name, value in arguments.items()}}


def has_own_get_config(cls: type[Any]) -> bool:
    """Whether the `get_config` of a class is one of a program."""
    return not (cls.get_config.__module__ or "").startswith("gazelle.")


def _inherited_arguments(thing: object, cls: Any) -> dict[str, Any]:
    """The arguments of the constructor that a custom class inherits from gazelle, with their present values."""
    names = _arguments_of_parent(cls)
    return {name: serialize_or_keep(getattr(thing, name), by_name=True) for name in names if hasattr(thing, name)}


@functools.cache
def _constructor(cls: type) -> type:
    """The class whose constructor a class has."""
    return next(parent for parent in cls.__mro__ if "__init__" in vars(parent))


@functools.cache
def _outside_config(cls: type) -> frozenset[str]:
    """The arguments that a class and its parents leave out of the config."""
    return frozenset(name for parent in cls.__mro__ for name in vars(parent).get("_outside_config", ()))


@functools.cache
def _arguments_of_parent(cls: type) -> tuple[str, ...]:
    """The names of the arguments of the first constructor of gazelle that a class inherits."""
    for parent in cls.__mro__:
        if parent.__module__.startswith("gazelle.") and "__init__" in vars(parent) and not _takes_positions(parent):
            parameters = list(_signature(parent.__init__)[0].parameters.values())[1:]  # type: ignore[misc]
            names = [one.name for one in parameters if one.kind is not inspect.Parameter.VAR_KEYWORD]
            return tuple(name for name in names if name not in _outside_config(cls))
    return ()


@functools.cache
def _takes_positions(cls: type) -> bool:
    """Whether the constructor of a class has `*args`, which have no names in a config."""
    parameters = _signature(cls.__init__)[0].parameters.values()  # type: ignore[misc]
    return inspect.Parameter.VAR_POSITIONAL in [one.kind for one in parameters]


def serialize_or_keep(value: object, by_name: bool = False) -> Serialized:
    """A value of a custom class, whose own get_config may replace what cannot be serialized; saving reports it.

    Args:
        value: the value.
        by_name: whether it is an argument of a class of gazelle, in whose config functions are names.
    """
    try:
        return serialize_argument(value) if by_name else serialize(value, by_name=False)
    except ArgumentTypeError:
        return value


def make_from_config(cls: Callable[..., T], config: Mapping[str, Any]) -> T:
    """An object of `cls` from a config; the configs inside of it become objects, too."""
    return cls(**{key: deserialize(value) for key, value in config.items()})


def _record_arguments(cls: type, builtin: bool) -> None:
    """Wrap `cls.__init__` so that it records its arguments (and, for our own classes, stores them)."""
    init: Callable[..., None] = cls.__dict__["__init__"]
    flags = getattr(init, "__code__", None)
    builtin = builtin and not (flags is not None and flags.co_flags & inspect.CO_VARARGS)
    hidden = cls.__dict__.get("_hidden_arguments", ())

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
            if not builtin:  # a config has no names for *args
                parameters = signature.parameters
                given = {k: v for k, v in given.items() if parameters[k].kind is not inspect.Parameter.VAR_POSITIONAL}
            extra = given.pop(rest, {}) if rest else {}
            if builtin:
                given, extra = plain_values(init, given), plain_values(init, extra)
            self.__dict__.setdefault("_config", {**given, **extra})  # the arguments of the outermost class
            if not builtin:
                init(self, *args, **kwargs)
                return
            given = {key: _resolved(type(self), key, value) for key, value in given.items()}
            for key, value in given.items():  # every level stores its own
                if key not in kept and key not in hidden and not isinstance(getattr(type(self), key, None), property):
                    setattr(self, key, value)
            try:
                init(self, **given, **extra)
            except Exception as error:
                if not is_clear(error):
                    check_types(type(self), init, given)
                if isinstance(error, TypeError) and "multiple values for" in str(error):  # a parent's, in **kwargs
                    known = [name for name in signature.parameters if name not in ("self", "kwargs")]
                    raise unknown_argument(type(self).__name__, str(error).rsplit("'", 2)[1], known) from None
                raise
            check_types(type(self), init, given)
        except GazelleError as error:
            shorten(error)
            raise

    cls.__init__ = wrapped  # type: ignore[misc]


def _resolved(cls: type, key: str, value: Any) -> Any:
    """`resolve` for an argument of a constructor, whose name and class its error states."""
    try:
        return value if key in getattr(cls, "_texts", ()) else resolve(key, value)
    except ArgumentError as error:
        raise type(error)(f"{key} of {cls.__name__}: {english(error)}") from None


@functools.cache  # computed at the first call, because there are hundreds of classes
def _signature(init: Callable[..., None]) -> tuple[inspect.Signature, str | None]:
    """The signature of a constructor, and the name of its **kwargs."""
    signature = inspect.signature(init)
    rest = [p.name for p in signature.parameters.values() if p.kind is inspect.Parameter.VAR_KEYWORD]
    return signature, rest[0] if rest else None


def _bad_arguments(cls: type, signature: inspect.Signature, kwargs: Mapping[str, Any], error: TypeError) -> TypeError:
    known = [name for name in signature.parameters if name not in ("self", "kwargs")]
    wrong = [name for name in kwargs if name not in known]
    if wrong:
        return unknown_argument(cls.__name__, wrong[0], known)
    return ArgumentTypeError(f"{cls.__name__}(...): {error}.\nIt takes {', '.join(known)}.")
