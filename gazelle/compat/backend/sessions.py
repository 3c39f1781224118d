"""The session of TensorFlow 1, which computes tensors of a graph from values of its inputs."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import jax
import numpy as np

from gazelle.compat.backend.functions import Function
from gazelle.compat.backend.gradients import roots_of
from gazelle.compat.backend.updates import OptimizerStep, Update
from gazelle.compat.ignored import ignores
from gazelle.compat.types import Nested, TensorLike, TensorResult
from gazelle.core import names
from gazelle.core.context_variables import assigned
from gazelle.core.errors import StateError, message
from gazelle.core.symbolic import KerasTensor
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
#: tensors of graphs with the operations that run with them, and those that run before them
dependencies: weakref.WeakKeyDictionary[KerasTensor, tuple[list[Any], list[Any]]] = weakref.WeakKeyDictionary()
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
    """The value that the running session is fed for a tensor; zeros outside of one, unknown sizes are `rows` and 1."""
    if not isinstance(tensor, KerasTensor):
        return tensor
    found = _fed_now.get().get(tensor)
    sizes = [n or (1 if axis else rows) for axis, n in enumerate(tensor.shape)]
    return np.zeros(sizes, tensor.dtype) if found is None else np.asarray(unwrapped(found))


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

    def __enter__(self) -> DefaultGraph:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Fetch:
    """What a session computes from tensors: `result(values of fetched)`."""

    fetched: Any = None

    def result(self, value: TensorResult) -> object:
        """Return what `Session.run` returns."""
        return value


class Session:
    """Computes tensors; options for devices and graphs are accepted and ignored.

    >>> from gazelle.compat import backend as K
    >>> x = K.placeholder((2,))
    >>> K.get_session().run(x * 2, feed_dict={x: [1.0, 2.0]}).tolist()
    [2.0, 4.0]
    """

    def __init__(self, target: TensorLike = "", graph: object = None, config: object = None) -> None:
        self.graph, self.config = graph or DefaultGraph(), config

    @ignores("options run_metadata")
    def run(self, fetches: Nested[TensorLike], feed_dict: Mapping[Any, TensorLike] | None = None) -> TensorResult:
        """Return the values in the structure of `fetches`; None for operations, which are done."""
        given = {**defaults, **_fed(feed_dict or {})}
        if iterators:
            inputs = inputs_of(fetches)
            for iterator in {iterators[v] for v in inputs if v in iterators and v not in given}:
                given |= iterator.next_values(given)
            given = {v: value for v, value in given.items() if v not in handles}
        fetches, later = _without_later(fetches)
        if later:
            out = self.run([fetches, [made.first for made in later]], given)[0]
            self.run([list(made) for made in later], given)
            after = lambda v, x: x if _assignable(v) is None else _numpy(_assignable(v).value)  # noqa: E731
            return jax.tree.map(after, fetches, out, is_leaf=_is_fetch)
        flat, structure = jax.tree.flatten(fetches, is_leaf=_is_fetch)
        wanted = [v.fetched if isinstance(v, Fetch) else v for v in flat]
        tensors = [v for v in jax.tree.leaves(wanted, is_leaf=_is_fetch) if isinstance(v, KerasTensor | Variable)]
        updates = [v for v in flat if isinstance(v, Update | OptimizerStep)]
        run, before, sized = _program(tensors, list(given), updates) if tensors or updates else (None, [], [])
        if before:
            self.run(before, given)
        arrays = [np.asarray(unwrapped(v)) for v in given.values()]
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
    """Operations that a session runs together; those in `first` run before them."""

    name, type = "group_deps", "NoOp"
    op = property(lambda self: self)

    def __init__(self, made: Iterable[Any] = ()) -> None:
        super().__init__(made)
        self.first: list[Any] = []

    def run(self, feed_dict: Mapping[Any, Any] | None = None, session: object = None) -> None:
        """Run them in the default session."""
        get_session().run(list(self), feed_dict)


jax.tree_util.register_pytree_node(Operations, lambda made: (list(made), None), lambda _, parts: Operations(parts))


def inputs_of(fetches: Nested[TensorLike]) -> list[KerasTensor]:
    """The inputs of the graph on which tensors and operations depend."""
    is_leaf = lambda v: _is_fetch(v) or isinstance(v, OptimizerStep)  # noqa: E731
    found, waiting = [], [fetches]
    while waiting:
        one = waiting.pop()
        for leaf in jax.tree.leaves(one, is_leaf=is_leaf):
            if isinstance(leaf, KerasTensor):
                found += roots_of(leaf, None)[0]
            elif isinstance(leaf, Update | OptimizerStep | Fetch):
                part = "value" if isinstance(leaf, Update) else "loss" if isinstance(leaf, OptimizerStep) else "fetched"
                waiting.append(getattr(leaf, part, None))
        if isinstance(one, list | tuple):
            waiting += [made.first for made in _without_later(one)[1]]
    return found


def _program(tensors: list[Any], feeds: list[Any], updates: list[Any]) -> tuple[Function, list[Any], list[Any]]:
    """The function of the tensors `feeds` that computes tensors and does updates, and the operations that run before.

    Those of `feeds` that are sizes of other tensors come last: their `lengths` are the last inputs of the function.
    It is cached on the first tensor of a graph or update, and lives as long as that.
    """
    owners = [v for v in (*tensors, *updates) if isinstance(v, KerasTensor | Update | OptimizerStep)]
    cached: dict[Any, Any] = vars(owners[0]).setdefault("_functions", {}) if owners else {}
    key = tuple(tuple(map(id, each)) for each in (tensors, feeds, updates))
    if key not in cached:
        needed, before = dependencies_of([*tensors, *updates])
        more = [v for v in needed if not any(v is one for one in updates)]
        needed = {id(v) for v in inputs_of([*tensors, *updates, *more])} if lengths else set()
        sized = [v for v in feeds if id(lengths.get(v)) in needed]
        inputs = [*feeds, *(lengths[v] for v in sized)]
        cached[key] = Function(inputs, tensors, [*updates, *more]), before, sized
    return cached[key]


def dependencies_of(wanted: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    """The operations that run with tensors, assignments and optimizer steps, and those that run before them."""
    found: tuple[dict[int, Any], dict[int, Any]] = {}, {}
    seen: set[int] = set()
    waiting = list(wanted)
    while waiting:
        one = waiting.pop()
        if isinstance(one, Update | OptimizerStep):
            one = one.value if isinstance(one, Update) else one.loss
        for tensor in jax.tree.leaves(one, is_leaf=_is_fetch):
            if not isinstance(tensor, KerasTensor) or id(tensor) in seen:
                continue
            seen.add(id(tensor))
            for known, operations in zip(found, dependencies.get(tensor, ([], [])), strict=True):
                known.update((id(v), v) for v in operations)
                waiting += operations
            if tensor.node is not None:
                differentiated = getattr(getattr(tensor.node.operation, "function", None), "graph", None)
                waiting += [*tensor.node.inputs, getattr(differentiated, "outputs", ())]
    return list(found[0].values()), list(found[1].values())


def _fed(feed_dict: Mapping[Any, Any]) -> dict[Any, Any]:
    """{tensor: value}; a key may be a tuple of tensors, such as the state of a recurrent network."""
    given: dict[Any, Any] = {}
    for key, value in feed_dict.items():
        if isinstance(key, tuple):
            keys, values = (jax.tree.leaves(v, is_leaf=_is_fetch) for v in (key, value))
            given.update(zip(keys, values, strict=True))
        else:
            given[key] = value
    return given


def _without_later(fetches: Any) -> tuple[Any, list[Operations]]:
    """The fetches, with None for operations that run after others, and these operations."""
    later: list[Operations] = []

    def taken(value: Any) -> Any:
        if isinstance(value, Operations) and value.first:
            later.append(value)
            return None
        return value

    is_leaf = lambda value: isinstance(value, Operations) or _is_fetch(value)  # noqa: E731
    return jax.tree.map(taken, fetches, is_leaf=is_leaf), later


def _is_fetch(value: Any) -> bool:
    return value is None or isinstance(value, KerasTensor | Variable | Update | TensorWrapper | Fetch)


def _assignable(fetched: Any) -> Any:
    """The variable of which a session returns the value after all assignments of the run: itself, or `tf.identity`."""
    made = fetched.node if isinstance(fetched, KerasTensor) else None
    fetched = made.args[0] if made is not None and made.operation.name == "identity" and made.args else fetched
    return fetched if isinstance(fetched, Variable) else None


def unwrapped(value: TensorLike) -> TensorResult:
    """The array of a tensor; other values unchanged."""
    return value.array if isinstance(value, TensorWrapper) and not isinstance(value, Variable) else value


def _value(fetched: Any) -> Any:
    """A computed value as a NumPy array; the new value for an assignment, None for another operation."""
    if isinstance(fetched, Update):
        return _numpy(fetched.variable.value if fetched.result is None else fetched.result())
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
