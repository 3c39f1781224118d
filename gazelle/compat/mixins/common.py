"""What all classes of `keras` add to those of gazelle: constructor arguments and attributes of earlier versions."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Hashable
from types import FunctionType
from typing import Any, TypeVar, cast

from gazelle.compat import attributes, era, facade, namespaces
from gazelle.compat.arguments import translation
from gazelle.compat.classes import is_generated, is_mixin, plain
from gazelle.compat.era import NOTHING, called_by_gazelle
from gazelle.compat.types import Option
from gazelle.core.attachments import Attachments
from gazelle.core.own_code import from_gazelle

Function = Callable[..., Any]
T = TypeVar("T")


#: results of calls of metrics, whose values are in the logs without `add_metric`
METRIC_RESULTS = Attachments()


class CompatObject:
    """Constructor arguments and attributes of earlier versions.

    In a mixin, `_wrapped_methods` contains what wraps methods of gazelle's classes (see `classes`), and
    `_wrapped_in_programs` what wraps those that a class of a program defines: {name: function of the method}.
    """

    _is_prepared = True  # of each class: whether `__init_subclass__` was called

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._is_prepared = True
        if is_generated(cls) or is_mixin(cls):
            return
        for mixin in cls.__mro__:
            for name, wrap in vars(mixin).get("_wrapped_in_programs", {}).items():
                if name in vars(cls):
                    wrapped = wrap(own := vars(cls)[name])
                    if inspect.isfunction(own) and inspect.isfunction(wrapped) and wrapped is not own:
                        # `inspect.getfullargspec` reads it
                        vars(wrapped).setdefault("__signature__", inspect.signature(own))
                    setattr(cls, name, wrapped)

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        prepare(cls)
        new = super().__new__
        return new(cls) if new is object.__new__ else new(cls, *args, **kwargs)

    def _init_core(self, core: Any, args: Any, kwargs: Any, by_gazelle: bool) -> None:
        """The constructor of the generated class for `core`."""
        args, kwargs = translation.of_constructor(self, plain(args), plain(kwargs), by_gazelle)
        core.__init__(self, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        # `copy` looks up __setstate__ and others in an object that has no attributes yet
        found = NOTHING if name.startswith("__") else attributes.attribute(self, name)
        if found is NOTHING:
            own = getattr(type(self), name, None)
            if isinstance(own, property) and own.fget is not None:
                return own.fget(self)  # it raised AttributeError: raise it again with its own message
            kind = type(self).__name__
            raise AttributeError(f"{kind!r} object has no attribute {name!r}", name=name, obj=self)
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        value = facade.adapter.attribute_value(self, value)
        if name not in attributes.ASSIGNED or attributes.assign(self, name, value) is NOTHING:
            super().__setattr__(name, value)
        if hasattr(value, "weight_parts"):  # an object of `probability`, whose variables are those of the layer
            vars(self)[f"_weight_parts_of_{name}"] = value.weight_parts


def prepare(cls: type[object]) -> None:
    """Prepare a class of a program, and those that it is derived from, as `__init_subclass__` does.

    A mixin of the program in front of the class of gazelle may have another `__init_subclass__`, which ends there.
    """
    if "_is_prepared" in vars(cls):
        return
    for each in reversed(cls.__mro__):
        if issubclass(each, CompatObject) and "_is_prepared" not in vars(each):
            bases = (base for base in each.__mro__[1:] if from_gazelle(base))
            hook = next(vars(base)["__init_subclass__"] for base in bases if "__init_subclass__" in vars(base))
            hook.__func__(each)


def receiving_tensors(function: Function) -> Function:
    """A function or method of a program, which receives tensors in place of arrays if it is written for them."""
    code = _function_in(function)

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        return facade.adapter_for(code).user_defined_call(function, args, kwargs)

    vars(called)["_given"] = function
    return called


def _function_in(value: Any) -> Any:
    """The function that a method or an object with `__call__` runs."""
    if inspect.ismethod(value):
        return value.__func__
    called = inspect.getattr_static(type(value), "__call__", None)
    return called if inspect.isfunction(called) else value


_of_function = functools.lru_cache(maxsize=256)(receiving_tensors)


@functools.lru_cache(maxsize=16)  # it keeps the objects
def _of_object(value: Any) -> Any:
    if isinstance(value, functools.partial):
        return functools.partial(on_tensors(value.func), *value.args, **value.keywords)
    return receiving_tensors(value)


def on_tensors(value: T) -> T:
    """What gazelle calls in place of a function or method of a program; other values as they are."""
    code = _function_in(value.func if isinstance(value, functools.partial) else value)
    if not inspect.isfunction(code) or from_gazelle(code) or str(code.__module__).startswith("jax."):
        return value
    if code is value:
        return cast(T, _of_function(value))
    return cast(T, _of_object(value) if isinstance(value, Hashable) else receiving_tensors(value))


def as_given(value: Option) -> Option:
    """The function or object of a program in place of which gazelle calls `value`; other values as they are."""
    while isinstance(value, FunctionType) and "_given" in vars(value):
        value = vars(value)["_given"]
    return value


class FunctionAttribute:
    """A function in an attribute, such as an activation, which gazelle calls.

    Programs read that of `keras`, so that the two compare as equal, or the function that they have given.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type | None = None) -> Function:
        if instance is None or self.name not in vars(instance):
            raise AttributeError(f"{owner} has no attribute {self.name!r}", name=self.name, obj=instance)
        found: Function = vars(instance)[self.name]
        return on_tensors(found) if called_by_gazelle(1) else namespaces.converted(found)

    def __set__(self, instance: object, value: Function) -> None:
        vars(instance)[self.name] = plain(value)

    def __delete__(self, instance: object) -> None:
        del vars(instance)[self.name]


class OutputShape:
    """`output_shape` of a layer whose constructor has an argument of this name, which gazelle reads.

    Programs for Keras 1 and 2 read the shape of the output, as of other layers that were called.
    """

    def __get__(self, layer: object, owner: type | None = None) -> Any:
        if layer is None:
            return self
        given = vars(layer).get("output_shape")
        if era.number() == 3 or called_by_gazelle(1):
            return given
        found = attributes.attribute(layer, "output_shape")
        return given if found is NOTHING else found

    def __set__(self, layer: object, value: Any) -> None:
        vars(layer)["output_shape"] = value


def arrays_of(tree: Any) -> Any:
    """Arrays in place of the tensors of the facade."""
    return facade.adapter.unbox(tree)
