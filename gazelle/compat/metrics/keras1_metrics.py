"""Metrics that were functions of Keras 1: they return the mean over the batch, later ones a value for each sample."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import jax
import jax.numpy as jnp

from gazelle import metrics, ops
from gazelle.compat.backend.lifting import lifted
from gazelle.compat.metrics.former_metrics import KERAS_1, cosine_proximity
from gazelle.compat.old_names import METRICS_OF_KERAS_1
from gazelle.compat.types import Function, Option
from gazelle.core.types import Array, ArrayLike, MetricLike
from gazelle.losses.target_shapes import broadcast_of_ranks, check_shapes, family, warn_of_broadcasting


@functools.cache
def _mean(function: Callable[..., Array]) -> Callable[..., Array]:
    @lifted
    @functools.wraps(function)
    def metric(y_true: ArrayLike, y_pred: ArrayLike, *args: Any, **kwargs: Any) -> Array:
        with warn_of_broadcasting(), broadcast_of_ranks():
            y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
            check_shapes(function, y_true, y_pred)
            return ops.mean(function(y_true, y_pred, *args, **kwargs))

    metric.__module__ = __name__
    metric.__doc__ = f"The mean over the batch of `{function.__name__}` of later versions."
    return metric


#: name -> function
NAMES = {
    name: _mean(cosine_proximity if current == "cosine_proximity" else getattr(metrics, current))
    for name, current in METRICS_OF_KERAS_1.items()
}
NAMES["kullback_leibler_divergence"].__name__ = "kullback_leibler_divergence"  # its name in the logs
globals().update(NAMES)


def acc(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return the accuracy that fits the shapes; masks did not count for it.

    >>> acc(np.array([[1.0], [0.0]]), np.array([[0.7], [0.6]])).tolist()
    0.5
    """
    kind = family(jnp.asarray(y_true).shape, jnp.asarray(y_pred).shape)
    found: Array = NAMES["sparse_categorical_accuracy" if kind == "sparse" else f"{kind}_accuracy"](y_true, y_pred)
    return found


def acc_of_units(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Return the accuracy of outputs whose loss is a binary crossentropy."""
    found: Array = NAMES["binary_accuracy"](y_true, y_pred)
    return found


acc_of_units.__name__ = "acc"  # its name in the logs


def get(identifier: MetricLike) -> MetricLike:
    """`metrics.get` of Keras 1: a function by its name.

    >>> get("fmeasure").__name__, get("mse").__module__
    ('fmeasure', 'gazelle.compat.metrics.keras1_metrics')
    """
    found = {**NAMES, **KERAS_1}.get(identifier) if isinstance(identifier, str) else None
    return metrics.get(identifier) if found is None else found


def by_name(given: Option) -> Option:
    """A metric of Keras 1 as the name that `compile` takes for it; others as they are."""
    is_function = isinstance(given, FunctionType) and (given.__module__ == __name__ or given in KERAS_1.values())
    # the name of the cosine has a current meaning, too
    return given.__name__ if is_function and given.__name__ != "cosine_proximity" else given


def parts(function: Function, shape: Sequence[int | None]) -> list[Any]:
    """A metric function; one that returns a dict, as in Keras 1, as one function for each entry.

    Args:
        function: The function (y_true, y_pred).
        shape: The shape of y_pred.
    """
    spec = jax.ShapeDtypeStruct(tuple(size or 2 for size in shape), jnp.float32)
    names: list[str] = []

    def traced(*args: Any) -> None:
        out = function(*args)
        names.extend(out if isinstance(out, dict) else ())

    with contextlib.suppress(Exception):  # `fit` calls it with the labels and reports errors
        jax.eval_shape(traced, spec, spec)
    return [_entry(function, name) for name in names] or [function]


def _entry(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def metric(y_true: ArrayLike, y_pred: ArrayLike) -> Any:
        return function(y_true, y_pred)[name]

    metric.__name__ = name
    return metric
