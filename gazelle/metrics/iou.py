"""Intersection over union of regions, from a confusion matrix of classes."""

from __future__ import annotations

import warnings
from typing import Any

import jax.numpy as jnp

from gazelle.core import dtypes, settings
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.metrics.base import Metric


class _IoU(Metric):
    """mean over classes of  t / (t + f + m):  t right, f wrongly found, m missed, counted over all elements."""

    _direction = "up"

    def _set_up(
        self,
        num_classes: int,
        targets: Any,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        self._classes, self._targets, self._ignored = num_classes, tuple(targets), ignore_class
        if max(self._targets) >= num_classes:
            raise ArgumentError(
                message(
                    f"{type(self).__name__}(target_class_ids)",
                    expected=f"numbers below {num_classes}",
                    got=list(self._targets),
                )
            )
        self._sparse, self._axis = (sparse_y_true, sparse_y_pred), axis
        self.total_cm = self.add_weight((num_classes, num_classes), dtype=self.dtype, name="total_confusion_matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        pairs = zip((y_true, y_pred), self._sparse, strict=True)
        true, pred = (jnp.asarray(y) if sparse else jnp.argmax(jnp.asarray(y), axis=self._axis) for y, sparse in pairs)
        if true.size != pred.size:
            raise ShapeError(
                message(
                    f"Metric '{self.name}'",
                    expected="as many labels as predictions",
                    got=f"{true.shape} and {pred.shape} classes",
                    hint="Scores of classes need sparse_y_pred=False (one-hot labels sparse_y_true=False).",
                )
            )
        true, pred = (v.reshape(-1).astype("int32") for v in (true, pred))
        weights = jnp.asarray(1 if sample_weight is None else sample_weight)
        if dtypes.is_float(weights.dtype) and not dtypes.is_float(self.dtype):
            warnings.warn(
                f"{type(self).__name__} counts in {self.dtype}: fractions of weights are dropped. Use dtype='float32'.",
                stacklevel=2,
            )
        weights = jnp.broadcast_to(weights.reshape(-1) if weights.ndim else weights, true.shape).astype(self.dtype)
        counts = (true >= 0) & (true < self._classes) & (pred >= 0) & (pred < self._classes)
        if self._ignored is not None:
            counts &= true != self._ignored
        true, pred, weights = (jnp.where(counts, v, 0) for v in (true, pred, weights))
        self.total_cm.assign(self.total_cm.value.at[true, pred].add(weights))

    def result(self) -> Any:
        matrix = self.total_cm.value
        right = jnp.diag(matrix)
        union = jnp.sum(matrix, axis=0) + jnp.sum(matrix, axis=1) - right
        right, union = (v[jnp.asarray(self._targets)].astype("float32") for v in (right, union))
        present = union > 1e-9  # a class that is nowhere does not count
        tiny = settings.epsilon()
        return jnp.sum(jnp.where(present, right / (union + tiny), 0.0)) / (jnp.sum(present) + tiny)


class IoU(_IoU):
    """The mean IoU of some classes.

    Args:
        num_classes: number of classes.
        target_class_ids: the classes to look at.
        ignore_class: a label whose elements do not count.
        sparse_y_true, sparse_y_pred: whether they hold class numbers; else the largest along `axis` is the class.

    >>> round(float(IoU(2, [0])([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Any,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(dtype or "int", name)
        self._set_up(num_classes, target_class_ids, ignore_class, sparse_y_true, sparse_y_pred, axis)


class BinaryIoU(_IoU):
    """The mean IoU of classes 0 and 1;  y_pred >= threshold  is class 1.

    >>> round(float(BinaryIoU(target_class_ids=(1,))([0, 0, 1, 1], [0.1, 0.6, 0.3, 0.9])), 4)
    0.3333
    """

    def __init__(
        self, target_class_ids: Any = (0, 1), threshold: float = 0.5, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(dtype or "int", name)
        self._set_up(2, target_class_ids)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(y_true, jnp.asarray(y_pred, "float32") >= self.threshold, sample_weight)


class MeanIoU(_IoU):
    """The mean IoU of all classes. Arguments: `IoU`.

    >>> round(float(MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    _aliases = ("mean_iou",)

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(dtype or "int", name)
        self._set_up(num_classes, range(num_classes), ignore_class, sparse_y_true, sparse_y_pred, axis)


class OneHotIoU(_IoU):
    """`IoU` for one-hot labels.

    >>> round(float(OneHotIoU(2, (1,))([[0.0, 1.0]], [[0.3, 0.7]])), 4)
    1.0
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Any,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(dtype or "int", name)
        self._set_up(num_classes, target_class_ids, ignore_class, False, sparse_y_pred, axis)


class OneHotMeanIoU(_IoU):
    """`MeanIoU` for one-hot labels.

    >>> round(float(OneHotMeanIoU(2)([[0.0, 1.0]], [[0.3, 0.7]])), 4)
    1.0
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(dtype or "int", name)
        self._set_up(num_classes, range(num_classes), ignore_class, False, sparse_y_pred, axis)
