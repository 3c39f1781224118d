"""The result of `tf.boolean_mask` in a compiled function, where the number of rows is known only when it runs.

It has as many rows as the tensor: the chosen ones first, then repetitions of the first of them. Functions of each row
apply to all; sums and means leave out the repetitions; others across the rows, such as norms, are not compiled.
"""

from __future__ import annotations

from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.old_variable import TensorShape
from gazelle.compat.tensorflow.dtypes import DType, name_of
from gazelle.compat.tensorflow.eager.recording import is_box, unboxed
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.types import Arguments, Array, Function, Keywords, TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.losses import Loss

#: reductions that the repetitions do not change
_IDEMPOTENT = frozenset(("max", "min", "any", "all", "amax", "amin"))
#: primitives of JAX with numbers of axes that they compute across
_ACROSS = frozenset(("argmax", "argmin", "cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp", "sort", "rev")) | {
    f"reduce_{name}" for name in ("sum", "max", "min", "prod", "and", "or")
}


class UnknownRowsError(ArgumentError):
    """A use of masked rows that needs their number."""

    needs_values = True


class MaskedRows(Tensor):
    """Rows, of which the first `count` are chosen."""

    __slots__ = ("count", "rows")

    def __init__(self, rows: Array, count: Array) -> None:
        self.rows, self.count = rows, count

    shape = property(lambda self: TensorShape((None, *self.rows.shape[1:])))
    dtype = property(lambda self: DType(name_of(self.rows.dtype)))

    @property
    def array(self) -> NoReturn:
        raise UnknownRowsError(
            message(
                "The result of tf.boolean_mask in a compiled function",
                expected="functions of single rows, sums, means, maxima and minima, whose result a loss returns",
                got="a use that needs the number of rows",
                hint="Compute the whole tensor and weight it with the mask: "
                "tf.reduce_sum(loss * mask) / tf.reduce_sum(mask).",
            )
        )


def choose(tensor: Array, mask: Array) -> MaskedRows:
    """The rows of an array where the mask, of the same length, is True."""
    flat = jnp.ravel(mask)
    order = jnp.nonzero(flat, size=flat.shape[0], fill_value=jnp.argmax(flat))[0]
    return MaskedRows(jnp.take(tensor, order, axis=0), jnp.sum(flat))


def call(function: Function, args: Arguments, kwargs: Keywords) -> TensorResult:
    """Call a function of arrays on masked rows and other tensors."""
    flat, structure = jax.tree.flatten((args, dict(kwargs)), is_leaf=is_box)
    first = next(leaf for leaf in flat if isinstance(leaf, MaskedRows))
    length = first.rows.shape[0]
    kind = getattr(function, "reduces", function.__name__)

    def run(fill: float | None = None) -> Any:
        arrays = [_filled(leaf, fill) if isinstance(leaf, MaskedRows) else unboxed(leaf) for leaf in flat]
        call_args, call_kwargs = jax.tree.unflatten(structure, arrays)
        return function(*call_args, **call_kwargs)

    try:
        out = run()
    except (TypeError, ValueError):  # such as a reshape that fits the true number of rows
        return first.array
    several = sum(isinstance(leaf, MaskedRows) for leaf in flat) > 1
    if several and length in getattr(out, "shape", ())[1:]:  # such as products of all pairs of rows
        return first.array
    if getattr(out, "shape", ())[:1] == (length,):
        mixes = _mixes_rows(jax.make_jaxpr(run)().jaxpr, length)
        return first.array if mixes else MaskedRows(out, first.count)
    if kind in ("sum", "mean"):
        total = jnp.asarray(run(0))
        return Tensor(total if kind == "sum" else total * (length / jnp.maximum(first.count, 1)))
    return Tensor(out) if kind in _IDEMPOTENT else first.array


def _mixes_rows(jaxpr: Any, length: int) -> bool:
    """Whether a program computes something across the first axis of an array of this length, such as a norm."""
    for equation in jaxpr.eqns:
        params = equation.params
        axes = params.get("axes", params.get("dimensions", params.get("axis", params.get("dimension"))))
        crosses = equation.primitive.name in _ACROSS and 0 in np.ravel(axes)
        if crosses and any(getattr(v.aval, "shape", ())[:1] == (length,) for v in equation.invars):
            return True
        inner = (getattr(value, "jaxpr", value) for value in params.values())
        if any(hasattr(one, "eqns") and _mixes_rows(one, length) for one in inner):
            return True
    return False


def _filled(masked: MaskedRows, fill: float | None) -> Any:
    if fill is None:
        return masked.rows
    chosen = jnp.arange(masked.rows.shape[0]) < masked.count
    return jnp.where(chosen.reshape(-1, *[1] * (masked.rows.ndim - 1)), masked.rows, fill)


def loss(original: Function, kind: Loss, args: Arguments, kwargs: Keywords) -> TensorResult:
    """Call a `Loss` on masked rows: the repetitions have weight 0."""
    first = next(v for v in (*args, *kwargs.values()) if isinstance(v, MaskedRows))
    length = first.rows.shape[0]
    weights = jnp.asarray(jnp.arange(length) < first.count, "float32")
    plain = lambda v: v.rows if isinstance(v, MaskedRows) else unboxed(v)  # noqa: E731
    given = {"sample_weight": weights} | {name: plain(v) for name, v in kwargs.items()}
    out = original(*map(plain, args), **given)
    mean = "mean" in str(kind.reduction) or "batch" in str(kind.reduction)
    return Tensor(out * (length / jnp.maximum(first.count, 1)) if mean else out)
