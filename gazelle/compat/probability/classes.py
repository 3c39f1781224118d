"""Classes and functions of TensorFlow Probability for programs, which call those of its JAX substrate.

A call is recorded by tapes and graphs as one operation on the tensors among its arguments, also on those in objects.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import types
import warnings
from typing import Any

import jax
import numpy as np

from gazelle.compat.backend.lifting import GraphVariable
from gazelle.compat.classes import compat_class
from gazelle.compat.old_variable import TensorShape
from gazelle.compat.probability.objects import (
    Deferred,
    Seed,
    as_distribution,
    distribution,
    for_program,
    genuine,
    parts_of,
)
from gazelle.compat.probability.parameters import REQUIRED, has_parameters
from gazelle.compat.tables import listed
from gazelle.compat.tensorflow.calls import boxed, call
from gazelle.compat.tensorflow.dtypes import as_dtype
from gazelle.compat.tensorflow.eager.recording import filled, is_box
from gazelle.compat.tensorflow.eager.stateful import stateful
from gazelle.compat.tensorflow.ops import randoms
from gazelle.compat.types import Arguments, Function, Keywords, Option, TensorResult
from gazelle.core import shape_inference, tracing
from gazelle.core.symbolic import KerasTensor, map_in_order
from gazelle.core.types import Tree
from gazelle.layers import Layer

SUBSTRATE = "tensorflow_probability.substrates.jax"
_signature = functools.cache(inspect.signature)
#: special methods that programs use
_SPECIAL = listed("__call__ __getitem__ __add__ __radd__ __mul__ __rmul__")
#: attributes that are no tensors, and are known for symbolic tensors, too
_STATIC = frozenset(listed("batch_shape event_shape dtype name reparameterization_type validate_args allow_nan_stats"))


@functools.cache
def program_class(cls: Option) -> Option:
    """The class that programs get for a class of the substrate."""
    bases = [program_class(base) for base in cls.__bases__ if base.__module__.startswith(f"{SUBSTRATE}.")]
    public = [name for name in vars(cls) if name in _SPECIAL or not (name.startswith("_") or name in vars(Deferred))]
    members = {name: _member(cls, name, vars(cls)[name]) for name in public}
    members |= {"genuine": cls, "__doc__": cls.__doc__}
    return types.new_class(cls.__name__, tuple(bases) or (Deferred,), None, lambda found: found.update(members))


def _member(cls: Any, name: str, member: Any) -> Any:
    if isinstance(member, property):
        return property(functools.partial(_attribute, name=name))
    if isinstance(member, classmethod | staticmethod):
        return staticmethod(program_function(getattr(cls, name)))
    return _method(name, member) if callable(member) else member


def _method(name: str, method: Function) -> Function:
    @functools.wraps(method)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        if name == "__call__" and args and isinstance(args[0], Deferred):  # a bijector of a distribution or bijector
            return _composed(self, distribution(args[0]))
        return _run(_signature(method), name, (distribution(self), *args), kwargs)

    vars(called)["genuine"] = method
    return called


def _composed(bijector: Deferred, inner: Deferred) -> Any:
    """`bijector(inner)`."""
    from tensorflow_probability.substrates.jax import bijectors, distributions

    if issubclass(inner.genuine, distributions.Distribution):
        return program_class(distributions.TransformedDistribution)(inner, bijector)
    return program_class(bijectors.Chain)([bijector, inner])


def _attribute(made: Deferred, name: str) -> Any:
    """An argument of the constructor, if it is an object of the program, or another property."""
    made = distribution(made)
    given = made.arguments.get(name)
    if isinstance(given, Deferred) or is_box(given):
        return given
    if name in _STATIC:
        return _static(getattr(made, "inferred", made), name)
    return _recorded((name, (made,)))


def program_function(function: Function) -> Function:
    """The function that programs get for a function of the substrate."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        return _run(_signature(function), function, args, kwargs)

    vars(called)["genuine"] = function
    return called


def _run(signature: inspect.Signature, target: str | Function, args: Arguments, kwargs: Keywords) -> TensorResult:
    """Call a function, or a method of the first argument, on the arguments of a program."""
    bound = signature.bind(*args, **kwargs)
    given = bound.arguments
    given.update((name, as_distribution(name, value)) for name, value in given.items())
    draws = "seed" in signature.parameters and not _is_key(given.get("seed"))
    if draws:
        given["seed"] = Seed(randoms.seed_of_draw(given.get("seed")))
    return _recorded((target, bound.args, bound.kwargs), draws)


