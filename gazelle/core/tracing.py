"""The context of a call: arrays for the variables, the PRNG key, and whether it is training.

Layers are written as if they were stateful. Inside a pure call every read of a `Variable` finds the array that was
passed in, every `assign` replaces it in the scope, and `functionalize` returns the values with the result of the call.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

import jax
import jax.numpy as jnp

from gazelle.core.context_variables import assigned
from gazelle.core.symbolic import map_in_order

if TYPE_CHECKING:
    from gazelle.core.variable import Variable

Paths = Mapping[str, "Variable"]
T = TypeVar("T")


@dataclasses.dataclass(eq=False)
class TraceContext:
    """The context of one outermost call, which the layers inside it share."""

    values: dict[int, Any] | None = None  # id(variable) -> array; None: variables hold their own values
    key: jax.Array | None = None  # the step's key; None: each layer draws from its own seed
    training: bool | None = None  # None: not specified
    inside: bool = False  # True: a layer is being called
    mode: bool | None = None  # `training` of the outermost layer that is being called
    names: Mapping[int, str] = dataclasses.field(default_factory=dict)  # id(layer) -> its path in the model
    losses: list[tuple[Any, Any]] = dataclasses.field(default_factory=list)  # (layer, value) of add_loss
    draws: dict[str, int] = dataclasses.field(default_factory=dict)  # how often a path has drawn a key
    pure: bool = False  # True: a variable that was not passed in is an error
    closed: bool = False  # True: all assignments stay in the scope, also those of variables that were not passed in
    observe: Callable[[Any, Any], None] | None = None  # called with each layer and the outputs of its call
    reports: dict[Any, Any] = dataclasses.field(default_factory=dict)  # other results of the call: metrics by name
    known: dict[int, Any] = dataclasses.field(default_factory=dict)  # id(symbolic tensor) -> its value in this run
    cast: str | None = None  # the dtype that float variables are read in, while a layer of mixed precision computes
    guesses: bool = False  # True: sizes are placeholders for unknown ones, and only shapes and dtypes matter
    assigned: list[Any] = dataclasses.field(default_factory=list)  # variables in `values` that were not passed in
    seen: dict[int, Any] | None = None  # id -> each variable that was read or assigned; None: not recorded
    created: list[Any] | None = None  # variables whose first value is traced; None: not recorded
    loop_key: jax.Array | None = None  # the key of the loop over steps that runs; `key` is that of one step

    def draw(self, name: str) -> jax.Array:
        """A key that depends only on (step key, name, number of the draw)."""
        assert self.key is not None
        count = self.draws[name] = self.draws.get(name, -1) + 1
        return jax.random.fold_in(jax.random.fold_in(self.key, zlib.crc32(name.encode())), count)


class AddedLosses(list[Any]):
    """The values given to `add_loss` in a call, and its `reports`."""

    def __init__(self, losses: Iterable[Any], reports: Mapping[str, Any]) -> None:
        super().__init__(losses)
        self.reports = reports


jax.tree_util.register_pytree_node(
    AddedLosses, lambda added: ((list(added), added.reports), None), lambda _, parts: AddedLosses(*parts)
)


_scope: ContextVar[TraceContext | None] = ContextVar("gazelle_scope", default=None)


def current() -> TraceContext | None:
    """The context of the current call; None outside of every layer."""
    return _scope.get()


def is_traced() -> bool:
    """Whether JAX traces the running code: what it computes has no values yet."""
    return isinstance(jnp.zeros(()), jax.core.Tracer)


@contextlib.contextmanager
def bind_symbolic(values: Mapping[int, Any]) -> Iterator[None]:
    """Provide arrays for symbolic tensors in closures, as {id(tensor): array}."""
    scope = _scope.get() or TraceContext()
    with entered(dataclasses.replace(scope, known={**scope.known, **values})):
        yield


def known_value(tensor: T) -> T:
    """What `bind_symbolic` provides for a symbolic tensor; other values as they are."""
    scope = _scope.get()
    return tensor if scope is None else scope.known.get(id(tensor), tensor)


@contextlib.contextmanager
def bind_variables(values: Mapping[int, Any]) -> Iterator[dict[int, Any]]:
    """Provide arrays for variables, as {id(variable): array}; all values of the context, also those assigned inside."""
    scope = _scope.get() or TraceContext()
    bound = {**(scope.values or {}), **values}
    with entered(dataclasses.replace(scope, values=bound)):
        yield bound


def binds() -> bool:
    """Whether assignments stay in the context: in pure calls, and in calls that leave variables unchanged."""
    scope = _scope.get()
    return scope is not None and (scope.pure or scope.closed)


#: make a context the current one in a with-block: `with entered(scope):`
entered = functools.partial(assigned, _scope)
#: have no current context in a with-block: `with outside():`
outside = functools.partial(assigned, _scope, None)


def at_step(loop_key: jax.Array | None, number: jax.Array | int) -> contextlib.AbstractContextManager[None]:
    """A context for one step of a loop that is traced once, so that its steps draw different numbers."""
    if loop_key is None:
        return contextlib.nullcontext()
    scope = _scope.get() or TraceContext()
    key = jax.random.fold_in(loop_key, number)
    return entered(dataclasses.replace(scope, key=key, draws={}, loop_key=loop_key))


def at_every_step() -> contextlib.AbstractContextManager[None]:
    """A context in which all steps of the loop draw the same numbers."""
    scope = _scope.get()
    if scope is None or scope.loop_key is None:
        return contextlib.nullcontext()
    return entered(dataclasses.replace(scope, key=scope.loop_key))


def isolated(function: Callable[[], Any]) -> tuple[Any, dict[Variable, Any]]:
    """Call a function and undo its assignments in the context; return its result and {variable: assigned value}."""
    scope = _scope.get()
    if scope is None or scope.values is None:
        return function(), {}
    before, seen = dict(scope.values), dict[int, Any]()
    with entered(dataclasses.replace(scope, seen=seen)):
        out = function()
    after = dict(scope.values)
    scope.values.clear()
    scope.values.update(before)
    if scope.seen is not None:
        scope.seen.update({key: variable for key, variable in seen.items() if key not in scope.seen})
    return out, {v: after[key] for key, v in seen.items() if after.get(key) is not before.get(key)}


def functionalize(
    fn: Callable[..., Any],
    variables: Paths,
    names: Mapping[int, str] | None = None,
    observe: Callable[[Any, Any], None] | None = None,
) -> Callable[..., Any]:
    """Turn `fn`, which reads and assigns `variables`, into a pure function of {path: array}.

    The result takes `(values, *args, key=None, training=False, **kwargs)` and returns `(out, values, losses)`:
    what `fn` returned, every variable's value after the call, and the values given to `add_loss`.
    `observe(layer, outputs)` is called for every layer that was called.
    """

    def call(
        values: Mapping[str, Any], *args: Any, key: Any = None, training: bool | None = False, **kwargs: Any
    ) -> Any:
        bound = {id(variables[path]): value for path, value in values.items()}
        scope = TraceContext(values=bound, key=key, training=training, names=names or {}, observe=observe, pure=True)
        with entered(scope):
            out = fn(*args, **kwargs)
            is_bound = lambda leaf: id(leaf) in bound  # noqa: E731
            if any(map(is_bound, jax.tree.leaves(out, is_leaf=is_bound))):  # variables, which are read here
                out = map_in_order(lambda leaf: leaf.value if is_bound(leaf) else leaf, out, is_bound)
        after = {path: bound[id(variables[path])] for path in values}
        return out, after, AddedLosses((value for _, value in scope.losses), scope.reports)

    return call
