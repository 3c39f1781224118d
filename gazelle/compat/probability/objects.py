"""Objects of TensorFlow Probability for programs, and what the substrate takes and returns in their place.

An object is a class of the JAX substrate and the arguments of a constructor: tensors, variables and symbolic tensors of
a program. The object of the substrate is made from arrays whenever a method is called.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
from typing import Any, NamedTuple

import jax
import numpy as np

from gazelle.compat.old_variable import TensorShape
from gazelle.compat.tables import listed
from gazelle.compat.tensorflow.calls import boxed
from gazelle.compat.tensorflow.dtypes import DType, as_dtype, name_on_device
from gazelle.compat.tensorflow.eager.recording import is_array, is_box, unboxed
from gazelle.compat.tensorflow.ops import randoms
from gazelle.compat.types import Function, Option
from gazelle.core import tracing
from gazelle.core.symbolic import KerasTensor, map_in_order
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.types import Tree
from gazelle.core.variable import Variable
from gazelle.layers import weight_tree

#: arguments that are distributions, for which the output of a layer is not a tensor
_DISTRIBUTIONS = frozenset(
    listed("""distribution distributions distribution_a distribution_b components components_distribution cat other
        mixture_distribution base_distribution model prior surrogate_posterior""")
)
#: arguments of base classes for subclasses, which contain the object itself
_OF_SUBCLASSES = ("parameters", "graph_parents")


class Deferred:
    """An object of the substrate that is made where it is used.

    `arguments` are those of its constructor by name. It is a pytree of these, and what a subclass of the program adds.
    """

    genuine: Any  # its class in the substrate
    is_tensorflow = True

    def __init__(self, *args: Option, **kwargs: Option) -> None:
        found = constructor_signature(self.genuine).bind(*args, **kwargs).arguments
        self.arguments = {name: as_distribution(name, v) for name, v in found.items() if name not in _OF_SUBCLASSES}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not issubclass(cls, TensorWrapper | KerasTensor):  # an output of a layer
            jax.tree_util.register_pytree_node(cls, _contents, functools.partial(_with_contents, cls))
        if "genuine" not in vars(cls):  # a class of the program: its methods receive and return tensors
            own = {name: v for name, v in vars(cls).items() if inspect.isfunction(v) and not name.startswith("__")}
            methods = {name: _method_of_program(method) for name, method in own.items() if name.startswith("_")}
            base = cls.genuine
            cls.genuine = type(base)(cls.__name__, (base,), {"__init__": _constructor(base), **methods})

    def made(self) -> Option:
        """The object of the substrate."""
        bound = constructor_signature(self.genuine).bind_partial()
        bound.arguments.update((name, genuine(value)) for name, value in self.arguments.items())
        made = self.genuine(*bound.args, **bound.kwargs)
        if not is_genuine(self.genuine):
            made.of_program = self
        return made

    def copy(self, **arguments: Option) -> Option:
        """The same object with other arguments."""
        return type(self)(**{**self.arguments, **arguments})

    parameters = property(lambda self: dict(self.arguments))
    weight_parts = property(lambda self: parts_of(vars(self)))
    variables = property(lambda self: variables_of(vars(self)))
    trainable_variables = trainable_weights = property(lambda self: tuple(v for v in self.variables if v.trainable))
    non_trainable_variables = property(lambda self: tuple(v for v in self.variables if not v.trainable))

    def __repr__(self) -> str:
        return f"<tfp.{type(self).__name__} {self.arguments}>"


def _contents(made: Deferred) -> tuple[list[Any], tuple[str, ...]]:
    return list(vars(made).values()), tuple(vars(made))


def _with_contents(cls: type[Any], names: tuple[str, ...], values: Any) -> Any:
    made = object.__new__(cls)
    vars(made).update(zip(names, values, strict=True))
    return made


@functools.cache
def constructor_signature(cls: Option) -> inspect.Signature:
    """The parameters of `__init__`; some classes have a `__new__` that takes anything."""
    return inspect.Signature(list(inspect.signature(cls.__init__).parameters.values())[1:])


def _constructor(base: Any) -> Function:
    """The constructor of a class of the substrate; that of a base class is abstract."""

    @functools.wraps(base.__init__)
    def __init__(made: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it becomes the constructor
        base.__init__(made, *args, **kwargs)

    vars(__init__)["__isabstractmethod__"] = False
    return __init__


def _method_of_program(method: Function) -> Function:
    return lambda made, *args, **kwargs: genuine(method(made.of_program, *for_program(args), **for_program(kwargs)))


def parts_of(tree: Tree) -> list[Any]:
    """The variables and layers in objects, and in tensors that are computed from variables."""
    found: list[Any] = []
    for leaf in jax.tree.leaves(tree, is_leaf=is_box):
        if isinstance(leaf, Variable) or weight_tree.is_layer(leaf):
            found.append(leaf)
        elif not isinstance(leaf, Variable):
            found += getattr(leaf, "weight_parts", ())
    return found


def variables_of(tree: Tree) -> tuple[Variable, ...]:
    """The variables in objects and in layers in them."""
    each = [[v] if isinstance(v, Variable) else weight_tree.named_variables(v).values() for v in parts_of(tree)]
    return tuple({id(variable): variable for variables in each for variable in variables}.values())


def distribution(value: Option) -> Option:
    """The distribution of a layer's output; other values unchanged."""
    return getattr(value, "distribution_of_output", value)


