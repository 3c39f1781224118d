"""The base class of losses, losses from functions, and losses by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, overload

import jax
import jax.numpy as jnp

from gazelle.core import dtypes, logits, policies
from gazelle.core.config import Configurable
from gazelle.core.errors import ArgumentError, message, missing_method, unknown
from gazelle.core.lookup import Lookup
from gazelle.core.masks import get_mask
from gazelle.core.method_signatures import check_methods
from gazelle.core.names import snake
from gazelle.core.printable import printable
from gazelle.core.shape_inference import call_op
from gazelle.core.symbolic import any_symbolic
from gazelle.core.types import Array, ArrayLike, Config, LossLike, Nested, PolicyLike
from gazelle.losses import functions
from gazelle.losses.reduction import REDUCTIONS, Reduction, as_real, mean_of, per_step, reduce
from gazelle.losses.target_shapes import check_shapes, kind_of, same_rank


class Loss(Configurable):
    r"""Base class of losses:  L = reduce_i(w_i l_i),  l = call(y_true, y_pred).

    y_true, y_pred (batch, ...) · sample_weight (batch,) or the shape of l  ->  L (), or the shape of l for 'none'

    A subclass defines `call(self, y_true, y_pred)`, which returns one value per sample.

    Args:
        name: Name in messages; by default made from the class name.
        reduction: 'sum_over_batch_size' or 'mean': sum(w l) / size(l), where size counts unmasked values only if y_pred
            has a mask; 'mean_with_sample_weight': sum(w l) / sum(w); 'sum': sum(w l); 'none' or None: w l.
        dtype: Dtype of the computation; 'float32' by default.

    Raises:
        ArgumentError: If `reduction` is unknown.

    Example:
        >>> class Cubic(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return jnp.mean(jnp.abs(y_true - y_pred) ** 3, axis=-1)
        >>> float(Cubic()(np.zeros((2, 2)), np.ones((2, 2))))
        1.0
    """

    _namespace = "losses"

    def __init__(
        self, name: str | None = None, reduction: Reduction = "sum_over_batch_size", dtype: PolicyLike = None
    ) -> None:
        if reduction is not None and reduction not in REDUCTIONS:
            raise unknown("reduction", reduction, REDUCTIONS)
        check_methods(type(self), {"call": "(self, y_true, y_pred)"})
        self.name = name or snake(type(self).__name__)
        self.reduction = reduction
        self.dtype = policies.get(dtype or dtypes.floatx()).compute_dtype

    def get_config(self) -> Config:
        """Return the constructor's arguments, with the dtype if it is not the default one.

        Returns:
            {argument: value}, with values that JSON can hold.
        """
        config = super().get_config()
        return {key: value for key, value in config.items() if key != "dtype" or value != dtypes.floatx()}

    def call(self, y_true: Array, y_pred: Array) -> Array:
        """Return the loss of each sample, before weights and reduction.

        Args:
            y_true: Targets (batch, ...).
            y_pred: Predictions (batch, ...).

        Returns:
            An array (batch, ...) without the last axis of `y_pred`, in most losses.
        """
        raise missing_method(self, "call(self, y_true, y_pred)")

    def __call__(
        self, y_true: Nested[ArrayLike], y_pred: Nested[ArrayLike], sample_weight: ArrayLike | None = None
    ) -> Array:
        """Return the reduced loss of a batch.

        Args:
            y_true: Targets (batch, ...).
            y_pred: Predictions (batch, ...).
            sample_weight: Weights (batch,), or one for each value of the loss.

        Raises:
            ShapeError: If targets, predictions or weights do not fit together.
        """
        if any_symbolic(y_true, y_pred, sample_weight):
            return call_op(self.__call__, (y_true, y_pred, sample_weight), {})
        mask = get_mask(y_pred)
        integer_targets = kind_of(self) in ("classes", "chosen", "sequence", "as given")
        targets, predictions = self._to_arrays(y_true, integer_targets), self._to_arrays(y_pred)
        values = self.call(per_step(targets, predictions, mask, sample_weight), predictions)
        values_mask = get_mask(values)
        if values_mask is not None:
            mask = values_mask if mask is None else mask & values_mask
        if sample_weight is not None and _is_one_value(values, predictions):
            values = values[0]  # which every weight multiplies
        return reduce(as_real(values, self.dtype, f"'{self.name}'"), sample_weight, mask, self.reduction, self.name)

    def _to_arrays(self, tree: Any, keep_integers: bool = False) -> Any:
        def convert(leaf: Any) -> Any:
            array = jnp.asarray(leaf)
            if jnp.iscomplexobj(array) or (keep_integers and not dtypes.is_float(array.dtype)):
                return array
            return logits.converted(leaf, array.astype(self.dtype))

        if any(hasattr(leaf, "shape") for leaf in jax.tree.leaves(tree)) or isinstance(tree, Mapping):
            return jax.tree.map(convert, tree)
        return convert(tree)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={printable(self.name)}>"


def _is_one_value(values: Any, predictions: Any) -> bool:
    """Whether a loss has one value for a batch of several samples: it averages over the first axis."""
    samples = getattr(predictions, "shape", ())[:1]
    return getattr(values, "shape", ()) == (1,) and samples not in ((), (1,))


class LossFunctionWrapper(Loss):
    """Loss from a function `fn(y_true, y_pred, **kwargs)` that returns one value per sample.

    Args:
        fn: The function, or the name of a built-in one.
        reduction: See `Loss`.
        name: Name in messages; the name of the function by default.
        dtype: See `Loss`.
        kwargs: Further arguments of the function.

    Raises:
        ArgumentError: If the function cannot be called with (y_true, y_pred, **kwargs).

    Example:
        >>> loss = LossFunctionWrapper(huber, delta=0.5)
        >>> round(float(loss([[1.0, 2.0]], [[1.0, 4.0]])), 4)
        0.4375
    """

    def __init__(
        self,
        fn: Callable[..., Array],
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = None,
        dtype: PolicyLike = None,
        **kwargs: object,
    ) -> None:
        super().__init__(name=name or getattr(fn, "__name__", None), reduction=reduction, dtype=dtype)
        self.fn = get(fn)
        self.fn_kwargs = kwargs
        functions.check_arguments("loss", self.fn, kwargs)

    def call(self, y_true: Array, y_pred: Array) -> Array:
        if hasattr(y_true, "shape") and hasattr(y_pred, "shape"):
            check_shapes(self, y_true, y_pred)
            if kind_of(self) in ("any", "as given"):
                y_true, y_pred = same_rank(y_true, y_pred)
        return functions.call("loss", self.fn, y_true, y_pred, self.fn_kwargs)


_lookup: Lookup[Callable[..., Array]] = Lookup("loss", "losses")
get, serialize, deserialize = _lookup.get, _lookup.serialize, _lookup.deserialize


@overload
def as_loss(identifier: None, name: str | None = None) -> None: ...
@overload
def as_loss(identifier: Loss | str | Callable[..., Any] | Mapping[str, Any], name: str | None = None) -> Loss: ...
def as_loss(identifier: LossLike, name: str | None = None) -> Loss | None:
    """Return the `Loss` that an identifier stands for; a function is wrapped in a `LossFunctionWrapper`.

    Args:
        identifier: A name ("mse"), a config, a class, a function or a `Loss`. None stays None.
        name: Name of a loss that is made from a function; by default the identifier, if it is a name.

    Returns:
        The loss.

    Raises:
        ArgumentError: If the name is unknown, or the identifier is not callable.

    Example:
        >>> as_loss("mse")
        <LossFunctionWrapper name=mse>
    """
    found = get(identifier)
    if found is None or isinstance(found, Loss):
        return found
    if not callable(found):
        raise ArgumentError(message("loss", expected="a name, a function or a Loss", got=repr(identifier)))
    name = name or (identifier if isinstance(identifier, str) else None)
    return LossFunctionWrapper(found, mean_of(found), name)
