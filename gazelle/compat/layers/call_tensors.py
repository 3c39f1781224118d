"""Tensors that `call` of a user-defined layer assigns to attributes: `self.attention = K.softmax(scores)`.

In the graphs of Keras 1 and 2 such an attribute is a tensor of the graph, which programs pass to `K.function` or to
another model. Here `call` is traced: the attribute is a tensor of a node of its own, which calls the layer and returns
what this call assigned.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import jax

from gazelle.compat import era
from gazelle.compat.era import NOTHING
from gazelle.core import tracing
from gazelle.core.context_variables import assigned
from gazelle.core.symbolic import KerasTensor
from gazelle.core.tensor_wrapper import array_in
from gazelle.core.types import Array
from gazelle.core.variable import Variable
from gazelle.layers import Layer
from gazelle.models import Model

#: what the running calls assign, by layer and name, for `TensorOfCall`
_assigned: ContextVar[dict[tuple[int, str], Any] | None] = ContextVar("gazelle_assigned_in_call", default=None)
_STORE = "_tensors_of_call"


class Tensors:
    """The tensors of a layer by name, and the names that its calls assign."""

    def __init__(self) -> None:
        self.by_name: dict[str, KerasTensor] = {}
        self.traced: dict[str, Any] = {}  # what the last call assigned, which a loss in the same step reads
        self.names: set[str] = set()


@contextlib.contextmanager
def _without_effects() -> Iterator[None]:
    """Without losses, metrics and values of variables: those of the layer's own node count."""
    scope = tracing.current()
    if scope is None:
        yield
        return
    kept: list[Any] = [scope.losses, scope.assigned, scope.values, scope.draws, scope.reports]
    before = [copy.copy(one) for one in kept]
    yield
    for one, content in zip(kept, before, strict=True):
        if isinstance(one, list):
            one[:] = content
        elif one is not None:
            one.clear()
            one.update(content)


class TensorOfCall(Layer):
    """The tensor that a call of a layer assigns to an attribute."""

    supports_masking = True

    def __init__(self, layer: Layer, attribute: str) -> None:
        super().__init__(name=f"{layer.name}_{attribute}")

    def call(self, *args: Any, **kwargs: Any) -> Array:
        """Call the layer, and return the value of the attribute."""
        found: dict[tuple[int, str], Any] = {}
        with assigned(_assigned, found), _without_effects():
            self.layer(*args, **kwargs)
        return array_in(found[id(self.layer), self.attribute])


def collect(layer: Layer) -> None:
    """After a traced call: attributes with values of the trace become those of the graph again, if they are there."""
    if era.number() == 3 or isinstance(layer, Model) or not tracing.is_traced():
        return
    store = vars(layer).get(_STORE)
    for name, value in list(vars(layer).items()):
        if isinstance(value, Variable) or not isinstance(array_in(value), jax.core.Tracer):
            continue
        if store is None:
            store = vars(layer)[_STORE] = Tensors()
        store.names.add(name)
        found = _assigned.get()
        if found is not None:
            found[id(layer), name] = value
        if name in store.by_name:
            store.traced[name] = vars(layer).pop(name)


def add_to_graph(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """After a symbolic call: the attributes that `call` assigns are tensors of the graph."""
    store = vars(layer).get(_STORE)
    if store is None or era.number() == 3:
        return
    for name in sorted(store.names):
        store.by_name[name] = TensorOfCall(layer, name)(*args, **kwargs)
    for name in store.names:
        vars(layer).pop(name, None)  # `__getattr__` finds the tensor


def attribute(layer: Layer, name: str) -> object:
    """The tensor of the graph that a call of the layer assigned to an attribute, if any."""
    store = vars(layer).get(_STORE)
    if store is None:
        return NOTHING
    found = store.traced if tracing.is_traced() and name in store.traced else store.by_name
    return found.get(name, NOTHING)
