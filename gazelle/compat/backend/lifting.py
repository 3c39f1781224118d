"""Lets functions of arrays also take symbolic tensors and variables: `lifted`, `GraphVariable`."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import jax
import numpy as np

from gazelle.compat import era, facade
from gazelle.compat.classes import adopt
from gazelle.compat.old_variable import OldVariable
from gazelle.compat.operators import add_operators
from gazelle.compat.recorded_variable import recorder, recorder_of_program
from gazelle.compat.tables import pairs
from gazelle.compat.types import TensorResult
from gazelle.core import shape_inference, symbolic, tracing
from gazelle.core.tensor_wrapper import TensorWrapper, wrapper_class
from gazelle.core.variable import Variable, is_variable
from gazelle.ops.base import array

Function = TypeVar("Function", bound=Callable[..., Any])


def lifted(function: Function, arguments: Callable[..., tuple[Any, ...]] | None = None) -> Function:
    """Let a function of arrays take symbolic tensors, for which it becomes a node of their graph.

    `arguments` is a function with other parameters that returns the positional arguments. A function with a seed is
    such a node in the graphs of Keras 1 and 2 without them, too: it draws again whenever the graph runs.
    """
    draws = "seed" in inspect.signature(arguments or function).parameters
    compute = _with_seeds_of_steps(function) if draws else function

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if arguments is not None:
            args, kwargs = arguments(*args, **kwargs), {}
        box = wrapper_class(args) or wrapper_class(kwargs.values())
        if box is None and any(isinstance(value, Variable) for value in (*args, *kwargs.values())):
            box = recorder_of_program()
        if box is not None:
            return box.dispatch(wrapped, args, kwargs)
        if symbolic.any_symbolic(args, kwargs):
            return shape_inference.call_op(wrapped, args, kwargs)
        if draws and era.is_package_before_keras_3() and not computes_values():
            return adopt(shape_inference.call_op(wrapped, args, kwargs))
        if computes_values() and _are_numbers((*args, *kwargs.values())):
            with jax.ensure_compile_time_eval():
                return _as_number(compute(*args, **kwargs))
        out = compute(*args, **kwargs)
        return out if era.called_by_gazelle(1) else of_program(out, args, kwargs)

    if arguments is not None:
        vars(wrapped)["__signature__"] = inspect.signature(arguments)
    return wrapped


def _with_seeds_of_steps(function: Function) -> Callable[..., Any]:
    """A random function that draws other numbers in each step also with an integer as seed, as until Keras 3."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        scope, bound = tracing.current(), signature.bind(*args, **kwargs)
        seed = bound.arguments.get("seed")
        if era.number() < 3 and isinstance(seed, int) and scope is not None and scope.key is not None:
            bound.arguments["seed"] = scope.draw(f"keras_{seed}")
        return function(*bound.args, **bound.kwargs)

    return called


def computes_at_once() -> bool:
    """Whether the program is for TensorFlow 2: functions of `keras.backend` return tensors with values."""
    return facade.adapter.has_tensors and (era.is_tf_keras_2() or era.number() == 3) and recorder.get() is None


def of_program(out: TensorResult, *given: Any) -> TensorResult:
    """A result for the program that passed `given`: where it imports tensorflow, a tensor."""
    return facade.adapter.result_of_ops(out, given, {}) if computes_at_once() else out


def _are_numbers(values: Iterable[Any]) -> bool:
    """Whether values are Python's or NumPy's numbers, such as the sizes in `K.shape(x)`, and names."""
    kinds = [isinstance(value, int | float | np.generic) for value in values if not isinstance(value, str | None)]
    return bool(kinds) and all(kinds)


def _as_number(out: Any) -> Any:
    """A scalar as NumPy's, so that what follows from sizes can be a size or an index while a step is traced."""
    known = isinstance(out, jax.Array) and out.ndim == 0 and not out.weak_type
    return np.asarray(out)[()] if known else out


def computes_values() -> bool:
    """Whether values are computed now, in a layer or in a function that JAX traces; otherwise a graph is built."""
    return tracing.current() is not None or tracing.is_traced()


class GraphValue(TensorWrapper):
    """What programs also use as the tensor of a graph: `array`."""

    writes_graphs = True
    __array_priority__ = 100
    array: Any

    @classmethod
    def dispatch(cls, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> TensorResult:
        return function(*_with_tensors(args), **_with_tensors(dict(kwargs)))

    def __getitem__(self, index: Any) -> Any:
        return self.array[index]


def _with_tensors(tree: Any) -> Any:
    is_leaf = lambda v: isinstance(v, TensorWrapper | Variable)  # noqa: E731
    return jax.tree.map(lambda v: v.array if isinstance(v, GraphValue) else v, tree, is_leaf=is_leaf)


class GraphVariable(OldVariable, Variable, TensorWrapper):
    """A variable made by `K.variable`: functions of it are nodes of a graph, which read its value when the graph runs.

    >>> from gazelle.compat import backend as K
    >>> x = K.variable(1.0)
    >>> y = x + 1
    >>> K.set_value(x, 5.0)
    >>> float(K.eval(y))
    6.0
    """

    writes_graphs = True  # a layer called on one becomes a node of a graph
    __array_priority__ = 100  # operators of arrays of NumPy leave the operation to it

    @classmethod
    def dispatch(cls, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> TensorResult:
        if computes_values():
            args, kwargs = jax.tree.map(array, (args, dict(kwargs)), is_leaf=is_variable)
            return function(*args, **kwargs)
        args, kwargs = _with_tensors((args, dict(kwargs)))
        call = getattr(function, "_call_symbolic", None)  # a layer
        return adopt(shape_inference.call_op(function, args, kwargs) if call is None else call(args, dict(kwargs)))

    @property
    def __jax_array__(self) -> Callable[[], Any]:
        """The value; operators of arrays of JAX get none while a graph is built: they leave the operation to this."""
        if not computes_values() and sys._getframe(1).f_globals.get("__name__") == "jax._src.numpy.array_methods":
            raise AttributeError("__jax_array__")
        return super().__jax_array__

    def __getitem__(self, index: Any) -> Any:
        return adopt(symbolic.OPS["get_item"](self, index))


OPERATORS = pairs("""add=add sub=subtract mul=multiply truediv=divide floordiv=floor_divide mod=mod pow=power
    matmul=matmul lt=less le=less_equal gt=greater ge=greater_equal neg=negative abs=absolute""")
for _class in (GraphValue, GraphVariable):
    add_operators(_class, OPERATORS, lambda name, *operands: adopt(symbolic.OPS[OPERATORS[name]](*operands)))
