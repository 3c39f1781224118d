"""Classes of `keras` for programs of earlier versions: each is a generated subclass of a class of gazelle.

`compat_class(gazelle.layers.Dense)` is `class Dense(compat Layer, gazelle.layers.Dense)`: an object of it is a gazelle
Dense. The mixins in front of it (package `mixins`) translate arguments, add attributes of earlier versions and accept
tensors of the TensorFlow facade. User code that subclasses `keras.layers.Layer` inherits them.
"""

from __future__ import annotations

import copy
import functools
import operator
from abc import ABCMeta
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import gazelle.compat.generated  # noqa: F401 - where cloudpickle looks for the classes
from gazelle.compat import era
from gazelle.compat.era import called_by_gazelle
from gazelle.compat.old_variable import OldVariable
from gazelle.compat.optimizers import former_optimizers
from gazelle.core import symbolic
from gazelle.core.config import Configurable
from gazelle.core.operation import Operation
from gazelle.core.own_code import from_gazelle
from gazelle.core.symbolic import KerasTensor
from gazelle.core.variable import Variable
from gazelle.layers import Layer, weight_tree
from gazelle.models import Model
from gazelle.training.callbacks.base import Callback

#: root class of gazelle -> the mixin in front of it; filled by `mixins`
MIXINS: dict[type, type] = {}
#: methods of a model that compute one step
STEPS = frozenset(("train_step", "test_step", "predict_step"))
#: base classes whose subclasses get a generated class; filled by `mixins`
ROOTS: list[type] = []


#: model -> the module of `keras.engine` that it was in
_ENGINE_MODULES = {"model": "training", "sequential": "sequential", "functional": "functional"}


class CompatMeta(ABCMeta):
    """Metaclass of generated models: those with custom steps get the base class that runs them."""

    def __new__(mcs, name: str, bases: tuple[type, ...], members: dict[str, Any], **kwargs: Any) -> Any:
        if "_core" not in members and not {*STEPS, "compute_loss"}.isdisjoint(members):
            from gazelle.compat.mixins.steps import ArraySteps

            if not any(issubclass(base, ArraySteps) for base in bases):
                bases = (ArraySteps, *bases)
        return super().__new__(mcs, name, bases, members, **kwargs)

    def __repr__(cls) -> str:
        """The class with the name of its module in Keras, by which packages recognize models: `str(type(model))`."""
        name = cls.__name__.lower()
        if "_core" not in cls.__dict__ or name not in _ENGINE_MODULES:
            return super().__repr__()
        module = f"keras.src.models.{name}" if era.number() == 3 else f"keras.engine.{_ENGINE_MODULES[name]}"
        return f"<class '{module}.{cls.__name__}'>"


@classmethod  # type: ignore[misc]
def _is_subclass(cls: type, other: type) -> Any:
    """The hook of `ABCMeta`: a class of gazelle is a subclass of the class that is generated for it."""
    own = cls.__dict__.get("_core")
    return True if own is not None and issubclass(other, own) else NotImplemented


def core_class(cls: type) -> type:
    """The nearest base class that belongs to gazelle itself."""
    for each in cls.__mro__:
        if "_core" in each.__dict__:
            return each.__dict__["_core"]
    return next((each for each in cls.__mro__ if from_gazelle(each)), cls)


def is_generated(cls: type) -> bool:
    return "_core" in cls.__dict__


def is_mixin(cls: type) -> bool:
    return cls.__module__.startswith("gazelle.compat.mixins")


def _is_compat(cls: type) -> bool:
    """Whether a class is generated, or a subclass of such a class."""
    return any(map(is_generated, cls.__mro__))


def is_core(cls: object) -> bool:
    """Whether programs get a generated subclass in place of this class."""
    _load()
    return (
        isinstance(cls, type)
        and not _is_compat(cls)
        and from_gazelle(cls)
        and not issubclass(cls, OldVariable)  # has the attributes already
        and (cls is Variable or any(root in cls.__mro__ for root in ROOTS))
    )


