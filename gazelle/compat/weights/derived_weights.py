"""Tensors that `build` of a user-defined layer computes from its weights, such as several kernels in one.

In the graph of Keras 1 and 2 they followed the weights. Here `build` makes them parts of a graph, and each call of the
layer finds their present values in their place. Weights that `build` or `__init__` assign to no attribute of the layer,
such as those that a helper object stores, belong to the layer, too.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
from collections.abc import Iterator
from typing import Any

import jax

from gazelle.compat import era, facade
from gazelle.compat.backend.gradients import roots_of
from gazelle.compat.backend.lifting import GraphVariable, computes_values
from gazelle.compat.recorded_variable import recorder
from gazelle.compat.types import Function
from gazelle.core.context_variables import assigned
from gazelle.core.symbolic import KerasTensor, is_symbolic
from gazelle.core.variable import Variable
from gazelle.layers import weight_tree
from gazelle.layers.base import Layer
from gazelle.models.graph import Graph

_KEY, _UNASSIGNED, _OF_INIT = "_derived_weights", "_unassigned_weights", "_unassigned_weights_of_init"
#: (layer, weight) of each `add_weight`, while a layer is built or its constructor runs
_made: contextvars.ContextVar[list[tuple[Layer, Variable]] | None] = contextvars.ContextVar("made", default=None)


@contextlib.contextmanager
def recorded(layer: Layer) -> Iterator[None]:
    """Context manager for `build`: what it computes from weights becomes a graph, which is found in attributes."""
    graphs = era.is_before_tf_keras_2() and not (computes_values() or facade.tensorflow_computes_at_once())
    token = recorder.set(GraphVariable) if graphs and recorder.get() is None else None
    outer = _made.get()  # of a subclass of the layer, or of a layer around it
    made = [] if outer is None else outer
    try:
        with assigned(_made, made):
            yield
    finally:
        if token is not None:
            recorder.reset(token)
    vars(layer).pop(_UNASSIGNED, None)  # of an earlier `build`
    _track(layer, _UNASSIGNED, made)
    found = {name: value for name, value in vars(layer).items() if _is_derived(value)}
    if found:
        vars(layer)[_KEY] = found


def tracked_after(init: Function) -> Function:
    """`__init__` of a user-defined layer, after which the layer has the weights that it made for other objects."""

    @functools.wraps(init)
    def initialize(self: Any, *args: Any, **kwargs: Any) -> None:
        if type(self).__init__ is not initialize:  # called by a subclass
            init(self, *args, **kwargs)
            return
        made: list[tuple[Layer, Variable]] = []
        with assigned(_made, made):
            init(self, *args, **kwargs)
        _track(self, _OF_INIT, made)

    return initialize


def _track(layer: Layer, name: str, made: list[tuple[Layer, Variable]]) -> None:
    """Store the weights of a layer that are in none of its attributes as one of this name."""
    own = [weight for owner, weight in made if owner is layer]
    children = {id(child) for child in weight_tree.children(layer)} if own else set()
    if unassigned := [weight for weight in own if id(weight) not in children]:
        vars(layer)[name] = unassigned


def remember(layer: Layer, weight: Variable) -> Variable:
    """Store what `add_weight` makes while the layer is built, or its constructor runs."""
    made = _made.get()
    if made is not None:
        made.append((layer, weight))
    return weight


def forget(layer: Layer, name: str) -> None:
    """Before an attribute is replaced in tf.keras 2, or deleted: its weight is none of the layer any more."""
    made = _made.get()
    if made:
        weight = vars(layer).get(name)
        made[:] = [one for one in made if one[1] is not weight]


def _is_derived(value: Any) -> bool:
    parts = value if isinstance(value, list | tuple) else [value]
    tensors = [part for part in parts if isinstance(part, KerasTensor)]
    return bool(tensors) and not any(roots_of(tensor, None)[0] for tensor in tensors)


@contextlib.contextmanager
def present(layer: Layer) -> Iterator[None]:
    """Context manager for a call: the attributes have the values that follow from the present weights."""
    found = vars(layer).get(_KEY)
    if not found:
        yield
        return
    value = lambda v: Graph([], v).run([]) if is_symbolic(v) else v  # noqa: E731
    vars(layer).update(jax.tree.map(value, found, is_leaf=is_symbolic))
    try:
        yield
    finally:
        vars(layer).update(found)