def as_distribution(name: str, value: Tree) -> Tree:
    """An argument, as a distribution if it is one, also where the program passes outputs of layers."""
    if name not in _DISTRIBUTIONS:
        return value
    return map_in_order(distribution, value, lambda leaf: is_box(leaf) or isinstance(leaf, Deferred))


# From programs to the substrate ---------------------------------------------------------------------------------------


class Seed(NamedTuple):
    """The argument `seed` of a call: a number, the key of a pair of numbers, or None; each run draws a key from it."""

    seed: Any


def genuine(tree: Tree) -> Tree:
    """What the substrate takes in place of objects of a program: arrays, its own objects, functions of arrays."""
    return map_in_order(_genuine, tree, lambda v: is_box(v) or isinstance(v, Deferred | Seed | TensorShape))


def _genuine(value: Any) -> Any:
    if is_box(value):
        return _genuine(unboxed(value))
    if isinstance(value, Deferred):
        return value.made()
    if isinstance(value, Seed):
        return jax.random.key_data(randoms.next_key(value.seed))
    if isinstance(value, TensorShape):
        return tuple(value)
    if isinstance(value, DType):
        return np.dtype(value.name)
    if type(value).__module__.partition(".")[0] == "pandas":
        value = np.asarray(value)
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "if":
        return value.astype(name_on_device(value.dtype), copy=False)
    if callable(value):
        known = getattr(value, "genuine", value)
        return known if isinstance(known, type) or is_genuine(known) else _of_arrays(known)
    return value


def is_genuine(value: object) -> bool:
    """Whether a function or a class is one of TensorFlow Probability."""
    return str(getattr(value, "__module__", "")).startswith("tensorflow_probability.")


def _of_arrays(function: Function) -> Function:
    """A function of a program as one of arrays, which the substrate calls."""

    def called(*args: Any, **kwargs: Any) -> Any:
        with jax.disable_jit(False), _kept_assignments():
            out = function(*for_program(args), **for_program(kwargs))
            return _steps(out) if inspect.isgenerator(out) else genuine(out)

    with contextlib.suppress(ValueError, TypeError):  # joint distributions look at the names of parameters
        vars(called)["__signature__"] = inspect.signature(function)
    return called


def _kept_assignments() -> contextlib.AbstractContextManager[object]:
    """In a loop of the substrate that is traced, assignments hold until the function returns."""
    scope = tracing.current() or tracing.TraceContext()
    if not tracing.is_traced():
        return contextlib.nullcontext()
    return tracing.entered(dataclasses.replace(scope, values=dict(scope.values or {}), closed=True))


def _steps(generator: Any) -> Any:
    """A coroutine of a program, which yields distributions and receives samples."""
    with contextlib.suppress(StopIteration):
        step = next(generator)
        while True:
            step = generator.send(for_program((yield genuine(step))))


# From the substrate to programs ---------------------------------------------------------------------------------------


def for_program(tree: Tree, to_tensors: bool = True) -> Tree:
    """What programs get in place of objects of the substrate; arrays remain unless they become tensors."""
    is_object = lambda v: is_box(v) or (is_genuine(type(v)) and not isinstance(v, tuple))  # noqa: E731
    found = map_in_order(_for_program, tree, is_object)
    return boxed(found) if to_tensors else found


def _for_program(value: Any) -> Any:
    from gazelle.compat.probability.classes import program_class  # which imports this module

    kind: Any = type(value)
    if hasattr(value, "of_program"):
        return value.of_program
    if isinstance(value, np.dtype):
        return as_dtype(value)
    if is_array(value) and jax.numpy.issubdtype(value.dtype, jax.dtypes.prng_key):
        return jax.random.key_data(value)
    if is_genuine(kind) and isinstance(getattr(value, "parameters", None), dict):
        made = object.__new__(program_class(kind))
        made.arguments = for_program(dict(value.parameters), to_tensors=False)
        return made
    if is_genuine(kind) and kind.__name__ == "TensorShape":
        return TensorShape(None if value.rank is None else value.as_list())
    return value
