"""Labels: one-hot encoding and class weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core.argument_types import checks_arguments
from gazelle.core.errors import ArgumentError, DataError, message
from gazelle.core.traceback import filtered
from gazelle.core.types import ArrayLike, Nested


@overload
def to_categorical(x: jax.Array, num_classes: int | None = None) -> jax.Array: ...  # type: ignore[overload-overlap]


@overload
def to_categorical(x: ArrayLike, num_classes: int | None = None) -> np.ndarray[Any, Any]: ...


@filtered
@checks_arguments
def to_categorical(x: ArrayLike, num_classes: int | None = None) -> jax.Array | np.ndarray[Any, Any]:
    """One-hot encode labels: out[..., k] = 1 where x is k.

    Args:
        x: integers of any shape; a last axis of size 1 is dropped.
        num_classes: the size of the new axis; by default the largest label + 1.

    Returns:
        An array of float32 with one more axis: of JAX for labels of JAX, else of NumPy.

    Raises:
        DataError: a label is not in 0 ... num_classes - 1, or not a number. In a compiled function its row is 0.

    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    if isinstance(x, jax.core.Tracer) and num_classes is not None:  # in a loss or a step of the program
        return jax.nn.one_hot(x[..., 0] if x.ndim > 1 and x.shape[-1] == 1 else x, num_classes, dtype=jnp.float32)
    labels = np.asarray(x)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    fractional = labels.dtype.kind == "f" and bool((labels % 1 != 0).any())
    if labels.dtype.kind not in "iufb" or fractional:
        wrong = labels[labels % 1 != 0] if fractional else labels
        raise DataError(
            message(
                "to_categorical",
                expected="integers",
                got=f"{wrong.ravel()[:1].tolist()} of {labels.dtype}",
                hint="Encode the classes as integers: np.unique(x, return_inverse=True)[1].",
            )
        )
    labels = labels.astype(np.int64)
    count = int(labels.max()) + 1 if num_classes is None else num_classes
    if labels.size and (labels.min() < 0 or labels.max() >= count):
        invalid = labels.min() if labels.min() < 0 else labels.max()
        raise DataError(
            message(
                f"to_categorical(num_classes={count})",
                expected=f"labels from 0 to {count - 1}",
                got=int(invalid),
                hint="If the labels start at 1, use y - 1.",
            )
        )
    encoded = np.eye(count, dtype=np.float32)[labels]
    return jnp.asarray(encoded) if isinstance(x, jax.Array) else encoded


def class_weights(
    class_weight: Mapping[int, float] | Nested[Mapping[int, float]],
    y: Nested[ArrayLike] | None,
    sample_weight: Nested[ArrayLike] | None = None,
) -> Nested[np.ndarray[Any, Any]]:
    """Convert class weights to sample weights: w_i = class_weight[class of sample i] * sample_weight_i.

    Args:
        class_weight: {class: weight}; the weight of other classes is 1. Keys are compared by value: 1.0 is class 1. For
            several outputs, a list or dict of them in the structure of y.
        y: labels, as integers or one-hot.
        sample_weight: weights of samples to multiply with.

    Returns:
        One weight for each label, float32, in the structure of y: (samples,), or (samples, ...) for labels of pixels
        or time steps.

    Raises:
        ArgumentError: `class_weight` is not a dict of classes and weights >= 0 for each output, or labels of pixels or
            time steps are neither one-hot nor have a last axis of size 1.
        DataError: y is None.
    """
    if isinstance(y, (dict, list)):
        return _class_weights_of_outputs(class_weight, y, sample_weight)
    if y is None:
        raise DataError(message("class_weight", expected="labels y", got="none"))
    if not isinstance(class_weight, Mapping):
        raise ArgumentError(
            message(
                "class_weight",
                expected="a dict such as {0: 1.0, 1: 5.0}",
                got=repr(class_weight),
                hint="Convert a list with dict(enumerate(weights)).",
            )
        )
    invalid = [k for k in class_weight if not _is_class(k)]
    if invalid:
        raise ArgumentError(
            message("class_weight", expected="class numbers as keys, such as {0: 1.0, 1: 5.0}", got=repr(invalid[0]))
        )
    invalid_weights = [w for w in class_weight.values() if not _is_weight(w)]
    if invalid_weights:
        raise ArgumentError(
            message("class_weight", expected="weights that are numbers >= 0", got=repr(invalid_weights[0]))
        )
    labels = np.asarray(y)
    shape = labels.shape
    of_pixels = len(shape) > 2 and shape[-1] > 1  # or of time steps
    if of_pixels and not np.allclose(labels.sum(-1), 1):
        expected = "labels that are one-hot, or class numbers whose last axis has size 1"
        hint = "Add an axis to class numbers: y[..., None]. Else pass sample_weight with one weight for each label."
        raise ArgumentError(message("class_weight", expected=expected, got=f"y of shape {shape}", hint=hint))
    if len(shape) > 1:
        labels = labels.argmax(-1) if shape[-1] > 1 else labels[..., 0]
    labels = np.round(labels).astype(np.int64)
    weights = np.ones(labels.shape, np.float32)
    for label, weight in class_weight.items():
        weights[labels == label] = np.float32(weight)  # type: ignore[arg-type]
    if sample_weight is None:
        return weights
    given = np.asarray(sample_weight)
    return weights * given.reshape(given.shape + (1,) * (weights.ndim - given.ndim))


def _class_weights_of_outputs(class_weight: Any, y: Any, sample_weight: Any) -> Any:
    """The weights for each output: `class_weight` has the structure of y."""
    keys: Any = list(y) if isinstance(y, dict) else range(len(y))
    fits = class_weight.keys() <= y.keys() if isinstance(class_weight, Mapping) and isinstance(y, dict) else False
    if not fits and not (
        isinstance(y, list | tuple) and isinstance(class_weight, list | tuple) and len(class_weight) == len(y)
    ):
        raise ArgumentError(
            message(
                "class_weight",
                expected=f"one dict for each of {len(y)} outputs, in a {type(y).__name__}",
                got=repr(class_weight),
            )
        )
    given = dict.fromkeys(keys) if sample_weight is None else sample_weight
    one_each = {key: (class_weight.get(key) if fits else class_weight[key]) or {} for key in keys}
    weights = {key: class_weights(one_each[key], y[key], given[key]) for key in keys}
    return weights if isinstance(y, dict) else list(weights.values())


def _is_class(key: Any) -> bool:
    """Whether a key is an integer by value: keys often come from np.unique(y) of labels stored as floats."""
    return isinstance(key, (int, float, np.integer, np.floating, np.bool_)) and bool(key == np.floor(key))


def _is_weight(value: Any) -> bool:
    return bool(np.ndim(value) == 0 and np.asarray(value).dtype.kind in "iuf" and 0 <= value < np.inf)
