"""Sums and means of values, and the mean of a function of targets and predictions: the trunk of most metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from gazelle.core.config import find
from gazelle.core.errors import unknown
from gazelle.core.masks import get_mask
from gazelle.losses import Loss, functions
from gazelle.losses.reduction import align, divide, merge_mask, per_step
from gazelle.losses.target_shapes import check_shapes
from gazelle.metrics.base import Metric


def wide(dtype: str) -> str:
    """The dtype of a sum: 16 bits would stop counting at 256."""
    return "float32" if dtype in ("float16", "bfloat16") else dtype


def per_sample(values: Any, weights: Any, reduce: Callable[..., Any], dtype: str, label: str) -> tuple[Any, Any]:
    """(weighted values, weights), each with one number per sample: `reduce` takes the other axes together."""
    mask = get_mask(values)
    values = jnp.asarray(values, dtype)
    if weights is not None:
        weights = merge_mask(jnp.asarray(weights, dtype), mask, dtype, label)
        if values.ndim == 0:  # one number for the batch: every sample has it
            values = jnp.full(weights.shape, values)
        rank = weights.ndim
        values, weights = align(weights, values, label)
        if values.ndim > rank > 0 and weights.ndim == values.ndim:
            axes = tuple(range(rank, values.ndim))
            values, weights = reduce(values, axis=axes), weights.reshape(weights.shape[:rank])
        weights = jnp.broadcast_to(weights, values.shape)
        values = values * weights
        if weights.ndim > 1:
            weights = reduce(weights, axis=tuple(range(1, weights.ndim)))
    if values.ndim > 1:
        values = reduce(values, axis=tuple(range(1, values.ndim)))
    return values, weights


class Sum(Metric):
    """sum(w v)  over all values given.

    >>> m = Sum()
    >>> m.update_state([1.0, 3.0])
    >>> float(m.result())
    4.0
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_weight(dtype=wide(self.dtype), name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, _ = per_sample(values, sample_weight, jnp.sum, wide(self.dtype), f"'{self.name}'")
        self.total.assign_add(jnp.sum(values))

    def result(self) -> Any:
        return self.total.value


class Mean(Metric):
    """sum(w v) / sum(w)  over all values given, w = 1 where no weights are.

    >>> m = Mean()
    >>> m.update_state([1.0, 3.0])
    >>> m.update_state([8.0])
    >>> float(m.result())
    4.0
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_weight(dtype=wide(self.dtype), name="total")
        self.count = self.add_weight(dtype=wide(self.dtype), name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, weights = per_sample(values, sample_weight, jnp.mean, wide(self.dtype), f"'{self.name}'")
        self.total.assign_add(jnp.sum(values))
        self.count.assign_add(jnp.sum(weights) if weights is not None else values.size)

    def result(self) -> Any:
        return divide(self.total.value, self.count.value)


class MeanMetricWrapper(Mean):
    """The mean of `fn(y_true, y_pred, **kwargs)`, which gives one value per sample, under weights and masks.

    Args:
        fn: a function, or a `Loss` (whose values per sample are taken, so that uneven batches count rightly).
    """

    def __init__(self, fn: Any, name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name, dtype)
        self.fn = _function(fn) if isinstance(fn, str) else fn
        self.fn_kwargs = kwargs
        functions.check_arguments("metric", self._values, kwargs)
        if (getattr(fn, "__module__", None) or "").startswith("gazelle.losses") and self._direction is None:
            self._direction = "down"

    @property
    def _values(self) -> Any:
        return self.fn.call if isinstance(self.fn, Loss) else self.fn

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        mask = get_mask(y_pred)
        y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
        y_true = per_step(y_true, y_pred, mask, sample_weight)
        check_shapes(self, y_true, y_pred)
        values = functions.call("metric", self._values, y_true, y_pred, self.fn_kwargs)
        super().update_state(values, merge_mask(sample_weight, mask, wide(self.dtype), f"'{self.name}'"))


def _function(name: str) -> Any:
    found = find(name, "metrics.functions") or find(name, "losses")
    if found is None:
        raise unknown("function of a metric", name, ())
    return found
