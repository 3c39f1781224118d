"""Weighted reduction of losses, and the alignment of weights and masks with values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, overload

import jax.numpy as jnp

from gazelle.core import conventions
from gazelle.core.errors import DataError, ShapeError, message
from gazelle.core.types import Array, ArrayLike, DTypeLike
from gazelle.losses.target_shapes import same_rank

Reduction: TypeAlias = Literal["sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none"] | None
REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none")


def divide(a: Array, b: Array) -> Array:
    """Return a / b, and 0 where b is 0."""
    return jnp.where(b == 0, 0, a / jnp.where(b == 0, 1, b))


def per_step(y_true: Array, y_pred: Array, *weights: ArrayLike | None) -> Array:
    """Return targets (n, t) as (n, t, 1) if predictions are (n, t, 1) and a weight or mask is (n, t).

    The loss then has one value per step, which the weight multiplies.
    """
    if not (hasattr(y_true, "shape") and hasattr(y_pred, "shape")) or y_pred.ndim != y_true.ndim + 1:
        return y_true
    rank = max((jnp.ndim(w) for w in weights if w is not None), default=0)  # type: ignore[arg-type]
    return y_true[..., None] if y_pred.shape[-1] == 1 and rank == y_true.ndim > 1 else y_true


def _has_more_axes(weights: Array, values: Array) -> bool:
    """Whether weights have two or more axes more than values and broadcast with them."""
    pairs = zip(reversed(weights.shape), reversed(values.shape), strict=False)
    return weights.ndim > values.ndim + 1 and all(1 in (w, v) or w == v for w, v in pairs)


def align(weights: Array, values: Array, label: str) -> tuple[Array, Array]:
    """Return (values, weights) with equal ranks: weights belong to the first axes of values and are not broadcast.

    In programs for Keras 2 weights may have two or more axes more than values, with which they are broadcast.

    Raises:
        ShapeError: If the shapes do not fit; the message names `label`.
    """
    if conventions.active.weights_broadcast and _has_more_axes(weights, values):
        return jnp.broadcast_to(values, jnp.broadcast_shapes(values.shape, weights.shape)), weights
    values, weights = same_rank(values, weights)
    if weights.ndim < values.ndim and weights.ndim:
        weights = weights.reshape(weights.shape + (1,) * (values.ndim - weights.ndim))
    fits = weights.ndim == values.ndim and all(w in (1, v) for w, v in zip(weights.shape, values.shape, strict=True))
    if not fits and weights.ndim and values.ndim:
        raise ShapeError(
            message(
                f"sample_weight of {label}",
                expected=f"shape {values.shape[:1]} or {values.shape}",
                got=f"shape {weights.shape}",
            )
        )
    return values, weights


@overload
def merge_mask(
    weights: ArrayLike, mask: ArrayLike | None, dtype: DTypeLike, label: str, rescale: bool = False
) -> Array: ...
@overload
def merge_mask(
    weights: ArrayLike | None, mask: ArrayLike | None, dtype: DTypeLike, label: str, rescale: bool = False
) -> Array | None: ...


def merge_mask(
    weights: ArrayLike | None, mask: ArrayLike | None, dtype: DTypeLike, label: str, rescale: bool = False
) -> Array | None:
    """Return weights that are 0 where a mask is False.

    Args:
        weights: Sample weights or None.
        mask: Mask or None.
        dtype: Dtype of the result.
        label: Name of the loss or metric in messages.
        rescale: Multiplies by size / number of unmasked values, so that a mean is over the unmasked values.
    """
    if mask is None:
        return weights if weights is None else jnp.asarray(weights, dtype)
    keep = jnp.asarray(mask, dtype)
    if rescale:
        keep = keep * divide(jnp.asarray(keep.size, dtype), jnp.sum(keep))
    if weights is None:
        return keep
    keep, weights = align(jnp.asarray(weights, dtype), keep, label)
    return keep * weights


def as_real(values: ArrayLike, dtype: DTypeLike, label: str) -> Array:
    """Return the values of a loss or metric in its dtype.

    Args:
        values: Values.
        dtype: Dtype of the result.
        label: Name of the loss or metric in messages.

    Raises:
        DataError: They are complex, as those of complex predictions may be.
    """
    array = jnp.asarray(values)
    if jnp.iscomplexobj(array):
        hint = "Compute real numbers from complex predictions: ops.abs(y_true - y_pred)."
        raise DataError(message(f"The value of {label}", expected="real numbers", got=array.dtype, hint=hint))
    return array.astype(dtype)


def mean_of(function: Callable[..., Any]) -> Reduction:
    """The mean of the values of a function as a loss, as `conventions.losses_count_samples` defines it."""
    counted = conventions.active.losses_count_samples
    by_values = counted is None or getattr(function, "__name__", "") in counted
    return "sum_over_batch_size" if by_values else "mean_with_sample_weight"


def reduce(values: Array, weights: ArrayLike | None, mask: ArrayLike | None, reduction: Reduction, label: str) -> Array:
    """Return the reduced loss of a batch, or all losses for the reduction 'none'."""
    mean = reduction in ("mean", "sum_over_batch_size")
    over_unmasked = mean and not conventions.active.masked_values_count
    factors = merge_mask(weights, mask, values.dtype, f"'{label}'", rescale=over_unmasked)
    if factors is not None:
        values, factors = align(factors, values, f"'{label}'")
        values = values * factors
    if reduction in (None, "none") or values.shape in ((), (0,)):
        return values
    total = jnp.sum(values)
    if reduction == "sum":
        return total
    if conventions.active.mean_counts_nonzero_weights and weights is not None:
        total = divide(total, jnp.mean(jnp.asarray(weights) != 0, dtype=total.dtype))
    if reduction == "mean_with_sample_weight" and factors is not None:
        return divide(total, jnp.sum(factors))
    return divide(total, jnp.asarray(values.size, total.dtype))
