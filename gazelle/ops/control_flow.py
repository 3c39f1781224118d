"""Loops and branches on symbolic tensors: arguments of a call, or tensors that its functions use from outside."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar, cast

import jax

from gazelle.core import shape_inference, symbolic, tracing
from gazelle.core.closed_over_tensors import find_tensors
from gazelle.core.errors import ArgumentTypeError, GazelleError, message
from gazelle.core.tensor_wrapper import TensorWrapper, array_in, wrapper_class
from gazelle.core.variable import Variable

P = ParamSpec("P")
R = TypeVar("R")


def control_flow_op(function: Callable[P, R]) -> Callable[P, R]:
    """Let an operation that calls functions accept symbolic tensors: the call becomes a node of the graph."""

    @functools.wraps(function)
    def lifted(*args: Any, **kwargs: Any) -> Any:
        scope = tracing.current()
        known: Mapping[int, Any] = {} if scope is None else scope.known
        if known:
            args, kwargs = symbolic.map_tree(lambda leaf: known.get(id(leaf), leaf), (args, kwargs))
        of_graph = symbolic.any_symbolic(args, kwargs)
        wrapper = None if of_graph else wrapper_class(args) or wrapper_class(kwargs.values())
        if wrapper is not None:  # the functions take wrappers, too
            box = functools.partial(_of_wrappers, wrapper)
            return wrapper.dispatch(lifted, *jax.tree.map(box, (args, kwargs), is_leaf=_is_wrapper))
        if not of_graph and scope is not None and not known:  # inside a layer: no tensors of a graph
            args, kwargs = jax.tree.map(_of_arrays, (args, kwargs))
            return function(*args, **kwargs)
        used = _used_tensors((args, kwargs))
        if of_graph or any(id(tensor) not in known for tensor in used):
            return _add_node(lifted, args, kwargs, used)
        if used:
            args, kwargs = jax.tree.map(lambda leaf: _bound(leaf, known), (args, kwargs))
        args, kwargs = jax.tree.map(_of_arrays, (args, kwargs))
        return function(*args, **kwargs)

    return cast(Callable[P, R], lifted)


def branch(call: Callable[[list[Callable[..., R]]], Any], functions: Sequence[Callable[..., R]]) -> R:
    """`call(functions)`, which traces all functions and runs one; variables that this one assigns are assigned."""
    variables: list[Variable] = []

    def run(function: Callable[..., R], *operands: Any) -> tuple[R, list[Any]]:
        out, assigned = tracing.isolated(lambda: function(*operands))
        found.update(assigned)
        return out, [assigned[v] if v in assigned else v._full() for v in variables]

    def traced() -> Any:
        return call([functools.partial(run, function) for function in functions])

    found: dict[Variable, Any] = {}
    out, values = traced()
    if found:  # all functions have to return the same variables
        variables.extend(found)
        out, values = traced()
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return cast(R, out)


def _used_tensors(tree: Any) -> list[symbolic.KerasTensor]:
    functions = [leaf for leaf in symbolic.leaves(tree) if callable(leaf)]
    return list({id(tensor): tensor for function in functions for tensor in find_tensors(function)}.values())


def _add_node(lifted: Any, args: Any, kwargs: Any, used: list[symbolic.KerasTensor]) -> Any:
    def call(arrays: Any, *args: Any, **kwargs: Any) -> Any:
        with tracing.bind_symbolic(dict(zip(map(id, used), arrays, strict=True))):
            return lifted(*args, **kwargs)

    try:
        outputs = shape_inference.output_spec(call, (used, *args), kwargs, name=lifted.__name__)
    except TypeError as error:
        if isinstance(error, GazelleError):
            raise
        reason = str(error).split("\n")[0]
        raise ArgumentTypeError(message(f"ops.{lifted.__name__} cannot be computed: {reason}")) from error
    symbolic.Node(symbolic.Op(lifted), args, kwargs, outputs, used)
    return outputs


def _bound(leaf: Any, known: Mapping[int, Any]) -> Any:
    """A function whose results are arrays, also where it returns a tensor from outside as it is."""
    if not callable(leaf):
        return leaf
    return lambda *args: symbolic.map_tree(lambda value: known.get(id(value), value), leaf(*args))


def _of_wrappers(wrapper: Callable[..., Any], leaf: Any) -> Any:
    """A function that takes wrappers of the arrays that it is given; another value unchanged."""
    if not callable(leaf):
        return leaf
    return lambda *args: leaf(*jax.tree.map(lambda v: wrapper(v) if isinstance(v, jax.Array) else v, args))


def _of_arrays(leaf: Any) -> Any:
    """A function whose results are arrays, also where it returns wrappers; another value unchanged."""
    if not callable(leaf) or not TensorWrapper.__subclasses__():
        return leaf
    return lambda *args: jax.tree.map(array_in, leaf(*args), is_leaf=_is_wrapper)


def _is_wrapper(leaf: Any) -> bool:
    return isinstance(leaf, TensorWrapper)
