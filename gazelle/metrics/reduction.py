"""Sums and means of values, and means of functions of targets and predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from gazelle.core import conventions
from gazelle.core.errors import unknown
from gazelle.core.masks import get_mask
from gazelle.core.registry import find
from gazelle.core.types import Array, ArrayLike, PolicyLike
from gazelle.losses import Loss, functions
from gazelle.losses.reduction import align, as_real, divide, mean_of, merge_mask, per_step, reduce
from gazelle.losses.target_shapes import check_shapes
from gazelle.metrics.base import Metric


def sum_dtype(dtype: str) -> str:
    """Return the dtype of a sum: float32 for half precision, which cannot count beyond 256."""
    return "float32" if dtype in ("float16", "bfloat16") else dtype


def per_sample(
    values: ArrayLike, sample_weight: ArrayLike | None, reduce: Callable[..., Array], dtype: str, label: str
) -> tuple[Array, Array | None]:
    """Return (weighted values, weights) with one number per sample; `reduce` combines all other axes.

    If `conventions.active.means_count_values`, only axes after the first one that weights do not have are combined.
    """
    mask, counts_values = get_mask(values), conventions.active.means_count_values
    values = as_real(values, dtype, label)
    weights: Array | None = None
    if sample_weight is not None:
        weights = merge_mask(jnp.asarray(sample_weight, dtype), mask, dtype, label)
        if values.ndim == 0:  # one value for the batch applies to each sample
            values = jnp.full(weights.shape, values)
        rank = weights.ndim
        if rank == 0 and not counts_values:  # one weight for the batch counts once, as in Keras
            values = reduce(values)
        values, weights = align(weights, values, label)
        if rank > 0 and values.ndim > rank + counts_values and weights.ndim == values.ndim:
            axes = tuple(range(rank, values.ndim))
            values, weights = reduce(values, axis=axes), weights.reshape(weights.shape[:rank])
        weights = jnp.broadcast_to(weights, values.shape)
        values = values * weights
        if weights.ndim > 1 and not counts_values:
            weights = reduce(weights, axis=tuple(range(1, weights.ndim)))
    if values.ndim > 1 and not counts_values:
        values = reduce(values, axis=tuple(range(1, values.ndim)))
    return values, weights


class Sum(Metric):
    """Sum of values:  sum(w v)  over all values since `reset_state`.

    Args:
        name: Name in logs.
        dtype: See `Metric`.

    Example:
        >>> m = Sum()
        >>> m.update_state([1.0, 3.0])
        >>> float(m.result())
        4.0
    """

    def __init__(self, name: str | None = "sum", dtype: PolicyLike = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_weight(dtype=sum_dtype(self.dtype), name="total")

    def update_state(self, values: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add values to the sum.

        Args:
            values: Values of any shape.
            sample_weight: Weights of the values, or one for each sample.
        """
        weighted, _ = per_sample(values, sample_weight, jnp.sum, sum_dtype(self.dtype), f"'{self.name}'")
        self.total.assign_add(jnp.sum(weighted))

    def result(self) -> Array:
        return self.total.value


class Mean(Metric):
    """Mean of values:  sum(w v) / sum(w)  over all values since `reset_state`;  w = 1 without weights.

    Args:
        name: Name in logs.
        dtype: See `Metric`.

    Example:
        >>> m = Mean()
        >>> m.update_state([1.0, 3.0])
        >>> m.update_state([8.0])
        >>> float(m.result())
        4.0
    """

    def __init__(self, name: str | None = "mean", dtype: PolicyLike = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_weight(dtype=sum_dtype(self.dtype), name="total")
        self.count = self.add_weight(dtype=sum_dtype(self.dtype), name="count")

    def update_state(self, values: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add values to the mean.

        Args:
            values: Values of any shape.
            sample_weight: Weights of the values, or one for each sample.
        """
        label = f"'{self.name}'"
        weighted, weights = per_sample(values, sample_weight, jnp.mean, sum_dtype(self.dtype), label)
        self.total.assign_add(jnp.sum(weighted))
        self.count.assign_add(jnp.sum(weights) if weights is not None else weighted.size)

    def result(self) -> Array:
        return divide(self.total.value, self.count.value)


class MeanMetricWrapper(Mean):
    """Mean of a function `fn(y_true, y_pred, **kwargs)` that returns one value per sample, with weights and masks.

    Args:
        fn: The function, its name, or a `Loss`, whose values per sample are averaged.
        name: Name in logs.
        dtype: See `Metric`.
        kwargs: Further arguments of the function.

    Raises:
        ArgumentError: If the function is unknown, or cannot be called with (y_true, y_pred, **kwargs).

    Example:
        >>> metric = MeanMetricWrapper(huber, name="huber", delta=0.5)
        >>> round(float(metric([[1.0, 2.0]], [[1.0, 4.0]])), 4)
        0.4375
    """

    def __init__(
        self,
        fn: Callable[..., Array] | Loss | str,
        name: str | None = None,
        dtype: PolicyLike = None,
        **kwargs: object,
    ) -> None:
        super().__init__(name, dtype)
        self.fn = _function(fn) if isinstance(fn, str) else fn
        self.fn_kwargs = kwargs
        functions.check_arguments("metric", self._call, kwargs)
        if (getattr(fn, "__module__", None) or "").startswith("gazelle.losses") and self._direction is None:
            self._direction = "down"

    @property
    def _call(self) -> Any:
        return self.fn.call if isinstance(self.fn, Loss) else self.fn

    def update_state(  # type: ignore[override]
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Add the values of a batch to the mean.

        Args:
            y_true: Targets (batch, ...).
            y_pred: Predictions (batch, ...).
            sample_weight: Weights (batch,), or one for each value.
        """
        mask = get_mask(y_pred)
        predictions = jnp.asarray(y_pred)
        targets = per_step(jnp.asarray(y_true), predictions, mask, sample_weight)
        check_shapes(self, targets, predictions)
        values = functions.call("metric", self._call, targets, predictions, self.fn_kwargs)
        if conventions.active.metrics_average_batches:
            values = as_real(values, self.dtype, f"'{self.name}'")
            of_batch = reduce(values, sample_weight, mask, mean_of(self._call), self.name)
            super().update_state(of_batch, len(targets))
        else:
            super().update_state(values, merge_mask(sample_weight, mask, sum_dtype(self.dtype), f"'{self.name}'"))


def _function(name: str) -> Any:
    found = find(name, "metrics.functions") or find(name, "losses")
    if found is None:
        raise unknown("function of a metric", name, ())
    return found
