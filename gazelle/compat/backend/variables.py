"""Variables, placeholders, constants and random tensors, and functions that read and assign values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle import initializers, ops, random
from gazelle.compat import era, facade
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.functions import eval as evaluate
from gazelle.compat.backend.lifting import GraphVariable, computes_at_once, computes_values, lifted, of_program
from gazelle.compat.backend.shapes import kind_of, sizes
from gazelle.compat.classes import adopt
from gazelle.compat.types import ConstraintLike, DTypeLike, SeedLike, ShapeLike, SymbolicShape, TensorLike, TensorResult
from gazelle.core import dtypes
from gazelle.core.errors import UnboundVariable
from gazelle.core.names import unique_name
from gazelle.core.symbolic import KerasTensor
from gazelle.core.variable import Variable
from gazelle.layers.input import Input, InputLayer


def variable(
    value: TensorLike, dtype: DTypeLike = None, name: str | None = None, constraint: ConstraintLike = None
) -> Variable | TensorResult:
    """Return a variable with this first value; a constant in `call` of a layer.

    Functions of it are nodes of a graph, but in programs for TensorFlow 2, which computes at once.
    """
    if isinstance(value, KerasTensor):
        value = evaluate(value)
    dtype = dtype or dtypes.floatx()
    at_once = computes_at_once()
    try:
        if at_once:
            from gazelle.compat.tensorflow.variable import TensorFlowVariable

            return TensorFlowVariable(value, dtype=dtype, name=name, constraint=constraint)
        return GraphVariable(np.asarray(value), dtype=dtype, name=name or "variable", constraint=constraint)
    except UnboundVariable:  # in `call`: each graph had a variable of its own, which nothing assigned
        if at_once and not facade.tensorflow_builds_graphs():
            raise
        return of_program(jnp.asarray(np.asarray(value), kind_of(dtype)), value)


@ignores("sparse@3 ragged@5=False")
def placeholder(
    shape: SymbolicShape | None = None, ndim: int | None = None, dtype: DTypeLike = None, name: str | None = None
) -> KerasTensor:
    """Return a tensor whose value is passed when the graph runs."""
    full = tuple(shape) if shape is not None else (None,) * (ndim or 0)
    name = name or unique_name("layers", "placeholder")
    if not full:
        tensor: KerasTensor = InputLayer(batch_shape=(None,), dtype=dtype, name=name).tensor
        tensor.shape = ()
        return adopt(tensor)
    return adopt(Input(batch_shape=full, dtype=dtype, name=name))


def is_placeholder(x: TensorLike) -> bool:
    """Return whether x is an input of a graph."""
    return isinstance(x, KerasTensor) and x.node is not None and isinstance(x.node.operation, InputLayer)


def constant(
    value: TensorLike, dtype: DTypeLike = None, shape: SymbolicShape | None = None, name: str | None = None
) -> TensorResult:
    """Return an array of these numbers in a shape, which one number fills."""
    array = jnp.asarray(np.asarray(value), kind_of(dtype))
    if shape is not None:
        array = jnp.broadcast_to(array, tuple(shape)) if array.size == 1 else array.reshape(tuple(shape))
    return array if era.called_by_gazelle(1) else of_program(array, value)


def is_variable(x: TensorLike) -> bool:
    """Return whether x is a variable."""
    return isinstance(x, Variable)


def is_tensor(x: TensorLike) -> bool:
    """Return whether x is an array, a symbolic tensor or a variable."""
    return ops.is_tensor(x) or isinstance(x, Variable)


def is_sparse(tensor: TensorLike) -> bool:
    """Return whether x is a `tf.SparseTensor`: gazelle has no others."""
    return hasattr(tensor, "dense_shape")


def to_dense(tensor: TensorLike) -> TensorResult:
    """Return a sparse tensor as a dense one, others unchanged."""
    return tensor.dense() if is_sparse(tensor) else tensor


def get_value(x: TensorLike) -> TensorResult:
    """Return the current value as a NumPy array; numbers are returned unchanged."""
    if isinstance(x, int | float):
        return x
    value = evaluate(x)
    return value[()] if value.ndim == 0 else np.array(value)


def set_value(x: Variable, value: TensorLike) -> None:
    """Assign a value to a variable."""
    x.assign(np.asarray(value))


def batch_get_value(tensors: Iterable[Any]) -> list[Any]:
    """Return the current values."""
    return [get_value(x) for x in tensors]


def batch_set_value(tuples: Iterable[tuple[Variable, Any]]) -> None:
    """Assign values from pairs (variable, value)."""
    for x, value in tuples:
        set_value(x, value)


def zeros(shape: SymbolicShape, dtype: DTypeLike = None, name: str | None = None) -> TensorResult:
    """Return a variable of zeros; a tensor if a size is unknown."""
    return _filled(0, shape, dtype, name)


def ones(shape: SymbolicShape, dtype: DTypeLike = None, name: str | None = None) -> TensorResult:
    """Return a variable of ones; a tensor if a size is unknown."""
    return _filled(1, shape, dtype, name)


def _filled(number: int, shape: Any, dtype: Any, name: str | None) -> Any:
    shape = sizes(shape)
    if all(isinstance(n, int) for n in shape) and (name or not computes_values()):
        return variable(np.full(shape, number), dtype, name)
    return _full(shape, number, kind_of(dtype))


@lifted
def _full(shape: Any, number: int, dtype: str) -> Any:
    return jnp.full(shape, number, dtype)


@ignores("name")
def eye(size: ShapeLike, dtype: DTypeLike = None) -> TensorResult:
    """Return the identity matrix."""
    return constant(np.eye(*(size if isinstance(size, list | tuple) else (size,))), dtype)


def random_uniform_variable(
    shape: SymbolicShape,
    low: float,
    high: float,
    dtype: DTypeLike = None,
    name: str | None = None,
    seed: int | None = None,
) -> GraphVariable:
    """Return a variable whose first values are uniform between `low` and `high`."""
    return variable(initializers.RandomUniform(low, high, seed=seed)(tuple(shape)), dtype, name)


def random_normal_variable(
    shape: SymbolicShape,
    mean: float,
    scale: float,
    dtype: DTypeLike = None,
    name: str | None = None,
    seed: int | None = None,
) -> GraphVariable:
    """Return a variable whose first values are normal with this mean and standard deviation."""
    return variable(initializers.RandomNormal(mean, scale, seed=seed)(tuple(shape)), dtype, name)


@lifted
def random_uniform(
    shape: SymbolicShape,
    minval: TensorLike = 0.0,
    maxval: TensorLike = 1.0,
    dtype: DTypeLike = None,
    seed: SeedLike = None,
    low: TensorLike = None,
    high: TensorLike = None,
) -> TensorResult:
    """Draw x ~ U[minval, maxval)."""
    low, high = minval if low is None else low, maxval if high is None else high
    draw = random.uniform if dtypes.is_float(kind_of(dtype)) else random.randint
    return draw(sizes(shape), low, high, kind_of(dtype), seed)


@lifted
def random_bernoulli(
    shape: SymbolicShape, p: TensorLike = 0.0, dtype: DTypeLike = None, seed: SeedLike = None
) -> TensorResult:
    """Draw 1 with probability p, else 0."""
    return jnp.asarray(random.uniform(sizes(shape), 0.0, 1.0, None, seed) < p, kind_of(dtype))


random_binomial = random_bernoulli
