"""The loss of label sequences that are shorter than the predictions and not aligned with them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core.errors import ShapeError, message
from gazelle.losses.base import LossFunctionWrapper
from gazelle.losses.target_shapes import takes

_NO = -1e5  # the logarithm of "cannot be"; finite, so that gradients are


@takes("sequence")
def ctc(y_true: Any, y_pred: Any) -> Any:
    r"""l = -log P(labels),  P summed over all ways to stretch the labels over the steps with blanks between.

    alpha_t(s) = p_t(z_s) (alpha_{t-1}(s) + alpha_{t-1}(s-1) + [z_s is no blank and z_s != z_{s-2}] alpha_{t-1}(s-2))
    for the labels z with a blank before, between and after them.

    Args:
        y_true: (batch, length), labels from 1; 0 is the blank and fills the end.
        y_pred: (batch, steps, classes), logits.

    Graves et al., "Connectionist Temporal Classification", 2006.

    >>> round(float(ctc([[1]], [[[0.0, 2.0], [0.0, 2.0]]])[0]), 4)
    0.0143
    """
    if y_true.ndim != 2 or y_pred.ndim != 3:
        raise ShapeError(
            message(
                "Loss 'ctc'",
                expected="y (batch, length) and y_pred (batch, steps, classes)",
                got=f"{y_true.shape} and {y_pred.shape}",
            )
        )
    labels = y_true.astype("int32")
    batch, length = labels.shape
    states = jnp.zeros((batch, 2 * length + 1), "int32").at[:, 1::2].set(labels)
    log_p = jnp.take_along_axis(jax.nn.log_softmax(y_pred), states[:, None], axis=2)  # (batch, steps, states)
    two_back = jnp.pad(states[:, :-2], ((0, 0), (2, 0)))
    may_skip = (states != 0) & (states != two_back)

    def step(alpha: Any, now: Any) -> tuple[Any, None]:
        one = jnp.pad(alpha[:, :-1], ((0, 0), (1, 0)), constant_values=_NO)
        two = jnp.where(may_skip, jnp.pad(alpha[:, :-2], ((0, 0), (2, 0)), constant_values=_NO), _NO)
        return now + jnp.logaddexp(jnp.logaddexp(alpha, one), two), None

    # The first step is on the first blank or the first label.
    start = jnp.where(jnp.arange(2 * length + 1)[None] < 2, log_p[:, 0], _NO)
    alpha, _ = jax.lax.scan(step, start, jnp.swapaxes(log_p, 0, 1)[1:])
    last = 2 * jnp.sum(labels != 0, axis=1, keepdims=True)  # the blank after the last label
    end, before = (jnp.take_along_axis(alpha, jnp.maximum(place, 0), axis=1)[:, 0] for place in (last, last - 1))
    return -jnp.where(last[:, 0] > 0, jnp.logaddexp(end, before), end)


class CTC(LossFunctionWrapper):
    """`ctc`, reduced.

    >>> round(float(CTC()([[1]], [[[0.0, 2.0], [0.0, 2.0]]])), 4)
    0.0143
    """

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str = "ctc", dtype: Any = None) -> None:
        super().__init__(ctc, reduction, name, dtype)
