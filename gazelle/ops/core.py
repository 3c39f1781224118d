"""Conversions, slices and updates, loops and branches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gazelle.core import budget
from gazelle.core.dtypes import array_dtype, is_float, standardize
from gazelle.core.errors import ArgumentError, ShapeError, message, unknown
from gazelle.core.sparse import is_sparse
from gazelle.core.symbolic import KerasTensor
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.types import Array, ArrayLike, DTypeLike, Nested, Tree
from gazelle.core.variable import Variable
from gazelle.ops.base import array, arrays, op
from gazelle.ops.control_flow import branch, control_flow_op

__all__ = [
    "T",
    "associative_scan",
    "astype",
    "cast",
    "cond",
    "convert_to_numpy",
    "convert_to_tensor",
    "custom_gradient",
    "dtype",
    "fori_loop",
    "is_tensor",
    "jvp",
    "map",
    "saturate_cast",
    "scan",
    "scatter",
    "scatter_update",
    "shape",
    "slice",
    "slice_update",
    "stop_gradient",
    "switch",
    "vectorized_map",
    "while_loop",
]


T = TypeVar("T")
U = TypeVar("U")


@op
def cast(x: ArrayLike, dtype: DTypeLike) -> Array:
    """Convert an array to another dtype.

    Args:
        x: Array of any shape.
        dtype: Dtype of the result.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> print(gazelle.ops.cast([1.7, 2.0], "int32"))
        [1 2]
    """
    return jnp.asarray(x, array_dtype(dtype))


@op
def astype(x: ArrayLike, dtype: DTypeLike) -> Array:
    """Convert an array to another dtype, like the method of NumPy's arrays.

    Args:
        x: Array of any shape.
        dtype: Dtype of the result.

    Returns:
        An array of the shape of `x`.
    """
    return jnp.asarray(x, array_dtype(dtype))


@op
def saturate_cast(x: ArrayLike, dtype: DTypeLike) -> Array:
    """Convert an array to another dtype, limiting values to its range.

    Args:
        x: Array of any shape.
        dtype: Dtype of the result.

    Returns:
        An array of the shape of `x`.

    Example:
        >>> print(gazelle.ops.saturate_cast([-1, 300], "uint8"))
        [  0 255]
    """
    target = jnp.dtype(array_dtype(dtype))
    if target == jnp.bool_:
        return jnp.asarray(x, target)
    limits: Any = jnp.finfo(target) if is_float(target) else jnp.iinfo(target)
    x = jnp.asarray(x)
    low, high = float(limits.min), float(limits.max)
    if x.dtype != jnp.bool_:
        own: Any = jnp.finfo(x.dtype) if is_float(x.dtype) else jnp.iinfo(x.dtype)
        x = (
            jnp.clip(x, max(low, float(own.min)), min(high, float(own.max)))
            if is_float(x.dtype)
            else jnp.clip(x, max(int(limits.min), int(own.min)), min(int(limits.max), int(own.max)))
        )
    return x.astype(target)


@op
def convert_to_tensor(
    x: ArrayLike, dtype: DTypeLike | None = None, sparse: bool | None = None, ragged: bool | None = None
) -> Array:
    """Convert numbers to an array of JAX.

    Args:
        x: Array, variable, number or nested lists of numbers.
        dtype: Dtype of the result; None keeps that of `x`.
        sparse: False returns a sparse array as a dense one.
        ragged: Accepted for compatibility and ignored.

    Returns:
        An array.
    """
    return jnp.asarray(x, None if dtype is None else array_dtype(dtype))


def convert_to_numpy(x: ArrayLike) -> np.ndarray[Any, Any]:
    """Convert numbers to an array of NumPy.

    Args:
        x: Array, variable, number or nested lists of numbers.

    Returns:
        A NumPy array of its own.
    """
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(x)):
        return np.array(array(x))  # raises an error that states the reason
    with jax.ensure_compile_time_eval():  # also sizes, while a step is traced
        return np.array(array(x))


def is_tensor(x: object) -> bool:
    """Return whether a value is an array of JAX, a sparse one too, a wrapped array, or a symbolic tensor.

    Args:
        x: Any value.

    Returns:
        A boolean.
    """
    return isinstance(x, jax.Array | KerasTensor | TensorWrapper) or is_sparse(x)


def shape(x: ArrayLike) -> tuple[int | None, ...]:
    """Return the shape of an array.

    Args:
        x: Array of any shape.

    Returns:
        The sizes; an unknown size of a symbolic tensor is None.

    Example:
        >>> gazelle.ops.shape([[1, 2]])
        (1, 2)
    """
    return tuple(x.shape) if hasattr(x, "shape") else jnp.shape(array(x))


def dtype(x: Array) -> str:
    """Return the name of an array's dtype.

    Args:
        x: Array or variable.

    Returns:
        A name such as 'float32'.
    """
    return standardize(x.dtype)


@op
def stop_gradient(variable: ArrayLike) -> Array:
    """Return the array unchanged and treat it as a constant in gradients.

    Args:
        variable: Array or variable.

    Returns:
        The array.
    """
    return lax.stop_gradient(array(variable))


@op
def slice(inputs: ArrayLike, start_indices: Sequence[int] | Array, shape: Sequence[int]) -> Array:
    """Cut a block out of an array.

    Args:
        inputs: Array.
        start_indices: First index along each axis.
        shape: Sizes of the block; -1 takes all that follows.

    Returns:
        An array of shape `shape`.

    Example:
        >>> print(gazelle.ops.slice(np.arange(9).reshape(3, 3), (1, 0), (2, -1)))
        [[3 4 5]
         [6 7 8]]
    """
    if len(shape) != inputs.ndim or len(start_indices) != inputs.ndim:
        got = f"{len(start_indices)} start_indices and a shape of {len(shape)}"
        raise ShapeError(message(f"ops.slice of shape {inputs.shape}", expected=f"{inputs.ndim} of each", got=got))
    starts = [start_indices[i] for i in range(len(shape))]
    sizes = [inputs.shape[i] - int(starts[i]) if n == -1 else n for i, n in enumerate(shape)]
    return lax.dynamic_slice(inputs, jnp.asarray(starts, "int32"), sizes)


@op
def slice_update(inputs: ArrayLike, start_indices: Sequence[int] | Array, updates: ArrayLike) -> Array:
    """Replace a block of an array.

    Args:
        inputs: Array.
        start_indices: First index along each axis.
        updates: The new block.

    Returns:
        An array of the shape of `inputs`.

    Example:
        >>> print(gazelle.ops.slice_update(np.zeros(4), [1], np.ones(2)))
        [0. 1. 1. 0.]
    """
    return lax.dynamic_update_slice(
        inputs, updates.astype(inputs.dtype), [start_indices[i] for i in range(inputs.ndim)]
    )


@op
def scatter(indices: ArrayLike, values: ArrayLike, shape: Sequence[int]) -> Array:
    """Add values to an array of zeros at indices.

    Args:
        indices: Integers (..., axes).
        values: Values (...); those of equal indices are added.
        shape: Shape of the result.

    Returns:
        An array of shape `shape`.

    Example:
        >>> print(gazelle.ops.scatter([[0], [2], [2]], [1.0, 2.0, 3.0], (4,)))
        [1. 0. 5. 0.]
    """
    values = array(values)
    return jnp.zeros(shape, values.dtype).at[_components(jnp.moveaxis(array(indices), -1, 0))].add(values)


@op
def scatter_update(inputs: ArrayLike, indices: ArrayLike, updates: ArrayLike, reduction: str | None = None) -> Array:
    """Update an array at indices.

    Args:
        inputs: Array.
        indices: Integers (n, axes).
        updates: Values (n, ...).
        reduction: How to join an update with the value at its index: None replaces it, 'add', 'max', 'min' or 'mul'.

    Returns:
        An array of the shape of `inputs`.

    Raises:
        ArgumentError: If `reduction` is another name.

    Example:
        >>> print(gazelle.ops.scatter_update(np.zeros(3), [[1]], [5.0]))
        [0. 5. 0.]
    """
    at = inputs.at[_components(jnp.transpose(array(indices)))]
    ways = {None: at.set, "add": at.add, "max": at.max, "min": at.min, "mul": at.multiply}
    if reduction not in ways:
        raise unknown("reduction of scatter_update", reduction, [w for w in ways if w])
    return ways[reduction](updates)


def _components(indices: Any) -> tuple[Any, ...]:
    """The indices of each axis from an array that holds them along its first axis."""
    budget.check_repetitions(len(indices))
    return tuple(indices)


@control_flow_op
def cond(pred: ArrayLike, true_fn: Callable[[], T], false_fn: Callable[[], T]) -> T:
    """Call one of two functions, depending on a condition.

    Args:
        pred: A boolean, which may depend on values.
        true_fn: Called if `pred` is true.
        false_fn: Called otherwise; its result has the same structure and shapes.

    Returns:
        The result of the function called.

    Example:
        >>> print(gazelle.ops.cond(True, lambda: 1.0, lambda: 2.0))
        1.0
    """
    pred = array(pred)
    if not isinstance(pred, jax.core.Tracer) and np.ndim(pred) == 0:
        return jax.tree.map(array, (true_fn if pred else false_fn)())
    return branch(lambda functions: lax.cond(pred, *functions), [true_fn, false_fn])


@control_flow_op
def switch(index: ArrayLike, branches: Sequence[Callable[..., T]], *operands: Any) -> T:
    """Call one of several functions, chosen by an index.

    Args:
        index: An integer; it is limited to the range of the list.
        branches: Functions whose results have the same structure and shapes.
        *operands: Arguments of the function.

    Returns:
        The result of branches[index](*operands).

    Example:
        >>> print(gazelle.ops.switch(1, [lambda x: x, lambda x: 10.0 * x], 3.0))
        30.0
    """
    return branch(lambda functions: lax.switch(index, functions, *arrays(list(operands))), branches)


@control_flow_op
def while_loop(
    cond: Callable[..., ArrayLike], body: Callable[..., Any], loop_vars: T, maximum_iterations: int | None = None
) -> T:
    """Repeat  loop_vars = body(*loop_vars)  while  cond(*loop_vars)  is true.

    Args:
        cond: Function that returns a boolean.
        body: Function that returns the new values, in the shapes of the old ones.
        loop_vars: A value, or several in a list or tuple.
        maximum_iterations: Limit of repetitions; None sets none.

    Returns:
        The last values, in the structure of `loop_vars`.

    Example:
        >>> while_loop(lambda i: i < 5, lambda i: i + 2, 0).item()
        6
    """
    many = isinstance(loop_vars, list | tuple)
    first = tuple(loop_vars) if many else (loop_vars,)

    def go_on(carry: Any) -> Any:
        count, values = carry
        wanted = cond(*values)
        return wanted if maximum_iterations is None else jnp.logical_and(wanted, count < maximum_iterations)

    def turn(carry: Any) -> Any:
        count, values = carry
        out = body(*values)
        return count + 1, tuple(out) if many else (out,)

    _, values = lax.while_loop(go_on, turn, (0, jax.tree.map(array, first)))
    return type(loop_vars)(values) if isinstance(loop_vars, list) else values if many else values[0]


@control_flow_op
def fori_loop(lower: ArrayLike, upper: ArrayLike, body_fun: Callable[[Any, T], T], init_val: T) -> T:
    """Repeat  value = body_fun(i, value)  for i from `lower` to below `upper`.

    Args:
        lower: First index.
        upper: End, which is not included.
        body_fun: Function that returns the new value, in the shapes of the old one.
        init_val: First value.

    Returns:
        The last value.

    Example:
        >>> fori_loop(0, 4, lambda i, total: total + i, 0).item()
        6
    """
    return lax.fori_loop(lower, upper, body_fun, init_val)


@control_flow_op
def scan(
    f: Callable[[T, Any], tuple[T, U]],
    init: T,
    xs: Tree = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[T, U]:
    """Repeat  carry, y = f(carry, x)  for each x along the first axis of `xs`.

    Args:
        f: Function that returns the next carry and an output.
        init: First carry.
        xs: Arrays, in any nesting; None for none.
        length: Number of steps, needed without `xs`.
        reverse: Whether to go from the last index to the first.
        unroll: How many steps one iteration of the compiled loop holds; True unrolls it completely.

    Returns:
        The last carry, and all outputs stacked along a new first axis.

    Raises:
        ArgumentError: If `unroll` is neither a boolean nor an integer above 0.

    Example:
        >>> total, sums = scan(lambda total, x: (total + x, total + x), 0.0, np.arange(4.0))
        >>> sums.tolist()
        [0.0, 1.0, 3.0, 6.0]
    """
    if not isinstance(unroll, bool) and not (isinstance(unroll, int) and unroll >= 1):
        raise ArgumentError(message("scan's unroll", expected="an integer above 0, or a bool", got=repr(unroll)))
    return lax.scan(f, init, xs, length, reverse, unroll)


@control_flow_op
def associative_scan(f: Callable[[T, T], T], elems: T, reverse: bool = False, axis: int = 0) -> T:
    """Compute the running results of an associative function along an axis.

    Args:
        f: Associative function of two arrays (or two nestings of them).
        elems: Arrays, in any nesting.
        reverse: Whether to start at the last index.
        axis: Axis to run along.

    Returns:
        Arrays like `elems`: entry i is f over all entries up to i.

    Example:
        >>> print(gazelle.ops.associative_scan(lambda a, b: a + b, jnp.arange(1, 5)))
        [ 1  3  6 10]
    """
    return lax.associative_scan(f, elems, reverse, axis)


@control_flow_op
def map(f: Callable[[Any], T], xs: Nested[ArrayLike]) -> T:
    """Call a function for each entry along the first axis, one after the other.

    Args:
        f: Function of one entry.
        xs: Arrays, in any nesting.

    Returns:
        The results, stacked along a new first axis.

    Example:
        >>> print(gazelle.ops.map(lambda x: x * 2, np.array([1, 2])))
        [2 4]
    """
    return lax.map(f, jax.tree.map(array, xs, is_leaf=lambda x: isinstance(x, Variable)))


@control_flow_op
def vectorized_map(function: Callable[[Any], T], elements: Nested[ArrayLike]) -> T:
    """Call a function for each entry along the first axis, all at once.

    Args:
        function: Function of one entry.
        elements: Arrays, in any nesting.

    Returns:
        The results, stacked along a new first axis.

    Example:
        >>> print(gazelle.ops.vectorized_map(lambda x: x * 2, jnp.array([1, 2])))
        [2 4]
    """
    return jax.vmap(function)(elements)


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Define a custom gradient for a function: a decorator.

    Args:
        f: Function that returns (value, gradient function).

    Returns:
        A function that returns the value.
    """
    return jax.custom_gradient(lambda *args, **kwargs: f(*args, **kwargs))


def jvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> tuple[Any, ...]:
    """Compute a function and its directional derivative (Jacobian-vector product).

    Args:
        fun: Function of arrays.
        primals: Arguments of the function.
        tangents: Directions, in the shapes of the arguments.
        has_aux: Whether the function returns (value, auxiliary data).

    Returns:
        (value, derivative), with `has_aux` followed by the auxiliary data.

    Example:
        >>> value, slope = gazelle.ops.jvp(lambda x: x**2, (3.0,), (1.0,))
        >>> print(value, slope)
        9.0 6.0
    """
    return jax.jvp(fun, tuple(primals), tuple(tangents), has_aux=has_aux)
