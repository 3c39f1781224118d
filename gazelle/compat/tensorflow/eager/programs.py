"""A call of a Python function as a function of arrays, which JAX compiles: for `tf.function` and for recorded calls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
from jax.tree_util import PyTreeDef

from gazelle.compat.tensorflow.eager.recording import filled, is_array, is_box, only_tapes, unboxed
from gazelle.compat.types import Array, Function
from gazelle.core import tracing
from gazelle.core.errors import ArgumentError
from gazelle.core.types import Tree
from gazelle.core.variable import Variable


class NotCompilableError(Exception):
    """Raised in a trace if the function can only run uncompiled."""


class RunsPythonError(NotCompilableError):
    """Raised in a trace, also of a step, for a Python function that runs in each call."""

    needs_values = True


class NewVariablesError(NotCompilableError):
    """Raised by a trace that found variables which are not arguments of the program."""

    def __init__(self, variables: list[Variable]) -> None:
        super().__init__()
        self.variables = variables


class TracedVariableError(NotCompilableError):
    """Raised in a trace by a variable whose first value would be that of the trace, such as random numbers."""


class Needs64BitsError(Exception):
    """Raised in a trace by code that requests float64, which JAX has with 64 bits only."""


class FunctionTrace(tracing.TraceContext):
    """The trace context of a compiled function."""


class NeedsTapeError(ArgumentError):
    """Raised by `tf.gradients` in a trace: the function must be traced again, with a tape that records all calls."""


class Result(NamedTuple):
    """What a trace showed of the result."""

    structure: Any
    static: list[Any]  # its leaves, `_ARRAY` in the place of arrays
    assigned: list[int]  # the indices of variables that were assigned
    owners: list[Any]  # the layers that added losses


_ARRAY = object()


class Program:
    """A function with the arguments of a call; their arrays and the values of `variables` are those of the program.

    Args:
        function: the function.
        structure: the structure of (args, kwargs).
        static: their leaves, None in the place of arrays.
        array_indices: the indices of the arrays among the leaves.
    """

    context: type[tracing.TraceContext] = tracing.TraceContext

    def __init__(self, function: Function, structure: PyTreeDef, static: list[Any], array_indices: list[int]) -> None:
        self.function, self.structure, self.static, self.array_indices = function, structure, static, array_indices
        self.variables: list[Variable] = []

    def call(self, arrays: Iterable[Any], scope: tracing.TraceContext) -> Tree:
        """Return the arrays of the result, called in a scope; tapes record nothing. Variables are read at the end."""
        args, kwargs = jax.tree.unflatten(self.structure, filled(self.static, self.array_indices, arrays))
        with only_tapes(()), tracing.entered(scope):
            return jax.tree.map(unboxed, self.function(*args, **kwargs), is_leaf=is_box)

    def trace(
        self, arrays: Iterable[Any], values: list[Any], key: Array
    ) -> tuple[Result, list[Any], list[Any], list[Any]]:
        """Return (result, its arrays, added losses, values of the assigned variables)."""
        bound = {id(v): value for v, value in zip(self.variables, values, strict=True)}
        before, seen = dict(bound), dict[int, Any]()
        scope = self.context(values=bound, closed=True, key=key, seen=seen)
        flat, structure = jax.tree.flatten(self.call(arrays, scope), is_leaf=is_box)
        new = [variable for number, variable in seen.items() if number not in before]
        if new:
            raise NewVariablesError(new)
        assigned = [i for i, v in enumerate(self.variables) if bound[id(v)] is not before[id(v)]]
        static = [_ARRAY if is_array(leaf) else leaf for leaf in flat]
        result = Result(structure, static, assigned, [owner for owner, _ in scope.losses])
        found = [leaf for leaf in flat if is_array(leaf)]
        return result, found, [value for _, value in scope.losses], [bound[id(self.variables[i])] for i in assigned]

    def finish(self, result: Result, arrays: Iterable[Any], assigned: Iterable[Any]) -> Tree:
        """Assign the variables, and return the result with these arrays."""
        for index, value in zip(result.assigned, assigned, strict=True):
            variable = self.variables[index]
            if variable._owner is None:
                variable._value = value
            else:
                variable.assign(value)
        rest = iter(arrays)
        return jax.tree.unflatten(result.structure, [next(rest) if v is _ARRAY else v for v in result.static])
