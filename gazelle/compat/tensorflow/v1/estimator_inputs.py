"""`tf.estimator.inputs`: functions that return batches of rows of arrays and data frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.tensorflow.v1 import graphs
from gazelle.compat.types import Nested, Option, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message


def _input_fn(data: Any, batch_size: int, num_epochs: int | None, shuffle: bool | None) -> Callable[[], Any]:
    if not isinstance(shuffle, bool):
        raise ArgumentError(message("shuffle of an input function", expected="True or False", got=shuffle))

    def input_fn() -> Any:
        counts = {len(array) for array in jax.tree.leaves(data)}
        if len(counts) != 1:
            raise ArgumentError(message("Arrays of an input function", expected="one length", got=sorted(counts)))
        graphs.build_graphs()
        rows = NAMES["data.Dataset"].from_tensor_slices(data)
        rows = rows.shuffle(counts.pop()) if shuffle else rows
        return rows.repeat(num_epochs).batch(batch_size).make_one_shot_iterator().get_next()

    return input_fn


@named("estimator.inputs.numpy_input_fn")
@ignores("queue_capacity num_threads")
def numpy_input_fn(
    x: Nested[TensorLike],
    y: Nested[TensorLike] = None,
    batch_size: int = 128,
    num_epochs: int | None = 1,
    shuffle: bool | None = None,
) -> Callable[[], Nested[TensorResult]]:
    """`tf.estimator.inputs.numpy_input_fn`: batches of rows of arrays."""
    return _input_fn(x if y is None else (x, y), batch_size, num_epochs, shuffle)


@named("estimator.inputs.pandas_input_fn")
@ignores("queue_capacity num_threads target_column")
def pandas_input_fn(
    x: Option, y: Option = None, batch_size: int = 128, num_epochs: int | None = 1, shuffle: bool | None = None
) -> Callable[[], Nested[TensorResult]]:
    """`tf.estimator.inputs.pandas_input_fn`: batches of rows of a data frame, by column."""
    features = {name: np.asarray(x[name]) for name in x}
    if y is None:
        return _input_fn(features, batch_size, num_epochs, shuffle)
    labels = {name: np.asarray(y[name]) for name in y} if getattr(y, "ndim", 1) == 2 else np.asarray(y)
    return _input_fn((features, labels), batch_size, num_epochs, shuffle)