def _load() -> None:
    if not ROOTS:
        import gazelle.compat.mixins  # noqa: F401 - fills the tables


@functools.cache
def compat_class(core: type) -> Any:
    """The generated subclass of a class of gazelle."""
    _load()
    if not ROOTS:
        raise ImportError(f"compat_class({core.__name__}) was called while the mixins are imported")
    if _is_compat(core):
        return core
    mixin = MIXINS.get(core)
    bases = [compat_class(base) for base in core.__bases__ if is_core(base)]
    members = {
        "__module__": "gazelle.compat.generated",
        "__qualname__": f"{core.__module__.removeprefix('gazelle.')}.{core.__qualname__}",
        "__doc__": core.__doc__,
        "_core": core,
        "__subclasshook__": _is_subclass,
    }
    before = [each for base in (*bases, mixin) if base for each in base.__mro__]
    wraps: dict[str, Any] = functools.reduce(
        operator.or_, (vars(each).get("_wrapped_methods", {}) for each in before), {}
    )
    for name, wrap in wraps.items():
        own = core.__dict__.get(name)
        is_mixed_in = any(name in vars(each) for each in before if is_mixin(each))
        if isinstance(own, FunctionType) and not is_mixed_in and (wrapped := wrap(own)) is not None:
            members[name] = wrapped
    options = {"abstract": True} if issubclass(core, (Configurable, Operation)) else {}
    # packages give their classes other metaclasses, which must not conflict: those of layers are derived from ABCMeta
    kind: Any = type if issubclass(core, Callback) else CompatMeta if issubclass(core, Model) else ABCMeta
    cls = kind(core.__name__, (*([mixin] if mixin else []), *bases, core), members, **options)
    # set afterwards: the arguments of a constructor in the class body would be recorded
    cls.__init__ = _constructor(core)
    return cls


def _constructor(core: Any) -> Any:
    @functools.wraps(core.__init__)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it becomes the constructor
        self._init_core(core, args, kwargs, called_by_gazelle(1))

    return __init__


def adopt(thing: Any) -> Any:
    """Change the class of an object that gazelle created, and of the layers in it, to the generated class."""
    _load()
    for each in list(_parts(thing)):
        cls: Any = type(each)
        if cls is KerasTensor:
            each.__class__ = MIXINS[cls]
        elif is_core(cls):
            each.__class__ = compat_class(former_optimizers.of_era(each))
            if hasattr(type(each), "_on_adoption"):
                each._on_adoption()
            if isinstance(each, Variable) and era.is_package_before_keras_3():
                # its penalty was part of the graph from now on: later changes of the factors had no effect
                each.regularizer = copy.copy(each.regularizer)
    return thing


def _parts(thing: Any) -> Iterator[Any]:
    if isinstance(thing, list | tuple):
        for one in thing:
            yield from _parts(one)
    elif isinstance(thing, dict):
        yield from _parts(list(thing.values()))
    elif isinstance(thing, KerasTensor):
        yield thing
        if thing.node is not None and isinstance(thing.node.operation, Operation):
            yield from _parts(thing.node.operation)
    elif isinstance(thing, Layer):
        for layer in weight_tree.named_layers(thing).values():
            yield layer
            for node in vars(layer).get("_call_nodes", ()):
                yield from (t for t in symbolic.leaves(node.outputs) if isinstance(t, KerasTensor))
            yield from (v for v in vars(layer).values() if isinstance(v, Variable))
        if vars(thing).get("optimizer", None) is not None:
            yield thing.optimizer
    elif thing is not None:
        yield thing


def plain(value: Any) -> Any:
    """A value of a program, with wrapped functions of a namespace replaced by gazelle's own functions."""
    if isinstance(value, FunctionType):
        return vars(value).get("_core", value)
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    if type(value) is dict:
        return {key: plain(one) for key, one in value.items()}
    return value
