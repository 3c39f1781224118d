"""The session of TensorFlow 1, which computes tensors of a graph from values of its inputs."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial
from types import MappingProxyType
from typing import Any

import jax
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.execution_order import Assertion, Order
from gazelle.compat.backend.execution_order import Fetch as Fetch
from gazelle.compat.backend.functions import Function
from gazelle.compat.backend.gradients import reconnect
from gazelle.compat.backend.updates import OptimizerStep, Update
from gazelle.compat.types import Nested, TensorLike, TensorResult
from gazelle.core import names
from gazelle.core.context_variables import assigned
from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.core.symbolic import KerasTensor, Node, map_in_order
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.variable import Variable

#: inputs of graphs that have values where none are passed
defaults: weakref.WeakKeyDictionary[KerasTensor, TensorLike] = weakref.WeakKeyDictionary()
#: inputs of graphs whose values are those of the next element of an iterator
iterators: weakref.WeakKeyDictionary[KerasTensor, Any] = weakref.WeakKeyDictionary()
#: inputs of graphs that are integers -> the input whose first axis has this size, where a shape contains the integer
lengths: weakref.WeakKeyDictionary[KerasTensor, KerasTensor] = weakref.WeakKeyDictionary()
#: inputs of graphs that select an iterator
handles: weakref.WeakSet[KerasTensor] = weakref.WeakSet()
#: the session that runs
running: ContextVar[Session] = ContextVar("gazelle_session")
_fed_now: ContextVar[Mapping[Any, Any]] = ContextVar("gazelle_fed", default=MappingProxyType({}))


def fed_now() -> Mapping[Any, Any]:
    """What the running session is fed."""
    return _fed_now.get()


def feeding(given: Mapping[Any, Any]) -> contextlib.AbstractContextManager[Any]:
    """Return a context in which `fed_value` finds these values."""
    return assigned(_fed_now, given)


def fed_value(tensor: TensorLike, rows: int = 1) -> TensorResult:
    """The value of a tensor for what the session is fed; zeros where nothing is, with `rows` and 1 as unknown sizes."""
    if not isinstance(tensor, KerasTensor):
        return tensor
    fed = _fed_now.get()
    if tensor in fed:
        return np.asarray(unwrapped(fed[tensor]))
    if tensor.node is not None and tensor.node.args:  # computed from others
        with contextlib.suppress(ArgumentError):
            return value_now(tensor)
    sizes = [n or (1 if axis else rows) for axis, n in enumerate(tensor.shape)]
    return np.broadcast_to(np.zeros((), tensor.dtype), sizes)


def value_now(tensor: TensorLike) -> TensorResult:
    """The value of a variable, or of a tensor of a graph for what the running session is fed."""
    return np.asarray(Session().run(tensor, dict(_fed_now.get())) if isinstance(tensor, KerasTensor) else tensor.value)


class DefaultGraph:
    """The graph of TensorFlow 1; here a graph is just the connected tensors."""

    def as_default(self) -> contextlib.AbstractContextManager[Any]:
        """Return a context manager without effect."""
        return contextlib.nullcontext(self)

    @ignores("mark_as_used=True")
    def unique_name(self, name: str) -> str:
        """Return the name, with a number from the second time on."""
        return names.unique_name("graph", name)

    def finalize(self) -> None:
        """Do nothing."""

    def device(self, name: object) -> contextlib.AbstractContextManager[Any]:
        """Return a context manager without effect."""
        return contextlib.nullcontext(name)

    def get_operations(self) -> list[Any]:
        """Refuse: there are no operations of TensorFlow whose gradients could be replaced."""
        hint = (
            "Of shap, GradientExplainer and KernelExplainer work; its DeepExplainer replaces gradients of operations."
        )
        raise StateError(message("The operations of TensorFlow's graph do not exist", hint=hint))

    def as_graph_def(self) -> DefaultGraph:
        """Return the graph itself, for writers of summaries, which do not write it."""
        return self

    node = property(lambda self: self.get_operations())

    def __enter__(self) -> DefaultGraph:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Session:
    """Computes tensors; options for devices and graphs are accepted and ignored.

    >>> from gazelle.compat import backend as K
    >>> x = K.placeholder((2,))
    >>> K.get_session().run(x * 2, feed_dict={x: [1.0, 2.0]}).tolist()
    [2.0, 4.0]
    """

    def __init__(self, target: TensorLike = "", graph: object = None, config: object = None) -> None:
        self.graph, self.config = graph or DefaultGraph(), config

    graph_def = property(lambda self: self.graph.as_graph_def())

    @ignores("options run_metadata")
    def run(self, fetches: Nested[TensorLike], feed_dict: Mapping[Any, TensorLike] | None = None) -> TensorResult:
        """Return the values in the structure of `fetches`; None for operations, which are done."""
        flat, structure = jax.tree.flatten(fetches, is_leaf=_is_fetch)
        order = _order(flat)
        roots = {id(v) for v in order.roots}
        given = {v: value for v, value in defaults.items() if id(v) in roots or id(lengths.get(v)) in roots}
        given |= by_tensor(feed_dict or {})
        if iterators:
            for iterator in {iterators[v] for v in order.roots if v in iterators and v not in given}:
                given |= iterator.next_values(given)
            given = {v: value for v, value in given.items() if v not in handles}
        first = [v for v in order.needed if isinstance(v, Fetch) and not isinstance(v, Assertion)]
        if before := [v for v in first if not any(v is one for one in flat)]:
            self.run(before, given)
        wanted = [v.fetched if isinstance(v, Fetch) else v for v in flat]
        tensors = [v for v in jax.tree.leaves(wanted, is_leaf=_is_fetch) if isinstance(v, KerasTensor | Variable)]
        run, sized = _program(tensors, list(given), flat, order)
        arrays = [_fed(tensor, v) for tensor, v in given.items()]
        arrays += [np.empty(int(unwrapped(given[v])), bool) for v in sized]
        with assigned(_fed_now, given):
            computed = iter([] if run is None else run(arrays))

        def value(v: Any) -> Any:
            if not isinstance(v, KerasTensor | Variable):
                return _value(v)
            number = next(computed)  # that of a variable before its assignments
            return _numpy(number if _assignable(v) is None else _assignable(v).value)

        values = [jax.tree.map(value, v, is_leaf=_is_fetch) for v in wanted]
        with assigned(_fed_now, given), assigned(running, self):
            found = [v.result(x) if isinstance(v, Fetch) else x for v, x in zip(flat, values, strict=True)]
        is_group = lambda v: isinstance(v, Operations)  # noqa: E731
        return jax.tree.map(
            lambda v: None if is_group(v) else v, jax.tree.unflatten(structure, found), is_leaf=is_group
        )

    def as_default(self) -> Session:
        """Return the session as a context manager."""
        return self

    def close(self) -> None:
        """Do nothing."""

    def list_devices(self) -> list[Any]:
        """Return the devices of JAX."""
        return list(jax.devices())

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Operations(list[Any]):
    """Operations that a session runs together."""

    name, type = "group_deps", "NoOp"
    op = property(lambda self: self)

    def run(self, feed_dict: Mapping[Any, Any] | None = None, session: Session | None = None) -> None:
        """Run them in a session; by default in that of Keras."""
        (session or get_session()).run(list(self), feed_dict)


jax.tree_util.register_pytree_node(Operations, lambda made: (list(made), None), lambda _, parts: Operations(parts))


def inputs_of(fetches: Nested[TensorLike]) -> list[KerasTensor]:
    """The inputs of the graph on which tensors and operations depend."""
    return _order(jax.tree.leaves(fetches, is_leaf=_is_fetch)).roots


def depend(fetches: Nested[TensorLike], tensor: KerasTensor) -> bool:
    """Whether a tensor is needed for fetches."""
    flat = jax.tree.leaves(fetches, is_leaf=_is_fetch)
    order = _order(flat)
    return any(one is tensor for one in (*flat, *order.roots, *(v for node in order.nodes for v in node.inputs)))


def replace_arguments(fetches: Nested[TensorLike], replaced: Callable[[Node, Any], Any]) -> None:
    """Let the calls on which fetches depend take `replaced(call, argument)` in place of each argument."""
    flat = jax.tree.leaves(fetches, is_leaf=_is_fetch)
    for node in Order(flat).nodes:
        replace_in(node, replaced)
    _kept(flat).clear()


def replace_in(node: Node, replaced: Callable[[Any, Any], Any]) -> None:
    """Let a call take `replaced(call, argument)` in place of each argument, also in its branches and steps of loops."""
    args, node.kwargs = map_in_order(partial(replaced, node), (node.args, node.kwargs), _is_fetch)
    function = getattr(node.operation, "function", None)
    parts: Any = getattr(function, "parts", ())
    for part in parts:
        part.replace(replaced)
    if parts:
        args = args[0], *(part.captured for part in parts)
        vars(function)["graph"].nodes = [each for part in parts for each in part.nodes]
    node.args = args
    reconnect(node)


def _kept(fetched: list[Any]) -> dict[Any, Any]:
    """What is stored for these fetches: on the first that can store it, so that it lives as long."""
    owner = next((v for v in fetched if isinstance(v, KerasTensor | Update | OptimizerStep)), None)
    return {} if owner is None else vars(owner).setdefault("_functions", {})


def _order(fetched: list[Any]) -> Order:
    kept, key = _kept(fetched), tuple(map(id, fetched))
    if key not in kept:
        kept[key] = Order(fetched), fetched
    order: Order = kept[key][0]
    return order


def _program(
    tensors: list[Any], feeds: list[Any], fetched: list[Any], order: Order
) -> tuple[Function | None, list[KerasTensor]]:
    """The function of the tensors `feeds` that computes tensors and does all else in the order of a run.

    Those of `feeds` that are sizes of other tensors come last: their `lengths` are the last inputs of the function.
    """
    updates = [v for v in order.needed if isinstance(v, Update | OptimizerStep)]
    if not (tensors or updates):
        return None, []
    kept, key = _kept(fetched), (tuple(map(id, fetched)), tuple(map(id, feeds)))
    if key not in kept:
        needed = {id(v) for v in order.roots} if lengths else set()
        sized = [v for v in feeds if id(lengths.get(v)) in needed]
        given = [v for v in fetched if isinstance(v, Update | OptimizerStep)]
        kept[key] = Function([*feeds, *(lengths[v] for v in sized)], tensors, [*given, *updates], order=order), sized
    function, sized = kept[key]
    return function, sized


def by_tensor(feed_dict: Mapping[Any, Any]) -> dict[Any, Any]:
    """{tensor: value}; a key may be a tuple of tensors, such as the state of a recurrent network."""
    given: dict[Any, Any] = {}
    for key, value in feed_dict.items():
        given.update(by_tensor(dict(zip(key, value, strict=True))) if isinstance(key, tuple) else {key: value})
    return given


def _fed(tensor: Any, value: Any) -> np.ndarray:
    """The array that is fed; objects and texts, such as rows of a table, become numbers as in TensorFlow."""
    array = np.asarray(unwrapped(value))
    is_of_numbers = array.dtype.kind in "OUS" and str(tensor.dtype) != "string"
    return array.astype(tensor.dtype) if is_of_numbers else array


def _is_fetch(value: Any) -> bool:
    return value is None or isinstance(value, KerasTensor | Variable | Update | TensorWrapper | Fetch)


def _assignable(fetched: Any) -> Any:
    """The variable of which a session returns the value after all assignments of the run: itself, or `tf.identity`."""
    made = fetched.node if isinstance(fetched, KerasTensor) else None
    if made is not None and made.operation.name == "identity" and made.args and not fetched.control:
        fetched = made.args[0]
    return fetched if isinstance(fetched, Variable) else None


def unwrapped(value: TensorLike) -> TensorResult:
    """The array of a tensor; other values unchanged."""
    return value.array if isinstance(value, TensorWrapper) and not isinstance(value, Variable) else value


def _value(fetched: Any) -> Any:
    """A computed value as a NumPy array; the new value for an assignment, None for another operation."""
    if isinstance(fetched, Update):
        return _numpy(fetched.returned(*(v.value for v in fetched.variables)))
    return _numpy(fetched) if hasattr(fetched, "shape") or isinstance(fetched, int | float) else None


def _numpy(value: Any) -> Any:
    """A value as an array of NumPy; a number without axes as NumPy's."""
    out = np.asarray(value)[()]
    return bytes(out) if isinstance(out, np.bytes_) else out


InteractiveSession = Session


_session: list[Any] = []


def get_session(*_: Any, **__: Any) -> TensorResult:
    """Return the session of the process."""
    if not _session:
        _session.append(Session())
    return _session[0]


def set_session(session: object) -> None:
    """Replace the session of the process."""
    _session[:] = [session]


def get_graph() -> DefaultGraph:
    """Return the graph of the process."""
    return DefaultGraph()
