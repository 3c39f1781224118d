"""`tf.custom_gradient`, also of functions that read variables."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.compat.tensorflow import names
from gazelle.compat.tensorflow.calls import boxed, call, unbox
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.eager.tape_gradients import conjugate
from gazelle.compat.tensorflow.names import named
from gazelle.compat.tensorflow.ops.arrays import convert
from gazelle.compat.tensorflow.v1 import subgraphs
from gazelle.compat.types import Function, TensorLike, TensorResult
from gazelle.core import tracing
from gazelle.core.errors import ArgumentError, message
from gazelle.core.symbolic import is_symbolic
from gazelle.core.variable import Variable


@named("custom_gradient")
def custom_gradient(f: Function) -> Function:
    """`tf.custom_gradient`: `f` returns (y, grad); grad(*upstream) returns the gradients of its arguments."""
    is_method = next(iter(inspect.signature(f).parameters), "") == "self"

    def called(*args: Any, **kwargs: Any) -> Any:
        if is_method:
            return custom_gradient(functools.partial(f, args[0]))(*args[1:], **kwargs)
        if kwargs:  # which have no gradients
            return custom_gradient(functools.partial(f, **kwargs))(*args)
        inputs = tuple(convert(a) for a in args)
        if any(map(is_symbolic, inputs)) and names.on_name is not None:
            return _in_graph(f, inputs)
        variables = _variables_read(f, inputs) if _has_gradients_of_variables(f) else ()
        return call(_with_gradient(f, variables), (*inputs, *variables), {})

    return called


def _in_graph(f: Function, inputs: tuple[Any, ...]) -> Any:
    """A call in a graph of TensorFlow 1: both functions may use other tensors of it."""
    result = subgraphs.SubGraph(lambda *given: f(*given)[0], inputs)
    gradient = subgraphs.SubGraph(
        lambda *given: f(*given[: len(inputs)])[1](*given[len(inputs) :]), [*inputs, *result.outputs]
    )

    @jax.custom_vjp
    def plain(arrays: Any, *captured: Any) -> Any:
        return result.run(arrays, captured[0])

    def backward(given: Any, upstream: Any) -> Any:
        arrays, *captured = given
        found = gradient.run([arrays, jax.tree.map(conjugate, upstream)], captured[1])
        found = found if isinstance(found, list | tuple) else [found]
        return _gradients(found, arrays), *jax.tree.map(jnp.zeros_like, captured)

    plain.defvjp(lambda *given: (plain(*given), given), backward)
    return subgraphs.node(lambda arrays, *captured: plain(tuple(arrays), *captured), [result, gradient], inputs)


def _gradients(found: Sequence[Any], arrays: Sequence[Any]) -> tuple[Any, ...]:
    """The gradients that a function returned, in the dtypes of the arrays; zeros in the place of None."""
    pairs = zip(found, arrays, strict=True)
    return tuple(jnp.zeros_like(a) if g is None else conjugate(jnp.asarray(unboxed(g), a.dtype)) for g, a in pairs)


#: the gradients that programs registered by name
_registered: dict[str, Any] = {}
#: kind of an operation -> the name of the gradient that it gets now
_overridden: dict[str, str] = {}


@named("RegisterGradient")
def register_gradient(op_type: str) -> Callable[[Function], Function]:
    """`tf.RegisterGradient`: a function of an operation and of the gradient of its result, for `overriding`."""

    def decorate(function: Function) -> Function:
        _registered[op_type] = function
        return function

    return decorate


@contextlib.contextmanager
def overriding(op_type_map: Mapping[str, str]) -> Iterator[None]:
    """`graph.gradient_override_map` of `tf.identity`, with which programs reverse gradients.

    Raises:
        ArgumentError: It is of another operation.
    """
    if op_type_map.keys() - {"Identity"}:
        hint = "Write the operation with tf.custom_gradient."
        raise ArgumentError(message("gradient_override_map", expected="Identity", got=[*op_type_map], hint=hint))
    before = dict(_overridden)
    _overridden.update(op_type_map)
    try:
        yield
    finally:
        _overridden.clear()
        _overridden.update(before)


def overridden(x: TensorLike) -> TensorResult:
    """`tf.identity(x)` with the gradient that it is given now; None if it is given none."""
    function = _registered.get(_overridden.get("Identity", ""))
    if function is None:
        return None
    changed: Any = lambda g, x: function(SimpleNamespace(inputs=[x], outputs=[x]), g)  # noqa: E731
    return custom_gradient(lambda x: (x + 0, lambda g: changed(g, x)))(x)


def _has_gradients_of_variables(f: Function) -> bool:
    """Whether a function inside of f, which is its gradient, has an argument `variables`."""
    code = getattr(f.func if isinstance(f, functools.partial) else f, "__code__", None)
    inner = [c for c in code.co_consts if inspect.iscode(c)] if code else []
    return any("variables" in c.co_varnames[: c.co_argcount + c.co_kwonlyargcount] for c in inner)


def _variables_read(f: Function, inputs: tuple[Any, ...]) -> tuple[Variable, ...]:
    seen: dict[int, Any] = {}
    with tracing.entered(dataclasses.replace(tracing.current() or tracing.TraceContext(), seen=seen)):
        f(*inputs)
    return tuple(v for v in seen.values() if v.trainable)


def _with_gradient(f: Function, variables: tuple[Variable, ...]) -> Function:
    """The function of arrays for the inputs of f, then for variables, which `jax.custom_vjp` must see as arguments."""

    def bound(values: Sequence[Any]) -> contextlib.AbstractContextManager[object]:
        found = dict(zip(map(id, variables), values, strict=True))
        return tracing.bind_variables(found) if found else contextlib.nullcontext()

    def value(*arrays: Any) -> Any:
        count = len(arrays) - len(variables)
        with bound(arrays[count:]):
            return unbox(f(*boxed(arrays[:count]))[0])

    def forward(*arrays: Any) -> Any:
        return value(*arrays), arrays

    def backward(arrays: Any, upstream: Any) -> Any:
        count = len(arrays) - len(variables)
        with bound(arrays[count:]):
            _, grad = f(*boxed(arrays[:count]))
            upstream = upstream if isinstance(upstream, list | tuple) else (upstream,)
            upstream = boxed(jax.tree.map(conjugate, upstream))
            found, others = grad(*upstream, variables=list(variables)) if variables else (grad(*upstream), ())
        found = found if isinstance(found, list | tuple) else (found,)
        return _gradients((*found, *others), arrays)

    plain = jax.custom_vjp(value)
    plain.defvjp(forward, backward)

    def chosen(*arrays: Any) -> Any:
        if any(isinstance(a, jax.core.Tracer) for a in jax.tree.leaves(arrays)):
            return plain(*arrays)
        # JAX evaluates a custom_vjp of constants outside of the trace, where f cannot use its traced values
        return jax.tree.map(jax.lax.stop_gradient, value(*arrays))

    return chosen
