"""The loss: one number from targets and predictions, under weights and masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core import dtypes, policies
from gazelle.core.config import Configurable, snake
from gazelle.core.errors import ArgumentError, ShapeError, message, unknown
from gazelle.core.lookup import Lookup
from gazelle.core.masks import get_mask
from gazelle.core.symbolic import any_symbolic, call_op
from gazelle.losses import functions
from gazelle.losses.label_values import check_labels
from gazelle.losses.target_shapes import check_shapes, kind_of, same_rank

__all__ = [
    "REDUCTIONS",
    "Loss",
    "LossFunctionWrapper",
    "align",
    "as_loss",
    "check_labels",
    "check_shapes",
    "divide",
    "get",
    "merge_mask",
    "stepwise",
]

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none")


class Loss(Configurable):
    r"""A number to minimize:  L = reduce_i(w_i · l_i),  l = call(y_true, y_pred).

    y_true, y_pred (batch, ...) · sample_weight (batch,) or the shape of l  ->  L (), or the shape of l for 'none'

    Args:
        name: name in messages; made from the class if None.
        reduction: 'sum_over_batch_size' (or 'mean'): sum(w l) / size(l); where y_pred has a mask, size counts the
            unmasked only. 'mean_with_sample_weight': sum(w l) / sum(w). 'sum': sum(w l). 'none' or None: w l.
        dtype: dtype of the computation; 'float32' by default.

    >>> class Cubic(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return jnp.mean(jnp.abs(y_true - y_pred) ** 3, axis=-1)
    >>> float(Cubic()(np.zeros((2, 2)), np.ones((2, 2))))
    1.0
    """

    _namespace = "losses"

    def __init__(self, name: str | None = None, reduction: Any = "sum_over_batch_size", dtype: Any = None) -> None:
        if reduction is not None and reduction not in REDUCTIONS:
            raise unknown("reduction", reduction, REDUCTIONS)
        self.name = name or snake(type(self).__name__)
        self.reduction = reduction
        self.dtype = policies.get(dtype or dtypes.floatx()).compute_dtype

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The losses of the samples, before weights and reduction."""
        raise NotImplementedError(f"{type(self).__name__} has no call method: def call(self, y_true, y_pred): ...")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        if any_symbolic(y_true, y_pred, sample_weight):
            return call_op(self, (y_true, y_pred, sample_weight), {})
        mask = get_mask(y_pred)
        y_true, y_pred = self._arrays(y_true, kind_of(self) in ("classes", "chosen", "sequence")), self._arrays(y_pred)
        values = self.call(stepwise(y_true, y_pred, mask, sample_weight), y_pred)
        own = get_mask(values)
        if own is not None:
            mask = own if mask is None else mask & own
        return reduce(jnp.asarray(values, self.dtype), sample_weight, mask, self.reduction, self.name)

    def _arrays(self, tree: Any, classes: bool = False) -> Any:
        def convert(leaf: Any) -> Any:
            array = jnp.asarray(leaf)
            return array if classes and not dtypes.is_float(array.dtype) else array.astype(self.dtype)

        if any(hasattr(leaf, "shape") for leaf in jax.tree.leaves(tree)) or isinstance(tree, Mapping):
            return jax.tree.map(convert, tree)
        return convert(tree)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class LossFunctionWrapper(Loss):
    """A loss from a function `fn(y_true, y_pred, **kwargs)` that gives one value per sample."""

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: Any = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name or getattr(fn, "__name__", None), reduction=reduction, dtype=dtype)
        self.fn = get(fn)
        self.fn_kwargs = kwargs
        functions.check_arguments("loss", self.fn, kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if hasattr(y_true, "shape") and hasattr(y_pred, "shape"):
            check_shapes(self, y_true, y_pred)
            if kind_of(self) == "any":
                y_true, y_pred = same_rank(y_true, y_pred)
        return functions.call("loss", self.fn, y_true, y_pred, self.fn_kwargs)


def stepwise(y_true: Any, y_pred: Any, *weights: Any) -> Any:
    """y_true (n, t) as (n, t, 1) where y_pred is and a mask or weight is (n, t): it needs a loss for each step."""
    if not (hasattr(y_true, "shape") and hasattr(y_pred, "shape")) or y_pred.ndim != y_true.ndim + 1:
        return y_true
    finest = max((jnp.ndim(w) for w in weights if w is not None), default=0)
    return y_true[..., None] if y_pred.shape[-1] == 1 and finest == y_true.ndim > 1 else y_true


def divide(a: Any, b: Any) -> Any:
    """a / b, and 0 where b is 0."""
    return jnp.where(b == 0, 0, a / jnp.where(b == 0, 1, b))


def align(weights: Any, values: Any, label: str) -> tuple[Any, Any]:
    """(values, weights) that multiply: weights belong to the first axes of values; nothing else broadcasts."""
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


def merge_mask(weights: Any, mask: Any, dtype: Any, label: str, rescale: bool = False) -> Any:
    """Weights that are 0 where the mask is False; `rescale` by total / unmasked, so that a mean counts the unmasked."""
    if mask is None:
        return weights if weights is None else jnp.asarray(weights, dtype)
    keep = jnp.asarray(mask, dtype)
    if rescale:
        keep = keep * divide(jnp.asarray(keep.size, dtype), jnp.sum(keep))
    if weights is None:
        return keep
    keep, weights = align(jnp.asarray(weights, dtype), keep, label)
    return keep * weights


def reduce(values: Any, weights: Any, mask: Any, reduction: Any, label: str) -> Any:
    """One number from the samples' losses, or all of them for 'none'."""
    mean = reduction in ("mean", "sum_over_batch_size")
    weights = merge_mask(weights, mask, values.dtype, f"'{label}'", rescale=mean)
    if weights is not None:
        values, weights = align(weights, values, f"'{label}'")
        values = values * weights
    if reduction in (None, "none") or values.shape in ((), (0,)):
        return values
    total = jnp.sum(values)
    if reduction == "sum":
        return total
    by_weight = reduction == "mean_with_sample_weight" and weights is not None
    return divide(total, jnp.sum(weights) if by_weight else jnp.asarray(values.size, total.dtype))


_lookup: Lookup[Any] = Lookup("loss", "losses")
get, serialize, deserialize = _lookup.get, _lookup.serialize, _lookup.deserialize


def as_loss(identifier: Any, name: str | None = None) -> Any:
    """`get`, with a function made into a `Loss` that averages its values. The name the user wrote becomes its name."""
    found = get(identifier)
    if found is None or isinstance(found, Loss):
        return found
    if not callable(found):
        raise ArgumentError(message("loss", expected="a name, a function or a Loss", got=repr(identifier)))
    return LossFunctionWrapper(found, name=name or (identifier if isinstance(identifier, str) else None))
