"""The active tapes and the calls that they record."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar, Token
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.recorded_variable import recorder
from gazelle.core import shape_inference, tracing
from gazelle.core.context_variables import assigned
from gazelle.core.symbolic import KerasTensor
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.types import Tree
from gazelle.core.variable import Variable


@dataclasses.dataclass(eq=False)
class Call:
    """A recorded call.

    Attributes:
        run: `run(*inputs)` computes the outputs again.
        inputs: the inputs, as arrays or variables.
        values: the arrays of the inputs; for a variable its value at the time of the call.
        outputs: the arrays that the call returned.
        program_key: equal for calls that compile to the same program; None if that is unknown.
    """

    run: Callable[..., Any]
    inputs: list[Any]
    values: list[Any]
    outputs: list[Any]
    program_key: Any


class Tape(Protocol):
    """A tape that records calls."""

    def is_affected_by(self, inputs: list[Any]) -> bool: ...

    def record(self, call: Call) -> None: ...


class LooksAtValuesError(BaseException):
    """A recorded function looked at values, drew with NumPy or had a tape watch a tensor: a replay would differ.

    It is no `Exception`, since programs catch those.
    """


#: whether a function runs that a tape records as one call; it must not look at values
_recorded: ContextVar[bool] = ContextVar("gazelle_records_one_call", default=False)
#: whether that function is traced, so that JAX raises an error where it looks at values
_traced: ContextVar[bool] = ContextVar("gazelle_traces_one_call", default=False)


@contextlib.contextmanager
def values_watched(recorded: bool, traced: bool) -> Iterator[None]:
    """Context manager that raises `LooksAtValuesError` where a function looks at values; NumPy's generator is reset."""
    if not recorded:
        yield
        return
    with assigned(_recorded, True), assigned(_traced, traced):
        if traced:
            yield
        else:
            with _generator_watched():
                yield


@contextlib.contextmanager
def _generator_watched() -> Iterator[None]:
    before = np.random.get_state(legacy=False)
    try:
        yield
        after = np.random.get_state(legacy=False)
        if before["state"]["pos"] != after["state"]["pos"] or before["has_gauss"] != after["has_gauss"]:
            raise LooksAtValuesError
    except LooksAtValuesError:
        np.random.set_state(before)
        raise


def look_at_values() -> None:
    """Called when a program reads the values of a tensor."""
    if _recorded.get() and not _traced.get():
        raise LooksAtValuesError


def look_at_calls() -> None:
    """Called when a tape that was begun outside of a recorded function watches a tensor in it."""
    if _recorded.get():
        raise LooksAtValuesError


#: what `activate_tapes` replaced
Tokens = tuple[Token[tuple[Tape, ...]], Token[type[TensorWrapper] | None]]
_active_tapes: ContextVar[tuple[Tape, ...]] = ContextVar("gazelle_tapes", default=())


#: whether functions run for one element of a dataset, with arrays of the host: compiling them would take longer
in_dataset: ContextVar[bool] = ContextVar("gazelle_in_dataset", default=False)
#: whether a `tf.function` runs, compiled or not
in_function: ContextVar[bool] = ContextVar("gazelle_in_function", default=False)


def in_graph() -> bool:
    """Whether TensorFlow would build a graph here: in a `tf.function`, a step of `fit`, a graph of layers, a map."""
    scope = tracing.current()
    traced = scope is not None and (scope.values is not None or scope.pure)
    traced = traced and isinstance(jnp.zeros(()), jax.core.Tracer)  # not with `run_eagerly`
    return traced or in_function.get() or in_dataset.get() or shape_inference.infers_shapes.get()


def active_tapes() -> tuple[Tape, ...]:
    """The active tapes, outermost first."""
    return _active_tapes.get()


def activate_tapes(tapes: tuple[Tape, ...]) -> Tokens:
    """Set the active tapes; the result is the argument of `restore_tapes`."""
    from gazelle.compat.tensorflow.tensor import Tensor

    return _active_tapes.set(tapes), recorder.set(Tensor if tapes else None)


def restore_tapes(token: Tokens) -> None:
    tapes, kind = token
    _active_tapes.reset(tapes)
    recorder.reset(kind)


@contextlib.contextmanager
def only_tapes(tapes: tuple[Tape, ...]) -> Iterator[None]:
    """Context manager in which only these tapes are active."""
    token = activate_tapes(tapes)
    try:
        yield
    finally:
        restore_tapes(token)


def filled(static: list[Any], indices: list[int], arrays: Iterable[Any]) -> list[Any]:
    """The leaves `static` with arrays at these indices."""
    out = list(static)
    for index, array in zip(indices, arrays, strict=True):
        out[index] = array
    return out


def is_box(value: object) -> bool:
    return isinstance(value, TensorWrapper | Variable | KerasTensor)


def unboxed(value: Tree) -> Tree:
    """The array of a tensor or variable; other values unchanged."""
    if isinstance(value, Variable):
        return value.value
    return value.array if isinstance(value, TensorWrapper) else value


def is_array(value: object) -> bool:
    return isinstance(value, jax.Array | np.ndarray | np.generic)


def register_structures(values: Iterable[Any]) -> None:
    """Let JAX take objects of classes of attrs among these as structures, as `tf.nest` does."""
    for kind in {type(value) for value in values} - _structures:
        if not hasattr(kind, "__attrs_attrs__"):
            continue
        _structures.add(kind)
        names = [attribute.name for attribute in kind.__attrs_attrs__]
        parts = lambda value, names=names: ([getattr(value, name) for name in names], None)  # noqa: E731
        jax.tree_util.register_pytree_node(kind, parts, functools.partial(_of_parts, kind, names))


_structures: set[type] = set()


def _of_parts(kind: type, names: list[str], _: None, parts: Iterable[Any]) -> Any:
    """An object of a class of attrs, made without its constructor, which may check what it is given."""
    made: Any = object.__new__(kind)
    for name, part in zip(names, parts, strict=True):
        object.__setattr__(made, name, part)
    return made
