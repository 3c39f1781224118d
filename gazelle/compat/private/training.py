"""Helper functions of `keras.engine.training` in Keras 1 and 2, for programs with a `compile` or `fit` of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gazelle.compat import backend as K  # noqa: N812 - the usual name in programs
from gazelle.compat.tables import defined
from gazelle.compat.types import Array, TensorLike, TensorResult
from gazelle.core.errors import DataError, message
from gazelle.data.labels import class_weights

#: the part of the docstring of an optimizer that states the arguments of every optimizer
base_optimizer_keyword_args = """name: Name of the optimizer.
      weight_decay: Fraction of the weights that each update subtracts, times the learning rate.
      clipnorm: Largest norm of each gradient.
      clipvalue: Largest absolute value of a gradient.
      global_clipnorm: Largest norm of all gradients together.
      use_ema: Whether averages of the weights are computed.
      ema_momentum: Momentum of these averages.
      ema_overwrite_frequency: Number of updates after which the averages replace the weights.
      jit_compile: Whether updates are compiled.
      **kwargs: No others."""
_Entries = Mapping[Any, Any] | Sequence[Any]


def _listed(given: Any, names: Sequence[str], what: str) -> list[Any]:
    """One entry for each name, from a list, a dict, or a single entry."""
    if isinstance(given, Mapping) and not set(names).isdisjoint(given):
        return [given.get(name) for name in names]
    listed = list(given) if isinstance(given, (list, tuple)) and len(given) == len(names) else [given]
    if len(listed) != len(names):
        raise DataError(message(what, expected=f"{len(names)} arrays: {', '.join(names)}", got=f"{len(listed)}"))
    return listed


def standardize_input_data(
    data: _Entries,
    names: Sequence[str],
    shapes: Sequence[Any] | None = None,
    check_batch_axis: bool = True,
    exception_prefix: str = "",
) -> list[Any]:
    """Return a list of arrays with two axes or more, in the order of the names."""
    arrays = [None if x is None else np.asarray(x) for x in _listed(data, names, exception_prefix or "data")]
    arrays = [x[:, None] if x is not None and x.ndim == 1 else x for x in arrays]
    for array, shape, name in zip(arrays, shapes or [None] * len(arrays), names, strict=True):
        if array is None or shape is None:
            continue
        pairs = list(zip(array.shape, shape, strict=False))[0 if check_batch_axis else 1 :]
        if array.ndim != len(shape) or any(known is not None and size != known for size, known in pairs):
            raise DataError(message(f"{exception_prefix} {name}", expected=f"shape {shape}", got=f"{array.shape}"))
    return arrays


def standardize_sample_or_class_weights(
    x_weight: _Entries | None, output_names: Sequence[str], weight_type: str
) -> list[Any]:
    """Return the weights of each output, None for those without."""
    if x_weight is None or len(x_weight) == 0:
        return [None] * len(output_names)
    return _listed(x_weight, output_names, weight_type)


def standardize_class_weights(class_weight: _Entries | None, output_names: Sequence[str]) -> list[Any]:
    """Return the weights of classes of each output."""
    return standardize_sample_or_class_weights(class_weight, output_names, "class_weight")


def standardize_sample_weights(sample_weight: _Entries | None, output_names: Sequence[str]) -> list[Any]:
    """Return the weights of samples of each output."""
    return standardize_sample_or_class_weights(sample_weight, output_names, "sample_weight")


def standardize_weights(
    y: Array, sample_weight: Array | None = None, class_weight: object = None, sample_weight_mode: str | None = None
) -> TensorResult:
    """Return the weight of each sample, or of each time step."""
    if isinstance(class_weight, dict):
        return class_weights(class_weight, y, sample_weight)
    if sample_weight is not None:
        return sample_weight
    return np.ones(y.shape[: 1 if sample_weight_mode is None else 2], "float32")


def check_array_lengths(inputs: Iterable[Any], targets: Iterable[Any], weights: Iterable[Any] = ()) -> None:
    """Raise an error if the arrays have different numbers of samples."""
    lengths = {len(array) for arrays in (inputs, targets, weights) for array in arrays or () if array is not None}
    if len(lengths) > 1:
        raise DataError(message("Arrays", expected="the same number of samples", got=f"{sorted(lengths)}"))


def check_loss_and_target_compatibility(targets: object, losses: object, output_shapes: object) -> None:
    """Do nothing: a loss raises an error for labels that do not fit."""


def match_dtype_and_rank(y_t: TensorLike, y_p: TensorLike, sw: TensorLike = None) -> tuple[Any, ...]:
    """Return labels and weights with the dtype and the last axis that predictions have."""
    if K.ndim(y_t) == 1 and K.ndim(y_p) == 2:
        y_t = K.expand_dims(y_t, -1)
    if sw is not None and K.ndim(sw) == 1 and K.ndim(y_p) == 2:
        sw = K.expand_dims(sw, -1)
    dtype = K.dtype(y_p)
    return K.cast(y_t, dtype), y_p, sw if sw is None else K.cast(sw, dtype)


def collect_metrics(metrics: _Entries | None, output_names: Sequence[str]) -> list[list[Any]]:
    """Return the metrics of each output."""
    if isinstance(metrics, Mapping):
        found = [metrics.get(name, []) for name in output_names]
        return [one if isinstance(one, list) else [one] for one in found]
    return [list(metrics or ()) for _ in output_names]


def weighted_objective(fn: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Return the loss as a function of (y_true, y_pred, weights, mask), which returns one number."""

    def weighted(y_true: Any, y_pred: Any, weights: Any, mask: Any = None) -> Any:
        values = fn(y_true, y_pred)
        if mask is not None:
            mask = K.cast(mask, K.floatx())
            values = values * mask / K.mean(mask)
        if weights is not None:
            values = K.mean(values, axis=list(range(K.ndim(weights), K.ndim(values))))
            values = values * weights / K.mean(K.cast(K.not_equal(weights, 0), K.floatx()))
        return K.mean(values)

    return weighted


weighted_masked_objective = weighted_objective


def clip_norm(g: Array, c: float, n: Array) -> TensorResult:
    """Return a gradient whose norm n is at most c, which is not clipped if c is 0."""
    return K.switch(n >= c, g * c / n, g) if c > 0 else g


#: the names that modules of this part of Keras have
NAMES = frozenset(defined(sys.modules[__name__]))
