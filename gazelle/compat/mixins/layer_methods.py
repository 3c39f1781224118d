"""Wrappers of the methods `call` and `build` that classes of layers define."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Iterator, Sequence
from typing import Any

from gazelle.compat import era, facade
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.layers import call_tensors
from gazelle.compat.mixins.common import Function
from gazelle.compat.old_variable import TensorShape
from gazelle.compat.types import Option
from gazelle.compat.weights import derived_weights
from gazelle.core import tracing
from gazelle.core.types import Array, Nested, Shape
from gazelle.core.variable import Variable
from gazelle.layers import Layer


def named_inputs(original: Function) -> Function | None:
    """`call` of a layer, whose first argument is `inputs` in Keras, for `super().call(inputs=x)`.

    Each layer of Keras 1 has `call(x, mask=None)`: one that takes nothing else than inputs ignores the mask. A program
    may pass tensors, which rules of derivatives do not take.
    """
    if original is Layer.call:
        return None
    parameters = list(inspect.signature(original).parameters)
    first, takes_more = parameters[1], not {"training"}.issuperset(parameters[2:])

    @functools.wraps(original)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        if first != "inputs" and "inputs" in kwargs:
            kwargs[first] = kwargs.pop("inputs")
        if not takes_more and era.number() == 1:
            args = args[:1]
            kwargs.pop("mask", None)
        return facade.adapter.method_call(functools.partial(original, self), args, kwargs)

    return called


@contextlib.contextmanager
def _shapes_of_batch(layer: Any, args: Sequence[Any]) -> Iterator[None]:
    """Give shapes that an earlier call stored the batch size of this one: `if not self.dims: self.dims = x.shape`.

    A graph of Keras 1 and 2 is built by one call, whose batch size is symbolic; there is a trace for each size.
    """
    if not era.is_package_before_keras_3():  # elsewhere a tuple that begins with the same number may be anything
        yield
        return
    attributes = vars(layer)
    batch = next((arg.shape[:1] for arg in args if getattr(arg, "ndim", 0)), None)
    stored = attributes.get("_stored_shapes", frozenset()) if batch else frozenset()
    for name in stored:
        if type(attributes.get(name)) is tuple:
            attributes[name] = (*(batch or ()), *attributes[name][1:])
    present = {name for name, value in attributes.items() if value is not None} - stored
    yield
    tuples = [name for name in attributes.keys() - present if type(attributes[name]) is tuple]
    shapes = frozenset(name for name in tuples if attributes[name][:1] == batch)
    if batch and shapes != stored:
        attributes["_stored_shapes"] = shapes


@contextlib.contextmanager
def _kept_weights(layer: Any) -> Iterator[None]:
    """Keep the weights that a traced call replaces, as in `self.w = K.reshape(self.w, ...)`, for the next trace."""
    weights = {name: value for name, value in vars(layer).items() if isinstance(value, Variable)}
    with derived_weights.present(layer):
        yield
    if tracing.is_traced():
        for name, weight in weights.items():
            if not isinstance(vars(layer).get(name), Variable):
                setattr(layer, name, weight)
        call_tensors.collect(layer)


def call_on_tensors(call: Function) -> Function:
    """`call` of a user-defined layer: it receives tensors if its module imports tensorflow."""
    compiled = call

    @functools.wraps(call)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal compiled
        with _kept_weights(self), _shapes_of_batch(self, args):
            calls = facade.adapter_for(call, owner=type(self))
            if not (calls.has_tensors and self._converts_arguments):
                return call(self, *args, **kwargs)
            try:
                return calls.user_defined_call(functools.partial(compiled, self), args, kwargs)
            except Exception as error:
                other = calls.without_values(call, error) if compiled is call else None
                if other is None:
                    raise
                compiled = other
            return calls.user_defined_call(functools.partial(compiled, self), args, kwargs)

    return called


def as_in_graphs(build: Function) -> Function:
    """`build` of a user-defined layer, which receives a `TensorShape` in tf.keras before Keras 3."""

    @functools.wraps(build)
    def built(self: Any, *args: Any, **kwargs: Any) -> None:
        if args and era.number() < 3 and not era.standalone():
            args = (tensor_shapes(args[0]), *args[1:])
        with derived_weights.recorded(self):
            build(self, *args, **kwargs)

    return built


@ignores("mask training")
def identity(inputs: Nested[Array], mask: Option = None, training: Option = None) -> Nested[Array]:
    """`call` of a layer of Keras 1 and 2 that defines none."""
    return inputs


def tensor_shapes(shapes: Nested[Shape]) -> Nested[Shape]:
    """A shape as a `TensorShape`, also in a dict or a list."""
    if isinstance(shapes, dict):
        return {name: tensor_shapes(shape) for name, shape in shapes.items()}
    if type(shapes) not in (list, tuple):
        return shapes
    several = type(shapes) is list or any(isinstance(shape, list | tuple) for shape in shapes)
    kind: Any = type(shapes)
    return kind(map(tensor_shapes, shapes)) if several else TensorShape(shapes)


def if_function(wrap: Function) -> Function:
    """`wrap` for functions; other members of a class, such as a property, unchanged."""
    return lambda member: wrap(member) if inspect.isfunction(member) else member
