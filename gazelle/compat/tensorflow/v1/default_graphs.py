"""`tf.Graph`: while it is the default graph, its variables, names and collections are those of the program."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from gazelle.compat.backend.execution_order import depending
from gazelle.compat.backend.sessions import DefaultGraph
from gazelle.compat.tensorflow import names_of_1
from gazelle.compat.tensorflow.eager.custom_gradient import overriding
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.v1 import graphs, scopes
from gazelle.core.symbolic import KerasTensor
from gazelle.core.variable import Variable

_base = DefaultGraph()
_open: list[Graph] = []


@named("Graph")
class Graph(DefaultGraph):
    """A graph besides the one that a program begins with."""

    _state: scopes.State | None = None

    @contextlib.contextmanager
    def as_default(self) -> Iterator[Graph]:
        """Return a context manager in which this is the default graph."""
        if current() is self:
            yield self
            return
        outer, was_active = scopes.exchanged(self._state), graphs.active()
        _open.append(self)
        graphs.enter()
        try:
            yield self
        finally:
            _open.pop()
            self._state = scopes.exchanged(outer)
            if not was_active and (graphs.enabled_eager() or not names_of_1.active()):
                graphs.leave()


def _found(name: str) -> Any:
    """The tensor, variable or operation of this name."""
    found = scopes.by_name(name)
    if found is None:
        raise KeyError(f"The name {name!r} refers to a Tensor or an operation that does not exist in the graph.")
    return found


def _of_graph(function: Callable[..., Any]) -> Callable[..., Any]:
    """The method of a graph that calls a function while it is the default graph."""

    def method(graph: DefaultGraph, *args: Any, **kwargs: Any) -> Any:
        with graph.as_default():
            return function(*args, **kwargs)

    return method


def _operation(name: str) -> Any:
    """The operation of this name."""
    found = _found(name)
    return found.op if isinstance(found, KerasTensor | Variable) else found


DefaultGraph.get_tensor_by_name = _of_graph(_found)
DefaultGraph.get_operation_by_name = _of_graph(_operation)
for _method in (
    scopes.get_collection,
    scopes.get_collection_ref,
    scopes.add_to_collection,
    scopes.get_all_collection_keys,
):
    setattr(DefaultGraph, _method.__name__, _of_graph(_method))
DefaultGraph.name_scope = staticmethod(scopes.name_scope)
DefaultGraph.gradient_override_map = staticmethod(overriding)
DefaultGraph.is_feedable = staticmethod(lambda _: True)
DefaultGraph.control_dependencies = staticmethod(depending)


@named("get_default_graph")
def current() -> DefaultGraph:
    """`tf.get_default_graph`."""
    return _open[-1] if _open else _base
