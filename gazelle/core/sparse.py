"""Sparse arrays: BCOO arrays of JAX keep their form in the operations listed here; others compute with dense arrays.

`jax.experimental.sparse` is imported only for results; without it in the process no value can be sparse.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core.dtypes import standardize

if TYPE_CHECKING:
    from gazelle.core.types import Array, Tree

#: functions that are 0 at 0: they are computed on the stored values
_OF_VALUES = frozenset(
    (
        *("abs", "absolute", "arcsin", "arcsinh", "arctan", "arctanh", "cast", "ceil", "conj", "conjugate", "copy"),
        *("expm1", "floor", "imag", "log1p", "negative", "real", "relu", "round", "sign", "sin", "sinh", "sqrt"),
        *("square", "stop_gradient", "tan", "tanh", "trunc"),
    )
)
#: results with about as many values as the operand
_OF_SHAPE = frozenset(("digitize", "expand_dims", "mean", "reshape", "squeeze", "sum", "transpose"))
#: results are sparse if both operands are
_UNIONS = frozenset(("add", "maximum", "minimum", "subtract", "concatenate"))


def is_sparse(value: object) -> bool:
    """Return whether a value is a sparse array of JAX.

    Args:
        value: Any value.
    """
    return type(value).__module__.startswith("jax.experimental.sparse") and hasattr(value, "todense")


def any_sparse(values: Iterable[Any]) -> bool:
    """Return whether there is a sparse array among values and lists of values."""
    if "jax.experimental.sparse" not in sys.modules:
        return False
    return any(is_sparse(v) or (isinstance(v, list | tuple) and any_sparse(v)) for v in values)


def to_dense(value: Tree) -> Tree:
    """Return a sparse array of JAX or SciPy as a dense one; other values as they are."""
    if is_sparse(value):
        return value.todense()
    if type(value).__module__.startswith("scipy.sparse") and hasattr(value, "toarray"):
        return jnp.asarray(value.toarray())
    return value


def to_sparse(array: Array, like: Tree = None, stored: int | None = None) -> Tree:
    """Return a dense array as BCOO.

    Args:
        array: The array.
        like: A sparse array whose layout the result has if the ranks are equal.
        stored: Number of values to store in a compiled program, where the number of nonzeros is unknown.
    """
    from jax.experimental import sparse

    same = like is not None and like.ndim == array.ndim
    batch, dense = (like.n_batch, like.n_dense) if same else (0, 0)
    sizes = array.shape[batch : array.ndim - dense]
    limit = math.prod(sizes)
    count = None
    if isinstance(array, jax.core.Tracer):
        count = limit if stored is None else min(stored, limit)
    return sparse.BCOO.fromdense(array, nse=count, n_batch=batch, n_dense=dense)


def to_sparse_like(results: Tree, operands: Tree) -> Tree:
    """Return dense arrays, computed from sparse ones, as BCOO if all of the operands are sparse.

    Args:
        results: An array, or a structure of arrays.
        operands: The operands, in any structure.
    """
    found = jax.tree.leaves(operands, is_leaf=is_sparse)
    if not all(map(is_sparse, found)):
        return results
    flat = all(one.n_batch == one.n_dense == 0 for one in found)
    stored = sum(one.nse for one in found) if flat else None
    return jax.tree.map(lambda array: to_sparse(array, None, stored), results)


def call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tree:
    """Call a function of arrays on arguments with sparse arrays.

    Args:
        function: The function.
        args: Positional arguments.
        kwargs: Keyword arguments.

    Returns:
        A sparse array if the result has as few values as the operands or is their product, else a dense array.
    """
    name = function.__name__
    first = args[0] if args else next(iter(kwargs.values()))
    if name in _OF_VALUES and is_sparse(first) and args:
        unique = first if first.unique_indices else first.sum_duplicates(nse=first.nse)
        values = function(unique.data, *args[1:], **kwargs)
        return type(first)((values, unique.indices), shape=first.shape, unique_indices=True)
    if name == "bincount" and is_sparse(kwargs.get("x", first)):
        return _counts(function, *args, **kwargs)
    if name == "convert_to_tensor" and kwargs.get("sparse", True) is not False:
        dtype = args[1] if len(args) > 1 else kwargs.get("dtype")
        return first if dtype is None else call(_cast, (first, dtype), {})
    if name == "matmul" and len(args) == 2 and is_sparse(first) and not is_sparse(args[1]) and first.ndim == 2:
        return first @ jnp.asarray(args[1])
    operands = list(first) if isinstance(first, list | tuple) else list(args[:2])
    found = [one for one in operands if is_sparse(one)]
    result = function(*map(_dense, args), **{key: _dense(value) for key, value in kwargs.items()})
    if not found or not isinstance(result, jax.Array):
        return result
    if name == "matmul":  # the product may have more values than both matrices
        return to_sparse(result, found[0]) if len(found) == 2 else result
    stored: int | None = sum(one.nse for one in found)
    if any(one.n_batch or one.n_dense for one in found):
        stored = None  # numbers of values per sample cannot be compared
    if name in _UNIONS:
        return to_sparse(result, found[0], stored) if len(found) == len(operands) else result
    if name == "multiply":
        of_numbers = all(np.ndim(one) == 0 for one in operands if not is_sparse(one))
        same = of_numbers or all(np.shape(one) == result.shape for one in found)
        return to_sparse(result, min(found, key=lambda one: one.nse) if same else None, stored if same else None)
    if name in ("divide", "true_divide"):
        return to_sparse(result, first) if is_sparse(first) and not is_sparse(operands[-1]) else result
    if name in _OF_SHAPE:
        return to_sparse(result, None, stored)
    return result


def _counts(function: Any, x: Any, weights: Any = None, minlength: int = 0, sparse: bool = True) -> Any:
    """Call `bincount` on a sparse array: zeros that are not stored are not counted."""
    unique = x if x.unique_indices else x.sum_duplicates(nse=x.nse, remove_zeros=False)
    stored = type(x)((jnp.ones_like(unique.data), unique.indices), shape=x.shape).todense()
    weights = 1 if weights is None else jnp.asarray(to_dense(weights))
    if np.shape(weights) in ((), x.shape):  # else `bincount` raises the error
        weights = stored * weights
    return function(x.todense(), weights, minlength, sparse=True)


def _cast(x: Any, dtype: Any) -> Any:
    return jnp.asarray(x, standardize(dtype))


_cast.__name__ = "cast"


def _dense(value: Any) -> Any:
    return type(value)(map(_dense, value)) if type(value) in (list, tuple) else to_dense(value)