def _is_key(seed: Any) -> bool:
    """Whether a seed is a key of the substrate, such as those of `tfp.random.split_seed`."""
    return str(getattr(seed, "dtype", "")) == "uint32" and tuple(seed.shape) == (2,)


def _recorded(arguments: Arguments, draws: bool = False) -> TensorResult:
    """Call `run`, recorded on tapes or in a graph."""
    leaves, structure = jax.tree.flatten(arguments, is_leaf=is_box)
    in_graph = any(isinstance(leaf, GraphVariable) for leaf in leaves)
    symbolic = [leaf for leaf in leaves if isinstance(leaf, KerasTensor)]
    if symbolic and not in_graph and (parts := parts_of(arguments)):
        known = [None if isinstance(leaf, KerasTensor) else leaf for leaf in leaves]
        indices = [i for i, leaf in enumerate(leaves) if isinstance(leaf, KerasTensor)]
        return compat_class(_Call)(structure, known, indices, parts)(symbolic)
    if symbolic or in_graph:
        return call(run, arguments, {})
    if draws and randoms.builds_graph():
        return shape_inference.call_op(run, arguments, {})
    is_pure = not any(callable(leaf) for leaf in leaves if leaf is not arguments[0])
    return boxed(stateful(run, arguments, {}, ("probability",), is_pure=lambda: is_pure))


class _Call(Layer, abstract=True):
    """A call of objects that contain variables or layers, as a layer: the weights of a model include these."""

    @has_parameters(structure=REQUIRED, leaves=REQUIRED, indices=REQUIRED, parts=REQUIRED)
    def __init__(self, **layer_options: Option) -> None:
        super().__init__(**layer_options)

    def call(self, tensors: Tree) -> Tree:
        return run(*jax.tree.unflatten(self.structure, filled(self.leaves, self.indices, tensors)))


def run(target: str | Function, args: Arguments, kwargs: Keywords | None = None) -> Tree:
    """Call a function or a method, or without `kwargs` read an attribute, of the substrate; the result has arrays."""
    args = genuine(args)
    with warnings.catch_warnings(), _loops(target):
        # the substrate requests 64 bits, and passes None to functions of arrays
        warnings.filterwarnings("ignore", "Explicitly requested dtype")
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="jax|tensorflow_probability")
        found: Any = getattr(args[0], target) if isinstance(target, str) else target
        if kwargs is not None:
            found = found(*args[isinstance(target, str) :], **genuine(kwargs))
    return for_program(found, to_tensors=False)


def _loops(target: str | Function) -> contextlib.AbstractContextManager[object]:
    """Optimizers call a function of the program in each step of a loop; unless traced, it may assign variables."""
    is_optimizer = str(getattr(target, "__module__", "")).startswith(f"{SUBSTRATE}.optimizer")
    return jax.disable_jit() if is_optimizer and not tracing.is_traced() else contextlib.nullcontext()


def _static(made: Deferred, name: str) -> Any:
    """An attribute that is no tensor; sizes that are unknown for symbolic tensors are None."""
    flat, structure = jax.tree.flatten(made, is_leaf=is_box)
    indices = [i for i, leaf in enumerate(flat) if isinstance(leaf, KerasTensor)]
    found: list[Any] = []

    def read(*arrays: Any) -> None:
        same: Any = genuine(jax.tree.unflatten(structure, filled(flat, indices, arrays)))
        found.append(for_program(getattr(same, name)))

    for size in (3, 5) if indices else ():
        shapes = [[size if n is None else n for n in flat[i].shape] for i in indices]
        jax.eval_shape(read, *map(jax.ShapeDtypeStruct, shapes, [np.dtype(flat[i].dtype) for i in indices]))
    if not indices:
        read()
    if name == "dtype":  # a class of NumPy or JAX, or several in a structure
        return map_in_order(as_dtype, found[0])
    if not isinstance(found[0], TensorShape) or len(found) == 1:
        return found[0]
    return TensorShape(a if a == b else None for a, b in zip(*found, strict=True))
