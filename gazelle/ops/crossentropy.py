"""Codes of classes, and how far a distribution is from one."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core import settings
from gazelle.core.dtypes import standardize
from gazelle.core.errors import ShapeError, message
from gazelle.ops.base import op, public


@op
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """1 at the place that x names along a new axis, 0 elsewhere; all 0 where there is no such place.

    >>> one_hot([0, 2], 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    return jax.nn.one_hot(x, num_classes, axis=axis, dtype=standardize(dtype))


@op
def multi_hot(inputs: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """1 at every place that a row of `inputs` names, 0 elsewhere.

    >>> multi_hot([0, 2], 4).tolist()
    [1.0, 0.0, 1.0, 0.0]
    """
    codes = jax.nn.one_hot(inputs.astype("int32"), num_classes, axis=axis, dtype=standardize(dtype))
    return jnp.max(codes, axis=1 if inputs.ndim > 1 else 0)


@op
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-(t log p + (1 - t) log(1 - p)) for each element, p = sigmoid(output) with `from_logits`."""
    target, output = _same("binary_crossentropy", target, output)
    if from_logits:
        return -target * jax.nn.log_sigmoid(output) - (1 - target) * jax.nn.log_sigmoid(-output)
    output = jnp.clip(output, settings.epsilon(), 1 - settings.epsilon())
    return -(target * jnp.log(output) + (1 - target) * jnp.log(1 - output))


@op
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-Σ t log p along `axis`; p is `output` over its sum, or softmax(output) with `from_logits`."""
    target, output = _same("categorical_crossentropy", target, output)
    return -jnp.sum(target * _log_probability(output, from_logits, axis), axis)


@op
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-log p of the class that `target` names along `axis`; p as in `categorical_crossentropy`."""
    target, output = jnp.asarray(target, "int32"), jnp.asarray(output)
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = target[..., 0]
    if target.shape != output.shape[:-1]:
        raise ShapeError(
            message("sparse_categorical_crossentropy: target", expected=f"shape {output.shape[:-1]}", got=target.shape)
        )
    codes = jax.nn.one_hot(target, output.shape[axis], axis=axis)
    return -jnp.sum(codes * _log_probability(output, from_logits, axis), axis)


def _same(name: str, target: Any, output: Any) -> tuple[Any, Any]:
    target, output = jnp.asarray(target), jnp.asarray(output)
    if target.shape != output.shape:
        raise ShapeError(message(f"{name}: target", expected=f"shape {output.shape}", got=target.shape))
    return target, output


def _log_probability(output: Any, from_logits: bool, axis: int) -> Any:
    if from_logits:
        return jax.nn.log_softmax(output, axis)
    output = output / jnp.sum(output, axis, keepdims=True)
    return jnp.log(jnp.clip(output, settings.epsilon(), 1 - settings.epsilon()))


__all__ = public(globals())
